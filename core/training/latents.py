"""What voices of every kind do with latents: numbered draws, the way from one to another, and one dimension turned."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from core.models.density import LatentDensity

SEED_STEP = 1_000_003  # from the first draw of one seed to that of the next


def numbered_seed(seed: int, number: int) -> int:
    """The generator seed of a seed's draw of that number, the same however many are drawn."""
    return (seed * SEED_STEP + number) % 2**63


def between(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Along the great circle from one latent to another, `share` (0 to 1) of the way, each taken as one vector.

    The straight line leads nearer to the middle than any material lies, where there is its average (White 2016,
    "Sampling Generative Networks"). It is taken where the two point the same or opposite ways.
    """
    lengths = float(start.norm() * end.norm())
    cosine = float((start * end).sum()) / lengths if lengths > 0 else 1.0
    angle = math.acos(max(-1.0, min(1.0, cosine)))
    if math.sin(angle) < 1e-3:
        return torch.lerp(start, end, share)
    return (math.sin((1 - share) * angle) * start + math.sin(share * angle) * end) / math.sin(angle)


@dataclass(frozen=True)
class Material:
    """Where the latents of the training material lie in each dimension: what a dimension is turned by.

    `middle` [latent, positions] is their mean, one position for a latent that stands for a whole; `spread` [latent] is
    their standard deviation from it, over all items and positions, 0 for a dimension in which all are alike. Where a
    dimension stands is counted in spreads from the middle, of a sequence by its mean over the positions; turned, all of
    these move by the same, so that what happens along the sequence stays.
    """

    middle: Tensor
    spread: Tensor

    @classmethod
    def of(cls, density: LatentDensity, dimensions: int) -> "Material":
        """As a model's density remembers it; before that was fitted, the prior."""
        known = int(density.count)
        if not known:
            return cls(torch.zeros(dimensions, len(density.components.center) // dimensions), torch.ones(dimensions))
        latents = density.components.synthesize(density.points[:known]).view(known, dimensions, -1)
        middle = latents.mean(dim=0)
        return cls(middle, (latents - middle).square().mean(dim=(0, 2)).sqrt())

    def standing(self, latent: Tensor) -> tuple[float, ...]:
        """Where each dimension of a latent [1, latent(, positions)] stands, in spreads from the middle."""
        away = _positions(latent).mean(dim=1) - self.middle.mean(dim=1)
        return tuple(torch.where(self.spread > 0, away / self.spread, 0.0).tolist())

    def turned(self, latent: Tensor, to: Mapping[int, float]) -> Tensor:
        """The latent with these dimensions, counted from 0, at so many spreads from the middle; the rest as it is."""
        moved = latent.clone()
        standing = self.standing(latent)
        for dimension, place in to.items():
            moved[:, dimension] += (place - standing[dimension]) * self.spread[dimension]
        return moved


def _positions(latent: Tensor) -> Tensor:
    """[latent, positions] of a latent [1, latent(, positions)]."""
    return latent[0] if latent.ndim == 3 else latent[0, :, None]
