"""Runs a terminal program in a real pty and notes when which bytes came."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import threading
import time
from pathlib import Path
from types import TracebackType

import psutil

_STYLING = re.compile(rb"\x1b\[[0-9;:?<>=]*[a-zA-Z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")


class PtyApp:
    """A program in a pty of `columns` x `rows`; every chunk of its output is kept with its time."""

    def __init__(
        self,
        argv: list[str],
        columns: int = 120,
        rows: int = 40,
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.started = time.perf_counter()
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            if cwd:
                os.chdir(cwd)
            os.execvpe(argv[0], argv, {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})})
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.chunks: list[tuple[float, bytes]] = []
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> "PtyApp":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._fd, 65536)
            except OSError:
                data = b""
            with self._news:
                if data:
                    self.chunks.append((time.perf_counter(), data))
                self._news.notify_all()
            if not data:
                return

    def send(self, keys: str) -> float:
        """Type `keys`; returns the moment."""
        now = time.perf_counter()
        os.write(self._fd, keys.encode())
        return now

    def wait_for(self, text: str, since: float = 0.0, timeout: float = 30.0) -> float:
        """The moment at which `text` (without its styling) stood in the output that came after `since`."""
        wanted, deadline = text.encode(), time.perf_counter() + timeout
        with self._news:
            while True:
                seen = b""
                for moment, data in self.chunks:
                    if moment >= since:
                        seen += data
                        if wanted in _STYLING.sub(b"", seen):
                            return moment
                left = deadline - time.perf_counter()
                if left <= 0:
                    raise TimeoutError(f"{text!r} did not appear in {timeout:g} s")
                self._news.wait(min(left, 0.5))

    def first_output_after(self, since: float, timeout: float = 5.0) -> float:
        """The moment of the first output after `since`."""
        deadline = time.perf_counter() + timeout
        with self._news:
            while True:
                later = [m for m, _ in self.chunks if m >= since]
                if later:
                    return later[0]
                if time.perf_counter() > deadline:
                    raise TimeoutError("no output")
                self._news.wait(0.05)

    def bytes_between(self, start: float, end: float) -> int:
        """How many bytes came from `start` to `end`."""
        return sum(len(data) for moment, data in self.chunks if start <= moment < end)

    def quietly(self, seconds: float) -> tuple[float, float]:
        """(kB/s that the terminal received, % of a core that program and children used) while nobody types."""
        before, began = _cpu_seconds(self.pid), time.perf_counter()
        time.sleep(seconds)
        used = 100 * (_cpu_seconds(self.pid) - before) / seconds
        return self.bytes_between(began, began + seconds) / seconds / 1000, used

    def output(self) -> bytes:
        """Everything so far."""
        return b"".join(data for _, data in self.chunks)

    def close(self) -> int:
        """End the program by its own pid; returns its exit status (minus the signal's number when killed)."""
        for sent in (None, signal.SIGTERM, signal.SIGKILL):
            if sent is not None:
                os.kill(self.pid, sent)
            deadline = time.perf_counter() + (15 if sent == signal.SIGTERM else 2)
            while time.perf_counter() < deadline:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    os.close(self._fd)
                    return os.waitstatus_to_exitcode(status)
                select.select([], [], [], 0.02)
        return -signal.SIGKILL


def _cpu_seconds(pid: int) -> float:
    process = psutil.Process(pid)
    return sum(sum(each.cpu_times()[:2]) for each in [process, *process.children(recursive=True)])
