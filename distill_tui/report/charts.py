"""Charts of a run as plain numbers that the page draws: curves, bands, ticks, and what the pointer reads.

A chart is drawn in a box of 1000 by `height`, stretched to whatever the page is wide; places along it that hold text
or marks are percentages, so that those keep their size.
"""

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from core.run.events import TermInfo
from core.run.link import Series
from distill_tui.axes import Values, tick_labels, values_axis
from distill_tui.format import clean, count, number
from distill_tui.report import paths
from distill_tui.report.marks import Mark, Placed, placed
from distill_tui.report.record import Record

WIDTH = 1000
TALL, LOW = 240, 132  # pixels
LOG_FROM = 30.0  # from which ratio of the largest to the smallest value the axis is logarithmic
X_TICKS = 8
LABEL_CELLS = 6
LABEL_PIXELS = 20
CROSSES = 30
PLACES_TALL, PLACES_LOW = 90, 36


@dataclass(frozen=True)
class Curve:
    """A line of a chart through (step, value); `low` and `high` are the least and the largest around each."""

    name: str
    role: str
    points: tuple[tuple[float, float], ...]
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    bad: tuple[float, ...] = ()  # steps at which it was not finite

    @property
    def last(self) -> float | None:
        """Its newest value; NaN where that is not finite."""
        if self.bad and (not self.points or self.bad[-1] >= self.points[-1][0]):
            return math.nan
        return self.points[-1][1] if self.points else None


@dataclass(frozen=True)
class Tick:
    """A labelled place: `at` is in pixels from the top, or in percent from the left."""

    label: str
    at: str
    anchor: str = "middle"


@dataclass(frozen=True)
class Shape:
    """A path and the role that colours it; `kind` is "line", "line point" (a line of one), "band" or "area"."""

    kind: str
    role: str
    path: str


@dataclass(frozen=True)
class Chart:
    """Everything that the page draws. `data` is JSON for the pointer; `summary` says the chart in a sentence."""

    key: str
    title: str
    help: str
    height: int
    shapes: tuple[Shape, ...]
    y_ticks: tuple[Tick, ...]
    x_ticks: tuple[Tick, ...]
    x_unit: str
    note: str = ""
    now: tuple[tuple[str, str, str], ...] = ()  # role, name where it is not the title, value
    marks: tuple[Placed, ...] = ()
    bad: tuple[str, ...] = ()
    summary: str = ""
    data: str = ""
    group: str = field(default="", compare=False)


def curve(series: Series, name: str, role: str) -> Curve:
    """A curve of the means in each bucket."""
    points, low, high = [], [], []
    for place, mean in enumerate(series.mean):
        if math.isfinite(mean):
            points.append((_middle(series, place), mean))
            low.append(series.minimum[place])
            high.append(series.maximum[place])
    bad = tuple(_middle(series, place) for place in series.nonfinite)
    return Curve(name, role, tuple(points), tuple(low), tuple(high), bad)


def term_chart(record: Record, term: TermInfo, marks: Sequence[Mark], *, tall: bool = False) -> Chart | None:
    """A term's chart, training and validation; None for one that was never measured."""
    train = curve(record.curve(term.name), "train", "train")
    validation = curve(record.curve(f"val/{term.name}"), "validation", "validation")
    # An epoch's mean is about its whole bucket's; a band around it would say nothing.
    validation = Curve("validation", "validation", validation.points, bad=validation.bad)
    return drawn(record, term.name, term.label, [train, validation], marks, help=term.help, group=term.group, tall=tall)


def drawn(
    record: Record,
    key: str,
    title: str,
    curves: Iterable[Curve],
    marks: Sequence[Mark] = (),
    *,
    help: str = "",
    group: str = "",
    tall: bool = False,
    y: Values | None = None,
) -> Chart | None:
    """A chart of some curves over the run's steps; None where there is nothing to draw. `y`: what it reaches over."""
    curves = [each for each in curves if each.points or each.bad]
    if not curves:
        return None
    height = TALL if tall else LOW
    newest = record.newest
    y = y or y_axis([[value for _, value in each.points] for each in curves], 5 if tall else 3)

    def place(step: float, value: float) -> tuple[float, float]:
        share = y.height(value) if not y.log or value > 0 else -1.0
        return min(step, newest) / newest * WIDTH, height * (1 - min(4.0, max(-3.0, share)))

    shapes = []
    for each in curves:
        if each.low and each.low != each.high:
            upper = [place(step, top) for (step, _), top in zip(each.points, each.high, strict=True)]
            lower = [place(step, bottom) for (step, _), bottom in zip(each.points, each.low, strict=True)]
            shapes.append(Shape("band", each.role, paths.band(upper, lower)))
    for each in curves:
        kind = "line" if len(each.points) != 1 else "line point"
        shapes.append(Shape(kind, each.role, paths.line([place(*point) for point in each.points])))
    labels, factor = tick_labels(y, LABEL_CELLS)
    ticks = apart(
        [Tick(label, paths.written(height * (1 - y.height(at)))) for at, label in zip(y.ticks, labels, strict=True)]
    )
    return Chart(
        key, clean(title), clean(help), height, tuple(shapes), ticks, *x_axis(record),
        note=" · ".join(filter(None, ("× not finite" if any(each.bad for each in curves) else "",
                                      "logarithmic" if y.log else "", factor))),
        now=tuple((each.role, "" if each.name == title else each.name, number(each.last)) for each in curves),
        marks=tuple(placed(marks, newest, PLACES_TALL if tall else PLACES_LOW)),
        bad=tuple(f"{share:.1%}" for share in sorted({_coarse(step / newest) for each in curves for step in each.bad})),
        summary=_summary(title, curves), data=pointer_data(curves), group=group,
    )  # fmt: skip


