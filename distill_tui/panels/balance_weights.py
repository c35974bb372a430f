"""How a term's weight has moved over the run, as a few cells: a warm-up, a schedule, a weight that is learned."""

import math

from core.run.link import Series
from distill_tui.axes import steps_axis

CELLS = 10
LEVELS = "▁▂▃▄▅▆▇"  # not the full cell: the line above would be touched
MOVED = 0.2  # of the largest weight: what moves by less is as good as constant


def has_moved(series: Series | None) -> bool:
    """Whether there is anything to draw: a weight that was set by hand stays where it is."""
    finite = [value for value in (series.mean if series else ()) if math.isfinite(value)]
    return bool(finite) and max(finite) - min(finite) > MOVED * max(finite)


def weight_cells(series: Series, newest: int, width: int = CELLS) -> str:
    """The weight from 0 to its largest in `width` cells, over an axis with room beyond the run's `newest` step.

    Each cell shows the mean of its steps; one that nothing was measured in holds what was before.
    """
    x = steps_axis(newest, width)
    measured: dict[int, list[float]] = {}
    for place, value in enumerate(series.mean):
        if math.isfinite(value):
            step = min(newest, series.first + place * series.bucket + series.bucket // 2)
            measured.setdefault(x.dot(step), []).append(value)
    means = {cell: math.fsum(values) / len(values) for cell, values in measured.items()}
    largest = max(means.values(), default=0.0)
    drawn, now = "", " "
    for cell in range(max(means, default=-1) + 1):
        if cell in means and largest > 0:
            now = LEVELS[min(len(LEVELS) - 1, int(means[cell] / largest * len(LEVELS)))]
        drawn += now
    return drawn.ljust(width)
