"""A list of runs with its header: its columns follow the room and what is asked for."""

import time
from collections.abc import Collection, Sequence

from rich.cells import cell_len
from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize
from textual.widgets import Static

from core.run.folder import RunSummary
from distill_tui.format import clean
from distill_tui.panels.rows import RowList
from distill_tui.screens.run_row import Columns, Extra, header_line, run_line
from distill_tui.screens.run_view import RunView
from distill_tui.theme import palette_of


class RunTable(Vertical):
    """Runs as rows, keyed by their paths. Posts `RowList.Moved` and `RowList.Opened`."""

    DEFAULT_CSS = """
    RunTable { height: 1fr; border: round $border-blurred; border-title-color: $foreground; }
    RunTable:focus-within { border: round $border; }
    RunTable > .run-header {
        height: 1; link-style: none; link-color: $text-muted; link-background-hover: transparent;
        link-color-hover: $foreground; link-style-hover: bold;
    }
    RunTable > .run-none { height: auto; padding: 1 1; }
    RunTable > RowList { height: 1fr; }
    """

    def __init__(self, rows_id: str, id: str | None = None, sortable: bool = True) -> None:
        """`rows_id` is the id of the list within; `sortable` says whether the header offers to sort."""
        super().__init__(id=id)
        self._rows_id, self._sortable = rows_id, sortable
        self._runs: dict[str, RunSummary] = {}
        self._marks: Collection[str] = ()
        self._view = RunView()
        self._none = ""
        self._columns = Columns.within(0)
        self._drawn: dict[str, Text] = {}

    def compose(self) -> ComposeResult:
        """The header, the rows, and what is said where there are none."""
        yield Static(classes="run-header")
        yield Static(classes="run-none")
        yield RowList(self._draw_row, id=self._rows_id)

    @property
    def rows(self) -> RowList:
        """The list itself."""
        return self.query_one(RowList)

    @property
    def selected(self) -> RunSummary | None:
        """The selected run."""
        return self._runs.get(self.rows.selected or "")

    def show(self, runs: Sequence[RunSummary], view: RunView, marks: Collection[str], none: str = "") -> None:
        """Show these runs in this order; `marks` are the paths of the marked ones, `none` is said of an empty list."""
        self._runs = {str(run.path): run for run in runs}
        self._view, self._marks, self._none = view, marks, none
        self.rows.show(tuple(self._runs))
        empty = self.query_one(".run-none", Static)
        empty.display = not runs and bool(none)
        empty.update(Text(none, palette_of(self.app)["muted"]))
        self.redraw()

    def redraw(self) -> None:
        """Fit the columns to the room and repaint the rows that differ from what is shown."""
        if not self.is_mounted:
            return
        width = max(0, self.rows.scrollable_content_region.width - 1)
        now, runs = time.time(), list(self._runs.values())
        columns = Columns.within(
            width,
            [Extra.of(key, runs, now) for key in self._view.named],
            marks=bool(self._marks),
            flags=any(run.baseline for run in runs),
            notes=any(run.note for run in runs),
            longest=max((cell_len(clean(run.name)) for run in runs), default=0),
        )
        palette = palette_of(self.app)
        order = self._view.order if self._sortable else None
        self.query_one(".run-header", Static).update(Text(" ").append_text(header_line(columns, palette, order)))
        if columns != self._columns:
            self._columns = columns
            self._drawn.clear()
            self.rows.refresh()
            return
        for key, former in list(self._drawn.items()):
            if key not in self._runs:
                del self._drawn[key]
            elif self._line(key) != former:
                self.rows.refresh_row(key)

    def on_mount(self) -> None:
        """Nothing is known yet, so nothing is said."""
        self.query_one(".run-none").display = False

    def on_resize(self, event: Resize) -> None:
        """Columns follow the width, once the list has its own."""
        self.call_after_refresh(self.redraw)

    def _line(self, key: str) -> Text:
        return run_line(self._runs[key], self._columns, palette_of(self.app), marked=key in self._marks)

    def _draw_row(self, key: str, width: int) -> Text:
        line = self._line(key)
        self._drawn[key] = line
        return line
