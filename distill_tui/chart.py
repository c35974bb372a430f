"""Charts as text: pure functions from `Series` to rows of braille.

A cell is 2 dots wide and 4 high. Rows are tuples of runs (text, role); a panel turns roles into colours. Steps are
mapped to dots so that a growing run moves nothing but its right end: see `steps_axis`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from core.run.link import Series

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
OVERSAMPLING = 8  # buckets asked for a dot, so that any whole number of them can make one

# Smoothing: how many dots the weight of an old value takes to fall to a third.
SMOOTHING = {"off": 0.0, "light": 4.0, "strong": 16.0}


class Run(NamedTuple):
    """Text in one style. `click` is the action that a mouse click on it runs."""

    text: str
    role: str = "text"
    click: str = ""


Row = tuple[Run, ...]


@dataclass(frozen=True)
class Steps:
    """The x axis: `dots` columns of dots show the steps lo <= step < lo + span."""

    lo: int
    span: int
    dots: int

    def dot(self, step: float) -> int:
        """The column of dots of a step; outside 0..dots-1 when the step is not shown."""
        return math.floor((step - self.lo) * self.dots / self.span)

    @property
    def hi(self) -> int:
        """The step after the last one shown."""
        return self.lo + self.span


@dataclass(frozen=True)
class Values:
    """The y axis, from `lo` at the bottom to `hi` at the top, linear or logarithmic, with its labelled `ticks`."""

    lo: float
    hi: float
    log: bool = False
    ticks: tuple[float, ...] = ()

    def height(self, value: float) -> float:
        """Where the value lies, 0 at the bottom to 1 at the top; below 0 or above 1 when it is not shown."""
        if self.log:
            return (math.log(max(value, 1e-300)) - math.log(self.lo)) / (math.log(self.hi) - math.log(self.lo))
        return (value - self.lo) / (self.hi - self.lo)


Points = list[tuple[int, float]]  # (column of dots, value) in order, one a column


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


def rounded_up(value: int) -> int:
    """The next of 1 2 ... 8, 10 12 14 16, 20 24 28 32, ...: at most a quarter above the value."""
    scale = 0
    while value > 8 << scale:
        scale += 1
    return -(-value >> scale) << scale if scale else max(1, value)


def steps_axis(newest: int, dots: int, *, span: int | None = None, lo: int | None = None) -> Steps:
    """The x axis of a run whose newest step is `newest`.

    Without `span` the whole run is shown: the axis ends where the next of a ladder of nice spans does, so the curve
    fills it from four fifths to the end before anything moves. With `span` a window follows the newest step in jumps
    of an eighth, or stays at `lo`.
    """
    dots = max(1, dots)
    if span is None:
        return Steps(0, rounded_up(max(newest + 1, 8)), dots)
    jump = max(1, span // 8)
    if lo is None:
        lo = max(0, -(-(newest + 1 - span) // jump) * jump)
    return Steps(max(0, lo), max(1, span), dots)


def values_axis(curves: Sequence[Curve], *, log: bool = False, former: Values | None = None, ticks: int = 4) -> Values:
    """The y axis that shows the curves without letting a few spikes flatten them.

    The range reaches from the 2nd to the 98th percentile; what lies no more than half a range beyond is shown as well.
    `former` is kept while the data still fit and fill more than half of it, so that the axis rarely moves.
    """
    values = sorted(value for curve in curves for _, value in curve.points if not log or value > 0)
    if not values:
        return former or (Values(0.1, 1.0, True, (0.1, 1.0)) if log else Values(0.0, 1.0, False, (0.0, 1.0)))
    low, high = values[int(0.02 * (len(values) - 1))], values[math.ceil(0.98 * (len(values) - 1))]
    if log:
        room = math.sqrt(high / low)
        low, high = max(values[0], low / room), min(values[-1], high * room)
    else:
        room = max(high - low, abs(high) * 1e-3) * 0.5
        low, high = max(values[0], low - room), min(values[-1], high + room)
    if former is not None and former.log == log and _still_fits(former, low, high):
        return former
    return _log_axis(low, high) if log else _linear_axis(low, high, ticks)


def _still_fits(former: Values, low: float, high: float) -> bool:
    bottom, top = former.height(low), former.height(high)
    return bottom >= -0.001 and top <= 1.001 and (top - bottom >= 0.5 or former.hi == former.lo)


def _linear_axis(low: float, high: float, ticks: int) -> Values:
    least = max(abs(low), abs(high)) * 0.02 or 1.0  # under 2 % the labels could not be read apart
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    unit = _nice((high - low) / max(1, ticks - 1))
    bottom, top = math.floor(low / unit + 1e-9) * unit, math.ceil(high / unit - 1e-9) * unit
    if 0 <= low < unit:
        bottom = 0.0
    steps = round((top - bottom) / unit)
    return Values(bottom, top, False, tuple(_tidy(bottom + index * unit, unit) for index in range(steps + 1)))


def _log_axis(low: float, high: float) -> Values:
    ladder = [
        m * 10.0**e for e in range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2) for m in (1, 2, 5)
    ]
    bottom = max((value for value in ladder if value <= low * 1.0001), default=low)
    top = min((value for value in ladder if value >= high * 0.9999), default=high)
    if top <= bottom:
        top = min(value for value in ladder if value > bottom)
    ticks = [value for value in ladder if bottom * 0.999 <= value <= top * 1.001]
    decades = [value for value in ticks if abs(math.log10(value) - round(math.log10(value))) < 1e-9]
    return Values(bottom, top, True, tuple(decades if len(decades) >= 3 else ticks))


def _nice(value: float) -> float:
    magnitude: float = 10.0 ** math.floor(math.log10(value))
    return next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= value * 0.999)


def _tidy(value: float, unit: float) -> float:
    return round(value, max(0, 2 - math.floor(math.log10(unit))))


def tick_label(value: float, axis: Values) -> str:
    """The tick's number with no more decimals than the axis needs, in at most seven cells."""
    if value == 0:
        return "0"
    unit = axis.ticks[1] - axis.ticks[0] if len(axis.ticks) > 1 and not axis.log else abs(value)
    if abs(value) >= 100_000 or abs(value) < 0.01:
        digits = max(0, math.floor(math.log10(abs(value)) + 1e-9) - math.floor(math.log10(unit) + 1e-9))
        return f"{value:.{digits}e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    decimals = max(0, -math.floor(math.log10(unit) + 1e-9))
    if round(unit, decimals) != round(unit, decimals + 1):
        decimals += 1
    return f"{value:.{decimals}f}"


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
        level = _level(y.height(value), canvas.height * 4)
        if 0 <= level < canvas.height * 4:
            canvas.marks[level // 4, dot // 2] = Run("◉", "best")


def _level(share: float, levels: int) -> int:
    """The row of dots of a height from 0 to 1; values beyond the range lie just outside."""
    if share > 1.001:
        return -1
    if share < -0.001:
        return levels
    return round((1 - min(1.0, max(0.0, share))) * (levels - 1))


def _line(canvas: _Canvas, points: Points, y: Values, role: str, *, dashed: bool, clear: bool) -> None:
    """A line through the points; between columns it is joined half in each, so that a steep one has no holes."""
    levels = canvas.height * 4
    limit = canvas.width * 2
    placed = [(dot, _level(y.height(value), levels)) for dot, value in points]
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


def label_column(y: Values, width: int, height: int) -> list[str]:
    """One label a row, right-aligned in `width`: each tick in its row, blank elsewhere."""
    labels = [" " * width for _ in range(height)]
    for tick in y.ticks:
        level = _level(y.height(tick), height * 4)
        if 0 <= level < height * 4:
            labels[level // 4] = tick_label(tick, y).rjust(width)[:width]
    return labels


Mark = tuple[int, str, str]  # step, character, role


def marks_row(x: Steps, width: int, marks: Sequence[Mark]) -> Row:
    """Marks at their steps in a line of their own; of those that share a cell the last is seen."""
    cells = [Run(" ", "text")] * width
    for step, character, role in marks:
        if 0 <= (cell := x.dot(step) // 2) < width:
            cells[cell] = Run(character, role)
    return merged(cells)


def axis_row(x: Steps, width: int, steps_per_epoch: int, marks: Sequence[Mark] = ()) -> Row:
    """The x axis as one line of `width` cells: epochs as numbers (steps before the first), and marks beside them."""
    cells = [Run("─", "border")] * width
    unit = steps_per_epoch if axis_unit(x, steps_per_epoch) == "epoch" else 1
    shown = x.span / unit
    gap = max(1, round(_nice(max(shown, 1e-9) / max(1, min(8, width // 10)))))
    first = -(-x.lo // (unit * gap)) * gap
    for number in range(first, math.floor(x.hi / unit) + 1, gap):
        cell = x.dot(number * unit) // 2
        label = f" {number} "
        start = max(0, cell - len(label) // 2) if cell else 0
        if start + len(label) <= width and all(run.text == "─" for run in cells[start : start + len(label)]):
            cells[start : start + len(label)] = [Run(character, "muted") for character in label]
    for step, character, role in marks:
        cell = x.dot(step) // 2
        free = (cell + offset for offset in (0, 1, -1, 2, -2) if 0 <= cell + offset < width)
        place = next((spot for spot in free if cells[spot].text in ("─", character)), None)
        if 0 <= cell < width and place is not None:
            cells[place] = Run(character, role)
    return merged(cells)


def axis_unit(x: Steps, steps_per_epoch: int) -> str:
    """What the numbers of `axis_row` count: "epoch", or "step" while less than two epochs are in view."""
    return "epoch" if 0 < 2 * steps_per_epoch <= x.span else "step"


def merged(runs: Sequence[Run]) -> Row:
    """The same cells in as few runs as can be."""
    result: list[Run] = []
    for run in runs:
        if result and result[-1].role == run.role and result[-1].click == run.click:
            result[-1] = Run(result[-1].text + run.text, run.role, run.click)
        elif run.text:
            result.append(run)
    return tuple(result)


def sparkline(series: Series, width: int, role: str = "train") -> Row:
    """One row of braille over the whole series, `width` cells wide."""
    x = steps_axis(series.highest_step, width * 2)
    curve = traced(series, x, role)
    return draw([curve], x, values_axis([curve], ticks=16), width, 1).rows[0]


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
