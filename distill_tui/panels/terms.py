"""Every loss term at a glance: a small chart each, or a line each where there is little room; in groups when many."""

from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.message import Message

from core.run.events import TermInfo
from distill_tui.cells import Row, Run
from distill_tui.format import clean, number
from distill_tui.panels.curves import terms_of, training_query
from distill_tui.panels.frame import beside, fit, framed
from distill_tui.panels.panel import Panel
from distill_tui.panels.term_drawing import FOLDED_VALUES, Look, TermDrawing, label_width, spark_width
from distill_tui.panels.term_groups import Group, Grouping
from distill_tui.panels.term_layout import LOWEST, NARROWEST, Band, Heading, Layout, Part, Tile, lay_out
from distill_tui.panels.words import PanelHelp
from distill_tui.reader import Query, Snapshot

__all__ = ["NARROWEST", "TermsPanel"]

MORE = 16  # cells for how many terms are not seen


class TermsPanel(Panel):
    """Arrow keys and clicks select a term; the selected one is what the large chart shows.

    The cursor is at a term, whatever is folded, filtered or pinned around it.
    """

    DEFAULT_CSS = "TermsPanel { height: 1fr; width: 1fr; }"
    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "Terms",
        "Every part of what the model is trained on, and what is measured beside: its value now on the sounds it "
        "trains on, and on those that were held back (validation). The large chart shows the selected one. ↓ ↑ → say "
        "where it has been going lately.",
        "The parts of the reconstruction fall, training and validation together, and their best is recent. Weights and "
        "what a discriminator reports need not fall: they should stay within bounds.",
        "If one part alone does not fall, look at the balance (5): perhaps it counts too little. z folds a group to a "
        "line, * pins a term to the top, / finds one by its name.",
    )

    class Selected(Message):
        """Another term is selected."""

        def __init__(self, term: TermInfo) -> None:
            super().__init__()
            self.term = term

    def __init__(self, id: str = "terms") -> None:
        super().__init__(id=id)
        self.filter = ""
        self.as_list = False
        self._at = ""
        self._top = 0
        self._grouping = Grouping()
        self._drawing = TermDrawing()
        self._laid_out: tuple[tuple[object, ...], Layout] | None = None

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
        terms = self.layout_now().terms
        return next((term for term in terms if term.name == self._at), terms[0] if terms else None)

    def help_words(self) -> PanelHelp:
        """What the selected term means, before what the panel does."""
        term = self.selected
        if term is None or not term.help:
            return self.WORDS
        return replace(self.WORDS, means=f"{clean(term.label)}: {clean(term.help)} {self.WORDS.means}")

    def layout_now(self) -> Layout:
        """Where everything stands at the present size."""
        width, height = self.size
        as_list = self.as_list or height < LOWEST or width < NARROWEST
        key = terms_of(self.snapshot.state), self.filter, width, height, as_list
        if self._laid_out is None or self._laid_out[0] != key:
            groups = self._grouping.groups(self.terms)
            layout = lay_out(groups, *((width - 3, height - 2) if as_list else (width, height)), as_list)
            self._laid_out = key, layout
        return self._laid_out[1]

    def in_view(self) -> tuple[TermInfo, ...]:
        """The terms on the screen now, those of folded groups with them."""
        return Layout(self._visible(), self.as_list).terms

    def queries(self) -> tuple[Query, ...]:
        """The curves of the visible terms, as fine as they are drawn."""
        if self.size.width < 4:
            return ()
        wanted: dict[Query, None] = {}
        for part in (part for band in self._visible() for part in band.parts):
            wanted.update(dict.fromkeys(self._wanted(part, self._dots())))
        return tuple(wanted)

    def show(self, snapshot: Snapshot) -> None:
        """Draw; new terms want curves, as does another baseline, and the first term is selected."""
        known, baseline = terms_of(self.snapshot.state), self._drawing.baseline
        self.snapshot = self._drawing.snapshot = snapshot
        if terms_of(snapshot.state) != known:
            self._grouping.meet(terms_of(snapshot.state))
            self._cursor_moved()
        elif self._drawing.baseline != baseline:
            self.post_message(self.Wants())
        self.redraw()

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """Charts in a grid, or lines in a frame."""
        if not self.terms:
            return framed(self._nothing(), width, height, title=(Run("Terms", "strong"),), focused=self.has_focus)
        return self._list(width, height) if self.layout_now().as_list else self._charts(width, height)

    def copied(self) -> str:
        """The selected term's value."""
        term = self.selected
        return number(self._drawing.value(term, self._dots())) if term else ""

    def moved(self, direction: str) -> bool:
        """Move the cursor among the charts or lines; a folded group is one stop."""
        term = self.selected
        there = self.layout_now().moved(term.name, direction) if term else None
        if there is None:
            return False
        self._at = there
        self._cursor_moved()
        return True

    def step(self, terms: int) -> None:
        """Select the term so many places on, also one in a folded group."""
        order = self.layout_now().terms
        if order:
            here = next((place for place, term in enumerate(order) if term == self.selected), 0)
            self._at = order[max(0, min(len(order) - 1, here + terms))].name
            self._cursor_moved()

    def choose(self, text: str) -> None:
        """Show only the terms that match `text`."""
        self.filter, self._top = text, 0
        self._grouping.filtering(bool(text))
        self._at = self.selected.name if self.selected else self._at
        self._cursor_moved()

    def fold(self) -> None:
        """The selected term's group as one line, or all of it again."""
        term = self.selected
        if term is not None and self._group(term.group).has_heading:
            self._grouping.fold(term.group)
            self._cursor_moved()

    def fold_all(self) -> None:
        """Every group as one line; if they all are, all of them again."""
        self._grouping.fold_all(self._grouping.groups(self.terms))
        self._cursor_moved()

    def pin(self) -> None:
        """The selected term at the top, or back in its place."""
        if (term := self.selected) is not None:
            self._at = term.name
            self._grouping.pin(term.name)
            self._cursor_moved()

    def on_click(self, event: events.Click) -> None:
        """Select the term under the pointer; a heading folds its group."""
        layout = self.layout_now()
        part = layout.at(self._top, event.x - layout.as_list, event.y - layout.as_list)
        if isinstance(part, Heading):
            event.prevent_default()  # a double click on it is no wish for the full screen
            if event.chain == 1:
                self._at = part.group.terms[0].name if part.group.folded else self._at
                self._grouping.fold(part.group.name)
                self._cursor_moved()
        elif part is not None:
            self._at = part.term.name
            self._cursor_moved()

    def on_mouse_scroll_up(self) -> None:
        """The wheel."""
        self.moved("up")

    def on_mouse_scroll_down(self) -> None:
        """The wheel."""
        self.moved("down")

    def on_resize(self) -> None:
        """Axes are kept for one size only."""
        self._drawing.forget()

    def _cursor_moved(self) -> None:
        """The cursor, or what is pinned, folded or filtered."""
        self._laid_out = None
        if (term := self.selected) is not None:
            self.post_message(self.Selected(term))
        self.post_message(self.Wants())
        self.redraw()

    def _visible(self) -> tuple[Band, ...]:
        """The bands on the screen, after scrolling the selected term into view."""
        layout, term = self.layout_now(), self.selected
        room = max(1, self.size.height - 2 * layout.as_list)
        self._top = layout.scrolled(self._top, term.name if term else "", room)
        return layout.visible(self._top, room)

    def _charts(self, width: int, height: int) -> tuple[Row, ...]:
        rows: list[Row] = []
        for band in self._visible():
            blocks, end = [], 0
            for part in band.parts:
                blocks += [((Run(" " * (part.x - end)),),) * band.height, self._block(part, band.height)]
                end = part.x + part.width
            rows += beside(blocks)
        if more := len(self.terms) - len(self.in_view()):
            if len(rows) < height:
                rows.append(())
            rows[-1] = (*fit(rows[-1], width - MORE), *fit((Run(f"{more} more ↑↓", "muted"),), MORE))
        return (*rows, *((),) * (height - len(rows)))[:height]

    def _list(self, width: int, height: int) -> tuple[Row, ...]:
        lines = [self._block(part, 1)[0] for band in self._visible() for part in band.parts]
        more = len(self.terms) - len(self.in_view())
        foot: Row = (Run(f"{more} more ↑↓", "muted"),) if more else ()
        columns = Run("train", "train"), Run(" and ", "muted"), Run("validation", "validation")
        return framed(lines, width, height, title=(Run("Terms", "strong"),), corner=columns, foot=foot,
                      focused=self.has_focus)  # fmt: skip

    def _block(self, part: Part, height: int) -> tuple[Row, ...]:
        term = self.selected
        if isinstance(part, Heading):
            chosen = part.group.folded and term in part.group.terms
            look = Look(chosen, chosen and self.has_focus)
            return (self._drawing.heading(part.group, part.width, self._dots(), look),)
        chosen = part.term == term
        look = Look(chosen, chosen and self.has_focus, part.term.name in self._grouping.pins, part.indented)
        if self.layout_now().as_list:
            return (self._drawing.line(part.term, part.width, label_width(part.width), look),)
        return self._drawing.chart(part.term, part.width, height, self._dots(), look)

    def _wanted(self, part: Part, dots: int) -> tuple[Query, ...]:
        if isinstance(part, Tile) and not self.layout_now().as_list:
            return self._drawing.chart_queries(part.term, dots)
        shown = (
            (part.term,) if isinstance(part, Tile) else part.group.terms[: FOLDED_VALUES if part.group.folded else 1]
        )
        return tuple(training_query(term, dots) for term in shown)

    def _group(self, name: str) -> Group:
        groups = self._grouping.groups(self.terms)
        return next((group for group in groups if group.name == name), Group(name, ()))

    def _nothing(self) -> list[Row]:
        if self.filter:
            return [(Run(f" No term matches “{clean(self.filter)}”.  esc shows all.", "muted"),)]
        return [(Run(" A small chart for each part of the loss, from the first step on.", "muted"),)]

    def _dots(self) -> int:
        """Columns of dots of every curve here, so that all that a term is drawn in share one."""
        layout = self.layout_now()
        if layout.as_list:
            width = self.size.width - 3
            return 2 * spark_width(width, label_width(width))
        return 2 * (layout.narrowest - 2)
