"""What the model minimises by itself: the framework's parts at weights by hand, learned, or by their gradients."""

from typing import NamedTuple

import torch
from torch import Tensor

from core.losses.balance import MultiObjectiveLossBalancer
from core.losses.gradient_balance import GradientBalancer

TINY = 1e-8


class Parts(NamedTuple):
    """Scalars, unweighted but for `kl`, which has its weight already; None where it has none."""

    reconstruction: Tensor
    structure: Tensor
    constraints: Tensor
    kl: Tensor | None


class PartWeights(NamedTuple):
    """What each part but the KL counts. What is 0 stays out of the total."""

    reconstruction: float
    structure: float
    constraints: float


def weighted_total(parts: Parts, weights: PartWeights) -> Tensor:
    """The parts at their weights."""
    total = _bound(parts, weights)
    return total + weights.constraints * parts.constraints if weights.constraints > 0 else total


def learned_total(
    parts: Parts, by_hand: PartWeights, balancer: MultiObjectiveLossBalancer
) -> tuple[Tensor, Tensor | float]:
    """The parts at learned weights, and what the constraints count in it.

    The bound on the likelihood is one objective, KL and onsets included, and the constraints are another. They are
    wishes, not data: their learned weight, which counts `by_hand` times, is held down so that they never come to more
    than that share of the bound.
    """
    bound = _bound(parts, by_hand)
    total, weights = balancer({"reconstruction": bound})
    if by_hand.constraints == 0:
        return total, 0.0
    own, learned = balancer({"musical_constraints": parts.constraints.detach()})
    limit = (weights["reconstruction"] * bound / parts.constraints.clamp(min=TINY)).detach()
    weight = torch.minimum(learned["musical_constraints"], limit)
    pull = weight * parts.constraints
    return total + by_hand.constraints * (own + pull - pull.detach()), by_hand.constraints * weight


def balanced_total(parts: Parts, by_hand: PartWeights, balancer: GradientBalancer, logits: Tensor) -> Tensor:
    """The parts at the weights that give each its share of the gradient at `logits`; the KL never reaches them."""
    losses = {name: getattr(parts, name) for name in PartWeights._fields}
    total = balancer.total(losses, by_hand._asdict(), logits)
    return total if parts.kl is None else total + parts.kl


def _bound(parts: Parts, weights: PartWeights) -> Tensor:
    bound = parts.reconstruction
    if weights.structure > 0:
        bound = bound + weights.structure * parts.structure
    return bound if parts.kl is None else bound + parts.kl
