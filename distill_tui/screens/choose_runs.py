"""Chooses the runs that are drawn over the watched one, and which of them is the baseline."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from core.run.facts import Order
from core.run.folder import RunSummary, list_runs
from distill_tui.format import clean
from distill_tui.overlay import MOST
from distill_tui.panels.rows import RowList
from distill_tui.screens.run_table import RunTable
from distill_tui.screens.run_view import RunView
from distill_tui.theme import palette_of

HINT = "space choose   B baseline   enter done   esc back"

Chosen = tuple[list[Path], Path | None]


class ChooseRuns(ModalScreen[Chosen | None]):
    """The other runs of `runs_dir`: space chooses, `B` makes one the baseline, enter answers.

    Answers (the chosen runs in the list's order, at most `MOST` of them; the baseline or None), or None when the person
    goes back. The baseline may be one that is not drawn. Archived runs are listed only while they are chosen.
    """

    BINDINGS = [  # noqa: RUF012 - Textual's way
        Binding("escape,ctrl+c,ctrl+q,q", "back", "back", show=False),
        Binding("space", "choose", "choose", show=False),
        Binding("B,b", "baseline", "baseline", show=False),
        Binding("enter", "done", "done", show=False),
    ]
    DEFAULT_CSS = """
    ChooseRuns { align: center middle; background: $background 60%; }
    ChooseRuns > Vertical {
        width: 110; max-width: 96%; height: 80%; max-height: 30; background: $surface;
        border: round $border; border-title-color: $foreground; border-title-style: bold; padding: 1 1 0 1;
    }
    ChooseRuns RunTable, ChooseRuns RunTable:focus-within { border: none; }
    ChooseRuns #choose-words { height: 1; padding: 0 1; }
    ChooseRuns #choose-hint { height: 1; padding: 0 1; color: $text-muted; }
    """

    def __init__(self, runs_dir: Path, watched: Path, chosen: Sequence[Path], baseline: Path | None) -> None:
        super().__init__()
        self._runs_dir, self._watched = runs_dir, watched.absolute()
        self._chosen = {str(path.absolute()) for path in chosen}
        self._baseline = baseline.absolute() if baseline is not None else None
        self._runs: list[RunSummary] | None = None

    def compose(self) -> ComposeResult:
        """The list, what is chosen or refused, and what the keys do."""
        with Vertical() as frame:
            frame.border_title = Text(f"Draw over {clean(self._watched.name)}").markup
            yield RunTable("choose-rows", sortable=False)
            yield Static(id="choose-words")
            yield Static(HINT, id="choose-hint", markup=False)

    def on_mount(self) -> None:
        """The list takes the keys while the runs are read."""
        self.query_one(RowList).focus()
        self._look()

    def action_choose(self) -> None:
        """Choose the selected run, or leave it out again."""
        run = self.query_one(RunTable).selected
        if run is None:
            return
        key = str(run.path)
        if key in self._chosen:
            self._chosen.remove(key)
            self._show()
        elif self._may_choose(run):
            self._chosen.add(key)
            self._show()

    def action_baseline(self) -> None:
        """Make the selected run the baseline, and choose it; again: none."""
        run = self.query_one(RunTable).selected
        if run is None:
            return
        if run.path == self._baseline:
            self._baseline = None
        elif str(run.path) in self._chosen or self._may_choose(run):
            self._baseline = run.path
            self._chosen.add(str(run.path))
        else:
            return
        self._show()

    def action_done(self) -> None:
        """Answer; before the runs have been read nothing changes."""
        chosen = [run.path for run in self._runs or () if str(run.path) in self._chosen]
        self.dismiss(None if self._runs is None else (chosen, self._baseline))

    def action_back(self) -> None:
        """Nothing changes."""
        self.dismiss(None)

    @on(RowList.Opened)
    def _opened(self, event: RowList.Opened) -> None:
        event.stop()
        self.action_choose()

    @work(exclusive=True)
    async def _look(self) -> None:
        runs = await asyncio.to_thread(list_runs, self._runs_dir)
        others = [run for run in runs if run.path != self._watched]
        listed = [run for run in others if not run.archived or str(run.path) in self._chosen]
        self._runs = Order().sorted(listed, time.time())
        self._chosen &= {str(run.path) for run in listed}
        self._show()

    def _may_choose(self, run: RunSummary) -> bool:
        if run.error:
            self._say(f"{clean(run.name)} cannot be read, so it cannot be drawn.", "warning")
        elif len(self._chosen) >= MOST:
            self._say(f"At most {MOST} runs can be drawn over one; leave another out first.", "warning")
        else:
            return True
        return False

    def _show(self) -> None:
        shown = [replace(run, baseline=run.path == self._baseline) for run in self._runs or ()]
        none = "No other runs lie beside this one. Train another, and it is listed here."
        self.query_one(RunTable).show(shown, RunView(), self._chosen, none)
        self._say(f"{len(self._chosen)} of at most {MOST} chosen", "muted")

    def _say(self, words: str, role: str) -> None:
        self.query_one("#choose-words", Static).update(Text(words, palette_of(self.app)[role], no_wrap=True))
