"""What other threads may ask of a trainer, without waiting for it. No torch."""

import threading
from typing import Literal

StopReason = Literal["cancelled", "preempted"]


class Control:
    """Requests to a trainer; it looks between steps. Setting one never blocks, so a signal handler may do it."""

    def __init__(self) -> None:
        self._stop: StopReason | None = None
        self._save = threading.Event()
        self._poked = threading.Event()

    @property
    def stop_reason(self) -> StopReason | None:
        """Why training should end now, or None."""
        return self._stop

    def stop(self, reason: StopReason) -> None:
        """Save at this very step and end. A preemption is not softened by a later cancel."""
        if self._stop != "preempted":
            self._stop = reason

    def withdraw_stop(self) -> None:
        """The stop could not be carried out (the checkpoint could not be saved): train on. Not so a preemption."""
        if self._stop != "preempted":
            self._stop = None

    def save(self) -> None:
        """Save a checkpoint and train on."""
        self._save.set()

    def take_save(self) -> bool:
        """Whether a save was asked for since the last call."""
        return _taken(self._save)

    def poke(self) -> None:
        """A command waits in the store: look now rather than at the next poll."""
        self._poked.set()

    def take_poke(self) -> bool:
        """Whether a command was announced since the last call."""
        return _taken(self._poked)


def _taken(event: threading.Event) -> bool:
    """Whether it was set, and clear it; one that is set in between counts for this time, never for none."""
    if not event.is_set():
        return False
    event.clear()
    return True
