"""What each dimension of the latent says, as it went: a row of shades a dimension, a column a stretch of epochs."""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from core.run.events import EpochMetrics
from distill_tui.axes import Steps, rounded_up

ACTIVE_NATS = 0.1  # core.losses.kl.ACTIVE_NATS, which cannot be imported without torch
FULL_NATS = 10.0
LOWEST_ACTIVE = 0.2  # the shade of a dimension that has just become active, apart from those that are not
SAMPLES = 4  # epochs looked at for a column, so that drawing costs the same however many there are


def shade(nats: float) -> float:
    """0 for an inactive dimension, from 0.2 at 0.1 nats up to 1 at 10 nats or more by the logarithm; NaN stays."""
    if nats != nats:
        return nats
    if nats <= ACTIVE_NATS:
        return 0.0
    height = math.log(nats / ACTIVE_NATS) / math.log(FULL_NATS / ACTIVE_NATS)
    return min(1.0, LOWEST_ACTIVE + (1 - LOWEST_ACTIVE) * height)


def strip(epochs: Sequence[EpochMetrics], x: Steps, width: int, rows: int, *, ended: bool) -> list[list[float]]:
    """Shades [row][column], NaN where nothing is known yet; those that say most are on top.

    Of more dimensions than `rows` neighbours share a row (their mean); of fewer each gets as many rows as fit. The
    order is that of the newest epoch once the run has `ended`; until then it is renewed only when the time axis moves
    on, so that an epoch adds a column and nothing else changes.
    """
    known = [epoch for epoch in epochs if epoch.kl_per_dimension]
    if not known or width < 1 or rows < 1:
        return []
    order = ordered(known, x, ended)
    columns = [_column(known, x, width, column, len(order)) for column in range(width)]
    if len(order) > rows:
        groups = [order[row * len(order) // rows : (row + 1) * len(order) // rows] for row in range(rows)]
    else:
        groups = [(dimension,) for dimension in order for _ in range(rows // len(order))]
    return [
        [shade(math.fsum(column[d] for d in group) / len(group)) if column else math.nan for column in columns]
        for group in groups
    ]


def ordered(epochs: Sequence[EpochMetrics], x: Steps, ended: bool) -> tuple[int, ...]:
    """The dimensions, those that say most first, as of the epoch in which the axis took its present span."""
    place = len(epochs) - 1
    if not ended:
        place = min(place, bisect_left(epochs, x.span, key=lambda epoch: rounded_up(max(epoch.step + 1, 8))))
    nats = epochs[place].kl_per_dimension
    newest = len(epochs[-1].kl_per_dimension)
    nats = nats if len(nats) == newest else epochs[-1].kl_per_dimension
    return tuple(sorted(range(newest), key=lambda d: -nats[d] if nats[d] == nats[d] else math.inf))


def _column(epochs: Sequence[EpochMetrics], x: Steps, width: int, column: int, dimensions: int) -> tuple[float, ...]:
    """The mean KL of each dimension over the epochs under way in the column's steps; empty where there are none."""
    start, end = x.lo + column * x.span / width, x.lo + (column + 1) * x.span / width
    if start >= epochs[-1].step:
        return ()
    first = bisect_right(epochs, start, key=lambda epoch: epoch.step)
    last = min(len(epochs) - 1, bisect_left(epochs, end, key=lambda epoch: epoch.step))
    apart = max(1, (last - first + 1) // SAMPLES)
    found = [epochs[index].kl_per_dimension for index in range(first, last + 1, apart)]
    found = [nats for nats in found if len(nats) == dimensions]
    return tuple(math.fsum(nats) / len(found) for nats in zip(*found, strict=True))
