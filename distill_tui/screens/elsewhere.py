"""What is said in the place of another host's runs while there are none, and above them while they may be old."""

from typing import ClassVar

from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Center, Vertical
from textual.widgets import Static

from distill_tui.format import clean
from distill_tui.panels.choices import Choice, Choices
from distill_tui.theme import palette_of

WARNS = "▲ "
AGAIN = Choice(("r",), "Try again", "again")
OTHER = Choice(("w",), "Go elsewhere", "watch", "a folder, a run, or HOST:")
BACK = Choice(("escape",), "Runs of this machine", "go_home")


class Elsewhere(Vertical):
    """A line, and below it the ways on: `Choices.Opened` tells the key of the one that was taken."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "screen.again", "try again", show=False),
        Binding("escape", "screen.go_home", "runs of this machine", show=False),
    ]
    DEFAULT_CSS = """
    Elsewhere { height: 1fr; align: center middle; }
    Elsewhere #elsewhere-words { width: 76; max-width: 100%; padding: 0 1; text-align: center; }
    Elsewhere #elsewhere-ways { width: 56; max-width: 100%; margin: 1 0; background: transparent; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._said: tuple[str, Style] | None = None

    def compose(self) -> ComposeResult:
        """The line and the ways."""
        with Center():
            yield Static(id="elsewhere-words")
        with Center():
            yield Choices((AGAIN, OTHER, BACK), id="elsewhere-ways")

    @property
    def ways(self) -> Choices[str]:
        """The ways on."""
        return self.query_one(Choices)

    def show(self, words: str, *, failed: bool) -> None:
        """Say this; what has failed can be tried again."""
        said = clean(words), palette_of(self.app)["warning" if failed else "muted"]
        if said == self._said:
            return
        self._said = said
        self.query_one("#elsewhere-words", Static).update(Text((WARNS if failed else "") + said[0], said[1]))
        ways = [way.keys[0] for way in ((AGAIN, OTHER, BACK) if failed else (OTHER, BACK))]
        self.ways.show(ways)


class TroubleLine(Static):
    """One calm line; not there while all is well."""

    DEFAULT_CSS = """
    TroubleLine { height: 1; padding: 0 1; display: none; text-wrap: nowrap; text-overflow: ellipsis; }
    """

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._said: tuple[str, Style] | None = None

    def show(self, words: str) -> None:
        """Say this from now on; empty: nothing."""
        said = clean(words), palette_of(self.app)["warning"]
        if said != self._said:
            self._said = said
            self.update(Text(WARNS + said[0], said[1]))
            self.display = bool(words)
