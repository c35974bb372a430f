"""`reconstruct` writes a file for each sound that it can read, as long as it, and harms none that is there."""

import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.run.folder import RunFolder
from core.training.checkpoint_files import list_checkpoints
from distill_tui.cli import main
from tests.cli.conftest import RATE

Capture = pytest.CaptureFixture[str]
NOWHERE = 300 * "x"  # longer than any file's name: the system refuses to look


def write_tone(path: Path, seconds: float, rate: int = RATE, channels: int = 1, hz: float = 440, **how: object) -> Path:
    time = np.arange(round(seconds * rate)) / rate
    tone = 0.5 * np.exp(-3 * time) * np.sin(2 * np.pi * hz * time)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, np.repeat(tone[:, None], channels, axis=1), rate, **how)
    return path


@pytest.fixture
def run(trained: Callable[[str], Path]) -> str:
    return str(trained("sequence"))


@pytest.mark.parametrize("latent", ["global", "sequence"])
def test_every_format_rate_and_length_becomes_a_mono_wav_of_the_same_length(
    latent: str, trained: Callable[[str], Path], tmp_path: Path, capsys: Capture
) -> None:
    sources = [
        write_tone(tmp_path / "in" / "short.wav", 0.03),
        write_tone(tmp_path / "in" / "a chunk.wav", 0.25),
        write_tone(tmp_path / "in" / "röom.v2.flac", 1.1, 44_100, 2),
        write_tone(tmp_path / "in" / "odd.ogg", 0.7, 22_050, format="OGG"),
        write_tone(tmp_path / "in" / "deep.aiff", 0.513, 12_345, 3),
    ]
    out = tmp_path / "out" / "deeper"

    assert main(["reconstruct", str(trained(latent)), *map(str, sources), "-o", str(out)]) == 0

    told = capsys.readouterr()
    assert told.err == ""
    assert [line.split("  ")[0] for line in told.out.splitlines()] == [str(out / f"{s.stem}.wav") for s in sources]
    assert {path.name for path in out.iterdir()} == {f"{source.stem}.wav" for source in sources}
    for source in sources:
        original, render = soundfile.info(source), soundfile.info(out / f"{source.stem}.wav")
        assert (render.channels, render.samplerate) == (1, RATE)
        assert render.frames == round(original.frames * RATE / original.samplerate)


def test_a_model_that_has_learned_the_tones_gives_their_pitch_and_level(
    trained: Callable[[str], Path], tones: Path, tmp_path: Path
) -> None:
    assert main(["reconstruct", str(trained("sequence")), str(tones / "tone-2.wav"), "-o", str(tmp_path)]) == 0

    original, render = (soundfile.read(folder / "tone-2.wav")[0] for folder in (tones, tmp_path))
    spectra = [np.abs(np.fft.rfft(sound)) for sound in (original, render)]
    assert abs(int(spectra[0].argmax()) - int(spectra[1].argmax())) <= 8
    assert 0.5 < np.sqrt(np.mean(render**2) / np.mean(original**2)) < 2


def test_the_same_command_gives_the_same_bytes_and_replaces_its_own_files(run: str, tmp_path: Path) -> None:
    source = write_tone(tmp_path / "in" / "kick.wav", 0.4)
    command = ["reconstruct", run, str(source), "-o", str(tmp_path)]
    assert main(command) == 0
    first = (tmp_path / "kick.wav").read_bytes()

    (tmp_path / "kick.wav").write_bytes(first[:-100])  # an older render, of another checkpoint perhaps
    assert main(command) == 0

    assert (tmp_path / "kick.wav").read_bytes() == first


def test_json_is_one_line_for_each_file(run: str, tmp_path: Path, capsys: Capture) -> None:
    good = write_tone(tmp_path / "in" / "good.wav", 0.5)
    bad = tmp_path / "in" / "bad.wav"
    bad.write_bytes(b"")

    assert main(["reconstruct", run, str(bad), str(good), "-o", str(tmp_path), "--json"]) == 2

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        {"source": str(bad), "error": f"{bad}: empty file"},
        {"source": str(good), "path": str(tmp_path / "good.wav"), "seconds": 0.5},
    ]


