"""SIGTERM and SIGHUP while the screen is up: the trainer saves and stops, and the process ends.

`signal.signal` and not the event loop's handlers: those do not run while the loop waits for a stalled terminal.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distill_tui.app import DistillApp

PREEMPTED = 75
LEAVING_SECONDS = {signal.SIGTERM: 3.0, signal.SIGHUP: 0.5}  # after a hang-up there is no screen to tidy


@dataclass
class Guard:
    """`status` is the exit status that a signal decided on; None when none came."""

    status: int | None = None


@contextmanager
def guarded(app: "DistillApp") -> Iterator[Guard]:
    """Handle both signals while the block runs; must be entered in the main thread."""
    guard = Guard()
    left = threading.Event()

    def end(number: int) -> None:
        session = app.session
        guard.status = session.preempt_and_wait() if session is not None else 0
        loop = app._loop
        if loop is not None:
            loop.call_soon_threadsafe(app.leave, guard.status)
        if not left.wait(LEAVING_SECONDS[signal.Signals(number)]):
            os._exit(guard.status)  # the terminal takes nothing more: the run is saved, nothing is left to do

    def handle(number: int, frame: FrameType | None) -> None:
        if guard.status is None:
            guard.status = 0
            if app.session is not None and app.session.preempt():
                guard.status = PREEMPTED
            threading.Thread(target=end, args=(number,), name="leaving", daemon=True).start()

    former = {number: signal.signal(number, handle) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield guard
    finally:
        left.set()
        for number, handler in former.items():
            signal.signal(number, handler)
