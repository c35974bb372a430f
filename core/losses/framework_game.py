"""The loss framework as the rules that an opponent plays by."""

from collections.abc import Mapping, Sequence

from torch import Tensor

from core.losses.adversarial import Judgement
from core.losses.framework import ComprehensiveLossFramework
from core.losses.framework_terms import ADVERSARIAL, TERMS
from core.losses.framework_weights import GENERATOR, generator_weights
from core.losses.game import DiscriminatorSide, GeneratorSide
from core.run.events import TermInfo


class FrameworkGame:
    """See `core.losses.game.Game`. Both sides are the framework's own, and so are its stabiliser and weights."""

    def __init__(self, framework: ComprehensiveLossFramework) -> None:
        self.terms: tuple[TermInfo, ...] = tuple(term for term in TERMS if term.name in ADVERSARIAL)
        self.weighted: tuple[str, ...] = GENERATOR
        self.framework = framework
        self.stabilizer = framework.stabilizer

    def generator(self, real: Sequence[Judgement], fake: Sequence[Judgement]) -> GeneratorSide:
        terms = self.framework.generator_side(real, fake)
        return GeneratorSide(terms["gen_total"], terms, self.framework.learning(real, fake, terms))

    def discriminator(
        self, real: Sequence[Judgement], fake: Sequence[Judgement], inputs: Sequence[Tensor] | None, every: int
    ) -> DiscriminatorSide:
        terms = self.framework.discriminator_side(real, fake, inputs, every)
        return DiscriminatorSide(terms["disc_total"], terms)

    def weights(self, terms: Mapping[str, float]) -> Mapping[str, float]:
        return generator_weights(self.framework, terms)

    def weigh(self, adversarial: float, feature_matching: float) -> None:
        # What the adversary counts altogether is the stabiliser's; within it, fooling keeps its weight.
        self.stabilizer.generator_loss_scale = adversarial
        self.framework.feature_matching_weight = feature_matching
