"""What a generator and a discriminator play for: judgements in, totals and named terms out."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from core.losses.adversarial import (
    Judgement,
    discriminator_accuracy,
    discriminator_hinge,
    feature_matching,
    generator_hinge,
    r1_penalty,
)
from core.losses.stabilizer import AdversarialStabilizer
from core.run.events import TermInfo

TERMS = (
    TermInfo("gen_adversarial", "fooling", "adversarial", judged=False,
             help="How far the model's sound is from passing as real: 0 passes, 1 is even, above 1 it is found out."),
    TermInfo("gen_feature_matching", "features", "adversarial", judged=False,
             help="How far the model is from the original in what the discriminator listens to. Lower is closer."),
    TermInfo("disc_adversarial", "disc loss", "adversarial", judged=False,
             help="The discriminator's own loss: 2 knows nothing, 0 is never wrong. Neither end is good; between is."),
    TermInfo("disc_regularization", "disc R1", "adversarial", judged=False,
             help="How steep the discriminator is at real sounds. It is held down so that the model can follow."),
    TermInfo("disc_accuracy", "disc accuracy", "adversarial", judged=False,
             help="How often the discriminator is right: 0.5 is guessing, 1 always. Too near to 1 it rests a while."),
)  # fmt: skip


class GeneratorSide(NamedTuple):
    """What the generator plays for: only the slope of `pull` at its output counts, at the stabiliser's weight.

    `own` is added to the generator's total as it is, for loss weights that learn; None for a game without them.
    """

    pull: Tensor
    terms: dict[str, Tensor]
    own: Tensor | None = None


class DiscriminatorSide(NamedTuple):
    """What the discriminator minimises, and the terms that it comes from."""

    total: Tensor
    terms: dict[str, Tensor]


class Game(Protocol):
    """The rules that an opponent plays by. `terms` are all the names that either side reports.

    `weighted` are those of the generator's terms that its `pull` is made of.
    """

    terms: tuple[TermInfo, ...]
    weighted: tuple[str, ...]
    stabilizer: AdversarialStabilizer

    def generator(self, real: Sequence[Judgement], fake: Sequence[Judgement]) -> GeneratorSide:
        """The generator's side. `real` comes without a gradient; `fake` leads back to the generator's output."""

    def discriminator(
        self, real: Sequence[Judgement], fake: Sequence[Judgement], inputs: Sequence[Tensor] | None, every: int
    ) -> DiscriminatorSide:
        """The discriminator's side. With `inputs`, the leaves that `real` was judged from, R1 is measured, as it is at
        every `every`-th step only."""

    def weights(self, terms: Mapping[str, float]) -> Mapping[str, float]:
        """What each of `weighted` counts in the generator's `pull` at the step that measured `terms`."""

    def weigh(self, adversarial: float, feature_matching: float) -> None:
        """Take over live changes of the weights."""


class HingeGame:
    """Hinge losses, feature matching once, and R1. See `Game`."""

    def __init__(self, stabilizer: AdversarialStabilizer, feature_matching_weight: float) -> None:
        self.terms: tuple[TermInfo, ...] = TERMS
        self.weighted: tuple[str, ...] = ("gen_adversarial", "gen_feature_matching")
        self.stabilizer = stabilizer
        self._feature_matching_weight = feature_matching_weight

    def generator(self, real: Sequence[Judgement], fake: Sequence[Judgement]) -> GeneratorSide:
        terms = {"gen_adversarial": generator_hinge(fake), "gen_feature_matching": feature_matching(real, fake)}
        pull = terms["gen_adversarial"]
        if self._feature_matching_weight > 0:
            pull = pull + self._feature_matching_weight * terms["gen_feature_matching"]
        return GeneratorSide(pull, terms)

    def discriminator(
        self, real: Sequence[Judgement], fake: Sequence[Judgement], inputs: Sequence[Tensor] | None, every: int
    ) -> DiscriminatorSide:
        loss = discriminator_hinge(real, fake)
        terms = {"disc_adversarial": loss, "disc_accuracy": discriminator_accuracy(real, fake)}
        if inputs is not None:
            terms["disc_regularization"] = r1_penalty(real, inputs)
        total = self.stabilizer.discriminator_total(loss, terms.get("disc_regularization"), every)
        return DiscriminatorSide(total, terms)

    def weights(self, terms: Mapping[str, float]) -> Mapping[str, float]:
        return dict(zip(self.weighted, (1.0, self._feature_matching_weight), strict=True))

    def weigh(self, adversarial: float, feature_matching: float) -> None:
        self.stabilizer.generator_loss_scale = adversarial
        self._feature_matching_weight = feature_matching
