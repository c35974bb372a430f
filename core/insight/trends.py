"""The arithmetic behind the detectors: noise, rises and levels of short series of epoch means."""

from collections.abc import Iterable, Sequence
from math import exp, isfinite, log
from statistics import fmean, median

# The median of |x[i+1] - 2 x[i] + x[i-1]| for independent normal x of standard deviation 1: sqrt(6) * 0.6745.
MEDIAN_SECOND_DIFFERENCE = 1.652


def noise(series: Sequence[float]) -> float:
    """The standard deviation of what jumps from value to value, whatever trend lies beneath; 0 under 3 values.

    Second differences cancel a steady rise or fall, so a fast descent does not count as noise, and their median
    ignores a lone spike.
    """
    bends = [
        abs(after - 2 * here + before) for before, here, after in zip(series, series[1:], series[2:], strict=False)
    ]
    return median(bends) / MEDIAN_SECOND_DIFFERENCE if bends else 0.0


def rises_in_a_row(series: Sequence[float]) -> int:
    """How many times in a row, counted back from the end, each value was above the one before it."""
    count = 0
    for before, after in zip(series[-2::-1], series[:0:-1], strict=True):
        if after <= before:
            break
        count += 1
    return count


def geometric_mean(values: Iterable[float]) -> float | None:
    """The geometric mean of the positive finite values, None without any: no term outweighs another by its scale."""
    usable = [value for value in values if isfinite(value) and value > 0]
    return exp(fmean(log(value) for value in usable)) if usable else None
