"""Opening a long run in a real pty: when everything is drawn, what it takes in memory, and how keys feel meanwhile."""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
from pty_app import PtyApp

QUIET_SECONDS = 1.5  # without output: everything is drawn
KEY_EVERY_SECONDS = 0.05
KEYS_FROM_SECONDS = 0.5


@dataclass(frozen=True)
class Opening:
    """Seconds until the last cell changed, peak memory in MiB, and milliseconds from each key to the next output."""

    drawn_s: float
    peak_mib: float
    keys_ms: tuple[float, ...]


def opened(
    argv: list[str], keys: tuple[str, str], leave: str, cwd: Path | None = None, patience: float = 60.0
) -> Opening:
    """Start the program twice: untouched, for the time until all is drawn; then with `keys` in turn meanwhile."""
    with PtyApp(argv, 120, 40, cwd=cwd) as app:
        memory = _Memory(app.pid)
        drawn = _last_change(app, patience) - app.started
        peak = memory.stop()
        app.send(leave)
    with PtyApp(argv, 120, 40, cwd=cwd) as app:
        waits = _pressed(app, keys, max(2.0, drawn))
        app.send(leave)
    return Opening(drawn, peak, tuple(waits))


def _last_change(app: PtyApp, patience: float) -> float:
    """The moment of the last output before a quiet stretch."""
    deadline = time.perf_counter() + patience
    while time.perf_counter() < deadline:
        time.sleep(0.05)
        if app.chunks and time.perf_counter() - app.chunks[-1][0] > QUIET_SECONDS:
            break
    return app.chunks[-1][0]


def _pressed(app: PtyApp, keys: tuple[str, str], seconds: float) -> list[float]:
    time.sleep(KEYS_FROM_SECONDS)
    waits: list[float] = []
    while time.perf_counter() < app.started + seconds:
        sent = app.send(keys[len(waits) % 2])
        try:
            waits.append(1000 * (app.first_output_after(sent, timeout=20) - sent))
        except TimeoutError:
            waits.append(20_000.0)
        time.sleep(KEY_EVERY_SECONDS)
    return waits


class _Memory:
    """The most memory that a process and its children had, resident, looked at twenty times a second."""

    def __init__(self, pid: int) -> None:
        self._process, self._peak, self._done = psutil.Process(pid), 0, threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """The peak in MiB."""
        self._done.set()
        self._thread.join()
        return self._peak / 2**20

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            try:
                family = [self._process, *self._process.children(recursive=True)]
                self._peak = max(self._peak, sum(process.memory_info().rss for process in family))
            except psutil.Error:
                return
