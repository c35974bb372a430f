"""What a curve says at one step: the exact value, or the bucket that holds the step."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from core.run.events import EpochMetrics
from core.run.link import Series
from distill_tui.axes import Points, Steps, dot_row
from distill_tui.cells import Row, Run, merged


@dataclass(frozen=True)
class Reading:
    """A curve over the steps first..last (the same for an exact value): mean, extremes, and whether NaN was there."""

    first: int
    last: int
    value: float
    minimum: float
    maximum: float
    broken: bool = False

    @property
    def exact(self) -> bool:
        """Whether it is the value of one step."""
        return self.first == self.last


def reading(series: Series | None, x: Steps, step: int) -> Reading | None:
    """The bucket of `step`, or where that is empty the nearest one of its cell on the axis; None: nothing there."""
    if series is None or not series.mean:
        return None
    cell = x.dot(step) // 2
    before, after = (x.lo + math.ceil(edge * 2 * x.span / x.dots) for edge in (cell, cell + 1))
    lowest, place, highest = ((at - series.first) // series.bucket for at in (before, step, max(before, after - 1)))
    inside = list(range(max(0, lowest), min(len(series.mean) - 1, highest) + 1))
    if 0 <= place < len(series.mean) and place not in inside:
        inside.append(place)
    broken = set(series.nonfinite)
    held = [i for i in inside if i in broken or not math.isnan(series.mean[i])]
    if not held:
        return None
    found = min(held, key=lambda i: abs(i - place))
    first = series.first + found * series.bucket
    last = min(first + series.bucket - 1, max(first, series.highest_step))
    return Reading(first, last, series.mean[found], series.minimum[found], series.maximum[found], found in broken)


def validated(epochs: Sequence[EpochMetrics], term: str, step: int) -> tuple[float, int] | None:
    """(value, epoch) of the newest validation of the term at or before `step`."""
    for epoch in reversed(epochs[: bisect_right(epochs, step, key=lambda epoch: epoch.step)]):
        if term in epoch.val_terms:
            return epoch.val_terms[term], epoch.epoch
    return None


def epoch_of(step: int, steps_per_epoch: int) -> int | None:
    """The epoch, from 1, that a step belongs to; None where epochs are not known."""
    return (max(1, step) - 1) // steps_per_epoch + 1 if steps_per_epoch > 0 else None


def stepped(x: Steps, step: int, columns: int, highest: int) -> int:
    """The first step of the cell so many columns on, and at least as many steps on; within 0..highest."""
    cell = x.dot(step) // 2 + columns
    there = x.lo + math.ceil(cell * 2 * x.span / x.dots)
    there = max(there, step + columns) if columns > 0 else min(there, step + columns)
    return max(0, min(there, highest))


def step_at(x: Steps, cell: int) -> int:
    """The middle step of a cell of the axis; where a step takes several cells, the one that lies there."""
    wide = 2 * x.span / x.dots
    middle, first = math.floor(x.lo + (cell + 0.5) * wide), math.ceil(x.lo + cell * wide)
    return max(middle, first) if first < x.lo + (cell + 1) * wide else middle


def on_line(points: Points, dot: int) -> float | None:
    """The height of the line through `points` at a column of dots; None before its start and past its end."""
    after = bisect_right(points, dot, key=lambda point: point[0])
    if after == 0:
        return points[0][1] if points and points[0][0] // 2 == dot // 2 else None
    start, low = points[after - 1]
    if after == len(points):
        return low if start // 2 == dot // 2 else None
    end, high = points[after]
    return low + (high - low) * (dot - start) / (end - start)


def crossed(rows: Sequence[Row], cell: int, dots: Sequence[tuple[float, str]] = ()) -> list[Row]:
    """The rows with a vertical line through a cell, behind the curves; `dots` are heights (0..1) to mark on it."""
    marked = {dot_row(height, 4 * len(rows)) // 4: Run("●", role) for height, role in dots if -0.001 <= height <= 1.001}
    return [_with(row, cell, marked.get(y), Run("│", "focus")) for y, row in enumerate(rows)]


def _with(row: Row, cell: int, mark: Run | None, line: Run) -> Row:
    result: list[Run] = []
    start = 0
    for run in row:
        at = cell - start
        start += len(run.text)
        if 0 <= at < len(run.text):
            own = Run(run.text[at], run.role)
            here = mark or (line if own.text == " " else own)
            result += [run._replace(text=run.text[:at]), here, run._replace(text=run.text[at + 1 :])]
        else:
            result.append(run)
    return merged(result)
