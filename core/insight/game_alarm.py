"""A discriminator that always wins, or never does: then the model learns nothing from it."""

from dataclasses import dataclass
from math import isfinite
from typing import ClassVar

from core.insight.alarm import Alarm, Finding
from core.insight.remedies import OPPONENTS_RATE, Settings, set_to
from core.run.events import Event, StepMetrics

WEIGHT = "adversarial.weight"

SMOOTHED = 50
PATIENCE = 200
"""Steps before anything is said: a discriminator begins by guessing and then often wins for a while."""
WINS, WON_BACK = 0.98, 0.93
"""It is made to rest above 0.9, so that it stays above this only if the model makes no headway even then."""
GUESSES, KNOWS = 0.52, 0.55
CLUELESS = 1.9
"""A hinge loss of 2 knows nothing. One that never learned may be right a little more often by chance."""
GAINED = 0.015
"""Of its own loss, since the first 50 steps: one that learns slowly wins this much before it is right more often."""
MOST_RATE = 1.0


@dataclass
class Adversary(Alarm):
    """The discriminator is right more than 98 % of the time, or no more often than a guess, over about 50 steps.

    One that loses is judged by its own loss as well: where that goes down it is still learning.
    """

    kind: ClassVar = "adversary"
    steps: int = 0
    accuracy: float = 0.0
    loss: float = 0.0
    first_loss: float = 0.0

    def step(self, metrics: StepMetrics, settings: Settings) -> list[Event]:
        """Take a step's `disc_accuracy` and `disc_adversarial`, where the discriminator plays."""
        accuracy, loss = metrics.terms.get("disc_accuracy"), metrics.terms.get("disc_adversarial")
        if metrics.skipped or accuracy is None or loss is None or not (isfinite(accuracy) and isfinite(loss)):
            return []
        self.steps += 1
        share = 1 / min(self.steps, SMOOTHED)
        self.accuracy += share * (accuracy - self.accuracy)
        self.loss += share * (loss - self.loss)
        if self.steps == PATIENCE // 4:
            self.first_loss = self.loss
        if self.active is not None:
            in_play = KNOWS < self.accuracy < WON_BACK and self.loss < CLUELESS
            return self._end(metrics.step, metrics.epoch) if in_play else []
        if self.steps < PATIENCE:
            return []
        if self.accuracy > WINS:
            return self._start(self._wins(settings), metrics.step, metrics.epoch)
        clueless = self.accuracy < GUESSES or self.loss > CLUELESS
        if clueless and self.loss > (1 - GAINED) * self.first_loss:
            return self._start(self._guesses(settings), metrics.step, metrics.epoch)
        return []

    def _wins(self, settings: Settings) -> Finding:
        rate = settings.number(OPPONENTS_RATE)
        return Finding(
            title=f"The discriminator wins: right {self.accuracy:.0%} of the time",
            explanation="It tells the model's output from real without fail, so that its judgement no longer says in "
            "which direction better lies.",
            action="Take a lower adversarial.learning_rate (=), or a lower adversarial.weight",
            remedies=(set_to(OPPONENTS_RATE, "at most", rate / 2, "Halve the discriminator's rate"),) if rate else (),
        )

    def _guesses(self, settings: Settings) -> Finding:
        rate, weight = settings.number(OPPONENTS_RATE), settings.number(WEIGHT)
        remedies = []
        if 0 < 2 * rate <= MOST_RATE:
            remedies.append(set_to(OPPONENTS_RATE, "at least", 2 * rate, "Double the discriminator's rate"))
        if weight:
            remedies.append(set_to(WEIGHT, "at most", 0.0, "Leave the discriminator out"))
        return Finding(
            title=f"The discriminator only guesses: right {self.accuracy:.0%} of the time",
            explanation=f"After {self.steps} steps it tells the model's output from real hardly better than a coin "
            "does, and is not getting better: it has nothing to teach.",
            action="Take a higher adversarial.learning_rate (=), or do without it: adversarial.weight at 0",
            remedies=tuple(remedies),
        )
