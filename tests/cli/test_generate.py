"""`generate` makes new sounds: seeded, around a file, or on the way from one file to another."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from distill_tui.cli import main
from tests.cli.conftest import RATE

Capture = pytest.CaptureFixture[str]
CHUNK = RATE // 4
LATENTS = ["global", "sequence"]


def generate(run: Path, out: Path, *options: str) -> list[Path]:
    """The files that a `generate` with these options makes, in order."""
    assert main(["generate", str(run), "-o", str(out), *options]) == 0
    return sorted(out.glob("*.wav"))


def sound(path: Path) -> np.ndarray:
    return soundfile.read(path)[0]


def loudness(path: Path) -> np.ndarray:
    """Log magnitudes: how a sound sounds, whatever its phases."""
    samples = sound(path)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, 128), 256)[::64] * np.hanning(256)
    return np.log(np.abs(np.fft.rfft(frames)) + 1e-2)


def distance(one: Path, two: Path) -> float:
    return float(np.abs(loudness(one) - loudness(two)).mean())


@pytest.mark.parametrize("latent", LATENTS)
def test_sounds_are_of_a_chunk_s_length_audible_and_different(
    latent: str, trained: Callable[[str], Path], tmp_path: Path, capsys: Capture
) -> None:
    files = generate(trained(latent), tmp_path / "out")

    assert [path.name for path in files] == [f"sample-{n:03d}.wav" for n in (1, 2, 3, 4)]
    assert [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()] == [str(path) for path in files]
    for path in files:
        info = soundfile.info(path)
        assert (info.frames, info.samplerate, info.channels) == (CHUNK, RATE, 1)
        assert 20 * np.log10(np.abs(sound(path)).max()) == pytest.approx(-1, abs=0.01)
    assert len({path.read_bytes() for path in files}) == 4


@pytest.mark.parametrize("latent", LATENTS)
def test_a_seed_gives_the_same_bytes_however_many_are_asked_for(
    latent: str, trained: Callable[[str], Path], tmp_path: Path
) -> None:
    run = trained(latent)
    few = generate(run, tmp_path / "few", "-n", "2", "--seed", "5")
    more = generate(run, tmp_path / "more", "-n", "4", "--seed", "5")
    others = generate(run, tmp_path / "others", "-n", "2", "--seed", "6")

    assert [path.read_bytes() for path in few] == [path.read_bytes() for path in more[:2]]
    assert not {path.read_bytes() for path in others} & {path.read_bytes() for path in more}


@pytest.mark.parametrize("latent", LATENTS)
def test_like_a_file_is_nearer_to_it_the_colder_it_is(
    latent: str, trained: Callable[[str], Path], tones: Path, tmp_path: Path
) -> None:
    run, like = trained(latent), str(tones / "tone-1.wav")
    [itself] = generate(run, tmp_path / "itself", "--like", like, "-n", "1", "--temperature", "0")
    spread = []
    for temperature in ("0.3", "3"):
        files = generate(run, tmp_path / temperature, "--like", like, "-n", "3", "--temperature", temperature)
        assert len({path.read_bytes() for path in files}) == 3
        spread.append(np.mean([distance(itself, path) for path in files]))

    assert 0 < spread[0] < spread[1]


def test_a_sequence_like_a_file_is_as_long_as_it(trained: Callable[[str], Path], tones: Path, tmp_path: Path) -> None:
    [path] = generate(trained("sequence"), tmp_path, "--like", str(tones / "tone-1.wav"), "-n", "1")

    assert soundfile.info(path).frames == soundfile.info(tones / "tone-1.wav").frames


@pytest.mark.parametrize("latent", LATENTS)
def test_between_begins_and_ends_with_the_two_files_as_the_model_has_them(
    latent: str, trained: Callable[[str], Path], tones: Path, tmp_path: Path
) -> None:
    run = trained(latent)
    first, last = tones / "tone-0.wav", tmp_path / "short.wav"
    soundfile.write(last, sound(tones / "tone-5.wav")[: CHUNK + 300], RATE)
    files = generate(run, tmp_path / "way", "--between", str(first), str(last), "--steps", "4")

    assert len(files) == 4
    lengths = [soundfile.info(path).frames for path in files]
    if latent == "sequence":
        assert (lengths[0], lengths[-1]) == (soundfile.info(first).frames, CHUNK + 300)
        assert lengths == sorted(lengths, reverse=True)
        for source, end in ((first, files[0]), (last, files[-1])):
            assert main(["reconstruct", str(run), str(source), "-o", str(tmp_path / "remade")]) == 0
            remade = sound(tmp_path / "remade" / f"{source.stem}.wav")
            np.testing.assert_allclose(sound(end) * np.abs(remade).max() / np.abs(sound(end)).max(), remade, atol=1e-5)
    else:
        assert lengths == 4 * [CHUNK]
        away = [distance(files[0], path) for path in files]
        assert away[1] < away[3]


def test_a_sequence_is_as_long_as_asked_for(trained: Callable[[str], Path], tmp_path: Path, capsys: Capture) -> None:
    [path] = generate(trained("sequence"), tmp_path, "-n", "1", "--seconds", "1.3", "--json")

    assert soundfile.info(path).frames == round(1.3 * RATE)
    assert json.loads(capsys.readouterr().out) == {"path": str(path), "seconds": 1.3}
    assert np.abs(sound(path)[-RATE // 4 :]).max() > 0.01


@pytest.mark.parametrize("latent", LATENTS)
def test_a_chunk_s_own_length_may_be_asked_for(latent: str, trained: Callable[[str], Path], tmp_path: Path) -> None:
    [asked] = generate(trained(latent), tmp_path / "asked", "-n", "1", "--seconds", str(CHUNK / RATE))
    [plain] = generate(trained(latent), tmp_path / "plain", "-n", "1")

    assert asked.read_bytes() == plain.read_bytes()


@pytest.mark.parametrize(
    ("latent", "words", "said"),
    [
        ("global", ["--seconds", "3"], "stands for 0.25 seconds"),
        ("sequence", ["--seconds", "0"], "0 seconds"),
        ("sequence", ["--seconds", "1e6"], "120 seconds"),
        ("sequence", ["--seconds", "nan"], "expected a number"),
        ("global", ["-n", "0"], "whole number from 1 on"),
        ("global", ["-n", "100000"], "9,999 at most"),
        ("global", ["--seed", "-1"], "whole number from 0 on"),
        ("global", ["--temperature", "warm"], "expected a number"),
        ("global", ["--temperature", "1e30"], "expected a number from 0 to 10"),
        ("global", ["--temperature", "nan"], "expected a number from 0 to 10"),
        ("global", ["--like", f"{300 * 'x'}.wav"], "cannot be read (File name too long)"),
        ("global", ["--like", "nowhere.wav"], "nowhere.wav: no such file"),
        ("global", ["--like", "."], "a folder"),
        ("global", ["--like", "text.wav"], "text.wav: not audio"),
        ("global", ["--between", "text.wav"], "--between"),
        ("global", ["--between", "text.wav", "text.wav", "--steps", "1"], "from 2 on"),
        ("global", ["--between", "text.wav", "text.wav", "-n", "3"], "--steps says how many"),
        ("global", ["--between", "text.wav", "text.wav", "--like", "text.wav"], "not allowed with"),
        ("global", ["--steps", "3"], "--steps goes with --between"),
        ("sequence", ["--like", "text.wav", "--seconds", "2"], "the files say how long"),
    ],
)
def test_wrong_usage_is_status_2_and_one_line(
    latent: str, words: list[str], said: str, trained: Callable[[str], Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: Capture,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.wav").write_text("no sound")

    assert main(["generate", str(trained(latent)), "-o", "out", *words]) == 2

    told = capsys.readouterr()
    assert told.out == ""
    first, *hint = told.err.splitlines()
    assert said in first
    assert len(hint) <= 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("latent", "counted"), [("global", 0.25), ("sequence", 30)])
def test_what_of_a_file_does_not_count_is_told_once(
    latent: str, counted: float, trained: Callable[[str], Path], tmp_path: Path, capsys: Capture
) -> None:
    whole, longer = tmp_path / "whole.wav", tmp_path / "longer.wav"
    time = np.arange(round((counted + 0.5) * RATE)) / RATE
    for path, samples in ((longer, len(time)), (whole, round(counted * RATE))):
        soundfile.write(path, 0.3 * np.sin(2 * np.pi * 300 * time[:samples]), RATE)
    told = f"distill-tui: {longer}: {counted + 0.5:g} s long; only its first {counted:g} s count\n"

    for words, expected in [
        (["--like", str(whole), "-n", "1"], ""),
        (["--like", str(longer), "-n", "2"], told),
        (["--between", str(whole), str(longer), "--steps", "3"], told),
        (["--between", str(longer), str(longer), "--steps", "2"], told),
    ]:
        generate(trained(latent), tmp_path / "out", *words)
        assert capsys.readouterr().err == expected


def test_the_help_says_how_much_of_a_file_counts() -> None:
    from core.audio.voice import SOURCE_SECONDS
    from distill_tui.cli import command_parser, load_command

    assert f"the first {SOURCE_SECONDS:g} seconds" in command_parser("generate", load_command("generate")).format_help()


def test_a_file_of_that_name_that_it_did_not_make_stays(
    trained: Callable[[str], Path], tones: Path, tmp_path: Path, capsys: Capture
) -> None:
    mine = tmp_path / "sample-002.wav"
    mine.write_bytes((tones / "tone-1.wav").read_bytes())

    assert main(["generate", str(trained("global")), "-o", str(tmp_path)]) == 2

    assert "not made by this program" in capsys.readouterr().err
    assert mine.read_bytes() == (tones / "tone-1.wav").read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == [mine.name]
