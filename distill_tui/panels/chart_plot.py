"""The drawn part of the chart: curves of one run and of those laid over it, and the labels beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from core.run.link import Series
from distill_tui.axes import Steps, Values, label_column, values_axis
from distill_tui.cells import Row, Run
from distill_tui.chart import SMOOTHING, Curve, Drawing, draw
from distill_tui.chart_cursor import crossed, on_line
from distill_tui.panels.curves import Tracer

NOTHING_TOLD: Mapping[str, float] = MappingProxyType({})
LABELS = 8  # cells for the y axis: seven for a number, one of air


@dataclass(frozen=True)
class Look:
    """How curves are drawn: the scale, how much they are smoothed, and the best step to be marked."""

    log: bool = False
    smoothing: str = "off"
    best: int | None = None


@dataclass(frozen=True)
class Plotted:
    """Curves, their axis, and what became of them."""

    x: Steps
    y: Values
    curves: tuple[Curve, ...]
    drawing: Drawing

    def rows(
        self, width: int, height: int, cursor: int | None = None, told: Mapping[str, float] = NOTHING_TOLD
    ) -> list[Row]:
        """Labels and curves in `width` cells, with a line through the step of the cursor.

        A dot on it stands at what is `told` of the curve in a role, else where its line crosses.
        """
        rows: Sequence[Row] = self.drawing.rows
        if cursor is not None and self.x.lo <= cursor < self.x.hi:
            rows = crossed(rows, self.x.dot(cursor) // 2, self._dots(self.x.dot(cursor), told))
        labels = label_column(self.y, LABELS - 1, height)
        return [(Run(f"{label} ", "muted"), *row) for label, row in zip(labels, rows, strict=True)]

    def smoothed(self, role: str, step: int) -> float | None:
        """The value of the line in this role at a step, as it is drawn."""
        for curve, line in zip(self.curves, self.drawing.lines, strict=True):
            if curve.role == role:
                return on_line(line, self.x.dot(step))
        return None

    def _dots(self, dot: int, told: Mapping[str, float]) -> list[tuple[float, str]]:
        drawn = zip(self.curves, self.drawing.lines, strict=True)
        found = [(told.get(curve.role, on_line(line, dot)), curve.role) for curve, line in drawn]
        return [(self.y.height(value), role) for value, role in found if value is not None]


class Plot:
    """Plots again only what has changed, and keeps the y axis while it fits."""

    def __init__(self) -> None:
        self._trace = Tracer()
        self._shape: tuple[object, ...] = ()
        self._key: tuple[object, ...] = ()
        self._plotted: Plotted | None = None

    def __call__(
        self,
        train: Series,
        valid: Series | None,
        others: Sequence[tuple[str, Series]],
        x: Steps,
        width: int,
        height: int,
        look: Look,
    ) -> Plotted:
        """The curves in `width` by `height` cells; of `others` (role, series) come first and lie below."""
        curves = [self._trace(series, x, role, fine=True) for role, series in others]
        curves.append(self._trace(train, x, "train"))
        if valid is not None:
            curves.append(self._trace(valid, x, "validation", dashed=True))
        key = (tuple(curves), x, width, height, look)
        if self._plotted is not None and key == self._key:
            return self._plotted
        shape = (
            train.term,
            look.log,
            len(curves),
            width,
            height,
        )  # another shape is another chart: its axis is its own
        former = self._plotted.y if self._plotted is not None and shape == self._shape else None
        y = values_axis(
            [curve.points for curve in curves], log=look.log, former=former, ticks=max(3, min(6, height // 3))
        )
        drawing = draw(curves, x, y, width, height, smoothing=SMOOTHING[look.smoothing], best=look.best)
        self._key, self._shape, self._plotted = key, shape, Plotted(x, y, tuple(curves), drawing)
        return self._plotted
