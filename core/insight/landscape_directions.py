"""Random directions in the space of a model's weights that are comparable between models and between layers."""

import torch
from torch import Tensor

DEPENDENT = 1e-6  # what is left of a filter beyond another, as a share of it, when it points the same way

Direction = list[Tensor]  # a tensor for each parameter, of its shape


def random_direction(weights: list[Tensor], generator: torch.Generator) -> Direction:
    """A filter-normalised direction (Li et al. 2018): each filter as long as that filter of the weights.

    A filter is what leads to one output: the first dimension's slices of a weight of two or more dimensions. A weight
    of one dimension (biases, norm gains) stays where it is, and so does a filter of zeros. At distance 1 each filter
    has moved by its own length, whatever it was scaled by: so a loss that does not depend on the scale of the filters
    looks the same however they are scaled. `generator` is on the CPU; the draws do not depend on the weights.
    """
    return [_normalised(torch.randn(w.shape, generator=generator).to(w), w) for w in weights]


def orthogonal_direction(weights: list[Tensor], to: Direction, generator: torch.Generator) -> Direction:
    """As `random_direction`, and at right angles to another one: filter by filter, so that it stays normalised.

    A filter of a single number has no second direction and stays where it is.
    """
    found = []
    for weight, first in zip(weights, to, strict=True):
        drawn = torch.randn(weight.shape, generator=generator).to(weight)
        if weight.ndim < 2:
            found.append(torch.zeros_like(weight))
            continue
        flat, along = drawn.flatten(1), first.flatten(1)
        # In double precision, or filters of a few numbers would keep a share of the first direction.
        flat, along = flat.double(), along.double()
        share = (flat * along).sum(1, keepdim=True) / along.square().sum(1, keepdim=True).clamp(min=1e-300)
        rest = flat - share * along
        rest[rest.norm(dim=1) < DEPENDENT * flat.norm(dim=1)] = 0
        found.append(_normalised(rest.view(weight.shape).to(weight), weight))
    return found


def difference(start: list[Tensor], end: list[Tensor]) -> Direction:
    """The straight way from one set of weights to another (Goodfellow et al. 2015)."""
    return [b.to(a) - a for a, b in zip(start, end, strict=True)]


def _normalised(drawn: Tensor, weight: Tensor) -> Tensor:
    if weight.ndim < 2:
        return torch.zeros_like(weight)
    filters, own = drawn.flatten(1), weight.flatten(1).norm(dim=1, keepdim=True)
    length = filters.norm(dim=1, keepdim=True)
    scaled = torch.where(length > 0, filters * (own / length.clamp(min=torch.finfo(length.dtype).tiny)), 0.0)
    return scaled.view(weight.shape)
