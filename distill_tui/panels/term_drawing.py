"""A term as a small chart or as a line, and a group's heading: rows from what has been read of a run."""

from dataclasses import dataclass

from rich.cells import cell_len

from core.run.events import TermInfo
from core.run.link import Series
from distill_tui.axes import Values, steps_axis, values_axis
from distill_tui.cells import Row, Run
from distill_tui.chart import draw, sparkline, trend
from distill_tui.format import clean, number
from distill_tui.overlay import Overlay
from distill_tui.panels.curves import (
    Bests,
    Tracer,
    has_best,
    is_to_come,
    newest_step,
    present,
    read_so_far,
    terms_of,
    training_query,
    validation,
    validation_query,
)
from distill_tui.panels.frame import fit, framed, spread, width_of
from distill_tui.panels.term_groups import Group
from distill_tui.reader import Query, Snapshot

VALUE, VALIDATION, FOOT = 9, 8, 22  # cells of a line's columns beside the label and the sparkline
FOLDED_NAME, FOLDED_VALUES = 21, 3  # of a folded group: cells of its name, and terms that stand for it
NAMES = {"kl": "KL"}


@dataclass(frozen=True)
class Look:
    """How a term is shown: under the cursor, in a panel that has the focus, pinned; under a heading."""

    chosen: bool = False
    focused: bool = False
    pinned: bool = False
    indented: bool = False


