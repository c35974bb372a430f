"""A monitor on a made-up training, behind a front, in a real terminal: started in a second, saved in a moment."""

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
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil

ROOT = Path(__file__).parents[2]

CHILD = textwrap.dedent(
    """
    import sys, threading, time
    from pathlib import Path
    from core.run.events import TrainingCompleteEvent
    from core.run.folder import RunFolder
    from distill_tui import session, signals
    from distill_tui.app import Watch, run_app
    from distill_tui.front import behind_front
    from tests.fakes import FakeLink

    what, on_hangup, folder = sys.argv[1:]
    signals.STALLED_SECONDS = 1.0

    def run(front):
        link = FakeLink(steps=200)

        class Trainer:
            '''Trains in a thread until it is asked to stop, and takes a moment to save.'''
            error, exit_status, folder = None, 0, RunFolder(Path(sys.argv[3]))
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
            def wait(self, seconds=1e9):
                end = time.monotonic() + seconds
                while self.alive and time.monotonic() < end:
                    time.sleep(0.05)

        def opened(self):
            self.runner = Trainer() if what != "watching" else None
            return link

        def train():
            while link.live:
                time.sleep(0.1)
                link.advance(1)

        session.Session._open = opened
        threading.Thread(target=train, daemon=True).start()
        return run_app(Watch(link), on_hangup=on_hangup, front=front)

    sys.exit(behind_front(run) if what != "alone" else run(None))
    """
)


class Terminal:
    """The monitor in a pseudo terminal of 120 by 40, which is its own session's: a hang-up is felt.

    `what` is "training", "watching", or "alone": training without a front.
    `deaf`: unless SIGHUP is ignored, as nohup does. `through` makes the command from the monitor's words, for a script
    or a remote shell around it.
    """

    def __init__(
        self,
        what: str,
        folder: Path,
        on_hangup: str = "continue",
        *,
        deaf: bool = False,
        through: Callable[[list[str]], list[str]] = list,
    ) -> None:
        self.folder = folder / "bells-03"
        self.folder.mkdir()
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        script = folder / "child.py"
        script.write_text(CHILD)
        settings = {"PYTHONPATH": str(ROOT), "TERM": "xterm-256color", "LANG": "C.UTF-8", "OPENBLAS_NUM_THREADS": "1",
                    "DISTILL_ASCII": "0", "XDG_CONFIG_HOME": str(folder)}  # fmt: skip
        words = ["env", *(f"{name}={value}" for name, value in settings.items()),
                 sys.executable, str(script), what, on_hangup, str(self.folder)]  # fmt: skip

        def begin() -> None:
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            signal.signal(signal.SIGHUP, signal.SIG_IGN if deaf else signal.SIG_DFL)

        self.process = subprocess.Popen(
            through(words), stdin=slave, stdout=slave, stderr=slave, start_new_session=True, cwd=folder,
            preexec_fn=begin,  # noqa: PLW1509 - this process has one thread
        )  # fmt: skip
        os.close(slave)
        self.shown = b""
        self.until(b"training")
        self.read(0.5)
        both = {process.pid: process for process in psutil.process_iter() if str(script) in _words(process)}
        self.trainer = next(process for process in both.values() if process.ppid() in both or what == "alone")

    @property
    def trains_alone(self) -> bool:
        """The trainer is at work in a session of its own, and nothing of the screen is left: no thread, no terminal."""
        pid = self.trainer.pid
        if not self.trainer.is_running() or os.getsid(pid) != pid:
            return False
        files = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]
        at_work = 2  # the thread that waits, and the one that trains
        return not any("/pts/" in name for name in files) and self.trainer.num_threads() <= at_work

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

    def until(self, words: bytes, seconds: float = 15) -> None:
        """Read until `words` have been shown."""
        end = time.monotonic() + seconds
        while words not in self.shown:
            assert time.monotonic() < end, self.shown[-2000:]
            self.read(0.5)

    def press(self, keys: bytes) -> None:
        """Type."""
        os.write(self.master, keys)

    def stall(self) -> None:
        """Have it draw all of the screen until nothing goes into the terminal any more, since nothing is read."""
        for _ in range(60):
            self.press(b"\x0c")
            time.sleep(0.04)

    def hang_up(self) -> None:
        """Close the terminal's other end, as a line that drops does."""
        os.close(self.master)
        self.master = os.open(os.devnull, os.O_RDONLY)

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

    def seconds_of(self, seconds: float) -> float:
        """Processor time, in seconds, that the trainer's process takes in so long; nothing is read meanwhile."""
        before = sum(self.trainer.cpu_times()[:2])
        time.sleep(seconds)
        return float(sum(self.trainer.cpu_times()[:2]) - before)

    def close(self) -> None:
        """End what is left of it."""
        with suppress(psutil.NoSuchProcess):
            self.trainer.kill()
        self.process.kill()
        self.process.wait()
        os.close(self.master)


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:  # it has ended meanwhile
        return []
