"""Every key, from the one list; the screen that was left stands below."""

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from distill_tui.keys import SCOPES, Scope, scoped
from distill_tui.theme import palette_of

TWO_COLUMNS = 118


class HelpScreen(ModalScreen[None]):
    """Keys by where they work, in as many columns as fit."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter", "close", show=False),
        Binding("down,j", "lines(1)", show=False),
        Binding("up,k", "lines(-1)", show=False),
    ]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > VerticalScroll {
        width: auto; max-width: 96%; height: auto; max-height: 94%; padding: 0 2;
        border: round $border; border-title-color: $foreground; background: $surface; scrollbar-size-vertical: 1;
    }
    HelpScreen Static { width: auto; height: auto; }
    """

    def compose(self) -> ComposeResult:
        """One frame with the list."""
        with VerticalScroll() as frame:
            frame.border_title = "Keys"
            frame.border_subtitle = "esc closes"
            yield Static(self._words())

    def action_close(self) -> None:
        """Back to where one was."""
        self.dismiss(None)

    def action_lines(self, lines: int) -> None:
        """Scroll."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def _words(self) -> Text:
        below = self.app.screen_stack[-2] if len(self.app.screen_stack) > 1 else self.app.screen
        scopes: tuple[Scope, ...] = getattr(below, "HELP_SCOPES", ("app",))
        blocks = [self._block(scope) for scope in scopes if scoped(scope)]
        if self.app.size.width < TWO_COLUMNS or len(blocks) < 2:
            return Text("\n\n").join(blocks)
        lengths = [len(block.split("\n")) + 1 for block in blocks]
        cut = min(range(1, len(blocks)), key=lambda at: max(sum(lengths[:at]), sum(lengths[at:])))
        return _side_by_side(Text("\n\n").join(blocks[:cut]), Text("\n\n").join(blocks[cut:]))

    def _block(self, scope: Scope) -> Text:
        palette = palette_of(self.app)
        block = Text(no_wrap=True)
        block.append(SCOPES[scope], palette["strong"])
        for key in scoped(scope):
            if key.listed:
                block.append(f"\n {key.shown:<11}", palette["key"])
                block.append(key.help, palette["text"])
        return block


def _side_by_side(left: Text, right: Text) -> Text:
    lines, others = left.split("\n"), right.split("\n")
    width = max(line.cell_len for line in lines) + 3
    rows = []
    for index in range(max(len(lines), len(others))):
        line = lines[index] if index < len(lines) else Text()
        line.pad_right(width - line.cell_len)
        rows.append(line.append_text(others[index]) if index < len(others) else line)
    return Text("\n").join(rows)
