"""Figures of the machine laid out in columns: a line each with a bar or a curve, or each with a chart of its own."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from core.run.link import Series
from core.run.state import RunState
from distill_tui.axes import Steps, Values, steps_axis
from distill_tui.cells import Row, Run
from distill_tui.chart import Curve, draw, traced
from distill_tui.panels.curves import newest_step
from distill_tui.panels.frame import beside, fit, spread
from distill_tui.system_figures import Figure

STRETCH_S = 300.0  # what the curves show
FEWEST_STEPS = 64
NARROWEST = 24  # cells of a column of figures
WIDE = 100  # cells from which there is a second column though one would do
GAP = 3
LABEL = 13
BAR, SHORTEST_BAR = 16, 4
SHORTEST_CURVE = 12
LOWEST_CHART = 4  # lines of a figure that is drawn as a chart
ROOMY = 5  # lines that all of them have in one more column, for which it is worth it
LEAST_SCALED = 30  # cells of one from which there is room for its scale


def stretch(state: RunState, dots: int) -> Steps:
    """The last five minutes or so of steps, in a span that hardly ever changes; all of a run that is younger."""
    step = state.step
    seconds = step.elapsed_s / step.step if step is not None and step.step > 0 else 0.0
    steps = STRETCH_S / seconds if seconds > 0 else FEWEST_STEPS
    span = max(FEWEST_STEPS, 1 << round(math.log2(max(1.0, steps))))
    whole = steps_axis(newest_step(state), dots)
    return whole if whole.span <= span else steps_axis(newest_step(state), dots, span=span)


def shape(count: int, width: int, lines: int) -> tuple[int, int]:
    """(columns, lines of each) for so many figures: all are seen if that can be, as large as can be."""
    most = max(1, (width + GAP) // (NARROWEST + GAP))
    columns = next((c for c in range(1, most + 1) if -(-count // c) <= lines), most)
    if width >= WIDE and count > 1:
        columns = max(columns, 2)
    tall = lines // max(1, -(-count // columns))
    more = columns + 1
    taller = lines // max(1, -(-count // more))
    if count > columns and tall < LOWEST_CHART and (width - GAP * columns) // more >= LEAST_SCALED and taller >= ROOMY:
        columns, tall = more, taller  # else most of a tall, narrow screen stays empty
    return columns, tall if tall >= LOWEST_CHART else 1


def figure_rows(
    figures: Sequence[Figure], curves: Mapping[str, Series], state: RunState, width: int, lines: int, *, dim: bool
) -> tuple[list[Row], int]:
    """The figures in at most `lines` rows of `width` cells, one column after the other; and how many found no room.

    `curves` holds their histories by name. With `dim` they are of a run that is over.
    """
    columns, tall = shape(len(figures), width, lines)
    per_column = min(max(0, lines) // tall, -(-len(figures) // columns))
    spare = lines - tall * per_column if tall > 1 else 0  # the first ones are a line taller
    heights = [tall + (place < spare) for place in range(per_column)]
    each = (width - GAP * (columns - 1)) // columns
    tops = [len(figure.text(figure.top(curves.get(figure.name)))) for figure in figures]
    scale = max(tops, default=0) + 1 if each >= LEAST_SCALED else 0
    gap: Row = (Run(" " * GAP),)
    blocks: list[list[Row]] = []
    for first in range(0, per_column * columns, max(1, per_column)):
        column = figures[first : min(first + per_column, per_column * columns)]
        values = max((len(figure.value) for figure in column), default=0)
        rows = [
            fit(row, each)
            for figure, height in zip(column, heights, strict=False)
            for row in _figure(figure, curves.get(figure.name), state, each, height, values, scale, dim)
        ]
        blocks += [[gap] * sum(heights)] if blocks else []
        blocks.append([*rows, *[fit((), each)] * (sum(heights) - len(rows))])
    return beside(blocks) if blocks else [], max(0, len(figures) - per_column * columns)


def _figure(
    figure: Figure, series: Series | None, state: RunState, width: int, tall: int, values: int, scale: int, dim: bool
) -> list[Row]:
    """One figure in `tall` lines: in one, bar and curve stand between label and value; in more, a chart below them.

    The chart stands beside the top and the bottom of its axis, in `scale` cells.
    """
    wrong = figure.role != "text" and not dim
    label, value = Run(figure.label, "muted"), Run(figure.value, figure.role if wrong else "muted" if dim else "strong")
    role = "raw" if dim else figure.role if wrong else "bar"
    if tall > 1:
        room = width - scale
        chart = _curve(figure, series, stretch(state, 2 * room), room, tall - 2, role)
        ends = {0: figure.text(figure.top(series)), tall - 3: "0"} if tall > 3 else {}
        marked = ((Run(ends.get(y, "").rjust(scale - 1)[: scale - 1] + " ", "muted"), *line) if scale else line
                  for y, line in enumerate(chart))  # fmt: skip
        return [spread((label,), (value,), width), *marked, (Run(" " * scale), Run("─" * room, "track"))]
    room = width - LABEL - values - 1
    if room < SHORTEST_BAR:
        return [spread((label,), (value,), width)]
    curve = room - BAR - GAP
    if curve >= SHORTEST_CURVE:
        line = _curve(figure, series, stretch(state, 2 * curve), curve, 1, role)[0]
        drawn: Row = (*_bar(figure, BAR, role), Run(" " * GAP), *line)
    elif figure.full is None and room >= SHORTEST_CURVE:
        drawn = _curve(figure, series, stretch(state, 2 * room), room, 1, role)[0]
    else:
        drawn = _bar(figure, min(room, BAR), role)
    return [(*fit((label,), LABEL), *fit(drawn, room), Run(f"{'':{values + 1 - len(figure.value)}}"), value)]


def _curve(figure: Figure, series: Series | None, x: Steps, width: int, lines: int, role: str) -> list[Row]:
    """How the figure went, from 0 at the bottom to the top of its axis."""
    curve = replace(traced(series, x, role), peaks=()) if series is not None else Curve([], role)
    return list(draw([curve], x, Values(0.0, figure.top(series)), width, lines).rows)


def _bar(figure: Figure, width: int, role: str) -> Row:
    """How much of its full value the figure is; blank for one that has none."""
    if figure.full is None:
        return (Run(" " * width),)
    halves = round(min(1.0, max(0.0, figure.now / figure.full)) * width * 2)
    full, half = divmod(halves, 2)
    return Run("━" * full + "╸" * half, role), Run("─" * (width - full - half), "track")
