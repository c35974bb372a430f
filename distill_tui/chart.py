"""Curves as text: pure functions from `Series` to rows of braille."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from core.run.link import Series
from distill_tui.axes import Points, Steps, Values, dot_row, steps_axis, values_axis
from distill_tui.cells import Row, Run
from distill_tui.chart_canvas import RAW, Canvas

OVERSAMPLING = 8  # buckets asked for a dot, so that any whole number of them can make one

# Smoothing: how many dots the weight of an old value takes to fall to a third.
SMOOTHING = {"off": 0.0, "light": 4.0, "strong": 16.0}


@dataclass(frozen=True)
class Curve:
    """Points and how they are joined. `peaks` and `troughs` are the extremes of each column, `broken` the columns with
    NaN or infinity. Dashes tell validation apart where there is no colour; `fine` is the thin line of another run.
    """

    points: Points
    role: str
    dashed: bool = False
    peaks: tuple[tuple[int, float], ...] = ()
    broken: tuple[int, ...] = ()
    troughs: tuple[tuple[int, float], ...] = ()
    fine: bool = False


@dataclass(frozen=True)
class Drawing:
    """Rows of braille, all `width` cells wide, and what is not to be seen in them.

    `spikes` counts the columns with values far outside the axis, `hidden` those at or below 0 on a logarithmic one.
    `lines` are the points of each curve as drawn.
    """

    rows: tuple[Row, ...]
    spikes: int = 0
    hidden: int = 0
    lines: tuple[Points, ...] = ()


def traced(series: Series, x: Steps, role: str, *, dashed: bool = False, fine: bool = False, since: int = 0) -> Curve:
    """The series as it falls into the columns of the axis: means to draw, extremes and breaks to mark.

    Points begin at the column `since`.
    """
    scale, half, dots = x.dots / x.span, (series.bucket - 1) / 2, x.dots
    start, width = (series.first + half - x.lo) * scale, series.bucket * scale
    points: Points = []
    peaks: list[tuple[int, float]] = []
    troughs: list[tuple[int, float]] = []
    dot, total, count, top, bottom = -1, 0.0, 0, 0.0, 0.0
    first, last = max(0, math.floor((since - start) / width)), max(0, math.ceil((dots - start) / width) + 1)
    means, maxima, minima = series.mean[first:last], series.maximum[first:last], series.minimum[first:last]
    for index, (value, high, low) in enumerate(zip(means, maxima, minima, strict=True), first):
        if value != value:  # NaN, which an empty bucket holds
            continue
        place = start + index * width
        if not since <= place < dots:
            continue
        if (here := int(place)) != dot:
            if count:
                points.append((dot, total / count))
                peaks.append((dot, top))
                troughs.append((dot, bottom))
            dot, total, count, top, bottom = here, value, 1, high, low
        else:
            total += value
            count += 1
            top = high if high > top else top
            bottom = low if low < bottom else bottom
    if count:
        points.append((dot, total / count))
        peaks.append((dot, top))
        troughs.append((dot, bottom))
    broken = {x.dot(series.first + index * series.bucket + half) for index in series.nonfinite}
    gone = tuple(dot for dot in sorted(broken) if 0 <= dot < dots)
    return Curve(points, role, dashed, tuple(peaks), gone, tuple(troughs), fine)


def retraced(series: Series, former: Series, x: Steps, curve: Curve) -> Curve:
    """As `traced` on the axis of `curve`, which `former` gave: a run that has grown has only its end traced again."""
    count = len(former.mean) - 1  # the last bucket still grew
    same = (series.first, series.bucket) == (former.first, former.bucket) and count > 0 and all(
        new[:count] == old[:count]
        for new, old in (
            (series.mean, former.mean), (series.maximum, former.maximum), (series.minimum, former.minimum)
        )
    )  # fmt: skip
    grown = series.first + count * series.bucket
    since = max(0, x.dot(grown) - 1) if same else 0  # a column more than need be, whatever the rounding
    end = traced(series, x, curve.role, dashed=curve.dashed, fine=curve.fine, since=since)
    if not since:
        return end

    def joined(before: Iterable[tuple[int, float]], after: Iterable[tuple[int, float]]) -> Points:
        return [*(point for point in before if point[0] < since), *after]

    return replace(
        end,
        points=joined(curve.points, end.points),
        peaks=tuple(joined(curve.peaks, end.peaks)),
        troughs=tuple(joined(curve.troughs, end.troughs)),
    )


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
    """The curves over each other, the last on top, with marks: far above (▴) or below (▾), NaN (×), the best step (◉).

    `smoothing` is a reach in dots: a solid curve is then drawn smoothed, over its raw self in the role "raw" unless it
    is fine. A spike is a step that lies a whole range outside the axis; `best` is marked on the last curve.
    """
    canvas = Canvas(max(1, width), max(1, height))
    if smoothing > 0:
        for curve in curves:
            if not curve.dashed and not curve.fine:
                canvas.line(curve.points, y, RAW)
    lines = tuple(curve.points if curve.dashed else _smoothed_in(y, curve.points, smoothing) for curve in curves)
    for curve, points in zip(curves, lines, strict=True):
        canvas.line(points, y, curve.role, dashed=curve.dashed, fine=curve.fine)
        if len(points) == 1:  # a single dot is easily missed
            _mark(canvas, points[0], y, Run("•", curve.role))
    above, below, hidden = _outside(curves, y)
    for cell in {dot // 2 for dot in below | hidden}:
        canvas.marks[canvas.height - 1, cell] = Run("▾", "warning")
    for cell in {dot // 2 for dot in above}:
        canvas.marks[0, cell] = Run("▴", "warning")
    for dot in (dot for curve in curves for dot in curve.broken):
        canvas.marks[canvas.height - 1, dot // 2] = Run("×", "danger")
    if best is not None and curves:
        value = dict(curves[-1].points).get(x.dot(best))
        if value is not None:
            _mark(canvas, (x.dot(best), value), y, Run("◉", "best"))
    return Drawing(canvas.rows(), len(above | below), len(hidden), lines)


def _smoothed_in(y: Values, points: Points, reach: float) -> Points:
    """The points smoothed as they are seen, so as powers on a logarithmic axis; what is outside bends nothing."""
    if reach <= 0:
        return points
    heights = [(dot, y.height(value)) for dot, value in points]
    inside = [(dot, height) for dot, height in heights if -0.001 <= height <= 1.001]
    return [(dot, y.value(height)) for dot, height in smoothed(inside, reach)]


def _outside(curves: Sequence[Curve], y: Values) -> tuple[set[int], set[int], set[int]]:
    """Columns with values far above and far below the axis, and with values that a logarithmic one cannot show."""
    top, bottom, high, low = (y.value(share) for share in (2.0, -1.0, 1.001, -0.001))
    above = {dot for curve in curves for dot, value in curve.peaks if value > top}
    above |= {dot for curve in curves for dot, value in curve.points if value > high}
    below = {dot for curve in curves for dot, value in curve.troughs if value < bottom}
    below |= {dot for curve in curves for dot, value in curve.points if value < low}
    if not y.log:
        return above, below, set()
    hidden = {dot for curve in curves for dot, value in curve.troughs if value <= 0}
    return above, below - hidden, hidden


def _mark(canvas: Canvas, point: tuple[int, float], y: Values, mark: Run) -> None:
    dot, value = point
    row = dot_row(y.height(value), canvas.height * 4)
    if 0 <= dot // 2 < canvas.width and 0 <= row < canvas.height * 4:
        canvas.marks[row // 4, dot // 2] = mark


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
