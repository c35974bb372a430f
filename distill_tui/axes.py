"""Axes: how steps and values map to dots, where the ticks are, and how they read.

Steps are mapped to dots so that a growing run moves nothing but its right end: see `steps_axis`.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from distill_tui.cells import Row, Run, merged

Points = list[tuple[int, float]]  # (column of dots, value) in order, one a column
NO_MARKS: Mapping[int, Run] = MappingProxyType({})


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

    def value(self, height: float) -> float:
        """The value that lies at a height: the other way round."""
        if self.log:
            return math.exp(math.log(self.lo) + (math.log(self.hi) - math.log(self.lo)) * height)
        return self.lo + (self.hi - self.lo) * height


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
    narrowest = not former.log and former.hi - former.lo <= 1.6 * _least_range(low, high)
    return bottom >= -0.001 and top <= 1.001 and (top - bottom >= 0.4 or narrowest)


def _least_range(low: float, high: float) -> float:
    """Under 2 % of the values their labels could not be read apart."""
    return max(abs(low), abs(high)) * 0.02 or 1.0


def _linear_axis(low: float, high: float, ticks: int) -> Values:
    least = _least_range(low, high)
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
    """The tick's number with no more decimals than the axis needs; see `tick_labels` for how long it gets."""
    if value == 0:
        return "0"
    unit = axis.ticks[1] - axis.ticks[0] if len(axis.ticks) > 1 and not axis.log else abs(value)
    size = abs(value) if axis.log else max(abs(value), *(abs(tick) for tick in axis.ticks))  # all in one style
    if size >= 100_000 or size < 0.01:
        power = math.floor(math.log10(abs(value)) + 1e-9)
        digits = _decimals(unit / 10.0**power)
        return f"{value:.{digits}e}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")
    return f"{value:.{_decimals(unit)}f}"


def _decimals(unit: float) -> int:
    """Decimals that tell multiples of `unit` apart."""
    decimals = max(0, -math.floor(math.log10(unit) + 1e-9))
    return decimals + (abs(round(unit, decimals) - unit) > unit * 1e-6)


def tick_labels(axis: Values, width: int) -> tuple[list[str], str]:
    """The ticks' labels in at most `width` cells, and the factor "×1e-12" that they share where they were longer."""
    labels = [tick_label(tick, axis) for tick in axis.ticks]
    if axis.log or all(len(label) <= width for label in labels):
        return labels, ""
    power = math.floor(math.log10(max(abs(tick) for tick in axis.ticks)) + 1e-9)
    scale = 10.0**power
    scaled = Values(axis.lo / scale, axis.hi / scale, False, tuple(tick / scale for tick in axis.ticks))
    return [tick_label(tick, scaled) for tick in scaled.ticks], f"×1e{power}"


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
    texts, factor = tick_labels(y, width)
    for tick, text in zip(y.ticks, texts, strict=True):
        row = dot_row(y.height(tick), height * 4)
        if 0 <= row < height * 4:
            labels[row // 4] = text.rjust(width)[:width]
    if factor:
        free = next((row for row, label in enumerate(labels) if not label.strip()), height - 1)
        labels[free] = factor.rjust(width)[:width]
    return labels


def axis_row(x: Steps, width: int, steps_per_epoch: int, marks: Mapping[int, Run] = NO_MARKS) -> Row:
    """The x axis as one line of `width` cells: epochs as numbers (steps before the first), and marks by their cells.

    A mark stands beside a number rather than on it.
    """
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
    for cell, mark in marks.items():
        free = (cell + offset for offset in (0, 1, -1, 2, -2) if 0 <= cell + offset < width)
        place = next((spot for spot in free if cells[spot].text == "─"), None)
        if 0 <= cell < width and place is not None:
            cells[place] = mark
    return merged(cells)


def axis_unit(x: Steps, steps_per_epoch: int) -> str:
    """What the numbers of `axis_row` count: "epoch", or "step" while less than two epochs are in view."""
    return "epoch" if 0 < 2 * steps_per_epoch <= x.span else "step"