def x_axis(record: Record) -> tuple[tuple[Tick, ...], str]:
    """The labelled places of the x axis, and what they count: "epoch", or "step" for less than two epochs."""
    newest, each = record.newest, record.state.started.steps_per_epoch if record.state.started else 0
    unit, size = ("epoch", each) if 0 < 2 * each <= newest else ("step", 1)
    amount = newest / size
    gap = max(1, _nice(amount / X_TICKS))
    ticks: list[Tick] = []
    for value in range(0, math.floor(amount) + 1, gap):
        share = value / amount
        if share > 0.985 and ticks and amount - value < 0.4 * gap and value != amount:
            continue
        anchor = "start" if share < 0.02 else "end" if share > 0.97 else "middle"
        ticks.append(Tick(count(value), f"{share:.2%}", anchor))
    return tuple(ticks), unit


def y_axis(values: Iterable[Sequence[float]], ticks: int) -> Values:
    """An axis for the values; logarithmic where they are all above 0 and span more than `LOG_FROM`."""
    columns = [list(enumerate(each)) for each in values]
    known = [value for points in columns for _, value in points]
    log = bool(known) and min(known) > 0 and max(known) > LOG_FROM * min(known)
    return values_axis(columns, log=log, ticks=ticks)


def apart(ticks: Sequence[Tick]) -> tuple[Tick, ...]:
    """The ticks, from the bottom up, without those whose labels would touch the one before."""
    kept: list[Tick] = []
    for tick in ticks:
        if not kept or float(kept[-1].at) - float(tick.at) >= LABEL_PIXELS:
            kept.append(tick)
    return tuple(kept)


def pointer_data(curves: Sequence[Curve], *, percent: bool = False) -> str:
    """JSON for the pointer: each curve's name, steps, values (null: not finite), the least and largest around them."""
    rows: list[dict[str, Any]] = []
    for each in curves:
        known: dict[float, tuple[float, ...] | None] = dict.fromkeys(each.bad)
        banded = bool(each.low) and each.low != each.high
        for place, (step, value) in enumerate(each.points):
            known[step] = (value, each.low[place], each.high[place]) if banded else (value,)
        found = [known[step] for step in sorted(known)]
        row = {"name": each.name, "steps": [int(step) for step in sorted(known)]}
        for place, name in enumerate(("values", "low", "high") if banded else ("values",)):
            row[name] = [None if values is None else _short(values[place]) for values in found]
        rows.append(row)
    return json.dumps({"percent": percent, "rows": rows}, separators=(",", ":"), allow_nan=False)


def _middle(series: Series, place: int) -> float:
    """The middle step of a bucket, as far as it is filled."""
    start = series.first + place * series.bucket
    end = min(start + series.bucket - 1, max(start, series.highest_step))
    return (start + end) / 2


def _summary(title: str, curves: Sequence[Curve]) -> str:
    told = []
    for each in curves:
        if each.points:
            values = [value for _, value in each.points]
            told.append(
                f"{each.name} from {number(values[0])} to {number(values[-1])}, "
                f"between {number(min(values))} and {number(max(values))}"
            )
        if each.bad:
            told.append(f"{each.name} not finite around step {count(round(each.bad[0]))}")
    return f"{clean(title)}: {'; '.join(told)}."


def _nice(value: float) -> int:
    """The next of 1, 2, 5, 10, 20, ..."""
    power = int(10 ** math.floor(math.log10(max(value, 1.0))))
    return next(rung * power for rung in (1, 2, 5, 10) if rung * power >= value * 0.999)


def _coarse(share: float) -> float:
    """The nearest of the places along an axis at which crosses do not lie on each other."""
    return round(min(1.0, share) * CROSSES) / CROSSES


def _short(value: float) -> float:
    return float(f"{value:.4g}")
