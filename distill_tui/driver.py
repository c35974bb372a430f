"""Textual's driver for terminals, which takes every SIGCONT for the end of a pause that ctrl+z began.

The system sends one with a hang-up, and a shell to what it has not stopped. To start again without having stopped
would leave a second thread reading keys, for good.
"""

import os
from typing import Any, Protocol, runtime_checkable

from textual import constants
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver


def driver_here() -> type[Driver] | None:
    """Ours; None where the environment asks Textual for another, as its server for browsers does."""
    return None if constants.DRIVER else TerminalDriver


@runtime_checkable
class Pausing(Protocol):
    """An app that has something to say when ctrl+z has paused it."""

    def say_paused(self) -> None:
        """Write it to the terminal."""


class TerminalDriver(LinuxDriver):
    """Goes on after ctrl+z as Textual's does; after any other pause it sets up the terminal from the beginning."""

    def suspend_application_mode(self) -> None:
        """As Textual's; then, on the shell's screen, what has been paused."""
        super().suspend_application_mode()
        if not self._must_signal_resume and isinstance(self._app, Pausing):
            self._app.say_paused()

    def _sigcont_application(self, *signalled: Any) -> None:
        if self._must_signal_resume:
            super()._sigcont_application(*signalled)
        elif self._app._loop is not None:  # later: the signal may have come while a lock is held that this needs
            self._app._loop.call_soon_threadsafe(self._set_up_again)

    def _set_up_again(self) -> None:
        if os.isatty(self.fileno) and self._key_thread is not None and not self._app._exit:
            self._must_signal_resume = True  # all of the screen is drawn then
            self.suspend_application_mode()
            self.resume_application_mode()
