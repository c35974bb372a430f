"""The line that filters a list of runs while it is typed."""

import re
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.events import DescendantBlur, DescendantFocus
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from distill_tui.format import clean
from distill_tui.theme import palette_of

if TYPE_CHECKING:
    from core.run.query import Query

EXAMPLE = "best < 0.4 and status = finished"
TYPING = "enter keeps   right completes   esc shows all"
KEPT = "/ changes it   esc shows all"


class KeySuggester(Suggester):
    """Completes the name that is being typed at the end of a filter."""

    def __init__(self, keys: Callable[[], Collection[str]]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._keys = keys

    async def get_suggestion(self, value: str) -> str | None:
        """The whole line; None when no name begins so."""
        match = re.search(r"(?:^|[\s(!])([a-z_][\w.]+)$", value)
        if match is None:
            return None
        start = match[1]
        found = next((key for key in self._keys() if key.startswith(start) and key != start), None)
        return value + found[len(start) :] if found else None


class FilterLine(Vertical):
    """A filter to type, and a line below that says what is missing in it, or what the keys do."""

    BINDINGS = [  # noqa: RUF012 - Textual's way
        Binding("escape", "clear", "show all", show=False),
        Binding("down", "keep", "to the list", show=False),
    ]
    DEFAULT_CSS = """
    FilterLine { height: 2; padding: 0 1; }
    FilterLine Input { background: $panel; }
    FilterLine Static { height: 1; }
    """

    class Changed(Message):
        """Another filter has been understood. `unfinished` is the word at its end that may become a name yet."""

        def __init__(self, query: "Query", unfinished: str = "") -> None:
            super().__init__()
            self.query = query
            self.unfinished = unfinished

    class Left(Message):
        """The person is done with the line. An empty filter needs no line any more."""

        def __init__(self, empty: bool) -> None:
            super().__init__()
            self.empty = empty

    def __init__(self, keys: Callable[[], Collection[str]], id: str | None = None) -> None:
        """`keys` gives what runs can be filtered by now."""
        super().__init__(id=id)
        self._keys = keys
        self._wrong, self._kept = "", ""

    def compose(self) -> ComposeResult:
        """The line and the words below."""
        suggester = KeySuggester(self._keys)
        yield Input(placeholder=EXAMPLE, suggester=suggester, select_on_focus=False, compact=True, id="filter-input")
        yield Static(id="filter-words")

    @property
    def text(self) -> str:
        """What has been typed."""
        return self.query_one(Input).value

    def open(self) -> None:
        """Take the keys."""
        self.query_one(Input).focus()
        self._show_words()

    def action_clear(self) -> None:
        """All runs again."""
        self.query_one(Input).value = ""
        self._understand("", done=True)
        self.post_message(self.Left(True))

    def action_keep(self) -> None:
        """Keep the filter and go to the list; one that is not understood is mended first."""
        self._understand(self.text, done=True)
        if self._wrong:
            self._show_words("warning")
        else:
            self._kept = self.text
            self.post_message(self.Left(not self.text.strip()))

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._understand(event.value)

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_keep()

    @on(DescendantFocus)
    @on(DescendantBlur)
    def _entered_or_left(self) -> None:
        self._show_words()

    def _understand(self, text: str, done: bool = False) -> None:
        """While it is not understood, the list is as it was before anything was typed."""
        from core.run.query import QueryError, parse

        try:
            query = parse(text)
            query.check(self._keys())
        except QueryError as error:
            self._wrong = str(error)
            self.post_message(self.Changed(parse(self._kept), ""))
        else:
            self._wrong = ""
            word = query.words[-1] if query.words and not done else ""
            may_be_name = "." in word or any(key.startswith(word) for key in self._keys())
            typing = bool(word) and text.lower().endswith(word) and may_be_name
            self.post_message(self.Changed(query, word if typing else ""))
        self._show_words()

    def _show_words(self, wrong_role: str = "muted") -> None:
        """What is wrong is said calmly while the person still types."""
        palette = palette_of(self.app)
        keys = Text(TYPING if self.query_one(Input).has_focus else KEPT, palette["muted"])
        wrong = Text(clean(self._wrong), palette[wrong_role], no_wrap=True, overflow="ellipsis")
        self.query_one("#filter-words", Static).update(wrong if self._wrong else keys)
