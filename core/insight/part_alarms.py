"""What the parts of the model tell, where a step measured them: steps too large or small, units that are dead."""

from dataclasses import dataclass
from statistics import median
from typing import ClassVar

from core.insight.alarm import Alarm, Finding
from core.insight.gradient_alarms import measured, spoken
from core.insight.remedies import RATE, Settings, figure, go_back, lower_rate, set_to
from core.run.events import Event, StepMetrics

TOO_FAR = 0.05
"""Of the weights' own size, moved in one step, by half of the model's parts. A thousandth is usual; Adam's first steps
go to a hundredth, and those of weights that begin at zero to any size, which is why the middle part is judged."""
TOO_NEAR = 1e-5
"""At the base rate: at this pace the weights need all of a run's steps to change by a per cent or so."""
MEASURED = 2

DEAD = 0.5
DEAD_AGAIN = 0.3


@dataclass
class Updates(Alarm):
    """The middle part of the model moves by more than 5 % of its size in a step, or twice in a row hardly at all.

    How far it moves grows with the rate, so a small move is judged as if the base rate held: warm-up and annealing are
    meant to be small.
    """

    kind: ClassVar = "updates"
    near: int = 0

    def step(self, metrics: StepMetrics, settings: Settings, quiet: bool = False) -> list[Event]:
        """Take a step's "update/PART", if it measured them; `quiet` while a better name is on screen."""
        moves = measured(metrics, "update/")
        if not moves or metrics.learning_rate <= 0:
            return []
        move = median(moves.values())
        at_base = move * max(1.0, settings.learning_rate / metrics.learning_rate)
        self.near = self.near + 1 if at_base < TOO_NEAR else 0
        far = move > TOO_FAR
        if self.active is not None:
            return self._end(metrics.step, metrics.epoch) if quiet or not (far or self.near) else []
        if quiet or not (far or self.near >= MEASURED):
            return []
        finding = self._too_far(move, settings) if far else self._too_near(at_base, settings)
        return self._start(finding, metrics.step, metrics.epoch)

    def _too_far(self, move: float, settings: Settings) -> Finding:
        return Finding(
            title=f"The steps are too large: {move:.0%} of the weights at once",
            explanation=f"A step moves the model's weights by {move:.0%} of their size, where a thousandth is usual: "
            "it cannot keep what it has learned.",
            action="Take a far lower learning rate (=)",
            severity="danger",
            remedies=(*lower_rate(settings, 0.1), go_back(settings, 0.1)),
        )

    def _too_near(self, move: float, settings: Settings) -> Finding:
        now, higher = settings.learning_rate, min(10 * settings.learning_rate, settings.most_rate)
        words = "Take ten times the learning rate" if higher == 10 * now else "Raise the learning rate"
        faster = set_to(RATE, "at least", higher, words, safe=False)
        return Finding(
            title="The steps are too small: the model hardly moves",
            explanation=f"A step moves the weights by {figure(move)} of their size, where a thousandth is usual: "
            f"{1 / max(move, 1e-30):.0e} steps would be needed to learn anything."
            if move
            else "The weights do not move at all.",
            action="Raise the learning rate (=)",
            remedies=(faster,) if now < higher <= 1 else (),
        )


@dataclass
class DeadUnits(Alarm):
    """Half of the units of a part say nothing, whatever comes in, twice in a row; over under 30 %."""

    kind: ClassVar = "dead"
    times: int = 0

    def step(self, metrics: StepMetrics, settings: Settings) -> list[Event]:
        """Take a step's "dead/PART", if it measured them."""
        dead = measured(metrics, "dead/")
        if not dead:
            return []
        worst = max(dead, key=lambda part: dead[part])
        self.times = self.times + 1 if dead[worst] >= DEAD else 0
        if self.active is not None:
            return self._end(metrics.step, metrics.epoch) if dead[worst] < DEAD_AGAIN else []
        if self.times < MEASURED:
            return []
        finding = Finding(
            title=f"Dead units: {dead[worst]:.0%} of the {spoken(worst)}",
            explanation=f"{dead[worst]:.0%} of the units in the {spoken(worst)} give nothing, whatever comes in, "
            "and what gives nothing learns nothing. Steps that were too large often leave them so.",
            action="Go back to before it began, at a lower rate; if it was always so, train again at a lower one",
            remedies=(go_back(settings), *lower_rate(settings)),
        )
        return self._start(finding, metrics.step, metrics.epoch)
