"""Axes: how steps and values map to dots, where the ticks are, and how they read.

Steps are mapped to dots so that a growing run moves nothing but its right end: see `steps_axis`.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from distill_tui.cells import Row, Run, merged

Points = list[tuple[int, float]]  # (column of dots, value) in order, one a column


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


def rounded_up(value: int) -> int:
    """The next rung of a ladder: 8 12 16 24 32 48 ... 512, then 640 768 896 1024, 1280 ...: a quarter at most apart.

    A young run outgrows its span every few seconds, and each time all of its charts are drawn anew: there the rungs
    are further apart.
    """
    octave = 1 << max(3, (value - 1).bit_length() - 1)
    rungs = 4 if octave >= 512 else 2
    return max(octave, -(-value * rungs // octave) * octave // rungs)


def steps_axis(newest: int, dots: int, *, span: int | None = None, lo: int | None = None) -> Steps:
    """The x axis of a run whose newest step is `newest`.

    Without `span` the whole run is shown: the axis ends at the next rung of a ladder of spans, so the curve grows
    from two thirds (later four fifths) of it to its end before anything moves. With `span` a window follows the
    newest step in jumps of an eighth, or stays at `lo`.
    """
    dots = max(1, dots)
    if span is None:
        return Steps(0, rounded_up(max(newest + 1, 8)), dots)
    jump = max(1, span // 8)
    if lo is None:
        lo = max(0, -(-(newest + 1 - span) // jump) * jump)
    return Steps(max(0, lo), max(1, span), dots)


def values_axis(curves: Iterable[Points], *, log: bool = False, former: Values | None = None, ticks: int = 4) -> Values:
    """The y axis that shows the curves without letting a few spikes flatten them.

    The range reaches from the 2nd to the 98th percentile; what lies no more than half a range beyond is shown as well.
    `former` is kept while the data still fit and fill two fifths of it, so that the axis rarely moves.
    """
    values = sorted(value for points in curves for _, value in points if not log or value > 1e-30)
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
    return bottom >= -0.001 and top <= 1.001 and (top - bottom >= 0.4 or former.hi == former.lo)


def _linear_axis(low: float, high: float, ticks: int) -> Values:
    least = max(abs(low), abs(high)) * 0.02 or 1.0  # under 2 % the labels could not be read apart
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    air = (high - low) * 0.1  # so that the next few values do not move the axis
    from_zero = 0 <= low <= (high - low) / 8
    low, high = 0.0 if from_zero else max(0.0, low - air) if low >= 0 else low - air, high + air
    unit = _nice((high - low) / max(1, ticks - 1))
    while len(marks := _multiples(unit, low, high)) < 2:
        unit = _nice(unit * 0.4)
    fine = unit / 5
    bottom, top = math.floor(low / fine + 1e-9) * fine, math.ceil(high / fine - 1e-9) * fine
    return Values(bottom, top, False, tuple(marks))


def _multiples(unit: float, low: float, high: float) -> list[float]:
    first, last = math.ceil(low / unit - 1e-9), math.floor(high / unit + 1e-9)
    return [_tidy(index * unit, unit) for index in range(first, last + 1)]


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


def dot_row(share: float, levels: int) -> int:
    """The row of dots of a height from 0 to 1; values beyond the range lie just outside."""
    if share > 1.001:
        return -1
    if share < -0.001:
        return levels
    return round((1 - min(1.0, max(0.0, share))) * (levels - 1))


def label_column(y: Values, width: int, height: int) -> list[str]:
    """One label a row, right-aligned in `width`: each tick in its row, blank elsewhere."""
    labels = [" " * width for _ in range(height)]
    for tick in y.ticks:
        row = dot_row(y.height(tick), height * 4)
        if 0 <= row < height * 4:
            labels[row // 4] = tick_label(tick, y).rjust(width)[:width]
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
