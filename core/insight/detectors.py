"""All detectors of a run behind one face: metrics go in, the starts and ends of alerts come out."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import msgspec

from core.insight.epoch_alarms import BrokenValidation, Divergence, Overfitting, PosteriorCollapse
from core.insight.step_alarms import Explosion, NonFinite, Starvation
from core.run.events import AlertStarted, EpochMetrics, Event, StepMetrics, TermInfo


@dataclass
class _Memory:
    """What a checkpoint keeps: all that later events depend on. `learning_rate` is the highest of the run."""

    learning_rate: float = 0.0
    nonfinite: NonFinite = field(default_factory=NonFinite)
    broken: BrokenValidation = field(default_factory=BrokenValidation)
    explosion: Explosion = field(default_factory=Explosion)
    training: Divergence = field(default_factory=Divergence)
    overfitting: Overfitting = field(default_factory=Overfitting)
    validation: Divergence = field(default_factory=lambda: Divergence(split="validation"))
    collapse: PosteriorCollapse = field(default_factory=PosteriorCollapse)


class Detectors:
    """Judges a run by its metrics: divergence, overfitting, posterior collapse, non-finite values, data starvation.

    They warn; the person decides. Only terms that are `judged` count towards divergence and overfitting, and an alert
    that is on is not told again. The same metrics after the same `restore` give the same events.
    """

    def __init__(self, terms: tuple[TermInfo, ...]) -> None:
        self._labels = {term.name: term.label for term in terms}
        self._judged = {term.name: term.label for term in terms if term.judged}
        self._memory = _Memory()
        # Not remembered: it follows from the clock, which no resume repeats, and is measured anew in 50 steps.
        self._starvation = Starvation()

    def step(self, metrics: StepMetrics) -> list[Event]:
        """The events that follow from one optimizer step."""
        memory = self._memory
        memory.learning_rate = max(memory.learning_rate, metrics.learning_rate)
        memory.collapse.kl_weight = metrics.kl_weight
        explosion = memory.explosion.step(metrics, self._judged, memory.learning_rate)
        return explosion + memory.nonfinite.step(metrics) + self._starvation.step(metrics)

    def nonfinite(self, step: int, epoch: int, term: str) -> list[Event]:
        """The events that follow from a skipped step; `term` is the term, or "the gradient", that was not finite."""
        return self._memory.nonfinite.report(step, epoch, self._labels.get(term, term), self._memory.learning_rate)

    def epoch(self, metrics: EpochMetrics) -> list[Event]:
        """The events that follow from one epoch and its validation."""
        memory = self._memory
        overfitting = memory.overfitting.epoch(metrics, self._judged)
        exploded = memory.explosion.active is not None
        training = memory.training.epoch(metrics, self._judged, memory.learning_rate, quiet=exploded)
        named = exploded or memory.overfitting.active is not None or memory.training.active is not None
        validation = memory.validation.epoch(metrics, self._judged, memory.learning_rate, quiet=named)
        broken = memory.broken.epoch(metrics, self._labels)
        return [*broken, *overfitting, *training, *validation, *memory.collapse.epoch(metrics)]

    @property
    def active(self) -> tuple[AlertStarted, ...]:
        """The alerts that are on: after `restore` they are to be told again, since a new session starts without any."""
        memory = self._memory
        alarms = (
            memory.nonfinite, memory.broken, memory.explosion, memory.training, memory.overfitting,
            memory.validation, memory.collapse, self._starvation,
        )  # fmt: skip
        return tuple(alarm.active for alarm in alarms if alarm.active is not None)

    def state(self) -> dict[str, Any]:
        """Everything that later events depend on, as JSON-ready values."""
        return asdict(self._memory)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`. What an older state lacks starts afresh; raises ValueError for one that is damaged."""
        self._memory = msgspec.convert(dict(state), _Memory)
        self._starvation = Starvation()