def test_files_that_cannot_be_read_are_named_and_the_others_done(run: str, tmp_path: Path, capsys: Capture) -> None:
    folder = tmp_path / "in"
    good = [write_tone(folder / f"{name}.wav", 0.3) for name in ("first", "last")]
    (folder / "text.wav").write_text("no sound at all")
    (folder / "empty.wav").touch()
    soundfile.write(folder / "none.wav", np.zeros(0), RATE)
    os.mkfifo(folder / "pipe.wav")
    names = ("text.wav", "empty.wav", "none.wav", "pipe.wav", "gone\x1b[31m.wav", f"{300 * 'x'}.wav")
    bad = [folder / name for name in names] + [folder]

    assert main(["reconstruct", run, str(good[0]), *map(str, bad), str(good[1]), "-o", str(tmp_path / "out")]) == 2

    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 2
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"first.wav", "last.wav"}
    complaints = told.err.splitlines()
    assert len(complaints) == len(bad)
    for line, reason in zip(complaints, ("not audio", "empty file", "no samples", "not a file", "no such",
                                         "cannot be read (File name too long)", "folder"), strict=True):  # fmt: skip
        assert line.startswith("distill-tui: ")
        assert reason in line
        assert line.isprintable()


def test_what_a_person_made_is_never_replaced(run: str, tmp_path: Path, capsys: Capture) -> None:
    source = write_tone(tmp_path / "kick.wav", 0.3)
    link = tmp_path / "links" / "kick.wav"
    link.parent.mkdir()
    link.symlink_to(source)
    other = write_tone(tmp_path / "mine" / "kick.wav", 0.2)
    before = {path: path.read_bytes() for path in (source, other)}

    for arguments, reason in [
        ([str(source), "-o", str(tmp_path)], "made from"),
        ([str(link), "-o", str(tmp_path)], "made from"),
        ([str(source), "-o", str(link.parent)], "made from"),
        ([str(source), "-o", str(other.parent)], "not made by this program"),
    ]:
        assert main(["reconstruct", run, *arguments]) == 2
        assert reason in capsys.readouterr().err
    assert {path: path.read_bytes() for path in before} == before
    assert link.is_symlink()


