"""Gradients that explode, vanish or come in spikes, by the norm of each step; the part of the model is named."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import exp, isfinite, log
from statistics import median, median_low
from typing import ClassVar

from core.insight.alarm import Alarm, Finding
from core.insight.remedies import STOP, Settings, figure, go_back, lower_rate, set_to
from core.run.events import AlertStarted, Event, StepMetrics

FIRST_STEPS = 20
FIRST_SPREAD = 10.0
"""First values that are further above their median than batches of single sounds differ belong to an explosion."""
EXPLODED = 10.0
FAR = 50.0
"""Loss terms that join in raise the gradient as well, but by less."""
VANISHED = 1e-4
"""A model that has learned all there is still has gradients of a tenth or a hundredth: batches differ."""
LEAST = 1e-12
CALM = 3.0
SMOOTHED = 20

WINDOW = 100
SPIKE = 20.0
SPIKES = 10
"""In a hundred steps: a quiet sound's spectrum makes a few, in a run of the demo six, and clipping takes them."""
CALM_SPIKES = 5

CUT_OFF = 1e-7
"""Of the whole gradient, what float32 still tells from nothing."""
MEASURED = 3

CLIP = "regularization.gradient_clip_norm"
EXPLODE = "Gradients explode"


@dataclass
class Gradient(Alarm):
    """The norm of the whole gradient, over about 20 steps, far above or below that of the first 20.

    `level` is the moving mean of its logarithm: a lone spike is no explosion.
    """

    kind: ClassVar = "gradient"
    first: list[float] = field(default_factory=list)
    level: float = 0.0
    steps: int = 0

    def step(self, metrics: StepMetrics, settings: Settings, quiet: bool = False) -> list[Event]:
        """Take a step; `quiet` says that a better name for the trouble is on screen."""
        norm = metrics.grad_norm
        if metrics.skipped or norm < 0 or not isfinite(norm) or (norm == 0 and not self.first):
            return []
        if len(self.first) < FIRST_STEPS and (not self.first or norm <= FIRST_SPREAD * median_low(self.first)):
            self.first.append(norm)
        self.steps += 1
        limit = max(EXPLODED * max(self.first), FAR * median_low(self.first))
        typical = median_low(self.first)
        self.level += (log(max(norm, LEAST * typical)) - self.level) / min(self.steps, SMOOTHED)
        if self.steps < FIRST_STEPS:
            return []
        recent = exp(self.level)
        exploded, vanished = recent > limit, recent < VANISHED * typical
        if self.active is not None:
            calm = 10 * VANISHED * typical <= recent <= limit / CALM
            return self._end(metrics.step, metrics.epoch) if calm or quiet else []
        if quiet or not (exploded or vanished):
            return []
        finding = self._exploded(recent, settings) if exploded else self._vanished(recent, settings)
        return self._start(finding, metrics.step, metrics.epoch)

    def _exploded(self, recent: float, settings: Settings) -> Finding:
        typical = median_low(self.first)
        return Finding(
            title=EXPLODE,
            explanation=f"They are {recent / typical:.0f} times what they were in the first steps "
            f"({figure(typical)}): each batch throws the model in another direction.",
            action="Take a lower learning rate (=); if that does not help, go back to before it began",
            severity="danger",
            remedies=(*lower_rate(settings, 0.1), go_back(settings, 0.1), STOP),
        )

    def _vanished(self, recent: float, settings: Settings) -> Finding:
        return Finding(
            title="Gradients vanish: nothing is learned any more",
            explanation=f"They have fallen from {figure(median_low(self.first))} in the first steps to "
            f"{figure(recent)}.",
            action="Go back to before it began, or save and stop (c): more steps change nothing",
            remedies=(go_back(settings), STOP),
        )


