"""Trouble with what is learned from: nothing in it, or the same on both sides of the split."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from core.insight.alarm import Alarm, Finding
from core.run.events import Event, StepMetrics

EMPTY_SHARE, FILLED_SHARE = 0.25, 0.1
MEASURED = 2
NAMED = 2


@dataclass
class EmptyData(Alarm):
    """A quarter of a batch's items hold nothing at all, twice in a row; over under a tenth."""

    kind: ClassVar = "empty"
    times: int = 0

    def step(self, metrics: StepMetrics) -> list[Event]:
        """Take a step's "data/empty", if it was measured."""
        share = metrics.extras.get("data/empty")
        if share is None:
            return []
        self.times = self.times + 1 if share >= EMPTY_SHARE else 0
        if self.active is not None:
            return self._end(metrics.step, metrics.epoch) if share < FILLED_SHARE else []
        if self.times < MEASURED:
            return []
        finding = Finding(
            title=f"Nothing in it: {share:.0%} of what is learned from is silent or constant",
            explanation="Nothing changes in it from beginning to end, and a model that learns it gives out nothing.",
            action="Listen to the files; cut long silences out of them or leave the empty ones out, and train again",
            severity="danger",
        )
        return self._start(finding, metrics.step, metrics.epoch)


@dataclass
class Leak(Alarm):
    """Material that is held out to judge by is also learned from; over when a session finds none."""

    kind: ClassVar = "leak"

    def found(self, pairs: Sequence[tuple[str, str]], step: int, epoch: int) -> list[Event]:
        """`pairs` are files (held out, learned from) that hold the same: see `core.insight.leaks`."""
        if not pairs or self.active is not None:
            return self._end(step, epoch) if not pairs else []
        named = " and ".join(f"{held_out} ({learned})" for held_out, learned in pairs[:NAMED])
        more = f" and {len(pairs) - NAMED} more" if len(pairs) > NAMED else ""
        finding = Finding(
            title=f"Validation is not held out: {len(pairs)} of its files {'is' if len(pairs) == 1 else 'are'} learned",
            explanation=f"{named}{more} hold the same as what is trained on, so the validation loss and the best epoch "
            "look better than the model is.",
            action="Take the copies out of the folder and start a new run, or do not trust its validation",
        )
        return self._start(finding, step, epoch)
