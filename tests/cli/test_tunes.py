"""Tunes through the command line: trained on by themselves, played again, written anew, and refused in one line."""

import io
import json
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.midi.demo import make_demo_tunes
from core.midi.files import read_tune
from core.midi.tokens import canonical
from core.midi.vocabulary import Note
from core.midi.voice import MidiVoice
from core.midi.written import steps_of
from core.models.token_vae import TokenVAE
from core.training.config import TrainingConfig, TunesConfig
from distill_tui.cli import main
from tests.midi.test_midi_runs import TINY

Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "my tunes"
    make_demo_tunes(folder, 6)
    return folder


@pytest.fixture(scope="module")
def run(tunes: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder, trained for a few steps."""
    runs = tmp_path_factory.mktemp("runs")
    settings = [f"--set={key}={value}" for key, value in TINY.items() if key not in ("epochs", "threads", "device")]
    options = ["--set=adversarial.mode=off", "--steps", "6", "--threads", "1", "--headless", "--runs", str(runs)]
    with redirect_stdout(io.StringIO()):
        assert main(["train", str(tunes), "--name", "tunes", *settings, *options]) == 0
    return runs / "tunes"


def made(run: Path, command: str, out: Path, *options: str) -> list[Path]:
    assert main([command, str(run), *options, "-o", str(out)]) == 0
    return sorted(out.iterdir())


def test_new_tunes_are_midi_and_follow_their_seed(run: Path, tmp_path: Path) -> None:
    few = made(run, "generate", tmp_path / "few", "-n", "2", "--seed", "5")
    more = made(run, "generate", tmp_path / "more", "-n", "3", "--seed", "5")
    others = made(run, "generate", tmp_path / "others", "-n", "2", "--seed", "6")
    assert [path.name for path in more] == ["sample-001.mid", "sample-002.mid", "sample-003.mid"]
    assert [path.read_bytes() for path in few] == [path.read_bytes() for path in more[:2]]
    assert not {path.read_bytes() for path in others} & {path.read_bytes() for path in more}


def test_a_length_may_be_asked_for_beyond_a_window(run: Path, tmp_path: Path, capsys: Capture) -> None:
    made(run, "generate", tmp_path / "long", "-n", "1", "--seconds", "40", "--json")
    (told,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert told["seconds"] == 40
    assert 10 < read_tune(Path(told["path"])).seconds <= 40


def test_a_tune_is_played_again_in_its_length(run: Path, tunes: Path, tmp_path: Path) -> None:
    source = sorted(tunes.glob("*.mid"))[0]
    (path,) = made(run, "reconstruct", tmp_path / "out", str(source))
    assert path.name == f"{source.stem}.mid"
    assert read_tune(path).seconds <= read_tune(source).seconds + 0.02


def test_on_the_way_from_one_tune_to_another_both_ends_are_there(run: Path, tunes: Path, tmp_path: Path) -> None:
    first, last = sorted(tunes.glob("*.mid"))[:2]
    there = made(run, "generate", tmp_path / "there", "--between", str(first), str(last), "--steps", "3")
    back = made(run, "generate", tmp_path / "back", "--between", str(last), str(first), "--steps", "3")
    assert there[0].read_bytes() == back[2].read_bytes()
    assert there[2].read_bytes() == back[0].read_bytes()


def test_around_a_tune(run: Path, tunes: Path, tmp_path: Path) -> None:
    like = str(sorted(tunes.glob("*.mid"))[0])
    files = made(run, "generate", tmp_path / "like", "--like", like, "-n", "2")
    assert files[0].read_bytes() != files[1].read_bytes()


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty file"), (b"RIFFxxxxWAVE", "not MIDI"), (b"MThd\0\0\0\6", "cut off")]
)
def test_what_is_no_tune_is_named_and_the_rest_done(
    content: bytes, reason: str, run: Path, tunes: Path, tmp_path: Path, capsys: Capture
) -> None:
    bad = tmp_path / "bad.mid"
    bad.write_bytes(content)
    good = sorted(tunes.glob("*.mid"))[0]
    assert main(["reconstruct", str(run), str(bad), str(good), "-o", str(tmp_path / "out")]) == 2
    assert f"{bad}: {reason}" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "out").iterdir()] == [good.name]


def test_nobody_elses_tune_is_replaced(run: Path, tunes: Path, tmp_path: Path, capsys: Capture) -> None:
    theirs = tmp_path / "sample-001.mid"
    theirs.write_bytes(b"MThd theirs")
    assert main(["generate", str(run), "-n", "1", "-o", str(tmp_path)]) == 2
    assert "was not made by this program" in capsys.readouterr().err
    assert theirs.read_bytes() == b"MThd theirs"
    out = tmp_path / "ours"
    assert made(run, "generate", out, "-n", "1") == made(run, "generate", out, "-n", "1")  # an earlier render is


@pytest.mark.parametrize("sounds", [0, 1, 8])
def test_the_kind_is_what_most_files_are(
    sounds: int, tunes: Path, tmp_path: Path, capsys: Capture, make_wav: Callable[[Path], None]
) -> None:
    """Five tunes among so many sounds: trained as tunes, unless there are more sounds."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for path in sorted(tunes.glob("*.mid"))[:5]:
        (folder / path.name).write_bytes(path.read_bytes())
    for number in range(sounds):
        make_wav(folder / f"{number}.wav")
    settings = [f"--set={key}={value}" for key, value in TINY.items() if key.startswith(("tunes", "token_model"))]
    options = ["--set=adversarial.mode=off", "--steps", "1", "--json", "--runs", str(tmp_path / "runs")]
    if sounds == 8:
        settings = ["--set=data.chunk_seconds=0.25", "--set=spectrogram.sample_rate=8000", "--set=model.width=16"]
    assert main(["train", str(folder), "--threads", "1", *settings, *options]) == 0
    lines = map(json.loads, capsys.readouterr().out.splitlines())
    (started,) = [line["data"] for line in lines if line["kind"] == "run"]
    assert started["recipe"] == ("audio" if sounds == 8 else "midi")


@pytest.fixture
def make_wav() -> Callable[[Path], None]:
    import numpy as np
    import soundfile

    def make(path: Path) -> None:
        rng = np.random.default_rng(int(path.stem))
        soundfile.write(path, 0.3 * rng.standard_normal(4000), 8000)

    return make


@pytest.mark.parametrize("setting", ["model.latent=sequence", "loss.stft.weight=3", "data.chunk_seconds=2"])
def test_a_key_that_only_sounds_have_is_refused(setting: str, tunes: Path, tmp_path: Path, capsys: Capture) -> None:
    options = ["--set", setting, "--headless", "--runs", str(tmp_path / "runs")]
    assert main(["train", str(tunes), *options]) == 2
    key = setting.partition("=")[0]
    assert f"{key}: is read by the audio recipe alone, and this run is midi" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


@given(
    st.lists(st.tuples(st.integers(0, 60), st.integers(0, 3000), st.integers(1, 4000)), min_size=1, max_size=40),
    st.integers(0, 200_000),
    st.sampled_from([16, 48, 512]),
)
def test_what_comes_next_is_told_at_most_half_a_window(
    drawn: list[tuple[int, int, int]], rest: int, length: int
) -> None:
    """However long the notes and the rest after them: tokens that end at the very step, or none."""
    notes = canonical(Note(start, start + held, 40 + pitch, 3) for pitch, start, held in drawn)
    now = max(note.end for note in notes) + rest
    voice = MidiVoice(TokenVAE(8, 16, 1, 1, 2), TrainingConfig(tunes=TunesConfig(window_tokens=length)))
    primer = voice._primer(notes, now)
    assert len(primer) <= length // 2
    if primer:
        begin = now - steps_of(primer)
        assert begin in {note.start for note in notes}


def test_a_traversal_of_tunes_goes_through_the_file_s_window(run: Path, tunes: Path, tmp_path: Path) -> None:
    like = str(sorted(tunes.iterdir())[0])
    once, again = (
        made(run, "generate", tmp_path / name, "--traverse", "top", "--span", "10", "-n", "3", "--like", like)
        for name in ("once", "again")
    )
    assert [path.name[-8:] for path in once] == ["-001.mid", "-002.mid", "-003.mid"]
    assert [path.read_bytes() for path in once] == [path.read_bytes() for path in again]
    assert len({path.read_bytes() for path in once}) > 1
    assert main(["generate", str(run), "--traverse", "list"]) == 0
