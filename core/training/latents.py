"""What voices of every kind do with latents: numbered draws, and the way from one to another."""

import math

import torch
from torch import Tensor

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