class TermDrawing:
    """Draws from one snapshot at a time. What a term's rows are made of is remembered: most frames change a few."""

    def __init__(self) -> None:
        self.snapshot = Snapshot()
        self._bests = Bests()
        self._trace = Tracer()
        self._axes: dict[tuple[str, int, int, int], Values] = {}
        self._known: dict[str, tuple[tuple[object, ...], tuple[Row, ...]]] = {}

    @property
    def baseline(self) -> Overlay | None:
        """The run that every small chart is compared with."""
        return next((overlay for overlay in self.snapshot.overlays if overlay.baseline), None)

    def forget(self) -> None:
        """Axes are kept for one size only."""
        self._axes.clear()
        self._known.clear()

    def chart_queries(self, term: TermInfo, dots: int) -> tuple[Query, ...]:
        """The curves of a small chart of so many columns of dots."""
        own = training_query(term, dots), validation_query(term, dots)
        return (*own, training_query(term, dots, run=self.baseline.name)) if self.baseline is not None else own

    def series(self, term: TermInfo, dots: int) -> Series | None:
        """The training curve as read so far."""
        return read_so_far(self.snapshot, training_query(term, dots))

    def value(self, term: TermInfo, dots: int) -> float | None:
        """The training value now."""
        return present(self.series(term, dots), self.snapshot.state, term)

    def chart(self, term: TermInfo, width: int, height: int, dots: int, look: Look) -> tuple[Row, ...]:
        """A framed chart of `width` by `height` cells: training, validation, and the baseline as a thin line below."""
        read = [read_so_far(self.snapshot, query) for query in self.chart_queries(term, dots)]
        foot, newest = self._foot(term, width), newest_step(self.snapshot.state)
        value = validation(self.snapshot.state.epoch, term)
        to_come = is_to_come(self.snapshot.state, term)
        made_of = (*read, self.baseline, width, height, look, foot, value, to_come, newest if not read[0] else 0)
        known = self._known.get(term.name)
        if known is None or known[0] != made_of:
            content = self._curves(term, read, width, height)
            if not content and to_come:
                content = ((Run(" not measured yet", "muted"),),)
            known = self._known[term.name] = made_of, self._frame(term, content, width, height, dots, look, value, foot)
        return known[1]

    def line(self, term: TermInfo, width: int, label: int, look: Look) -> Row:
        """One line of `width` cells, `label` of them for the name: values, a sparkline, the best."""
        spark = spark_width(width, label)
        train, state = self.series(term, 2 * spark), self.snapshot.state
        value, best = validation(state.epoch, term), self._foot(term, FOOT)
        made_of = train, value, best, width, label, look, None if train else state.step
        known = self._known.get(term.name)
        if known is not None and known[0] == made_of:
            return known[1][0]
        indent = "  " if look.indented else ""
        name = (Run(indent), *_name(term, look))
        arrow = trend(train) if train else ""
        left: Row = (
            Run("▌" if look.chosen else " ", "focus" if look.focused else "muted"),
            *fit(name, label),
            Run(" "),
            *fit((Run(f"{number(present(train, state, term))} {arrow}", "train"),), VALUE),
            *fit((Run(number(value) if value is not None else "", "validation"),), VALIDATION),
            *fit(sparkline(train, spark) if train and train.mean else (), spark),
        )
        row = spread(left, best, width)
        self._known[term.name] = made_of, (row,)
        return row

    def heading(self, group: Group, width: int, dots: int, look: Look) -> Row:
        """A group's name and size in `width` cells, and in place of folded terms the values of the first few."""
        name = clean(NAMES.get(group.name, group.name))
        row: list[Run] = [
            Run("▌" if look.chosen else " ", "focus" if look.focused else "muted"),
            Run("▸ " if group.folded else "▾ ", "muted"),
            Run(name, "strong" if look.chosen else "text"),
            Run(f" {len(group.terms)} ", "muted"),
        ]
        if not group.folded:
            leading = (Run(" ", "border"), *self._reading(group.terms[0], dots, "muted"), Run(" ─", "border"))
            return spread(row, leading if width >= 2 * width_of((*row, *leading)) else (), width, "─", "border")
        row = list(fit(row, max(FOLDED_NAME, width_of(row))))
        for term in group.terms[:FOLDED_VALUES]:
            value = (Run("  "), *self._reading(term, dots, "train"))
            if width_of((*row, *value)) > width:
                break
            row += value
        return fit(row, width)

    def _reading(self, term: TermInfo, dots: int, role: str) -> Row:
        """A term's label and value."""
        return Run(f"{clean(term.label)} ", "muted"), Run(number(self.value(term, dots)), role)

    def _curves(self, term: TermInfo, read: list[Series | None], width: int, height: int) -> tuple[Row, ...]:
        train, valid = read[:2]
        if train is None or not train.mean:
            return ()
        x = steps_axis(newest_step(self.snapshot.state), 2 * (width - 2))
        curves = [self._trace(train, x, "train")]
        if valid is not None and valid.mean:
            curves.append(self._trace(valid, x, "validation", dashed=True))
        for other in read[2:]:
            if other is not None and other.mean and self.baseline is not None:
                curves.insert(0, self._trace(other, x, self.baseline.role, fine=True))
        key = term.name, len(curves), width, height  # another size is another chart: no axis is carried over
        axis = self._axes[key] = values_axis([curve.points for curve in curves], former=self._axes.get(key), ticks=10)
        return draw(curves, x, axis, width - 2, height - 2).rows

    def _frame(
        self, term: TermInfo, content: tuple[Row, ...], width: int, height: int, dots: int, look: Look,
        value: float | None, foot: Row,
    ) -> tuple[Row, ...]:  # fmt: skip
        train = self.series(term, dots)
        now = Run(f"  {number(self.value(term, dots))} {trend(train) if train else ''}", "train")
        name, room = _name(term, look), width - 5 - cell_len(now.text)
        heading: Row = (*(name if width_of(name) <= room else fit(name, room)), now)
        corner: Row = (Run(number(value), "validation"),) if value is not None else ()
        if width_of(heading) + width_of(corner) + 8 > width:  # no room for both above: validation goes below
            below: Row = (*corner, Run("  "), *foot[:2]) if corner and foot else corner or foot
            foot, corner = below, ()
        return framed(
            content, width, height, title=heading, corner=corner, foot=foot,
            focused=look.chosen and look.focused, border="muted" if look.chosen else "border",
        )  # fmt: skip

    def _foot(self, term: TermInfo, width: int) -> Row:
        """The best, or how much of the latent is used."""
        epoch = self.snapshot.state.epoch
        first = next((each for each in terms_of(self.snapshot.state) if each.group == "kl"), None)
        if term is first and epoch is not None and epoch.latent_dimensions:
            text = f"{epoch.active_dimensions} of {epoch.latent_dimensions}"
            return Run(text, "best"), Run(" dimensions active" if width > 34 else " active", "muted")
        best = self._bests(self.snapshot.state).get(term.name) if has_best(term) else None
        if best is None:
            return ()
        return Run("best ", "muted"), Run(number(best.value), "best"), Run(f" at {best.epoch}", "muted")


def label_width(width: int) -> int:
    """Cells for the names in lines of `width` cells."""
    return max(11, min(24, width // 6))


def spark_width(width: int, label: int) -> int:
    """Cells that are left for the sparkline in a line of `width` cells."""
    return max(8, width - label - VALUE - VALIDATION - FOOT - 2)


def _name(term: TermInfo, look: Look) -> Row:
    name = Run(clean(term.label), "strong" if look.chosen else "text")
    return (Run("⚲ ", "accent"), name) if look.pinned else (name,)
