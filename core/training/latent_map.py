"""The validation material on a map: which files' latents lie near each other, told at the end of an epoch."""

import logging
import math

import torch

from core.insight.projection import project
from core.run.events import EpochMetrics, LatentMap
from core.training.recipe import Recipe
from core.training.validation import Validation

log = logging.getLogger(__name__)

MOST_ITEMS = 256
SHARE_BETWEEN = 0.02
"""Maps are told no closer than this share of the run's time so far: a run of thousands of short epochs keeps some
hundred maps, and not more of them than of everything else."""
DIGITS = 4  # of a coordinate; a screen shows two


class LatentMaps:
    """Makes the maps of one session, each laid on the one before, so that a person can follow a sound."""

    def __init__(self) -> None:
        self._former: torch.Tensor | None = None
        self._told_at: float | None = None

    def of(self, recipe: Recipe, metrics: EpochMetrics, validation: Validation, last: bool = False) -> LatentMap | None:
        """The map of the epoch that `metrics` tells of; None when there is none, or the last is new enough.

        Of more than 256 items an even choice is shown. `last` says that no other epoch follows.
        """
        if validation.latents is None or not (last or self._is_due(metrics.elapsed_seconds)):
            return None
        names, latents = recipe.validation_names, validation.latents
        if len(names) != len(latents):
            log.warning("no map of the latents: %d items, but %d names", len(latents), len(names))
            return None
        most = min(len(names), MOST_ITEMS)
        shown = [number * len(names) // most for number in range(most)]
        projection = project(latents[shown], self._former)
        if projection is None:
            return None
        self._former, self._told_at = projection.points, metrics.elapsed_seconds
        decimals = _decimals(projection.points)
        placed = [
            (names[item], round(x, decimals), round(y, decimals))
            for item, (x, y) in zip(shown, projection.points.tolist(), strict=True)
            if math.isfinite(x)
        ]
        named, x, y = zip(*placed, strict=True)
        explained = (round(projection.explained[0], DIGITS), round(projection.explained[1], DIGITS))
        return LatentMap(metrics.epoch, metrics.step, named, x, y, explained)

    def _is_due(self, elapsed: float) -> bool:
        return self._told_at is None or elapsed - self._told_at >= SHARE_BETWEEN * elapsed


def _decimals(points: torch.Tensor) -> int:
    """So many decimals keep DIGITS digits of the largest coordinate."""
    largest = float(points.nan_to_num().abs().max())
    return DIGITS - 1 - math.floor(math.log10(largest)) if largest > 0 else DIGITS
