"""Every loss term at a glance: a small chart each, or a line each where there is little room."""

from dataclasses import dataclass

from textual import events
from textual.message import Message

from core.run.events import TermInfo
from core.run.link import Series
from distill_tui.axes import Values, steps_axis, values_axis
from distill_tui.cells import Row, Run
from distill_tui.chart import draw, sparkline, trend
from distill_tui.format import clean, number
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
from distill_tui.panels.frame import beside, fit, framed, spread, width_of
from distill_tui.panels.panel import Panel
from distill_tui.reader import Query, Snapshot

NARROWEST, LOWEST = 24, 4  # cells of the smallest chart, frame included


@dataclass(frozen=True)
class Grid:
    """How the terms are laid out: `columns` charts of `height` rows side by side, or a list when `height` is 1."""

    columns: int
    height: int

    @property
    def is_list(self) -> bool:
        """A line a term."""
        return self.height == 1


class TermsPanel(Panel):
    """Arrow keys and clicks select a term; the selected one is what the large chart shows."""

    DEFAULT_CSS = "TermsPanel { height: 1fr; width: 1fr; }"

    class Selected(Message):
        """Another term is selected."""

        def __init__(self, term: TermInfo) -> None:
            super().__init__()
            self.term = term

    def __init__(self, id: str = "terms") -> None:
        super().__init__(id=id)
        self.filter = ""
        self.as_list = False
        self._index = 0
        self._top = 0
        self._values: dict[tuple[str, int, int, int], Values] = {}
        self._bests = Bests()
        self._trace = Tracer()

    @property
    def terms(self) -> tuple[TermInfo, ...]:
        """The terms that the filter lets through, in the recipe's order."""
        sought = self.filter.casefold()
        return tuple(
            term
            for term in terms_of(self.snapshot.state)
            if sought in f"{term.label} {term.name} {term.group}".casefold()
        )

    @property
    def selected(self) -> TermInfo | None:
        """The term under the cursor."""
        terms = self.terms
        return terms[min(self._index, len(terms) - 1)] if terms else None

    def grid(self) -> Grid:
        """The layout for the present size."""
        width, height = self.size
        amount = max(1, len(self.terms))
        if self.as_list or height < LOWEST or width < NARROWEST:
            return Grid(1, 1)
        columns = max(1, min(amount, width // NARROWEST))
        lines = -(-amount // columns)
        columns = -(-amount // lines)
        return Grid(columns, max(LOWEST, height // lines) if lines * LOWEST <= height else LOWEST)

    def in_view(self) -> tuple[TermInfo, ...]:
        """The terms on the screen now, after scrolling the selected one into view."""
        grid, terms = self.grid(), self.terms
        room = max(1, self.size.height - 2 if grid.is_list else self.size.height // grid.height)
        row = min(self._index, max(0, len(terms) - 1)) // grid.columns
        lines = -(-len(terms) // grid.columns)
        self._top = max(0, min(self._top, lines - room, row), row - room + 1)
        return terms[self._top * grid.columns : (self._top + room) * grid.columns]

    def queries(self) -> tuple[Query, ...]:
        """The curves of the visible terms, as fine as they are drawn."""
        if self.size.width < 4:
            return ()
        dots = self._dots()
        if self.grid().is_list:
            return tuple(training_query(term, dots) for term in self.in_view())
        return tuple(make(term, dots) for term in self.in_view() for make in (training_query, validation_query))

    def show(self, snapshot: Snapshot) -> None:
        """Draw; new terms want curves, and the first is selected."""
        known = terms_of(self.snapshot.state)
        self.snapshot = snapshot
        if terms_of(snapshot.state) != known:
            self._cursor_moved()
        self.redraw()

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """Charts in a grid, or lines in a frame."""
        if not self.terms:
            return framed(self._nothing(), width, height, title=(Run("Terms", "strong"),), focused=self.has_focus)
        return self._list(width, height) if self.grid().is_list else self._charts(width, height)

    def copied(self) -> str:
        """The selected term's value."""
        term = self.selected
        return number(present(self._series(term), self.snapshot.state, term)) if term else ""

    def moved(self, direction: str) -> bool:
        """Move the cursor within the grid."""
        grid, last = self.grid(), len(self.terms) - 1
        index = min(self._index, max(0, last))
        column = index % grid.columns
        step = {"left": -1 if column else 0, "right": 1 if column < grid.columns - 1 else 0,
                "up": -grid.columns, "down": grid.columns}[direction]  # fmt: skip
        if not step or not 0 <= index + step <= last:
            return False
        self._index = index + step
        self._cursor_moved()
        return True

    def step(self, terms: int) -> None:
        """Select the term so many places on."""
        self._index = max(0, min(len(self.terms) - 1, self._index + terms))
        self._cursor_moved()

    def choose(self, text: str) -> None:
        """Show only the terms that match `text`."""
        self.filter, self._index, self._top = text, 0, 0
        self._cursor_moved()

    def on_click(self, event: events.Click) -> None:
        """Select what is under the pointer."""
        grid = self.grid()
        row = event.y - 1 if grid.is_list else event.y // grid.height
        column = 0 if grid.is_list else min(grid.columns - 1, event.x * grid.columns // max(1, self.size.width))
        index = (self._top + row) * grid.columns + column
        if row >= 0 and 0 <= index < len(self.terms):
            self._index = index
            self._cursor_moved()

    def on_mouse_scroll_up(self) -> None:
        """The wheel."""
        self.moved("up")

    def on_mouse_scroll_down(self) -> None:
        """The wheel."""
        self.moved("down")

    def on_resize(self) -> None:
        """Axes are kept for one size only."""
        self._values.clear()

    def _cursor_moved(self) -> None:
        if (term := self.selected) is not None:
            self.post_message(self.Selected(term))
        self.post_message(self.Wants())
        self.redraw()

    def _charts(self, width: int, height: int) -> tuple[Row, ...]:
        grid, shown, chosen = self.grid(), self.in_view(), self.selected
        rows: list[Row] = []
        for start in range(0, len(shown), grid.columns):
            cells = shown[start : start + grid.columns]
            widths = [(i + 1) * width // grid.columns - i * width // grid.columns for i in range(grid.columns)]
            blocks: list[tuple[Row, ...]] = [
                self._chart(term, size, grid.height, term is chosen) for term, size in zip(cells, widths, strict=False)
            ]
            blocks += [(fit((), size),) * grid.height for size in widths[len(cells) :]]
            rows += beside(blocks)
        hidden = len(self.terms) - len(shown)
        if hidden and rows:
            rows[-1] = (*fit(rows[-1], width - 16), *fit((Run(f" {hidden} more ↑↓", "muted"),), 16))
        return tuple(rows)

    def _chart(self, term: TermInfo, width: int, height: int, chosen: bool) -> tuple[Row, ...]:
        state = self.snapshot.state
        train, valid = self._series(term), read_so_far(self.snapshot, validation_query(term, self._dots()))
        content: tuple[Row, ...] = ()
        if train is not None and train.mean:
            x = steps_axis(newest_step(state), 2 * (width - 2))
            curves = [self._trace(train, x, "train")]
            if valid is not None and valid.mean:
                curves.append(self._trace(valid, x, "validation", dashed=True))
            key = term.name, len(curves), width, height  # another size is another chart: no axis is carried over
            axis = self._values[key] = values_axis(
                [curve.points for curve in curves], former=self._values.get(key), ticks=10
            )
            content = draw(curves, x, axis, width - 2, height - 2).rows
        elif is_to_come(state, term):
            content = ((Run(" not measured yet", "muted"),),)
        heading, value = self._heading(term, train, chosen), validation(state.epoch, term)
        corner: Row = (Run(number(value), "validation"),) if value is not None else ()
        foot = self._foot(term, width)
        if width_of(heading) + width_of(corner) + 8 > width:  # no room for both above: validation goes below
            below: Row = (*corner, Run("  ", "text"), *foot[:2]) if corner and foot else corner or foot
            foot, corner = below, ()
        return framed(
            content, width, height, title=heading, corner=corner, foot=foot,
            focused=chosen and self.has_focus, border="muted" if chosen else "border",
        )  # fmt: skip

    def _list(self, width: int, height: int) -> tuple[Row, ...]:
        chosen, lines = self.selected, []
        for term in self.in_view():
            state, train = self.snapshot.state, self._series(term)
            mark = Run("▌" if term is chosen else " ", "focus" if self.has_focus else "muted")
            value = validation(state.epoch, term)
            left: list[Run] = [
                mark,
                *fit((Run(clean(term.label), "strong" if term is chosen else "text"),), 11),
                Run(" ", "text"),
            ]
            left += fit((Run(f"{number(present(train, state, term))} {trend(train) if train else ''}", "train"),), 9)
            left += fit((Run(number(value) if value is not None else "", "validation"),), 8)
            spark = sparkline(train, self._spark(width)) if train and train.mean else ()
            lines.append(spread((*left, *fit(spark, self._spark(width))), self._foot(term, width), width - 3))
        more = len(self.terms) - len(lines)
        foot = (Run(f"{more} more ↑↓", "muted"),) if more else ()
        return framed(lines, width, height, title=(Run("Terms", "strong"),), corner=self._columns(), foot=foot,
                      focused=self.has_focus)  # fmt: skip

    def _heading(self, term: TermInfo, train: Series | None, chosen: bool) -> Row:
        value = number(present(train, self.snapshot.state, term))
        arrow = trend(train) if train else ""
        return (
            Run(clean(term.label), "strong" if chosen else "text"),
            Run("  ", "text"),
            Run(f"{value} {arrow}", "train"),
        )

    def _foot(self, term: TermInfo, width: int) -> Row:
        epoch = self.snapshot.state.epoch
        first = next((each for each in terms_of(self.snapshot.state) if each.group == "kl"), None)
        if term is first and epoch is not None and epoch.latent_dimensions:
            text = f"{epoch.active_dimensions} of {epoch.latent_dimensions}"
            return Run(text, "best"), Run(" dimensions used" if width > 34 else " used", "muted")
        best = self._bests(self.snapshot.state).get(term.name) if has_best(term) else None
        if best is None:
            return ()
        return Run("best ", "muted"), Run(number(best.value), "best"), Run(f" at {best.epoch}", "muted")

    def _columns(self) -> Row:
        return Run("train", "train"), Run(" and ", "muted"), Run("validation", "validation")

    def _nothing(self) -> list[Row]:
        if self.filter:
            return [(Run(f" No term matches “{clean(self.filter)}”.  esc shows all.", "muted"),)]
        return [(Run(" A small chart for each part of the loss, from the first step on.", "muted"),)]

    def _series(self, term: TermInfo) -> Series | None:
        return read_so_far(self.snapshot, training_query(term, self._dots()))

    def _dots(self) -> int:
        grid = self.grid()
        return 2 * (self._spark(self.size.width) if grid.is_list else self.size.width // grid.columns - 2)

    def _spark(self, width: int) -> int:
        return max(8, width - 3 - 29 - 22)