def test_two_files_of_one_name_are_refused_before_anything_is_made(run: str, tmp_path: Path, capsys: Capture) -> None:
    one, two = write_tone(tmp_path / "a" / "kick.wav", 0.2), write_tone(tmp_path / "b" / "Kick.flac", 0.2)

    assert main(["reconstruct", run, str(one), str(two), "-o", str(tmp_path / "out")]) == 2

    told = capsys.readouterr().err
    assert str(one) in told
    assert str(two) in told
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere", "x.wav", "-o", "out"], "nowhere: no such run folder"),
        (["RUN", "x.wav"], "-o"),
        (["RUN", "-o", "out"], "FILE"),
        (["RUN", "x.wav", "-o", "x.wav"], "x.wav: a file is there; name a folder with -o"),
        (["RUN", "x.wav", "-o", "x.wav/deeper"], "not written (Not a directory); name another folder with -o"),
        (["RUN", "x.wav", "-o", ""], "no folder is named"),
        (["RUN", "x.wav", "-o", NOWHERE], "cannot be looked at (File name too long); name another folder"),
        ([NOWHERE, "x.wav", "-o", "out"], "cannot be looked at (File name too long)"),
        (["RUN", "x.wav", "-o", "out", "--checkpoint", NOWHERE], "cannot be read (File name too long)"),
        (["RUN", "x.wav", "x.wav", "-o", "out"], "x.wav: given twice"),
        (["RUN", "x.wav", "./x.wav", "-o", "out"], "x.wav: given twice"),
        (["RUN", "x.wav", "linked/x.wav", "-o", "out"], "x.wav and linked/x.wav: one file, given twice"),
        (["RUN", "x.wav", "-o", "out", "--checkpoint", "step-99999999"], "no such checkpoint"),
        (["RUN", "x.wav", "-o", "out", "--checkpoint", "foreign.pt"], "not a checkpoint"),
        (["RUN", "x.wav", "-o", "out", "--checkpoint", "pickle.pt"], "not a checkpoint"),
        (["RUN", "x.wav", "-o", "out", "--threads", "0"], "--threads"),
    ],
)
def test_wrong_usage_is_status_2_and_one_line(
    words: list[str], said: str, run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    write_tone(tmp_path / "x.wav", 0.1)
    (tmp_path / "linked").symlink_to(tmp_path)
    (tmp_path / "foreign.pt").write_bytes(b"PK\x03\x04 and so on")
    import torch

    torch.save({"model": Path("anything")}, tmp_path / "pickle.pt")

    assert main(["reconstruct", *[run if word == "RUN" else word for word in words]]) == 2

    told = capsys.readouterr()
    assert told.out == ""
    first, *hint = told.err.splitlines()
    assert said in first
    assert len(hint) <= 1
    assert not (tmp_path / "out").exists()


def test_a_folder_that_may_not_be_written_is_one_line(run: str, tmp_path: Path, capsys: Capture) -> None:
    source = write_tone(tmp_path / "x.wav", 0.1)

    assert main(["reconstruct", run, str(source), "-o", "/proc/distill-tui-out"]) == 2

    told = capsys.readouterr().err
    assert "not written" in told
    assert "space" not in told, "there may be plenty"


@pytest.mark.parametrize("closed", ["run", "checkpoints", "source", "out", "."])
def test_a_closed_folder_is_one_line_wherever_it_stands(
    closed: str, run: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Stands in for mode 000, which stops everyone but root."""
    source = write_tone(tmp_path / "source" / "x.wav", 0.1)
    (tmp_path / "out").mkdir()
    folders = {"run": Path(run), "checkpoints": Path(run) / "checkpoints", ".": tmp_path}
    place = folders.get(closed, tmp_path / closed)
    look = os.stat

    def looked(path: object, *args: object, **kwargs: object) -> object:
        if isinstance(path, Path | str) and place in Path(path).parents:
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "stat", looked)
    status = main(["reconstruct", run, str(source), "-o", str(tmp_path / "out")])
    monkeypatch.undo()

    told = capsys.readouterr()
    assert (status, told.out) == (2, "")
    assert len(told.err.splitlines()) <= 2
    assert "Permission denied" in told.err.splitlines()[0]


def test_a_full_disk_is_one_line_and_leaves_no_half_a_file(run: str, tmp_path: Path) -> None:
    source = write_tone(tmp_path / "x.wav", 2.0)

    def no_room() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    done = subprocess.run(
        [sys.executable, "-m", "distill_tui", "reconstruct", run, str(source), "-o", str(tmp_path / "out")],
        preexec_fn=no_room, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 2
    assert "not written (File too large)" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_best_is_taken_and_else_the_latest_with_a_word_about_it(
    trained: Callable[[str], Path], tmp_path: Path, capsys: Capture
) -> None:
    import shutil

    source = write_tone(tmp_path / "x.wav", 0.3)
    copy = Path(shutil.copytree(trained("sequence"), tmp_path / "run"))
    (copy / "config.toml").touch()
    best, latest = copy / "checkpoints" / "best.pt", list_checkpoints(RunFolder(copy))[-1].path

    def rendered(*options: str) -> bytes:
        assert main(["reconstruct", str(copy), str(source), "-o", str(tmp_path / "out"), *options]) == 0
        return (tmp_path / "out" / "x.wav").read_bytes()

    assert rendered() == rendered("--checkpoint", "best") == rendered("--checkpoint", str(best))
    assert capsys.readouterr().err == ""
    best.unlink()
    fallback = rendered()
    assert latest.name in capsys.readouterr().err
    assert fallback == rendered("--checkpoint", "latest") == rendered("--checkpoint", latest.stem)


def test_the_sounds_that_it_was_trained_on_may_be_gone(
    tiny_training: list[str], tones: Path, tmp_path: Path, capsys: Capture
) -> None:
    import shutil

    data = Path(shutil.copytree(tones, tmp_path / "data"))
    words = [str(data) if word == str(tones) else word for word in tiny_training]
    assert main([*words, "--epochs", "1", "--headless", "--runs", str(tmp_path / "runs")]) == 0
    shutil.rmtree(data)

    source = write_tone(tmp_path / "x.wav", 0.3)
    run = str(tmp_path / "runs" / "tones")
    assert main(["reconstruct", run, str(source), "-o", str(tmp_path / "out")]) == 0
    assert main(["generate", run, "-n", "1", "-o", str(tmp_path / "out")]) == 0
