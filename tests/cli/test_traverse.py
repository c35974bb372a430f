"""`generate --traverse` goes along one dimension of the latent: from end to end, with everything else where it was."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.run.folder import RunFolder
from core.training.checkpoint_files import find_checkpoint
from core.training.traverse import dimensions
from core.training.voice import load_voice
from distill_tui.cli import main
from tests.cli.conftest import RATE

Capture = pytest.CaptureFixture[str]
Trained = Callable[[str], Path]
LATENTS = ["global", "sequence"]


def traverse(run: Path, out: Path, *options: str) -> list[Path]:
    """The files that a traversal with these options makes, in order."""
    assert main(["generate", str(run), "-o", str(out), "--traverse", *options]) == 0
    return sorted(out.iterdir())


def sound(path: Path) -> np.ndarray:
    samples: np.ndarray = soundfile.read(path)[0]
    return samples


def listed(run: Path, capsys: Capture) -> list[dict[str, object]]:
    assert main(["generate", str(run), "--traverse", "list", "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("latent", LATENTS)
def test_the_dimensions_are_listed_with_those_that_say_most_first(
    latent: str, trained: Trained, capsys: Capture
) -> None:
    found = listed(trained(latent), capsys)
    assert sorted(each["dimension"] for each in found) == list(range(1, 17))  # type: ignore[type-var]
    nats = [each["kl"] for each in found]
    assert nats == sorted(nats, reverse=True)  # type: ignore[type-var]
    assert all(each["active"] == (each["kl"] > 0.1) for each in found)  # type: ignore[operator]
    assert all(each["spread"] >= 0 for each in found)  # type: ignore[operator]

    assert main(["generate", str(trained(latent)), "--traverse", "list"]) == 0
    head, *lines = capsys.readouterr().out.splitlines()
    assert "says" in head
    assert [int(line.split()[0]) for line in lines] == [each["dimension"] for each in found]


@pytest.mark.parametrize("latent", LATENTS)
def test_it_goes_from_end_to_end_through_the_middle(
    latent: str, trained: Trained, tmp_path: Path, capsys: Capture
) -> None:
    run = trained(latent)
    top = listed(run, capsys)[0]["dimension"]
    files = traverse(run, tmp_path / "way", "top", "--json")
    told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert [path.name for path in files] == [f"dimension-{top:02}-{n:03}.wav" for n in range(1, 6)]
    assert [each["place"] for each in told] == [-2, -1, 0, 1, 2]
    assert {each["dimension"] for each in told} == {top}
    assert {soundfile.info(path).frames for path in files} == {RATE // 4}
    middle = sound(files[2])
    away = [float(np.abs(sound(path) - middle).mean()) for path in files]
    assert away[0] > away[1] > 0 < away[3] < away[4]
    [*wide] = traverse(run, tmp_path / "wide", str(top), "--span", "4", "-n", "3")
    np.testing.assert_allclose(sound(wide[1]), middle, atol=1e-6)


@pytest.mark.parametrize("latent", LATENTS)
def test_the_same_is_the_same_and_a_seed_is_the_sample_of_that_seed(
    latent: str, trained: Trained, tmp_path: Path
) -> None:
    run = trained(latent)
    once, again = (traverse(run, tmp_path / name, "2", "-n", "3", "--seed", "5") for name in ("once", "again"))
    other = traverse(run, tmp_path / "other", "2", "-n", "3", "--seed", "6")
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]
    assert not {path.read_bytes() for path in once} & {path.read_bytes() for path in other}

    voice = load_voice(find_checkpoint(RunFolder.open(run), "best"))
    origin = voice.origin(seed=5)
    itself = voice.turned(origin, {1: origin.standing[1]})
    (tmp_path / "itself.wav").write_bytes(itself.data)
    assert main(["generate", str(run), "-o", str(tmp_path), "-n", "1", "--seed", "5"]) == 0
    one, two = sound(tmp_path / "itself.wav"), sound(tmp_path / "sample-001.wav")
    np.testing.assert_allclose(one / np.abs(one).max(), two / np.abs(two).max(), atol=1e-3)


@pytest.mark.parametrize("latent", LATENTS)
def test_a_file_stays_itself_but_for_the_dimension(latent: str, trained: Trained, tones: Path, tmp_path: Path) -> None:
    run, like = trained(latent), tones / "tone-1.wav"
    files = traverse(run, tmp_path / "out", "top", "--like", str(like), "-n", "3")
    frames = soundfile.info(like).frames if latent == "sequence" else RATE // 4
    assert {soundfile.info(path).frames for path in files} == {frames}

    folder = RunFolder.open(run)
    path = find_checkpoint(folder, "best")
    voice = load_voice(path)
    top = dimensions(voice, folder, path)[0].number - 1
    origin = voice.origin(like)
    moved = voice._material.turned(origin.latent, {top: 1.5})  # type: ignore[attr-defined]
    standing = voice._material.standing(moved)  # type: ignore[attr-defined]
    expected = [1.5 if place == top else value for place, value in enumerate(origin.standing)]
    assert standing == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--traverse", "17"], "dimensions 1 to 16"),
        (["--traverse", "0"], "dimensions 1 to 16"),
        (["--traverse", "²"], "dimensions 1 to 16"),
        (["--traverse", "most"], "its number, top, or list"),
        (["--traverse", "1", "-n", "1"], "no traversal"),
        (["--traverse", "1", "-n", "10000"], "9,999 at most"),
        (["--traverse", "1", "--span", "0"], "above 0"),
        (["--traverse", "1", "--span", "nan"], "above 0"),
        (["--traverse", "1", "--between", "tone.wav", "tone.wav"], "--between does not go with"),
        (["--traverse", "1", "--like", "tone.wav", "--seed", "1"], "--seed does not go with"),
        (["--traverse", "1", "--temperature", "1"], "--temperature does not go with"),
        (["--traverse", "1", "--seconds", "1"], "--seconds does not go with"),
        (["--traverse", "1", "--steps", "3"], "--steps goes with --between"),
        (["--traverse", "1", "--like", "nowhere.wav"], "no such file"),
        (["--traverse", "list"], "-o does not go with"),
        (["--span", "1"], "--span goes with --traverse"),
    ],
)
def test_wrong_usage_is_status_2_and_one_line(
    words: list[str], said: str, trained: Trained, tones: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tone.wav").write_bytes((tones / "tone-1.wav").read_bytes())

    assert main(["generate", str(trained("global")), "-o", "out", *words]) == 2

    told = capsys.readouterr()
    assert told.out == ""
    first, *hint = told.err.splitlines()
    assert said in first
    assert len(hint) <= 1
    assert not (tmp_path / "out").exists()


def test_files_need_a_place_and_a_list_has_no_other_options(trained: Trained, capsys: Capture) -> None:
    assert main(["generate", str(trained("global")), "--traverse", "1"]) == 2
    assert "-o/--output" in capsys.readouterr().err
    assert main(["generate", str(trained("global"))]) == 2
    assert "-o/--output" in capsys.readouterr().err
    assert main(["generate", str(trained("global")), "--traverse", "list", "--seed", "1"]) == 2
    assert "--seed does not go with --traverse list" in capsys.readouterr().err
