"""Where a trainer's events go: into the run store, and to a subscriber that may fail without harming the run."""

import logging

from core.run.events import Event, Reported, RunStarted, StepMetrics, TrainingCompleteEvent
from core.run.store import RunWriter
from core.training.metrics import MetricsCallback

log = logging.getLogger(__name__)


class Journal:
    """Writes every event; a subscriber that raises is reported once and dropped.

    `ended` says that the newest event was the closing one.
    """

    def __init__(self, writer: RunWriter, callback: MetricsCallback | None) -> None:
        self._writer, self._callback = writer, callback
        self.ended = False

    def emit(self, event: Event) -> None:
        """Store the event (step metrics in their blocks, a start as a new session) and pass it on."""
        self.ended = isinstance(event, TrainingCompleteEvent)
        if isinstance(event, StepMetrics):
            self._writer.step(event)
        elif isinstance(event, RunStarted):
            self._writer.begin(event)
        else:
            self._writer.event(event)
        if self._callback is not None:
            self._tell(self._callback, event)

    def _tell(self, callback: MetricsCallback, event: Event) -> None:
        try:
            callback(event)
        except Exception as error:
            self._callback = None
            log.exception("a subscriber raised and was dropped")
            self._writer.event(
                Reported(f"a subscriber raised {type(error).__name__} ({error}) and was dropped; training goes on")
            )
