"""`watch --replay`: begins with a replay in a terminal, and says in one line where there can be none."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from core.run.events import (
    AlertStarted,
    EpochMetrics,
    PhaseChanged,
    RunStarted,
    StepMetrics,
    TermInfo,
    TrainingCompleteEvent,
)
from core.run.folder import RunFolder
from core.run.store import RunWriter
from distill_tui.cli import main
from distill_tui.commands import watch
from tests.cli.waiting import wait_until

TERMS = (TermInfo("stft_loss", "STFT", "reconstruction"),)


@pytest.fixture
def bells(tmp_path: Path) -> RunFolder:
    """A run of a hundred steps that is over."""
    folder = RunFolder.create(tmp_path / "runs", "bells")
    folder.config_path.write_text('recipe = "audio"\n')
    with folder.lock():
        writer = RunWriter(folder.store_path)
        writer.begin(RunStarted(0, "audio", "log_mel", TERMS, "cpu", "here", 1, 0, 100, 10, 10, 1, "auto", 3, 2, 4.5))
        writer.event(PhaseChanged("training"))
        for step in range(1, 101):
            writer.step(StepMetrics(1, step, 100, 1 / step, terms={"stft_loss": 1 / step}))
        writer.event(EpochMetrics(10, 10, 0.1, 0.2, step=100))
        writer.event(AlertStarted("a", "nan", "danger", "A step was no number", "", "", 100, 10))
        writer.event(TrainingCompleteEvent("finished", 10, 100))
        writer.close()
    return folder


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    assert main(["watch", *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("distill-tui: ")
    return said.removeprefix("distill-tui: ")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--replay"], "--replay needs a terminal, and the input is not a terminal\n"),
        (["--speed", "5"], "--speed is for --replay\n"),
        (["--replay", "--speed", "0"], "--speed 0: not a speed; 1 is as fast as it went, 20 twenty times that\n"),
        (["--replay", "--speed", "nan"], "--speed nan: not a speed"),
        (["--replay", "--web"], "--replay is for a terminal, not for --web\n"),
    ],
)
def test_what_does_not_go_together_is_told_in_a_line(
    words: list[str], why: str, bells: RunFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, str(bells.path), *words).startswith(why)


def test_a_live_run_cannot_be_replayed(
    bells: RunFolder, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "no_screen", lambda: None)
    with bells.lock():
        said = refused(capsys, str(bells.path), "--replay")
    assert said.splitlines()[0].endswith("bells: still training; it can be replayed once it is over")
    assert "distill-tui watch" in said.splitlines()[1]
    assert "a folder of runs; name one of them" in refused(capsys, str(bells.path.parent), "--replay")


def test_it_begins_with_the_replay_and_rings_no_bell(bells: RunFolder, tmp_path: Path) -> None:
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    environ = {**os.environ, "XDG_CONFIG_HOME": str(tmp_path), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    heard = tmp_path / "heard"
    words = ["watch", str(bells.path), "--replay", "--speed", "0.5", "--alert", "bell", "--notify", f"cat >> {heard}"]
    process = subprocess.Popen([sys.executable, "-m", "distill_tui", *words], stdin=slave, stdout=slave, stderr=slave,
                               env=environ, start_new_session=True)  # fmt: skip
    os.close(slave)
    shown = bytearray()

    def read() -> None:
        with suppress(OSError):  # the terminal's other side is closed
            while data := os.read(master, 65536):
                shown.extend(data)

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        wait_until(lambda: b"replay x0.5" in shown, 40)
        os.write(master, b"))))")
        wait_until(lambda: "║ replay".encode() in shown and b"A step was no number" in shown, 40)
        os.write(master, b"q")
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        thread.join(5)
        os.close(master)
    assert b"\a" not in re.sub(rb"\x1b\][^\a\x1b]*\a", b"", bytes(shown)), "but for the ends of control sequences"
    assert not heard.exists()
