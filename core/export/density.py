"""How to draw a latent without this program: the density of the training latents as plain numbers."""

from typing import Any

import torch
from torch import Tensor

from core.models.density import BANDWIDTH

DIGITS = 7
PREFIX = "density."


def drawing(weights: dict[str, Tensor]) -> dict[str, Any]:
    """The numbers of `LatentDensity.sample`, from a state dict that has one.

    A new latent, flattened, is mean + temperature * p @ directions, where p = (1 - bandwidth^2)^0.5 * points[any] +
    bandwidth * spread * noise, and the noise is standard normal. Before the density was fitted it is the prior.
    """
    points, count = weights[f"{PREFIX}points"], int(weights[f"{PREFIX}count"])
    center, basis, scale = (weights[f"{PREFIX}components.{name}"] for name in ("center", "basis", "scale"))
    if not count:
        size = len(center)
        return _plain(torch.zeros(size), torch.eye(size), torch.zeros(1, size), torch.ones(size), 1.0)
    found = basis.any(dim=1)
    known = points[:count, found]
    return _plain(center, basis[found] * scale[found, None], known, known.std(dim=0, correction=0), BANDWIDTH)


def _plain(mean: Tensor, directions: Tensor, points: Tensor, spread: Tensor, bandwidth: float) -> dict[str, Any]:
    tables = {"mean": mean, "directions": directions, "points": points, "spread": spread}
    return {"bandwidth": bandwidth, **{name: _rounded(table.tolist()) for name, table in tables.items()}}


def _rounded(values: Any) -> Any:
    """Seven digits: what a float32 has."""
    return [_rounded(value) for value in values] if isinstance(values, list) else float(f"{values:.{DIGITS}g}")
