"""Every loss of the symbolic VAE-GAN in one place: measured, weighted by hand or by what is learned, and named."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from core.losses.adversarial import (
    Judgement,
    discriminator_accuracy,
    discriminator_hinge,
    feature_matching,
    generator_hinge,
    r1_penalty,
)
from core.losses.balance import MultiObjectiveLossBalancer
from core.losses.feature_statistics import feature_statistics
from core.losses.framework_terms import ADVERSARIAL, GROUPS, TERMS
from core.losses.framework_total import Parts, PartWeights, balanced_total, learned_total, weighted_total
from core.losses.gradient_balance import GradientBalancer
from core.losses.kl import ACTIVE_NATS, kl_per_dimension
from core.losses.kl_schedule import AdaptiveKLScheduler, ScheduleType
from core.losses.music_constraints import MusicalConstraintLoss
from core.losses.perceptual import PerceptualReconstructionLoss
from core.losses.stabilizer import AdversarialStabilizer
from core.midi.vocabulary import SIZE
from core.run.events import TermInfo

__all__ = ["GROUPS", "LEARNED", "TERMS", "ComprehensiveLossFramework"]

# The objectives whose weights learn. The KL is not one of them: it is the other half of the bound on the likelihood
# that the reconstruction is one half of, and shares its weight. A weight of its own would come to 1 / KL, which
# minimises log KL: ever steeper the less the latent says, which is posterior collapse.
LEARNED = ("reconstruction", "adversarial_gen", "adversarial_disc", "feature_matching", "musical_constraints")


class ComprehensiveLossFramework(nn.Module):
    """All losses of specification 4, by their names; `terms` says what each means.

    Three sides, which training asks for one at a time and `forward` all at once: the model's own, what the adversary
    adds for the generator, and the discriminator's. Their totals are apart: `total_loss` never has a gradient for the
    discriminator, nor `disc_total` one for the model.

    With `use_automatic_balancing` the weights of LEARNED are learned (`balancer`, to be trained with the model); the
    constructor's weights multiply them. The discriminator's learned weight never exceeds 1: one that wins, whose loss
    is near 0, must not be driven on. With a `gradient_balancer` instead, perceptual loss, onsets and constraints have
    the shares of the gradient at the logits that their weights are of one another; it is told of a good step by the
    caller. The KL keeps its weight then, and the adversary is the stabiliser's as ever.

    `late`, 0 to 1, is what onsets and constraints count of their weights: less than 1 in a warm-up.

    The four parts may be given ready made; then the constructor's values for them are not used. Raises ValueError
    for both ways of balancing at once.
    """

    def __init__(
        self,
        vocab_size: int = SIZE,
        musical_weighting: bool = True,
        perceptual_emphasis: float = 2.0,
        beta_start: float = 0.0,
        beta_end: float = 1.0,
        kl_schedule: ScheduleType = "cyclical_linear",
        warmup_epochs: float = 10,
        adversarial_weight: float = 1.0,
        feature_matching_weight: float = 10.0,
        enable_musical_constraints: bool = True,
        constraint_weight: float = 0.1,
        use_automatic_balancing: bool = True,
        *,
        perceptual_weight: float = 1.0,
        reconstruction: PerceptualReconstructionLoss | None = None,
        scheduler: AdaptiveKLScheduler | None = None,
        constraints: MusicalConstraintLoss | None = None,
        stabilizer: AdversarialStabilizer | None = None,
        gradient_balancer: GradientBalancer | None = None,
    ) -> None:
        super().__init__()
        if use_automatic_balancing and gradient_balancer is not None:
            raise ValueError("gradient_balancer: expected none with use_automatic_balancing, which learns the weights")
        self.late = 1.0
        self.gradient_balancer = gradient_balancer
        self.adversarial_weight = adversarial_weight
        self.feature_matching_weight = feature_matching_weight
        self.perceptual_weight = perceptual_weight
        self.constraint_weight = constraint_weight
        self.reconstruction = reconstruction or PerceptualReconstructionLoss(
            vocab_size, musical_weighting, perceptual_emphasis
        )
        self.scheduler = scheduler or AdaptiveKLScheduler(beta_start, beta_end, warmup_epochs, kl_schedule)
        self.constraints = constraints or MusicalConstraintLoss(
            vocab_size, enable_constraints=enable_musical_constraints
        )
        self.stabilizer = stabilizer or AdversarialStabilizer()
        self.balancer = MultiObjectiveLossBalancer(len(LEARNED), names=LEARNED) if use_automatic_balancing else None

    def terms(self, adversarial: bool = True) -> tuple[TermInfo, ...]:
        """What is measured, with a discriminator that plays or without."""
        return tuple(term for term in TERMS if adversarial or term.name not in ADVERSARIAL)

    def forward(
        self,
        logits: Tensor,
        tokens: Tensor,
        encoder_output: Mapping[str, Tensor],
        real: Sequence[Judgement] | None = None,
        fake: Sequence[Judgement] | None = None,
        real_inputs: Sequence[Tensor] | None = None,
        mask: Tensor | None = None,
        *,
        fake_detached: Sequence[Judgement] | None = None,
    ) -> dict[str, Tensor]:
        """Every name at once. `encoder_output` holds `mu` and `logvar`; see `model_side` for them and the rest.

        With the discriminator's judgements of `real` and `fake` material there are also gen_* and disc_*; R1 asks for
        the `real_inputs` that `real` was judged from. `fake` leads back to the model. `fake_detached` is what the
        discriminator says of the same material without that way back; only with it has disc_* a gradient, and the
        discriminator's gradients of anything else are to be cleared before.
        """
        terms = self.model_side(logits, tokens, encoder_output["mu"], encoder_output["logvar"], mask=mask)
        if real is None or fake is None:
            return terms
        terms |= self.generator_side(real, fake)
        own = self.learning(real, fake, terms)
        if own is not None:  # for its gradient alone
            terms["total_loss"] = terms["total_loss"] + (own - own.detach())
        disc = self.discriminator_side(real, fake if fake_detached is None else fake_detached, real_inputs)
        return terms | (disc if fake_detached is not None else {name: term.detach() for name, term in disc.items()})

    def model_side(
        self,
        logits: Tensor,
        tokens: Tensor,
        mu: Tensor,
        logvar: Tensor,
        beta: float | None = None,
        mask: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """What the model minimises by itself, `total_loss`, and all that it is made of: scalars.

        `logits` [batch, length, 774], `tokens` [batch, length] with ABSENT for padding, `mu` and `logvar`
        [batch, latent_dim], `mask` [batch, length], bool, to leave out more. `beta` is the scheduler's unless given.
        `kl_loss` is in nats a token, as the reconstruction, so that at beta 1 the two are the bound on the likelihood.
        At beta 0 it is measured without a gradient. Rows without any token count nothing.
        """
        beta = self.scheduler.current_beta if beta is None else beta
        mask = tokens >= 0 if mask is None else mask & (tokens >= 0)
        there = mask.any(dim=1)
        count = there.sum().clamp(min=1)
        recon = self.reconstruction(logits, tokens, mask)
        # A row at the prior has no KL: so those without tokens add nothing, and the mean is over the others.
        kl_dims = kl_per_dimension(mu * there[:, None], logvar * there[:, None]) * (len(mu) / count)
        kl_loss = self.scheduler.get_kl_loss(kl_dims) * there.any() * count / mask.sum().clamp(min=1)
        kl_loss = kl_loss.detach() if beta == 0 else kl_loss
        constraints = self.constraints(logits, tokens, mask)
        wanted = recon["perceptual_reconstruction"], recon["structure_emphasis"], constraints["total"]
        total, own = self._total(Parts(*wanted, kl=beta * kl_loss if beta != 0 else None), logits)
        weights = {**self._weights(beta), **own}
        base = recon["base_reconstruction"].detach()
        right = (logits.detach().argmax(dim=-1) == tokens) & mask
        return {
            **{f"recon_{name}": term for name, term in recon.items()},
            "kl_loss": kl_loss,
            "kl_raw": kl_dims.sum(),
            "beta": _scalar(beta, base),
            **{f"constraint_{name}": term for name, term in constraints.items()},
            **{f"weight_{name}": _scalar(weight, base) for name, weight in weights.items()},
            "total_loss": total,
            "reconstruction_accuracy": right.sum() / mask.sum().clamp(min=1),
            "perplexity": base.exp(),
            "active_latent_dims": (kl_dims.detach() > ACTIVE_NATS).sum().float(),
        }

    def generator_side(self, real: Sequence[Judgement], fake: Sequence[Judgement]) -> dict[str, Tensor]:
        """What the adversary adds for the generator, from judgements of real material and of the generator's.

        - gen_adversarial: the hinge; gen_feature_matching; gen_perceptual: the same features' statistics over time.
        - gen_total: the three at their weights. gen_balanced: at the stabiliser's scale, too.
        """
        terms = {
            "gen_adversarial": generator_hinge(fake),
            "gen_feature_matching": feature_matching(real, fake),
            "gen_perceptual": feature_statistics(real, fake),
        }
        own = (self.adversarial_weight, self.feature_matching_weight, self.perceptual_weight)
        weights = self._weights(0.0)
        shares = (weights["adversarial_gen"], weights["feature_matching"], self.perceptual_weight)
        total = torch.zeros_like(terms["gen_adversarial"])
        for term, weight, share in zip(terms.values(), own, shares, strict=True):
            if weight > 0:
                total = total + share * term
        return {**terms, "gen_total": total, "gen_balanced": self.stabilizer.balanced_scale * total}

    def discriminator_side(
        self,
        real: Sequence[Judgement],
        fake: Sequence[Judgement],
        inputs: Sequence[Tensor] | None = None,
        every: int = 1,
    ) -> dict[str, Tensor]:
        """What the discriminator minimises; `fake` must be judged from material that is detached from the model.

        - disc_adversarial: the hinge. disc_regularization: R1 at `inputs`, the leaves that `real` was judged from;
          without them it is not measured. Measured at every k-th step only, it counts `every` = k times.
        - disc_total: the two at their weights. disc_balanced: 0 while the stabiliser lets the discriminator rest.
        - disc_accuracy.
        """
        loss = discriminator_hinge(real, fake)
        terms = {"disc_adversarial": loss, "disc_accuracy": discriminator_accuracy(real, fake)}
        if inputs is not None:
            terms["disc_regularization"] = r1_penalty(real, inputs)
        weighted = _at_most_one(self._learned()["adversarial_disc"]) * loss
        total = self.stabilizer.discriminator_total(weighted, terms.get("disc_regularization"), every)
        return {**terms, "disc_total": total, "disc_balanced": total * (not self.stabilizer.discriminator_rests)}

    def learning(
        self, real: Sequence[Judgement], fake: Sequence[Judgement], terms: Mapping[str, Tensor]
    ) -> Tensor | None:
        """What the balancer's weights of the adversarial objectives learn from, with no gradient for anything else.

        `terms` are those of `generator_side`. None in manual mode.
        """
        if self.balancer is None:
            return None
        with torch.no_grad():
            losses = {"adversarial_disc": discriminator_hinge(real, fake)}
        if self.adversarial_weight > 0:
            losses["adversarial_gen"] = terms["gen_adversarial"].detach()
        if self.feature_matching_weight > 0:
            losses["feature_matching"] = terms["gen_feature_matching"].detach()
        own: Tensor = self.balancer(losses)[0]
        return own

    def step_epoch(self, avg_kl: float | None = None) -> float:
        """Tell the scheduler that an epoch is over, and its raw KL in nats; returns beta from now on."""
        return self.scheduler.step(avg_kl)

    def get_state(self) -> dict[str, Any]:
        """Everything that later steps depend on, as plain values."""
        return {
            "scheduler": self.scheduler.get_state(),
            "stabilizer": self.stabilizer.get_state(),
            "log_vars": self.balancer.log_vars.tolist() if self.balancer is not None else None,
            "gradients": self.gradient_balancer.state() if self.gradient_balancer is not None else None,
        }

    @torch.no_grad()
    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `get_state()`."""
        self.scheduler.load_state(state["scheduler"])
        self.stabilizer.load_state(state["stabilizer"])
        if self.balancer is not None and state["log_vars"] is not None:
            self.balancer.log_vars.copy_(torch.tensor(state["log_vars"]))
        if self.gradient_balancer is not None and state.get("gradients"):
            self.gradient_balancer.restore(state["gradients"])

    def part_weights(self, balanced: bool = True) -> PartWeights:
        """What the parts of the model's total count but for learned weights; `balanced`: by their gradients, too."""
        structure = self.reconstruction.structure_weight if self.reconstruction.musical_weighting else 0.0
        constraints = self.constraint_weight if self.constraints.enable_constraints else 0.0
        by_hand = PartWeights(1.0, self.late * structure, self.late * constraints)
        if self.gradient_balancer is None or not balanced:
            return by_hand
        return PartWeights(**self.gradient_balancer.weights(by_hand._asdict()))

    def _total(self, parts: Parts, logits: Tensor) -> tuple[Tensor, dict[str, float | Tensor]]:
        """The model's total, and what those objectives count in it whose weights are not `_weights`' alone."""
        weights = self.part_weights()
        if self.balancer is not None:
            total, constraints = learned_total(parts, weights, self.balancer)
            return total, {"musical_constraints": constraints}
        own: dict[str, float | Tensor] = {"musical_constraints": weights.constraints}
        if self.gradient_balancer is None:
            return weighted_total(parts, weights), own
        total = balanced_total(parts, self.part_weights(balanced=False), self.gradient_balancer, logits)
        return total, {"reconstruction": weights.reconstruction, **own}

    def _weights(self, beta: float) -> dict[str, float | Tensor]:
        """What each objective counts now, but for what depends on the step's losses or on their gradients."""
        learned = self._learned()
        return {
            "reconstruction": learned["reconstruction"],
            "kl_divergence": beta * learned["reconstruction"],
            "adversarial_gen": self.adversarial_weight * learned["adversarial_gen"],
            "adversarial_disc": self.stabilizer.discriminator_loss_scale * _at_most_one(learned["adversarial_disc"]),
            "feature_matching": self.feature_matching_weight * learned["feature_matching"],
        }

    def _learned(self) -> Mapping[str, float | Tensor]:
        return dict.fromkeys(LEARNED, 1.0) if self.balancer is None else self.balancer.weights()


def _at_most_one(value: float | Tensor) -> float | Tensor:
    return value.clamp(max=1) if isinstance(value, Tensor) else min(value, 1.0)


def _scalar(value: Tensor | float, like: Tensor) -> Tensor:
    return value if isinstance(value, Tensor) else like.new_tensor(value)
