"""The fields of a form: a folder that completes as one types, and one of a few words."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

from rich.text import Text
from textual import work
from textual.app import RenderResult
from textual.binding import Binding
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.suggester import Suggester
from textual.widget import Widget
from textual.widgets import Input

from distill_tui.theme import palette_of


class FolderSuggester(Suggester):
    """Completes the last part of a path with the first folder that begins so; `~` stays as it was typed."""

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)

    async def get_suggestion(self, value: str) -> str | None:
        """The whole path, ending in a slash; None when no folder begins so."""
        return await asyncio.to_thread(complete_folder, value)


def complete_folder(value: str) -> str | None:
    """`value` completed to the first folder that begins so, with a slash behind it; hidden ones only after a dot."""
    if not value.strip():
        return None
    head, slash, start = value.rpartition("/")
    try:
        parent = Path(f"{head}{slash}" or ".").expanduser()
        names = sorted(entry.name for entry in parent.iterdir() if entry.is_dir())
    except (OSError, RuntimeError, ValueError):  # not there, not allowed, no such home, or no path at all
        return None
    for name in names:
        if name.startswith(start) and (start.startswith(".") or not name.startswith(".")):
            return f"{head}{slash}{name}/"
    return None


class FolderInput(Input):
    """A path; tab takes the completion while there is one, and moves on otherwise."""

    BINDINGS = [Binding("tab", "complete", "complete", show=False)]  # noqa: RUF012 - Textual's way

    def __init__(self, value: str = "", placeholder: str = "", id: str | None = None) -> None:
        super().__init__(
            value,
            placeholder=placeholder,
            suggester=FolderSuggester(),
            select_on_focus=False,
            compact=True,
            id=id,
        )

    @work(exclusive=True)
    async def action_complete(self) -> None:
        """Take the completion, or go to the next field. It is worked out afresh: tab may come before the suggestion."""
        value = self.value
        completed = await asyncio.to_thread(complete_folder, value) if self.cursor_at_end else None
        if value != self.value or not self.has_focus:
            return
        if completed is not None and completed != value:
            self.value = completed
            self.action_end()
        else:
            self.app.action_focus_next()


class Pick(Widget, can_focus=True):
    """One of a few words, all of them in sight; left and right or a click choose."""

    BINDINGS = [  # noqa: RUF012 - Textual's way
        Binding("left,h", "step(-1)", "left", show=False),
        Binding("right,l,space", "step(1)", "right", show=False),
    ]
    DEFAULT_CSS = "Pick { height: 1; width: 1fr; }"

    chosen: reactive[int] = reactive(0)

    class Changed(Message):
        """Another word is chosen."""

    def __init__(self, options: Sequence[str], id: str | None = None) -> None:
        super().__init__(id=id)
        self._options = tuple(options)

    @property
    def value(self) -> str:
        """The chosen word."""
        return self._options[self.chosen]

    def render(self) -> RenderResult:
        """The words side by side."""
        palette = palette_of(self.app)
        line = Text(no_wrap=True)
        for index, option in enumerate(self._options):
            here = index == self.chosen
            style = palette["selected" if here and self.has_focus else "text" if here else "muted"]
            line.append(f"{'●' if here else '○'} {option}", style)
            line.append("   ")
        return line

    def watch_chosen(self) -> None:
        """Tell the form."""
        self.post_message(self.Changed())

    def action_step(self, step: int) -> None:
        """Choose the next word; at the ends it stays."""
        self.chosen = max(0, min(len(self._options) - 1, self.chosen + step))

    def on_click(self, event: Click) -> None:
        """Choose the word under the mouse."""
        left = 0
        for index, option in enumerate(self._options):
            right = left + len(option) + 5
            if left <= event.x < right:
                self.chosen = index
            left = right


class Press(Widget, can_focus=True):
    """A word to press: enter, space or a click."""

    BINDINGS = [Binding("enter,space", "press", "press", show=False)]  # noqa: RUF012 - Textual's way
    DEFAULT_CSS = "Press { height: 1; width: auto; margin-right: 2; }"

    class Pressed(Message):
        """It was pressed."""

        def __init__(self, press: "Press") -> None:
            super().__init__()
            self.press = press

        @property
        def control(self) -> "Press":
            """The word itself."""
            return self.press

    def __init__(self, label: str, *, id: str, disabled: bool = False) -> None:
        super().__init__(id=id, disabled=disabled)
        self._label = label

    def render(self) -> RenderResult:
        """The word in brackets, so that it looks like what it is without colour."""
        role = "muted" if self.disabled else "selected" if self.has_focus else "key"
        return Text(f"[ {self._label} ]", palette_of(self.app)[role], no_wrap=True)

    def action_press(self) -> None:
        """Tell the form."""
        self.post_message(self.Pressed(self))

    def on_click(self) -> None:
        """As enter."""
        self.action_press()
