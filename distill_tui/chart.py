"""Curves as text: pure functions from `Series` to rows of braille, in which a cell is 2 dots wide and 4 high."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from core.run.link import Series
from distill_tui.axes import Points, Steps, Values, dot_row, steps_axis, values_axis
from distill_tui.cells import Row, Run

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
OVERSAMPLING = 8  # buckets asked for a dot, so that any whole number of them can make one

# Smoothing: how many dots the weight of an old value takes to fall to a third.
SMOOTHING = {"off": 0.0, "light": 4.0, "strong": 16.0}


@dataclass(frozen=True)
class Curve:
    """Points and how they are joined. `spikes` and `broken` are columns with outliers and with NaN or infinity.

    Dashes tell curves apart where there is no colour.
    """

    points: Points
    role: str
    dashed: bool = False
    peaks: tuple[tuple[int, float], ...] = ()
    broken: tuple[int, ...] = ()


@dataclass(frozen=True)
class Drawing:
    """Rows of braille, all `width` cells wide, and how many columns had spikes too high for them."""

    rows: tuple[Row, ...]
    spikes: int = 0


def traced(series: Series, x: Steps, role: str, *, dashed: bool = False) -> Curve:
    """The series as it falls into the columns of the axis: means to draw, peaks and breaks to mark."""
    sums, counts, peaks = [0.0] * x.dots, [0] * x.dots, [-math.inf] * x.dots
    scale, half = x.dots / x.span, (series.bucket - 1) / 2
    start, width = (series.first + half - x.lo) * scale, series.bucket * scale
    for index, (value, peak) in enumerate(zip(series.mean, series.maximum, strict=True)):
        place = start + index * width
        if value == value and 0 <= place < x.dots:  # not NaN, which an empty bucket holds
            dot = int(place)
            sums[dot] += value
            counts[dot] += 1
            if peak > peaks[dot]:
                peaks[dot] = peak
    points = [(dot, sums[dot] / count) for dot, count in enumerate(counts) if count]
    tops = tuple((dot, peaks[dot]) for dot, count in enumerate(counts) if count)
    broken = {x.dot(series.first + index * series.bucket + half) for index in series.nonfinite}
    return Curve(points, role, dashed, tops, tuple(dot for dot in sorted(broken) if 0 <= dot < x.dots))


def smoothed(points: Points, reach: float) -> Points:
    """The mean of an exponential average from the left and one from the right, so that the curve does not lag.

    `reach` is the number of dots over which a value's weight falls to a third; 0 leaves the points as they are.
    """
    if reach <= 0 or not points:
        return list(points)
    forward, backward = _average(points, reach), _average(points[::-1], reach)[::-1]
    return [(dot, (left + right) / 2) for (dot, _), left, right in zip(points, forward, backward, strict=True)]


def _average(points: Points, reach: float) -> list[float]:
    result: list[float] = []
    total = weight = 0.0
    before = points[0][0]
    for dot, value in points:
        keep = math.exp(-max(1, abs(dot - before)) / reach)
        total, weight, before = total * keep + value * (1 - keep), weight * keep + (1 - keep), dot
        result.append(total / weight)
    return result


@dataclass
class _Canvas:
    """Dots and the role of each cell; later strokes take a cell's colour."""

    width: int
    height: int
    dots: list[list[int]] = field(default_factory=list)
    roles: list[list[str]] = field(default_factory=list)
    marks: dict[tuple[int, int], Run] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.dots = [[0] * self.width for _ in range(self.height)]
        self.roles = [[""] * self.width for _ in range(self.height)]

    def stroke(self, x: int, top: int, bottom: int, role: str, *, clear: bool = False) -> None:
        """Dots of column `x` from `top` to `bottom` (0 is the highest); `clear` takes a cell from the raw curve."""
        cell = x // 2
        for y in range(max(0, top), min(self.height * 4 - 1, bottom) + 1):
            row = y // 4
            if clear and self.roles[row][cell] == "raw" != role:
                self.dots[row][cell] = 0
            self.dots[row][cell] |= DOTS[y % 4][x % 2]
            self.roles[row][cell] = role

    def rows(self) -> tuple[Row, ...]:
        return tuple(self._row(y) for y in range(self.height))

    def _row(self, y: int) -> Row:
        runs: list[Run] = []
        text, role = "", ""
        for x in range(self.width):
            mark = self.marks.get((y, x))
            character = mark.text if mark else chr(0x2800 + self.dots[y][x]) if self.dots[y][x] else " "
            here = mark.role if mark else self.roles[y][x]
            if character == " ":
                here = role
            if here != role and text:
                runs.append(Run(text, role or "text"))
                text = ""
            text, role = text + character, here
        return (*runs, Run(text, role or "text"))


