"""Asks for a folder."""

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from distill_tui.screens.fields import FolderInput


class AskFolder(ModalScreen[str | None]):
    """One line to type a path into, with completion. Answers the text, or None."""

    CSS_PATH = "../styles/dialogs.tcss"
    DEFAULT_CSS = "AskFolder { align: center middle; background: $background 60%; }"
    BINDINGS = [Binding("escape,ctrl+c", "back", "back", show=False, priority=True)]  # noqa: RUF012 - Textual's way

    def __init__(self, title: str, question: str, value: str = "", *, replace: bool = False) -> None:
        """`value` is there to be gone on from, or with `replace` to be taken or typed over."""
        super().__init__()
        self._title, self._question, self._value, self._replace = title, question, value, replace

    def compose(self) -> ComposeResult:
        """The question, the line, and what the keys do."""
        with Vertical(id="dialog") as frame:
            frame.border_title = self._title
            yield Static(self._question, id="dialog-text", markup=False)
            yield FolderInput(self._value, id="ask-path")
            yield Static("enter open · tab complete · esc back", id="dialog-hint")

    def on_mount(self) -> None:
        """What is typed takes the place of what is selected."""
        if self._replace:
            self.query_one(Input).action_select_all()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        self.dismiss(event.value.strip() or None)

    def action_back(self) -> None:
        """Nothing was chosen."""
        self.dismiss(None)
