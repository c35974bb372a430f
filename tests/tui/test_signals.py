"""Signals and hang-ups on a real terminal: the run is saved, the process ends, and says so by its status."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

CHILD = textwrap.dedent(
    """
    import fcntl, sys, termios, threading, time
    from core.run.events import TrainingCompleteEvent
    from distill_tui.app import Watch, run_app
    from distill_tui import session
    from tests.fakes import FakeLink

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)  # so that a hang-up is felt
    link = FakeLink(steps=200)

    class Trainer:
        '''Trains in a thread until it is asked to stop, and takes a moment to save.'''
        error, exit_status = None, 0
        def preempt(self):
            self.exit_status = 75
            threading.Timer(0.3, link.complete, ["preempted"]).start()
        @property
        def complete(self):
            newest = link.stored[-1].event
            return newest if isinstance(newest, TrainingCompleteEvent) else None
        @property
        def alive(self):
            return self.complete is None
        def wait(self):
            while self.alive:
                time.sleep(0.02)

    def opened(self):
        self.runner = Trainer() if sys.argv[1] == "training" else None
        return link

    session.Session._open = opened

    def train():
        while link.live:
            time.sleep(0.05)
            link.advance(1)

    threading.Thread(target=train, daemon=True).start()
    sys.exit(run_app(Watch(link)))
    """
)


class Terminal:
    """A monitor in a pseudo terminal of 120 by 40."""

    def __init__(self, what: str, tmp_path: Path) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        script = tmp_path / "child.py"
        script.write_text(CHILD)
        environ = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self.process = subprocess.Popen(
            [sys.executable, str(script), what], stdin=slave, stdout=slave, stderr=slave, env=environ,
            start_new_session=True,
        )  # fmt: skip
        os.close(slave)
        self.shown = b""

    def read(self, seconds: float) -> None:
        """Take what comes for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self.master], [], [], left)
            if not ready:
                return
            try:
                self.shown += os.read(self.master, 65536)
            except OSError:  # the other side has closed
                return

    def until(self, words: bytes) -> None:
        end = time.monotonic() + 10
        while words not in self.shown:
            assert time.monotonic() < end, self.shown[-2000:]
            self.read(0.1)

    def status(self, *, reading: bool) -> int:
        """The exit status, waited for at most 12 s; a stalled terminal is one that is not read."""
        end = time.monotonic() + 12
        while self.process.poll() is None:
            assert time.monotonic() < end, "it did not end"
            if reading:
                self.read(0.05)
            else:
                time.sleep(0.05)
        if reading:
            self.read(0.2)
        return int(self.process.returncode)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.master)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for each in opened:
        each.close()


def start(terminal: list[Terminal], what: str, tmp_path: Path) -> Terminal:
    shown = Terminal(what, tmp_path)
    terminal.append(shown)
    shown.until(b"training")
    shown.read(0.5)
    return shown


def test_sigterm_saves_and_exits_75(terminal: list[Terminal], tmp_path: Path) -> None:
    shown = start(terminal, "training", tmp_path)
    shown.process.send_signal(signal.SIGTERM)
    assert shown.status(reading=True) == 75
    assert b"preempted at epoch" in shown.shown
    assert b"Resume with: distill-tui resume runs/bells-03" in shown.shown
    assert b"\x1b[?1049l" in shown.shown, "the terminal is left as it was"


def test_sigterm_ends_even_when_the_terminal_takes_nothing_more(terminal: list[Terminal], tmp_path: Path) -> None:
    shown = start(terminal, "training", tmp_path)
    time.sleep(2)  # nobody reads: the terminal's buffer and the app's queue fill up
    shown.process.send_signal(signal.SIGTERM)
    assert shown.status(reading=False) == 75


def test_a_hang_up_saves_and_exits_75(terminal: list[Terminal], tmp_path: Path) -> None:
    shown = start(terminal, "training", tmp_path)
    os.close(shown.master)
    shown.master = os.open(os.devnull, os.O_RDONLY)
    assert shown.status(reading=False) == 75


def test_a_watcher_just_goes(terminal: list[Terminal], tmp_path: Path) -> None:
    shown = start(terminal, "watching", tmp_path)
    shown.process.send_signal(signal.SIGTERM)
    assert shown.status(reading=True) == 0
    assert b"goes on in its own process" in shown.shown


def test_q_asks_and_waits_until_the_run_is_saved(terminal: list[Terminal], tmp_path: Path) -> None:
    shown = start(terminal, "training", tmp_path)
    os.write(shown.master, b"q")
    shown.until(b"Save and stop")
    os.write(shown.master, b"s")
    assert shown.status(reading=True) == 0
    assert b"cancelled at epoch" in shown.shown


def test_it_writes_little_while_it_watches(terminal: list[Terminal], tmp_path: Path) -> None:
    """Under 3 kB a second at 120 by 40; this run makes 20 steps a second."""
    shown = start(terminal, "watching", tmp_path)
    shown.read(1)
    before = len(shown.shown)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        shown.read(0.1)
    assert 0 < len(shown.shown) - before < 2 * 3000
