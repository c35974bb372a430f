"""Statistics that a few odd values do not move: the trend of a curve, its noise, and which of its values are odd."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

NORMAL = 1.4826
"""Times the median absolute deviation is the standard deviation, where values are normal."""
AROUND = 15
FAR = 4.0
"""Deviations beyond which a value is odd: one in sixteen thousand of normal noise, a few in a thousand of curves."""
LEAST = 1e-9
MOST_POINTS = 400  # that slopes are taken between: 80,000 pairs


@dataclass(frozen=True)
class Trend:
    """How a curve goes: `percent` of its level every 100 steps, with jumps of `noise` per cent around it.

    `per_step` is the slope in the curve's own units. `rises` and `falls` only where it goes beyond its own noise over
    the steps that it was taken from.
    """

    per_step: float = 0.0
    percent: float = 0.0
    noise: float = 0.0
    steps: int = 0

    @property
    def rises(self) -> bool:
        """Whether it goes up beyond its noise."""
        return self.percent * self.steps / 100 > self.noise

    @property
    def falls(self) -> bool:
        """Whether it goes down beyond its noise."""
        return -self.percent * self.steps / 100 > self.noise


def trend(steps: Sequence[int], values: Sequence[float]) -> Trend:
    """The Theil-Sen line (Sen 1968): the median of the slopes between all pairs, which up to 29 % odd values leave be.

    Values that are not finite are passed over. Of more than 400 values an even choice is taken.
    """
    import numpy as np

    points = [(step, value) for step, value in zip(steps, values, strict=True) if math.isfinite(value)]
    if len(points) < 3:
        return Trend()
    points = points[:: -(-len(points) // MOST_POINTS)]
    with np.errstate(over="ignore", invalid="ignore"):
        return _theil_sen(points)


def _theil_sen(points: list[tuple[int, float]]) -> Trend:
    import numpy as np

    x, y = (np.array(side, np.float64) for side in zip(*points, strict=True))
    before, after = np.triu_indices(len(x), 1)
    apart = x[after] - x[before]
    slopes = (y[after] - y[before])[apart > 0] / apart[apart > 0]
    if not len(slopes):
        return Trend()
    slope = float(np.median(slopes))
    level = max(abs(float(np.median(y))), LEAST)
    rest = y - slope * x
    noise = NORMAL * float(np.median(np.abs(rest - np.median(rest))))
    percent, noisy = 100 * 100 * slope / level, 100 * noise / level
    if not (math.isfinite(percent) and math.isfinite(noisy)):  # of values that no float can tell apart
        return Trend()
    return Trend(slope, percent, noisy, int(x[-1] - x[0]))


def deviation(values: Sequence[float]) -> float:
    """The standard deviation by the median absolute deviation; of the finite values, 0 without any."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0.0
    middle = median(finite)
    return NORMAL * median(abs(value - middle) for value in finite)


def moments(values: Sequence[float]) -> tuple[float, float]:
    """Mean and variance of the finite values, NaN without any; infinity where they are too large for either."""
    import numpy as np

    finite = np.array([value for value in values if math.isfinite(value)], np.float64)
    if not len(finite):
        return math.nan, math.nan
    with np.errstate(over="ignore", invalid="ignore"):
        return float(finite.mean()), float(finite.var())


def outliers(values: Sequence[float]) -> list[int]:
    """The places of odd values (Hampel): further than 4 deviations from the median of the 15 on either side.

    What is not finite is always odd. A deviation is at least a thousandth of the median: a curve without any noise has
    no odd values for being round.
    """
    import numpy as np

    array: Any = np.asarray(values, np.float64)
    finite = np.isfinite(array)
    odd = ~finite
    if finite.sum() < 3:
        return [int(place) for place in np.flatnonzero(odd)]
    with np.errstate(over="ignore", invalid="ignore"):
        padded = np.pad(np.where(finite, array, np.nan), AROUND, constant_values=np.nan)
        windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * AROUND + 1)
        windows = windows[finite]
        middle = np.nanmedian(windows, axis=1)
        spread = NORMAL * np.nanmedian(np.abs(windows - middle[:, None]), axis=1)
        spread = np.maximum(spread, np.maximum(1e-3 * np.abs(middle), LEAST))
        odd[finite] = np.abs(array[finite] - middle) > FAR * spread
    return [int(place) for place in np.flatnonzero(odd)]
