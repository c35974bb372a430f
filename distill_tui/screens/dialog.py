"""What all dialogs share: a few words, and the choices below them."""

from collections.abc import Sequence
from typing import ClassVar, TypeVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.events import Key
from textual.screen import ModalScreen
from textual.widgets import Static

from distill_tui.panels.choices import Choice, Choices

T = TypeVar("T")


class Dialog(ModalScreen[T]):
    """Says something and answers with the value of a choice. The first one is selected; escape takes the last."""

    CSS_PATH = "../styles/dialogs.tcss"
    BINDINGS = [  # noqa: RUF012 - Textual's way
        Binding("escape,ctrl+c,ctrl+q", "back", "back", show=False),
        Binding("pageup", "words(-1)", "read up", show=False),
        Binding("pagedown", "words(1)", "read on", show=False),
        Binding("question_mark,f1", "app.help", "help", show=False),
    ]
    HELP_LINES: ClassVar[tuple[tuple[str, str], ...]] = (
        ("↑↓ enter", "Choose an answer and take it; its letter or a click takes it at once"),
        ("pgup pgdn", "Read on where the words are longer than the screen"),
        ("esc", "The last answer, which changes nothing"),
    )

    def __init__(self, title: str, choices: Sequence[Choice[T]], tone: str = "") -> None:
        """`tone` is "", "warning" or "danger" and colours the frame."""
        super().__init__()
        self._title = title
        self._tone = tone
        self._choices = tuple(choices)

    def words(self) -> Text:
        """What the dialog says; a subclass fills this in."""
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        """The frame with the words and, always visible below them, the choices."""
        with Vertical(id="dialog", classes=self._tone) as frame:
            frame.border_title = Text(self._title).markup
            with VerticalScroll(id="dialog-words", can_focus=False):
                yield Static(self.words(), id="dialog-text")
            yield Choices(self._choices, id="dialog-choices")

    def on_mount(self) -> None:
        """The choices take the keys."""
        self.query_one(Choices).focus()

    def action_back(self) -> None:
        """Answer with the last choice, which changes nothing."""
        self.dismiss(self._choices[-1].value)

    def action_words(self, pages: int) -> None:
        """Scroll words that are longer than the screen."""
        words = self.query_one("#dialog-words", VerticalScroll)
        (words.scroll_page_down if pages > 0 else words.scroll_page_up)(animate=False)

    @on(Choices.Opened)
    def _opened(self, event: Choices.Opened) -> None:
        event.stop()
        self._answer(event.key)

    def on_key(self, event: Key) -> None:
        """A choice's own letter."""
        if key := self.query_one(Choices).key_for(event.key):
            event.stop()
            event.prevent_default()
            self._answer(key)

    def _answer(self, key: str) -> None:
        self.dismiss(next(choice.value for choice in self._choices if choice.keys[0] == key))
