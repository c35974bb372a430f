"""Losses that get nowhere: unsteady from step to step, or level from epoch to epoch."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite, log
from statistics import median
from typing import ClassVar

from core.insight.alarm import Alarm, Finding
from core.insight.remedies import STOP, Settings, lower_rate
from core.insight.trends import geometric_mean, noise
from core.run.events import EpochMetrics, Event, StepMetrics

WINDOW = 32
KEPT = 12
WINDOWS = 6
UNSTEADY = 3.0
"""Times the usual noise. A loss that falls to a tenth often gets twice as noisy for its size."""
LEAST = 0.15
"""In log units: below it a curve looks calm, however much calmer it was."""
IN_A_ROW = 3

SMOOTHED = 5
GAIN = 0.01
STALE_EPOCHS = 20
STALE_SHARE = 0.2
STALE_STEPS = 500
LEFT_SHARE = 0.2
AT_RATE = 0.3


@dataclass
class Unsteady(Alarm):
    """A term at constant weight that jumps three times as much from step to step as it used to, for 96 steps."""

    kind: ClassVar = "unsteady"
    values: dict[str, list[float]] = field(default_factory=dict)
    usual: dict[str, list[float]] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)

    def step(
        self, metrics: StepMetrics, labels: Mapping[str, str], settings: Settings, quiet: bool = False
    ) -> list[Event]:
        """Take the step's terms that are in `labels`; `quiet` while a better name for the trouble is on screen."""
        if metrics.skipped:
            return []
        judged = False
        for name in labels:
            value = metrics.terms.get(name, 0.0)
            if value > 0 and isfinite(value):
                values = self.values.setdefault(name, [])
                values.append(log(value))
                if len(values) >= WINDOW:
                    judged = True
                    self._judge(name, noise(values))
                    values.clear()
        if not judged:
            return []
        worst = max(self.times, key=lambda name: self.times[name], default="")
        if self.active is not None:
            return self._end(metrics.step, metrics.epoch) if quiet or not any(self.times.values()) else []
        if quiet or self.times.get(worst, 0) < IN_A_ROW:
            return []
        finding = Finding(
            title=f"Unsteady: {labels[worst]} jumps more and more",
            explanation=f"From one step to the next {labels[worst]} jumps more than {UNSTEADY:.0f} times as far as it "
            "did before, and not because it falls.",
            action="Take a lower learning rate (=); larger batches calm it too (--set batch_size)",
            remedies=(*lower_rate(settings), STOP),
        )
        return self._start(finding, metrics.step, metrics.epoch)

    def forget(self) -> None:
        """Count from none again, or the very same steps are found anew. What is usual stays so."""
        super().forget()
        self.values.clear()
        self.times.clear()

    def _judge(self, name: str, jumps: float) -> None:
        usual = self.usual.setdefault(name, [])
        if len(usual) >= WINDOWS and jumps > max(UNSTEADY * median(usual), LEAST):
            self.times[name] = self.times.get(name, 0) + 1
        else:  # what is unsteady does not become the usual
            self.times[name] = 0
            usual.append(jumps)
            del usual[:-KEPT]


@dataclass
class Plateau(Alarm):
    """Neither training nor validation has gained a per cent for a fifth of the run, with a fifth of it to come.

    For at least 20 epochs and 500 steps, and only while the rate is still high: at its end a run is meant to be level.
    """

    kind: ClassVar = "plateau"
    rate: float = 0.0
    recent: dict[str, list[float]] = field(default_factory=dict)
    best: dict[str, float] = field(default_factory=dict)
    gained_epoch: int = 0
    gained_step: int = 0

    def epoch(
        self, metrics: EpochMetrics, judged: Iterable[str], settings: Settings, quiet: bool = False
    ) -> list[Event]:
        """Judge the terms in `judged`; `rate` is to be that of the epoch's last step."""
        names = tuple(judged)
        if self._gains("training", metrics.train_terms, names) | self._gains("validation", metrics.val_terms, names):
            self.gained_epoch, self.gained_step = metrics.epoch, metrics.step
            return self._end(metrics.step, metrics.epoch)
        stale = metrics.epoch - self.gained_epoch
        long = stale >= max(STALE_EPOCHS, STALE_SHARE * metrics.total_epochs)
        long = long and metrics.step - self.gained_step >= STALE_STEPS
        left = metrics.total_epochs - metrics.epoch >= LEFT_SHARE * metrics.total_epochs
        if self.active is not None:
            return self._end(metrics.step, metrics.epoch) if quiet else []
        if quiet or not (long and left and self.rate >= AT_RATE * settings.learning_rate):
            return []
        finding = Finding(
            title=f"Level: no gain for {stale} epochs",
            explanation=f"Since epoch {self.gained_epoch} neither training nor validation has got 1 % better.",
            action="A lower learning rate (=) often finds some more; if it does not, this is what the model can do: "
            "c saves and stops",
            remedies=(*lower_rate(settings), STOP),
        )
        return self._start(finding, metrics.step, metrics.epoch)

    def _gains(self, side: str, means: Mapping[str, float], names: Iterable[str]) -> bool:
        """Take the side's level; whether its median of 5 epochs is a new best by a per cent."""
        level = geometric_mean(means[name] for name in names if name in means)
        if level is None:
            return False
        recent = self.recent.setdefault(side, [])
        recent.append(level)
        del recent[:-SMOOTHED]
        smooth = median(recent)
        if smooth < (1 - GAIN) * self.best.get(side, float("inf")):
            self.best[side] = smooth
            return True
        return False