@dataclass
class Spikes(Alarm):
    """More than 10 of the last 100 gradients stand more than 20 times above their median; over at 5."""

    kind: ClassVar = "spikes"
    norms: list[float] = field(default_factory=list)

    def step(self, metrics: StepMetrics, settings: Settings, quiet: bool = False) -> list[Event]:
        """Take a step; `quiet` while a better name for the trouble is on screen."""
        if metrics.skipped or not isfinite(metrics.grad_norm):
            return []
        if quiet:  # what stands there has another name, and is not to be counted once that is over
            self.norms.clear()
            return self._end(metrics.step, metrics.epoch)
        self.norms.append(metrics.grad_norm)
        del self.norms[:-WINDOW]
        half = len(self.norms) // 2
        # Of both halves, or a gradient that grows or shrinks for good would leave spikes behind.
        typical = max(median(self.norms[:half] or self.norms), median(self.norms[half:]))
        spikes = sum(norm > SPIKE * typical for norm in self.norms) if typical > 0 else 0
        if self.active is not None:
            return self._end(metrics.step, metrics.epoch) if spikes <= CALM_SPIKES else []
        if len(self.norms) < WINDOW or spikes <= SPIKES or metrics.grad_norm > SPIKE * typical:
            return []
        limit = settings.number(CLIP)
        tighter = (
            (set_to(CLIP, "at most", typical, "Limit the gradient to what is usual"),) if 0 < typical < limit else ()
        )
        finding = Finding(
            title=f"Gradients in spikes: {spikes} of the last {WINDOW} steps",
            explanation=f"They stand at {figure(typical)} as a rule and jump to {figure(max(self.norms))}: some "
            "batches undo what the others teach.",
            action="Take a lower learning rate (=) or a lower limit of the gradient, regularization.gradient_clip_norm",
            remedies=(*tighter, *lower_rate(settings), STOP),
        )
        return self._start(finding, metrics.step, metrics.epoch)

    def forget(self) -> None:
        """Count from none again, or the very same spikes are found anew."""
        super().forget()
        self.norms.clear()


@dataclass
class CutOff(Alarm):
    """Parts of the model that no gradient has reached in the last 3 measurements; over when it reaches all.

    Parts behind a layer that began at zero see next to nothing while that hardly moves, which `quiet` says.
    """

    kind: ClassVar = "cut off"
    times: dict[str, int] = field(default_factory=dict)

    def step(self, metrics: StepMetrics, settings: Settings, quiet: bool = False) -> list[Event]:
        """Take a step's "norm/PART", if it measured them; `quiet` while a better name for the trouble is on screen."""
        norms = measured(metrics, "norm/")
        if not norms:
            return []
        whole = max(norms.values())
        for part, norm in norms.items():
            self.times[part] = self.times.get(part, 0) + 1 if norm <= CUT_OFF * whole else 0
        cut = [part for part, times in self.times.items() if times >= MEASURED]
        if self.active is not None:
            return self._end(metrics.step, metrics.epoch) if quiet or not cut else []
        if quiet or not cut or whole == 0:
            return []
        finding = Finding(
            title=f"No gradient reaches the {spoken(cut[0])}",
            explanation=f"The other parts of the model learn; {' and '.join(map(spoken, cut))} cannot: what comes "
            "after has stopped answering to it.",
            action="Go back to before it began; if it comes back, train again at a lower learning rate",
            remedies=(go_back(settings), STOP),
        )
        return self._start(finding, metrics.step, metrics.epoch)


def located(event: Event, parts: Mapping[str, float]) -> Event:
    """The event as it is told: an explosion with the part of the model whose norm is the largest in `parts`.

    What is remembered of it goes without: parts are measured as time allows, and no resume repeats that.
    """
    where = max(parts, key=lambda part: parts[part], default="")
    if not where or not isinstance(event, AlertStarted) or event.title != EXPLODE:
        return event
    return replace(event, title=f"{event.title}, most of all in the {spoken(where)}")


def measured(metrics: StepMetrics, prefix: str) -> dict[str, float]:
    """What the step measured of each part: the finite extras that begin with `prefix`, such as "norm/"."""
    found = {name.removeprefix(prefix): value for name, value in metrics.extras.items() if name.startswith(prefix)}
    return {part: value for part, value in found.items() if isfinite(value)}


def spoken(part: str) -> str:
    """A part of the model as a person calls it: "encoder.log_variance" is the encoder's log variance."""
    whole, _, name = part.partition(".")
    return f"{whole}'s {name.replace('_', ' ').replace('.', ' ')}" if name else whole.replace("_", " ")
