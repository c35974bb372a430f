"""Signals and a lost terminal while the screen is up: the trainer saves and stops, or the screen goes without it.

`signal.signal` and not the event loop's handlers: those do not run while the loop waits for a stalled terminal.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TYPE_CHECKING

from distill_tui.errors import PREEMPTED
from distill_tui.outlet import Outlet
from distill_tui.terminal import OnHangup

if TYPE_CHECKING:
    from distill_tui.app import DistillApp

LOOK_SECONDS = 0.5  # how soon it is noticed that the terminal has gone without a signal
STALLED_SECONDS = 30.0  # a terminal that takes nothing for so long counts as hung up where that means to stop
LEAVING_SECONDS = 0.5  # that leaving the screen may wait for a terminal that takes nothing
HOPELESS_SECONDS = 3.0


class Guard:
    """Why the screen has to go: `status` is the exit status that a signal decided on; `hung_up` lets the run go on."""

    def __init__(self, app: "DistillApp", outlet: Outlet, on_hangup: OnHangup) -> None:
        self._app, self._outlet, self._on_hangup = app, outlet, on_hangup
        self.status: int | None = None
        self.hung_up = False
        self._left = threading.Event()

    def on_signal(self, number: int, frame: FrameType | None) -> None:
        """SIGHUP hangs up, any other preempts."""
        if number == signal.SIGHUP:
            self.hang_up()
        else:
            self.preempt()

    def hang_up(self) -> None:
        """Do what was asked for when the terminal is lost. Never blocks."""
        if self._on_hangup == "stop":
            self.preempt()
        elif self.status is None and not self.hung_up:
            self.hung_up = True
            _begin(self._leave)

    def preempt(self) -> None:
        """Have the trainer save and stop, then leave. Never blocks; a second time changes nothing."""
        if self.status is None:
            self.status = 0
            if self._app.session is not None and self._app.session.preempt():
                self.status = PREEMPTED
            _begin(self._save_and_leave)

    def left(self) -> None:
        """The screen has gone."""
        self._left.set()

    def watch(self) -> None:
        """Notice a terminal that goes without a signal, or takes nothing more; until the screen has gone."""
        while not self._left.wait(LOOK_SECONDS):
            if self._outlet.hung_up or (self._on_hangup == "stop" and self._outlet.waits > STALLED_SECONDS):
                self.hang_up()
                return

    def _save_and_leave(self) -> None:
        if self._outlet.hung_up:
            self._leave()  # at once: nobody sees how it is saved, and reading from what has gone never waits
        session = self._app.session
        self.status = session.preempt_and_wait() if session is not None else 0
        self._leave()
        if not self._left.wait(HOPELESS_SECONDS):
            os._exit(self.status)  # the screen does not go: the run is saved, nothing is left to do

    def _leave(self) -> None:
        """Ask the app to close as soon as it can be asked; then let nothing wait for the terminal."""
        while (loop := self._app._loop) is None or not self._app._running:
            if self._left.wait(0.05):
                return
        with suppress(RuntimeError):  # it has ended by itself meanwhile
            loop.call_soon_threadsafe(self._app.leave, self.status or 0)
        if not self._left.wait(LEAVING_SECONDS):
            self._outlet.give_up()


@contextmanager
def guarded(app: "DistillApp", outlet: Outlet, on_hangup: OnHangup) -> Iterator[Guard]:
    """Handle signals and the terminal's loss while the block runs; must be entered in the main thread.

    A hang-up that the parent ignores (nohup) stays ignored, as far as it is a signal.
    """
    guard = Guard(app, outlet, on_hangup)
    numbers = [number for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
               if signal.getsignal(number) is not signal.SIG_IGN]  # fmt: skip
    former = {number: signal.signal(number, guard.on_signal) for number in numbers}
    _begin(guard.watch)
    try:
        yield guard
    finally:
        guard.left()
        for number, handler in former.items():
            signal.signal(number, handler)


def _begin(work: Callable[[], None]) -> None:
    threading.Thread(target=work, name=work.__name__.strip("_"), daemon=True).start()
