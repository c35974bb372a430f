"""Headless on a terminal: a progress display, ctrl+c and a hang-up that lose nothing."""

import fcntl
import os
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.run.events import TrainingCompleteEvent
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink


class Terminal:
    """A program with a real terminal of its own."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
        environment = {key: value for key, value in os.environ.items() if key not in ("DISTILL_RUNS", "NO_COLOR")}
        self.process = subprocess.Popen(
            command, cwd=folder, stdin=slave, stdout=slave, stderr=slave, start_new_session=True,
            env={**environment, "TERM": "xterm-256color"},
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - this process has one thread
        )  # fmt: skip
        os.close(slave)
        self.shown = ""

    def wait_for(self, pattern: str, seconds: float = 30.0) -> None:
        """Read until `pattern` has been shown, escape sequences left out."""
        deadline = time.monotonic() + seconds
        while not re.search(pattern, re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", self.shown)):
            assert time.monotonic() < deadline, self.shown[-2000:]
            if select.select([self.master], [], [], 0.5)[0]:
                self.shown += os.read(self.master, 65536).decode(errors="replace")


@pytest.fixture
def terminal(tiny_training: list[str], tmp_path: Path) -> Iterator[Terminal]:
    command = [sys.executable, "-m", "distill_tui", *tiny_training, "--epochs", "100000", "--headless"]
    terminal = Terminal(command, tmp_path)
    yield terminal
    terminal.process.kill()
    terminal.process.wait()


def ending(folder: Path) -> str:
    link = FolderLink(RunFolder.open(folder))
    ends = [stored.event for stored in link.read() if isinstance(stored.event, TrainingCompleteEvent)]
    link.close()
    return ends[-1].reason


def test_ctrl_c_saves_and_says_how_to_go_on(terminal: Terminal, tmp_path: Path) -> None:
    terminal.wait_for(r"training .*epoch \d+/100000  train \d")
    os.write(terminal.master, b"\x03")
    terminal.wait_for(r"SIGINT: saving, then ending")
    terminal.wait_for(r"distill-tui resume")
    assert terminal.process.wait(20) == 75
    assert ending(tmp_path / "runs" / "tones") == "preempted"


def test_a_terminal_that_hangs_up_saves_the_run(terminal: Terminal, tmp_path: Path) -> None:
    terminal.wait_for(r"epoch 1/100000")
    os.close(terminal.master)
    assert terminal.process.wait(20) == 75
    assert ending(tmp_path / "runs" / "tones") == "preempted"
