"""Many dimensions on a map of two: principal components that do not turn over from one map to the next."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Projection:
    """`points` [items, 2], float64, NaN where an item is not finite; `explained` each axis' share of the variance."""

    points: Tensor
    explained: tuple[float, float]


def project(vectors: Tensor, former: Tensor | None = None) -> Projection | None:
    """The first two principal components of `vectors` [items, dimensions], worked out on the CPU in float64.

    `former` [items, 2] are the same items on the map before (NaN where an item was not on it): the new map is turned
    and mirrored so that it lies on that one as well as can be (orthogonal Procrustes; Schönemann 1966), which keeps
    the plane and the distances. Without it the signs follow from the largest loading. None for fewer than two finite
    items. Draws no random numbers.
    """
    vectors = vectors.detach().to("cpu", torch.float64)
    finite = vectors.isfinite().all(dim=1)
    if int(finite.sum()) < 2 or vectors.shape[1] == 0:
        return None
    centred = vectors[finite] - vectors[finite].mean(dim=0)
    try:
        found = centred @ _directions(centred)
    except RuntimeError:  # torch's "failed to converge": no reason to end a training
        return None
    if found.shape[1] < 2:
        found = torch.cat([found, torch.zeros_like(found)], dim=1)
    if former is not None:
        found = _laid_on(found, former.to("cpu", torch.float64)[finite])
    total = float(centred.square().sum())
    shares = (found.square().sum(dim=0) / total).tolist() if total > 0 else [0.0, 0.0]
    points = torch.full((len(vectors), 2), torch.nan, dtype=torch.float64)
    points[finite] = found
    return Projection(points, (shares[0], shares[1]))


def _directions(centred: Tensor) -> Tensor:
    """[dimensions, 2 or 1]: the unit vectors along which the items differ most, their largest loading positive."""
    if centred.shape[1] <= len(centred):
        found = torch.linalg.eigh(centred.T @ centred).eigenvectors[:, -2:].flip(1)
    else:  # of many dimensions the items' own products are the smaller matrix
        found = centred.T @ torch.linalg.eigh(centred @ centred.T).eigenvectors[:, -2:].flip(1)
        found = torch.nn.functional.normalize(found, dim=0)
    largest = found.gather(0, found.abs().argmax(dim=0, keepdim=True))
    signed: Tensor = found * torch.where(largest < 0, -1.0, 1.0)
    return signed


def _laid_on(points: Tensor, former: Tensor) -> Tensor:
    """`points` turned and mirrored about their middle so that they lie on `former` as well as can be."""
    both = former.isfinite().all(dim=1)
    if int(both.sum()) < 2:
        return points
    here, there = points[both] - points[both].mean(dim=0), former[both] - former[both].mean(dim=0)
    left, sizes, right = torch.linalg.svd(here.T @ there)
    return points @ (left @ right) if float(sizes[0]) > 0 else points
