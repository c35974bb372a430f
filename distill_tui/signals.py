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
    from distill_tui.front import Front

LOOK_SECONDS = 0.5  # how soon it is noticed that the terminal has gone without a signal
STALLED_SECONDS = 30.0  # a terminal that takes nothing for so long counts as hung up where that means to stop
LEAVING_SECONDS = 0.5  # that leaving the screen may wait for a terminal that takes nothing
HOPELESS_SECONDS = 3.0
LEAVE, SAVE, END = b"l", b"s", b"."


class Guard:
    """Why the screen has to go: `status` is the exit status that a signal decided on; `hung_up` lets the run go on.

    What takes time begins in a thread that waits for it beforehand: a signal handler may not start one, since that
    takes locks which the code that was interrupted may hold.
    """

    def __init__(self, app: "DistillApp", outlet: Outlet, on_hangup: OnHangup, front: "Front | None" = None) -> None:
        self._app, self._outlet, self._on_hangup, self._front = app, outlet, on_hangup, front
        self.status: int | None = None
        self.hung_up = False
        self._left = threading.Event()
        self._told, self._tell = os.pipe()
        self._threads = [_begun(self._begin_what_is_told), _begun(self._watch)]

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
            os.write(self._tell, LEAVE)

    def preempt(self) -> None:
        """Have the trainer save and stop, then leave. Never blocks; a second time changes nothing."""
        if self.status is None:
            self.status = 0
            if self._app.session is not None and self._app.session.preempt():
                self.status = PREEMPTED
            os.write(self._tell, SAVE)

    def left(self) -> None:
        """The screen has gone."""
        if not self._left.is_set():
            self._left.set()
            os.write(self._tell, END)

    def close(self) -> None:
        """Let go of the pipe, once no signal leads here any more."""
        self.left()
        for thread in self._threads:
            thread.join()  # each ends at once
        os.close(self._told)
        os.close(self._tell)

    def _begin_what_is_told(self) -> None:
        while (told := os.read(self._told, 1)) != END:
            _begun(self._leave if told == LEAVE else self._save_and_leave)

    def _watch(self) -> None:
        """Notice a terminal, or a process in front, that goes without a signal, and one that takes nothing more."""
        while not self._left.wait(LOOK_SECONDS):
            stalled = self._on_hangup == "stop" and self._outlet.waits > STALLED_SECONDS
            if stalled or self._outlet.hung_up or (self._front is not None and self._front.gone):
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
def guarded(app: "DistillApp", outlet: Outlet, on_hangup: OnHangup, front: "Front | None" = None) -> Iterator[Guard]:
    """Handle signals and the terminal's loss while the block runs; must be entered in the main thread.

    A hang-up that the parent ignores (nohup) stays ignored, as far as it is a signal. The end of `front` counts as one.
    """
    guard = Guard(app, outlet, on_hangup, front)
    numbers = [number for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
               if signal.getsignal(number) is not signal.SIG_IGN]  # fmt: skip
    former = {number: signal.signal(number, guard.on_signal) for number in numbers}
    try:
        yield guard
    finally:
        guard.left()
        for number, handler in former.items():
            signal.signal(number, handler)
        guard.close()


def _begun(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work, name=work.__name__.strip("_"), daemon=True)
    thread.start()
    return thread
