"""A few ways on, each with a letter, its words and a hint; arrows and enter, the letter, or a single click take one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from rich.cells import cell_len
from rich.text import Text
from textual.binding import Binding
from textual.events import Click

from distill_tui.cells import cell
from distill_tui.panels.rows import RowList
from distill_tui.theme import palette_of

T = TypeVar("T")


@dataclass(frozen=True)
class Choice(Generic[T]):
    """One way on. The first of its keys is shown; `value` is what choosing it means."""

    keys: tuple[str, ...]
    label: str
    value: T
    hint: str = ""


class Choices(RowList, Generic[T]):
    """The choices as a list, the first one selected. Posts `Opened` with the choice's first key when one is taken."""

    BINDINGS = [Binding("enter", "take", "take", show=False)]  # noqa: RUF012 - Textual's way

    def __init__(self, choices: Sequence[Choice[T]], id: str | None = None) -> None:
        super().__init__(self._line, id=id)
        self._choices = {choice.keys[0]: choice for choice in choices}
        self.show(tuple(self._choices))
        self.styles.height = len(choices)

    def key_for(self, letter: str) -> str | None:
        """The first key of the choice that `letter` takes."""
        return next((key for key, choice in self._choices.items() if letter in choice.keys), None)

    def action_take(self) -> None:
        """Take the selected choice."""
        if self.selected is not None:
            self.post_message(self.Opened(self, self.selected))

    def on_click(self, event: Click) -> None:
        """Take it at once."""
        event.prevent_default()
        index = event.y + self.scroll_offset.y
        if 0 <= index < len(self.keys):
            self.select(self.keys[index])
            self.action_take()

    def _line(self, key: str, width: int) -> Text:
        palette = palette_of(self.app)
        choice = self._choices[key]
        label_width = max(cell_len(other.label) for other in self._choices.values())
        line = Text(no_wrap=True, end="")
        line.append(f" {'esc' if key == 'escape' else key:<4}", palette["key"])
        line.append(cell(choice.label, label_width + 3), palette["text"])
        line.append(cell(choice.hint, max(0, width - label_width - 8)), palette["muted"])
        return line
