"""Trouble that shows from step to step: exploding and non-finite losses, and a trainer that waits for its data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import isfinite
from statistics import median_low
from typing import ClassVar

from core.insight.alarm import Alarm, Finding
from core.insight.remedies import STOP, Settings, figure, fraction, go_back, lower_rate
from core.run.events import Event, StepMetrics

FIRST_STEPS = 20
SPREAD = 10.0
"""How far one sound's loss may lie above another's, with the same model: with few sounds a batch holds only one."""
EXPLODED = 3.0
FAR = 12.0
SPIKE = 2.5
EXPLOSION_STEPS = 20
MIN_STEPS = 10

CLEAN_STEPS = 100

STARVED_SHARE = 0.5
FED_SHARE = 0.3
STARVED_STEPS = 50


@dataclass
class Explosion(Alarm):
    """A term at constant weight that stands, over about 20 steps, far above all that it was in the first ones.

    The divergence of a rate that is far too high: the loss jumps within the first epoch, too soon to rise for five.
    Far above is more than 3 times the highest of the first 20 values and more than 12 times their median: batches of
    single sounds differ tenfold, and the first ones may happen to be of the easiest. Over when no term's recent mean
    is above the highest of its first values any more.
    """

    kind: ClassVar = "divergence"
    first: dict[str, list[float]] = field(default_factory=dict)
    recent: dict[str, float] = field(default_factory=dict)
    steps: int = 0

    def step(self, metrics: StepMetrics, labels: Mapping[str, str], settings: Settings) -> list[Event]:
        """Take the step's terms that are in `labels` (name to label)."""
        if metrics.skipped:
            return []
        self.steps += 1
        for name in labels:
            value = metrics.terms.get(name, 0.0)
            if value <= 0 or not isfinite(value):
                continue
            self._remember(name, value)
            # What is far above the limit counts as a little above it, so that a lone spike is no explosion.
            value = min(value, SPIKE * self._limit(name))
            recent = self.recent.get(name, value)
            self.recent[name] = recent + (value - recent) / min(self.steps, EXPLOSION_STEPS)
        if not self.recent or self.steps < MIN_STEPS:
            return []
        if self.active is not None:
            over = all(recent <= max(self.first[name]) for name, recent in self.recent.items())
            return self._end(metrics.step, metrics.epoch) if over else []
        worst = max(self.recent, key=lambda name: self.recent[name] / self._limit(name))
        if self.recent[worst] <= self._limit(worst):
            return []
        typical = median_low(self.first[worst])
        share = settings.share_of_rate(0.1)
        lower = settings.learning_rate * share
        rate = f" at {fraction(share)} the rate, --set learning_rate={figure(lower)}" if lower else ""
        finding = Finding(
            title=f"Diverging: {labels[worst]} has exploded",
            explanation=f"{labels[worst]} is more than {self._limit(worst) / typical:.0f} times what it was in the "
            f"first steps ({typical:.3g}). The steps are far too large.",
            action=f"Press c to stop and train again{rate}",
            severity="danger",
            # What stands there now is worth nothing, so going back loses nothing.
            remedies=(go_back(settings, 0.1), *lower_rate(settings, 0.1), STOP),
        )
        return self._start(finding, metrics.step, metrics.epoch)

    def _remember(self, name: str, value: float) -> None:
        """Keep the first values of a term, without those of an explosion that is under way already."""
        first = self.first.setdefault(name, [])
        if len(first) < FIRST_STEPS and (not first or value <= SPREAD * median_low(first)):
            first.append(value)

    def _limit(self, name: str) -> float:
        first = self.first[name]
        return max(EXPLODED * max(first), FAR * median_low(first))


@dataclass
class NonFinite(Alarm):
    """A loss or gradient that was NaN or infinite; over after 100 clean steps in a row."""

    kind: ClassVar = "nonfinite"
    clean_steps: int = 0

    def report(self, step: int, epoch: int, label: str, settings: Settings) -> list[Event]:
        """The step was skipped because of `label`."""
        self.clean_steps = 0
        if self.active is not None:
            return []
        lower = settings.learning_rate * settings.share_of_rate(0.5)
        rate = f": --set learning_rate={figure(lower)}" if lower else ""
        finding = Finding(
            title=f"Not a number: {label} at step {step:,}",
            explanation=f"{label} came out as no number, so the step was skipped and the model is unharmed. Three in "
            "a row bring back the last good state at half the learning rate.",
            action=f"A single one needs nothing. If it returns, press c and train again at a lower learning rate{rate}",
            severity="danger",
            remedies=lower_rate(settings),
        )
        return self._start(finding, step, epoch)

    def step(self, metrics: StepMetrics) -> list[Event]:
        """Count a clean step."""
        if self.active is None:
            return []
        self.clean_steps = 0 if metrics.skipped else self.clean_steps + 1
        return self._end(metrics.step, metrics.epoch) if self.clean_steps >= CLEAN_STEPS else []


@dataclass
class Starvation(Alarm):
    """More than half of the time of about the last 50 steps went into waiting for data; over below 30 %."""

    kind: ClassVar = "starvation"
    share: float = 0.0
    steps: int = 0

    def step(self, metrics: StepMetrics) -> list[Event]:
        """Take a step's `data_time_s` as a share of its `step_time_s`."""
        if metrics.step_time_s <= 0:
            return []
        self.steps += 1
        # A mean of shares rather than of seconds: one long stall counts as one step.
        share = min(1.0, metrics.data_time_s / metrics.step_time_s)
        self.share += (share - self.share) / min(self.steps, STARVED_STEPS)
        if self.active is not None:
            return self._end(metrics.step, metrics.epoch) if self.share < FED_SHARE else []
        if self.steps < STARVED_STEPS or self.share <= STARVED_SHARE:
            return []
        finding = Finding(
            title=f"Waiting for data: {self.share:.0%} of every step",
            explanation=f"Over the last {STARVED_STEPS} steps the model stood still for {self.share:.0%} of the time "
            "while files were read and augmented.",
            action="Augment less (--set augment.pitch_probability=0 --set augment.speed_probability=0), move the files "
            "to a local disk or, with hours of sounds, keep them in memory (--set data.memory_mb=8192)",
        )
        return self._start(finding, metrics.step, metrics.epoch)