def draw(
    curves: Sequence[Curve],
    x: Steps,
    y: Values,
    width: int,
    height: int,
    *,
    smoothing: float = 0.0,
    best: int | None = None,
) -> Drawing:
    """The curves over each other, the last on top, with marks for spikes (▴), NaN (×) and the best step (◉).

    `smoothing` is a reach in dots: a solid curve is then drawn smoothed, over its raw self in the role "raw". A spike
    is a step that lies a whole range above the axis; `best` is marked on the last curve.
    """
    canvas = _Canvas(max(1, width), max(1, height))
    solid = [curve for curve in curves if not curve.dashed]
    if smoothing > 0:
        for curve in solid:
            _line(canvas, curve.points, y, "raw", dashed=False, clear=False)
    for curve in curves:
        line = curve.points if curve.dashed else smoothed(curve.points, smoothing)
        _line(canvas, line, y, curve.role, dashed=curve.dashed, clear=smoothing > 0)
    spikes = {dot for curve in curves for dot, value in curve.peaks if y.height(value) > 2}
    spikes |= {dot for curve in curves for dot, value in curve.points if y.height(value) > 1.001}
    for dot in spikes:
        canvas.marks[0, dot // 2] = Run("▴", "warning")
    for dot in (dot for curve in curves for dot in curve.broken):
        canvas.marks[canvas.height - 1, dot // 2] = Run("×", "danger")
    if best is not None and curves:
        _mark_best(canvas, curves[-1].points, x.dot(best), y)
    return Drawing(canvas.rows(), len(spikes))


def _mark_best(canvas: _Canvas, points: Points, dot: int, y: Values) -> None:
    value = dict(points).get(dot)
    if value is not None and 0 <= dot // 2 < canvas.width:
        row = dot_row(y.height(value), canvas.height * 4)
        if 0 <= row < canvas.height * 4:
            canvas.marks[row // 4, dot // 2] = Run("◉", "best")


def _line(canvas: _Canvas, points: Points, y: Values, role: str, *, dashed: bool, clear: bool) -> None:
    """A line through the points; between columns it is joined half in each, so that a steep one has no holes."""
    levels = canvas.height * 4
    limit = canvas.width * 2
    placed = [(dot, dot_row(y.height(value), levels)) for dot, value in points]
    for index, (dot, level) in enumerate(placed):
        if index == 0:
            canvas.stroke(dot, level, level, role, clear=clear)
            continue
        before, start = placed[index - 1]
        span = dot - before
        previous = start
        for column in range(before + 1, dot + 1):
            here = round(start + (level - start) * (column - before) / span)
            if column < limit and not (dashed and column // 2 % 4 == 3):
                top, bottom = min(previous, here), max(previous, here)
                middle = (top + bottom) // 2
                upper, lower = (column, column - 1) if here == top else (column - 1, column)
                canvas.stroke(upper, top, middle, role, clear=clear)
                if bottom > top:
                    canvas.stroke(lower, middle + 1, bottom, role, clear=clear)
            previous = here


def sparkline(series: Series, width: int, role: str = "train") -> Row:
    """One row of braille over the whole series, `width` cells wide."""
    x = steps_axis(series.highest_step, width * 2)
    curve = traced(series, x, role)
    return draw([curve], x, values_axis([curve.points], ticks=16), width, 1).rows[0]


def trend(series: Series, share: float = 0.2) -> str:
    """Where the curve has been going lately: "↓", "↑", "→", or "" before there is enough to say."""
    values = [value for value in series.mean if math.isfinite(value)]
    length = max(2, int(len(values) * share))
    if len(values) < 2 * length:
        return ""
    before, lately = math.fsum(values[-2 * length : -length]) / length, math.fsum(values[-length:]) / length
    noise = max(abs(before), abs(lately), 1e-12) * 0.01
    if abs(lately - before) < noise:
        return "→"
    return "↓" if lately < before else "↑"
