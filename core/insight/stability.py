"""Is this training stable? Gradients, moves and units of the model's parts, noise of the losses, and what to do."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from statistics import median
from typing import Any

from core.insight.detectors import Detectors
from core.insight.gradient_alarms import SPIKE, WINDOW, measured
from core.insight.loss_monitor import HISTORY, LossMonitor, RunSource
from core.insight.robust import trend
from core.insight.stability_report import Advice, PartFigures, StabilityReport, Status
from core.insight.trends import noise
from core.run.events import (
    AlertEnded,
    AlertStarted,
    EpochMetrics,
    Event,
    RunStarted,
    StepMetrics,
    TermInfo,
)

MEASURES = ("norm", "update", "dead")
NOISY = 64  # steps that the noise of a loss is taken from
KEPT_PAST = 50


class TrainingStabilityMonitor:
    """Folds a run's metrics, as they come or afterwards, into a `StabilityReport`.

        monitor = TrainingStabilityMonitor(recipe.terms)
        monitor.update(step_metrics)        # a StepMetrics or EpochMetrics; other events of a run do no harm
        print(monitor.get_stability_report())

    The findings are those of `core.insight.Detectors`, the same that warn on screen. `ask` gives the value of a dotted
    config key, for the figures in what is advised; None for one that it does not know.
    """

    def __init__(self, terms: Iterable[TermInfo] = (), ask: Callable[[str], Any] = lambda key: None) -> None:
        self._terms, self._ask = tuple(terms), ask
        self._detectors = Detectors(self._terms, ask)
        self._steps = 0
        self._norms: deque[tuple[int, float]] = deque(maxlen=HISTORY)
        self._parts: dict[str, dict[str, float]] = {}
        self._losses: dict[str, deque[float]] = {}
        self._alerts: dict[str, AlertStarted] = {}
        self._past: deque[AlertStarted] = deque(maxlen=KEPT_PAST)

    @classmethod
    def of(cls, run: RunSource, config: Mapping[str, Any] | None = None) -> "TrainingStabilityMonitor":
        """A run, over or still going, as its trainer saw it: the alerts that it told, the newest measurements.

        `config` (nested plain values, as `RunInfo.config`) is where the figures of the advice come from.
        """
        events = [stored.event for stored in run.read()]
        started = [event for event in events if isinstance(event, RunStarted)]
        terms, extras = (started[-1].terms, started[-1].extras) if started else ((), ())
        monitor = cls(terms, _asking(config or {}))
        for event in events:
            monitor._take(event)
        for name in extras:
            what, _, part = name.partition("/")
            if what in MEASURES and (newest := _newest(run, name)) is not None:
                monitor._parts.setdefault(part, {})[what] = newest
        losses = LossMonitor.of(run, last=HISTORY)
        for term in terms:
            if term.judged and term.name in losses.names:
                monitor._losses[term.name] = deque(losses.history(term.name)[1][-NOISY:], maxlen=NOISY)
        curve = run.series("grad_norm", 0, None, HISTORY)
        for place, value in enumerate(curve.mean):
            if math.isfinite(value):
                monitor._norms.append((curve.first + place * curve.bucket, value))
        monitor._steps = losses.newest_step
        return monitor

    def update(self, metrics: Event) -> list[Event]:
        """Take a step's or an epoch's metrics; returns the alerts that begin or end with them."""
        if isinstance(metrics, StepMetrics):
            self._measure(metrics)
            events = self._detectors.step(metrics)
        elif isinstance(metrics, EpochMetrics):
            events = self._detectors.epoch(metrics)
        else:
            return []
        for event in events:
            self._take(event)
        return events

    def get_stability_report(self) -> StabilityReport:
        """What is wrong now, what was, and the figures; cheap enough to ask for at every epoch."""
        norms = [norm for _, norm in self._norms]
        recent = norms[-WINDOW:]
        active = sorted(self._alerts.values(), key=lambda alert: (alert.severity != "danger", alert.step))
        goes = trend(*_sides(self._norms))
        return StabilityReport(
            status=self._status(active),
            steps=self._steps,
            findings=tuple(Advice.of(alert) for alert in active),
            past=tuple(Advice.of(alert) for alert in self._past),
            gradient_norm=median(recent) if recent else math.nan,
            typical_norm=median(norms) if norms else math.nan,
            gradient_trend=goes.percent if goes.rises or goes.falls else 0.0,
            spikes=sum(norm > SPIKE * median(recent) for norm in recent) if recent else 0,
            parts=self._part_figures(),
            noise=self._noise(),
        )

    def _status(self, active: list[AlertStarted]) -> Status:
        if any(alert.severity == "danger" for alert in active):
            return "danger"
        return "warning" if active else "stable" if self._steps else "unknown"

    def _take(self, event: Event) -> None:
        """An alert's start or end, a new session, or nothing of concern."""
        if isinstance(event, AlertStarted):
            self._alerts[event.id] = event
        elif isinstance(event, AlertEnded) and event.id in self._alerts:
            self._past.append(self._alerts.pop(event.id))
        elif isinstance(event, RunStarted):  # its trainer tells again of what is still on
            self._alerts.clear()

    def _measure(self, metrics: StepMetrics) -> None:
        self._steps = metrics.step
        if metrics.skipped:
            return
        if math.isfinite(metrics.grad_norm):
            self._norms.append((metrics.step, metrics.grad_norm))
        for what in MEASURES:
            for part, value in measured(metrics, f"{what}/").items():
                self._parts.setdefault(part, {})[what] = value
        for term in self._terms:
            value = metrics.terms.get(term.name, math.nan)
            if term.judged and math.isfinite(value):
                self._losses.setdefault(term.name, deque(maxlen=NOISY)).append(value)

    def _part_figures(self) -> tuple[PartFigures, ...]:
        whole = math.hypot(*(each.get("norm", 0.0) for each in self._parts.values()))
        return tuple(
            PartFigures(
                part,
                norm=each.get("norm", math.nan),
                share=(each["norm"] / whole) ** 2 if "norm" in each and whole > 0 else math.nan,
                update=each.get("update", math.nan),
                dead=each.get("dead", math.nan),
            )
            for part, each in self._parts.items()
        )

    def _noise(self) -> tuple[tuple[str, float], ...]:
        labels = {term.name: term.label for term in self._terms}
        return tuple(
            (labels[name], 100 * noise(list(values)) / level)
            for name, values in self._losses.items()
            if len(values) > 2 and (level := abs(median(values))) > 0
        )


def _sides(points: Iterable[tuple[int, float]]) -> tuple[list[int], list[float]]:
    pairs = list(points)
    return [step for step, _ in pairs], [value for _, value in pairs]


def _newest(run: RunSource, name: str) -> float | None:
    """The last value that was measured under a name."""
    return next((value for value in reversed(run.series(name, 0, None, 1).last) if math.isfinite(value)), None)


def _asking(config: Mapping[str, Any]) -> Callable[[str], Any]:
    """Asks nested plain values by dotted keys."""

    def ask(key: str) -> Any:
        node: Any = config
        for name in key.split("."):
            node = node.get(name) if isinstance(node, Mapping) else None
        return node

    return ask
