"""A screen with the runs of a source: what is done to them there, and which of them are shown."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.events import Resize
from textual.widgets import Static

from core.run.facts import keys_of
from core.run.folder import RunSummary
from distill_tui.format import clean, count, plural, shortened
from distill_tui.keys import bindings
from distill_tui.panels.keybar import KeyBar
from distill_tui.panels.rows import RowList
from distill_tui.run_source import RunSource
from distill_tui.screens.elsewhere import TroubleLine
from distill_tui.screens.here_only import here_only
from distill_tui.screens.run_compare import NothingToCompare, compared
from distill_tui.screens.run_detail import detail_words
from distill_tui.screens.run_filter import FilterLine
from distill_tui.screens.run_row import arrow
from distill_tui.screens.run_sorting import SortCommands
from distill_tui.screens.run_table import RunTable
from distill_tui.screens.run_view import RunView
from distill_tui.screens.sourced import Sourced
from distill_tui.session import Resume, Train, Watch
from distill_tui.theme import palette_of

if TYPE_CHECKING:
    from distill_tui.app import DistillApp

TALL = 30  # rows


class RunShelf(Sourced):
    """The runs of a source, read again every few seconds: filtered, sorted, marked, compared, put away, deleted.

    Keys act on the marked runs, or on the selected one while none is marked. What is to be seen goes to the app's
    `begin`.
    """

    BINDINGS: ClassVar[list[BindingType]] = bindings("home")
    COMMANDS: ClassVar = {SortCommands}

    def __init__(self, runs: Path | RunSource) -> None:
        super().__init__(runs)
        self._runs: dict[str, RunSummary] = {}
        self._view = RunView()
        self._marks: frozenset[str] = frozenset()
        self._before_filter: str | None = None
        self._keys: tuple[str, ...] = keys_of(())

    def compose_runs(self) -> ComposeResult:
        """Where they lie, the filter, the list, and what else is known of the selected one."""
        yield Static(id="home-title")
        yield TroubleLine(id="home-trouble")
        yield FilterLine(lambda: self._keys, id="home-filter")
        yield RunTable("home-rows", id="home-runs")
        yield Static(id="home-detail")

    def begin(self, start: Train | Resume | Watch | None, overlays: Sequence[Path] = ()) -> None:
        """Show a run; nothing when the person has gone back."""
        if start is not None:
            cast("DistillApp", self.app).begin(start, overlays=overlays)

    def on_mount(self) -> None:
        """No filter yet; where the runs are is known before they are."""
        self.query_one(FilterLine).display = False
        self._show_words()
        self.app.theme_changed_signal.subscribe(self, lambda _: self._show_words())

    def on_resize(self, event: Resize) -> None:
        """A tall screen has room for what else is known of the selected run."""
        self._show_detail()

    def show_source(self, source: RunSource) -> None:
        """As `Sourced.show_source`; marks are on runs of the former one."""
        self._marks = frozenset()
        super().show_source(source)

    @property
    def table(self) -> RunTable:
        """The list of runs."""
        return self.query_one(RunTable)

    @property
    def selected(self) -> RunSummary | None:
        """The selected run."""
        return self.table.selected

    @property
    def marked(self) -> list[RunSummary]:
        """The marked runs that are shown, in the list's order."""
        return [self._runs[key] for key in self.table.rows.keys if key in self._marks]

    @property
    def targets(self) -> list[RunSummary]:
        """What a key acts on: the marked runs, or the selected one while none is marked."""
        return self.marked or ([self.selected] if self.selected else [])

    @property
    def sort_keys(self) -> tuple[str, ...]:
        """All that the runs can be sorted by."""
        return self._keys

    @here_only
    def action_mark(self) -> None:
        """Mark the selected run, or take the mark off, and go on to the next line."""
        if self.selected is not None:
            self._marks ^= {str(self.selected.path)}
            self._arrange()

    def action_clear(self) -> None:
        """Show all runs again; once that is so, take the marks off."""
        if self._view.query:
            self.query_one(FilterLine).action_clear()
        else:
            self._marks = frozenset()
            self._arrange()

    @here_only
    def action_compare(self) -> None:
        """Watch the marked runs over each other; one alone against the baseline."""
        try:
            first, *others = compared(self.targets, self._runs.values())
        except NothingToCompare as nothing:
            self.notify(str(nothing), markup=False)
        else:
            self.begin(Watch(first), others)

    def action_filter(self) -> None:
        """Type what the runs shown shall have."""
        if self._runs:
            self._before_filter = self.table.rows.selected
            line = self.query_one(FilterLine)
            line.display = True
            self.show_standing()
            line.open()

    def action_sort(self) -> None:
        """Sort by the next of last seen, best, name, epoch and what the filter names."""
        self._arrange(self._view.next_order())

    def action_sort_by(self, key: str) -> None:
        """Sort by a column; again: the other way round."""
        self._arrange(self._view.sorted_by(key))

    @work(exclusive=True, group="sort")
    async def action_ask_order(self) -> None:
        """Ask what to sort by."""
        from distill_tui.screens.run_sorting import ask_order

        order = await ask_order(self.app, self._keys, self._view.order)
        if order is not None:
            self._arrange(replace(self._view, order=order))

    def action_archived(self) -> None:
        """Show the runs that were put away too, and hide them again."""
        self._arrange(replace(self._view, archived=not self._view.archived))

    @here_only
    @work(exclusive=True, group="keep")
    async def action_archive(self) -> None:
        """Put runs away, or bring them back."""
        from distill_tui.screens import run_keeping

        if self.targets:
            await run_keeping.put_away(self, self.targets)
            self._marks = frozenset()
            self.look()

    @here_only
    @work(exclusive=True, group="keep")
    async def action_delete(self) -> None:
        """Delete runs, after a question."""
        from distill_tui.screens import run_keeping

        if self.targets:
            await run_keeping.delete(self, self.targets)
            self.look()

    @here_only
    @work(exclusive=True, group="keep")
    async def action_note(self) -> None:
        """Write a note on runs."""
        from distill_tui.screens import run_keeping

        if self.targets:
            await run_keeping.write_note(self, self.targets)
            self.look()

    @here_only
    @work(exclusive=True, group="keep")
    async def action_baseline(self) -> None:
        """Make the selected run the baseline, or none."""
        from distill_tui.screens import run_keeping

        if self.selected is not None:
            await run_keeping.choose_baseline(self, self.selected)
            self.look()

    @on(FilterLine.Changed)
    def _filtered(self, event: FilterLine.Changed) -> None:
        view = replace(self._view, query=event.query if event.query.text.strip() else None)
        if event.unfinished and not view.shown(self._runs.values(), time.time()):
            return  # half of a name finds nothing: no reason to empty the list while it is typed
        self._arrange(view)
        if self._before_filter is not None:  # while it is typed the selected run may be out of sight for a moment
            self.table.rows.select(self._before_filter)

    @on(FilterLine.Left)
    def _filter_left(self, event: FilterLine.Left) -> None:
        self._before_filter = None
        self.query_one(FilterLine).display = not event.empty
        self.show_standing()
        self.table.rows.focus()

    @on(RowList.Moved, "#home-rows")
    def _moved(self) -> None:
        self._show_detail()

    def show_standing(self) -> None:
        """As `Sourced.show_standing`: a line while what is listed may be out of date."""
        title, line = self.query_one("#home-title", Static), self.query_one(TroubleLine)
        line.show(self.source.trouble if self._runs else "")
        title.set_class(line.display or self.query_one(FilterLine).display, "filtering")

    def show_runs(self, runs: Iterable[RunSummary]) -> None:
        """As `Sourced.show_runs`."""
        self._runs = {str(run.path): run for run in runs}
        self._keys = keys_of(self._runs.values())
        self._marks = frozenset(key for key in self._marks if key in self._runs)
        self._arrange()

    def _arrange(self, view: RunView | None = None) -> None:
        """Show the runs as they are wanted."""
        self._view = view or self._view
        shown = self._view.shown(self._runs.values(), time.time())
        self.table.show(shown, self._view, self._marks, none=self._none_words())
        self._show_words()
        self.query_one(KeyBar).redraw()

    def _none_words(self) -> str:
        """Why no run is listed though there are some."""
        if self._view.query:
            return "No run is like that. esc shows all."
        return "All runs here are archived. A shows them."

    def _show_words(self) -> None:
        self.show_standing()
        palette, shown = palette_of(self.app), len(self.table.rows.keys)
        where = clean(shortened(self.source.where, max(12, self.size.width - 40)))
        live = sum(run.live for run in self._runs.values())
        title = Text.assemble(
            ("distill-tui", palette["accent"]), ("   runs in ", palette["muted"]), where, no_wrap=True
        )
        if live:
            title.append(f"   ● {live} live", palette["good"])
        self.query_one("#home-title", Static).update(title)
        archived = sum(run.archived for run in self._runs.values())
        among = len(self._runs) if self._view.with_archived else len(self._runs) - archived
        words = [f"{count(shown)} of {plural(among, 'run')}" if shown < among else plural(shown, "run")]
        words += [f"{count(archived)} archived"] if archived else []
        words += [f"{count(len(self.marked))} marked"] if self.marked else []
        self.table.border_title = "  ·  ".join(words)
        order = self._view.order
        by = clean("last seen" if order.key == "age" else order.key)
        self.table.border_subtitle = Text(f"by {by} {arrow(order)}").markup
        self._show_detail()

    def _show_detail(self) -> None:
        detail, run = self.query_one("#home-detail", Static), self.selected
        detail.display = run is not None and self.size.height >= TALL
        if run is not None:
            detail.border_title = Text(clean(run.name)).markup
            named = replace(run, path=Path(self.source.target(run)))
            resumes = self.source.keeps
            detail.update(detail_words(named, palette_of(self.app), self._view.named, time.time(), resumes=resumes))
