"""Asks for a line of text."""

from collections.abc import Callable

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from distill_tui.format import clean

HINT = "enter done · esc back"


class AskText(ModalScreen[str | None]):
    """One line to type. Answers the text, "" for none, or None when the person goes back.

    `check` gives what is wrong with a text, in one line, or "" when it will do; what was typed stays in the line.
    """

    CSS_PATH = "../styles/dialogs.tcss"
    BINDINGS = [Binding("escape,ctrl+c", "back", "back", show=False, priority=True)]  # noqa: RUF012 - Textual's way
    DEFAULT_CSS = """
    AskText { align: center middle; background: $background 60%; }
    AskText Input { margin-top: 1; background: $panel; }
    AskText #dialog-hint.wrong { color: $warning; }
    """

    def __init__(
        self,
        title: str,
        question: str,
        value: str = "",
        placeholder: str = "",
        check: Callable[[str], str] = lambda text: "",
        longest: int = 0,
    ) -> None:
        """Title and question are plain text; `longest` is in characters, 0 for any length."""
        super().__init__()
        self._title, self._question, self._value = title, question, value
        self._placeholder, self._check, self._longest = placeholder, check, longest

    def compose(self) -> ComposeResult:
        """The question, the line, and what the keys do or what is wrong."""
        with Vertical(id="dialog") as frame:
            frame.border_title = Text(clean(self._title)).markup
            yield Static(Text(clean(self._question)), id="dialog-text")
            yield Input(
                clean(self._value),
                placeholder=self._placeholder,
                max_length=self._longest,
                select_on_focus=False,
                compact=True,
                id="ask-text",
            )
            yield Static(HINT, id="dialog-hint", markup=False)

    @on(Input.Changed)
    def _changed(self) -> None:
        self._say("")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        text = event.value.strip()
        if wrong := self._check(text):
            self._say(wrong)
        else:
            self.dismiss(text)

    def action_back(self) -> None:
        """Nothing was said."""
        self.dismiss(None)

    def _say(self, wrong: str) -> None:
        hint = self.query_one("#dialog-hint", Static)
        hint.set_class(bool(wrong), "wrong")
        hint.update(Text(clean(wrong) or HINT))
