"""All detectors of a run behind one face: metrics go in, the starts and ends of alerts come out."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import msgspec

from core.insight.epoch_alarms import Divergence, Overfitting, PosteriorCollapse
from core.insight.step_alarms import NonFinite, Starvation
from core.run.events import AlertStarted, EpochMetrics, Event, StepMetrics, TermInfo


class Detectors:
    """Judges a run by its metrics: divergence, overfitting, posterior collapse, non-finite values, data starvation.

    They warn; the person decides. Only terms that are `judged` count towards divergence and overfitting. At most one
    alert of each kind is on at a time. The same metrics after the same `restore` give the same events.
    """

    def __init__(self, terms: tuple[TermInfo, ...]) -> None:
        self._labels = {term.name: term.label for term in terms}
        self._judged = {term.name: term.label for term in terms if term.judged}
        self._learning_rate = 0.0
        self._overfitting = Overfitting()
        self._training = Divergence(split="training")
        self._validation = Divergence(split="validation")
        self._collapse = PosteriorCollapse()
        self._nonfinite = NonFinite()
        self._starvation = Starvation()

    def step(self, metrics: StepMetrics) -> list[Event]:
        """The events that follow from one optimizer step."""
        self._learning_rate = max(self._learning_rate, metrics.learning_rate)
        self._collapse.kl_weight = metrics.kl_weight
        return self._nonfinite.step(metrics) + self._starvation.step(metrics)

    def nonfinite(self, step: int, epoch: int, term: str) -> list[Event]:
        """The events that follow from a skipped step; `term` is the term, or "gradient", that was not finite."""
        return self._nonfinite.report(step, epoch, self._labels.get(term, term), self._learning_rate)

    def epoch(self, metrics: EpochMetrics) -> list[Event]:
        """The events that follow from one epoch and its validation."""
        overfitting = self._overfitting.epoch(metrics, self._judged)
        training = self._training.epoch(metrics, self._judged, self._learning_rate)
        named = self._overfitting.active is not None or self._training.active is not None
        validation = self._validation.epoch(metrics, self._judged, self._learning_rate, quiet=named)
        return [*overfitting, *training, *validation, *self._collapse.epoch(metrics)]

    @property
    def active(self) -> tuple[AlertStarted, ...]:
        """The alerts that are on: after `restore` they are to be told again, since a new session starts without any."""
        alarms = (
            self._nonfinite,
            self._training,
            self._overfitting,
            self._validation,
            self._collapse,
            self._starvation,
        )
        return tuple(alarm.active for alarm in alarms if alarm.active is not None)

    def state(self) -> dict[str, Any]:
        """Everything that later events depend on, as JSON-ready values.

        Starvation is left out: it follows from the clock, which no resume repeats, and is measured anew in 50 steps.
        """
        alarms = {
            "overfitting": self._overfitting,
            "training": self._training,
            "validation": self._validation,
            "collapse": self._collapse,
            "nonfinite": self._nonfinite,
        }
        return {"learning_rate": self._learning_rate, **{name: asdict(alarm) for name, alarm in alarms.items()}}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`. What an older state lacks starts afresh; raises ValueError for one that is damaged."""
        self._learning_rate = float(state.get("learning_rate", 0.0))
        self._overfitting = msgspec.convert(state.get("overfitting", {}), Overfitting)
        self._training = msgspec.convert(state.get("training", {}), Divergence)
        self._validation = msgspec.convert(state.get("validation", {"split": "validation"}), Divergence)
        self._collapse = msgspec.convert(state.get("collapse", {}), PosteriorCollapse)
        self._nonfinite = msgspec.convert(state.get("nonfinite", {}), NonFinite)
        self._starvation = Starvation()
