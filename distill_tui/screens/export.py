"""Asks where a preview is to be saved, and once more before it takes another file's place."""

from pathlib import Path

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from core.run.events import PreviewEvent
from distill_tui.format import clean, shortened
from distill_tui.panels.choices import Choice
from distill_tui.panels.preview_export import ExportError, default_name, files_of, target_of
from distill_tui.screens.dialog import Dialog
from distill_tui.screens.fields import FolderInput


class Replace(Dialog[bool]):
    """Asked before a file takes another's place; enter and escape both leave that alone."""

    def __init__(self, there: Path) -> None:
        keep = Choice(("n", "escape"), "Keep it", False, "and choose another name")
        super().__init__("Export", [keep, Choice(("r", "y"), "Replace it", True)], tone="warning")
        self._there = there

    def words(self) -> Text:
        """Which file."""
        return Text(f"{clean(shortened(str(self._there), 66))} is there already.")

    def action_back(self) -> None:
        """Keep it."""
        self.dismiss(False)


class ExportScreen(ModalScreen[Path | None]):
    """One line to type a place into. Answers the file to write, or None."""

    CSS_PATH = "../styles/dialogs.tcss"
    CSS = """
    ExportScreen { align: center middle; background: $background 60%; }
    #export-problem { margin-top: 1; height: auto; display: none; color: $warning; }
    """
    BINDINGS = [Binding("escape,ctrl+c", "back", "back", show=False, priority=True)]  # noqa: RUF012 - Textual's way

    def __init__(self, preview: PreviewEvent) -> None:
        super().__init__()
        self._preview = preview

    def compose(self) -> ComposeResult:
        """What is saved, the line, what is wrong with it, and what the keys do."""
        preview, tune = self._preview, bool(self._preview.score_path)
        what = clean(preview.name) if preview.kind == "sample" else f"The {preview.kind} of {clean(preview.name)}"
        when = "" if preview.kind == "original" else f", epoch {preview.epoch}"
        files = " (sound and MIDI file)" if tune else ""
        with Vertical(id="dialog") as frame:
            frame.border_title = "Export"
            yield Static(f"{what}{when}{files}: where on this machine?", id="dialog-text", markup=False)
            yield FolderInput(f"~/{default_name(preview)}", id="ask-path")
            yield Static(id="export-problem", markup=False)
            yield Static("enter save · tab complete a folder · esc back", id="dialog-hint")

    @on(Input.Changed)
    def _changed(self) -> None:
        self._say("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        try:
            target = target_of(event.value, default_name(self._preview))
            there = [path for path in files_of(self._preview, target) if path.exists()]
        except (ExportError, OSError) as error:
            self._say(clean(str(error)))
            return
        if there:
            self._ask_first(there[0], target)
        else:
            self.dismiss(target)

    @work(exclusive=True)
    async def _ask_first(self, there: Path, target: Path) -> None:
        if await self.app.push_screen_wait(Replace(there)):
            self.dismiss(target)

    def action_back(self) -> None:
        """Nothing was chosen."""
        self.dismiss(None)

    def _say(self, words: str) -> None:
        problem = self.query_one("#export-problem", Static)
        problem.display = bool(words)
        problem.update(words)
