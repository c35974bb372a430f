"""A list of one-line rows that draws only what changed, and whose selection stays put when new rows come."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.actions import SkipAction
from textual.color import Color
from textual.events import Click
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from distill_tui.contrast import AA, ratio
from distill_tui.keys import bindings
from distill_tui.theme import palette_of

Draw = Callable[[str, int], Text]


class RowList(ScrollView, can_focus=True):
    """Rows known by a key each. `draw(key, width)` gives a row's text, asked for only while the row is visible."""

    BINDINGS = bindings("list")
    DEFAULT_CSS = """
    RowList {
        background: transparent;
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
    }
    """

    class Moved(Message):
        """Another row is selected."""

        def __init__(self, rows: "RowList", key: str) -> None:
            super().__init__()
            self.rows = rows
            self.key = key

        @property
        def control(self) -> "RowList":
            """The list it happened in."""
            return self.rows

    class Opened(Moved):
        """A row was double-clicked."""

    def __init__(self, draw: Draw, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._draw = draw
        self._keys: tuple[str, ...] = ()
        self._at: dict[str, int] = {}
        self._chosen = False
        self.selected: str | None = None

    @property
    def keys(self) -> tuple[str, ...]:
        """The rows' keys from top to bottom."""
        return self._keys

    def show(self, keys: Sequence[str]) -> None:
        """Show these rows. The selected one stays selected and where it is; before any choice it is the first."""
        keys = tuple(keys)
        if keys == self._keys:
            return
        before = self._index
        self._keys = keys
        self._at = {key: index for index, key in enumerate(keys)}
        if not keys:
            self.selected, self._chosen = None, False
        elif self.selected not in self._at or not self._chosen:
            self.selected = keys[min(before, len(keys) - 1)] if self._chosen else keys[0]
        self.virtual_size = Size(0, len(keys))
        if self._chosen:
            self.scroll_to(y=self.scroll_offset.y + self._index - before, animate=False, immediate=True)
        self._reveal()
        self.refresh()

    def select(self, key: str) -> None:
        """Choose the row of `key`."""
        if key not in self._at:
            return
        self._chosen = True
        if key == self.selected:
            return
        for stale in (self.selected, key):
            if stale is not None:
                self.refresh_row(stale)
        self.selected = key
        self._reveal()
        self.post_message(self.Moved(self, key))

    def refresh_row(self, key: str) -> None:
        """Draw the row of `key` again."""
        if key in self._at:
            self.refresh_line(self._at[key])

    def render_line(self, y: int) -> Strip:
        """One visible row, with a mark beside the selected one that does not rely on colour."""
        width = self.scrollable_content_region.width
        index = y + self.scroll_offset.y
        if index >= len(self._keys):
            return Strip.blank(width, self.rich_style)
        key = self._keys[index]
        selected = key == self.selected
        text = self._draw(key, max(0, width - 1))
        mark = Segment("┃" if selected else " ")
        strip = Strip([mark, *text.render(self.app.console)]).adjust_cell_length(width)
        if selected and self.has_focus:
            chosen = palette_of(self.app)["selected"]
            strip = Strip([Segment(s.text, _on(chosen, s.style or chosen)) for s in strip], width)
        return strip.apply_style(self.rich_style)

    def action_row(self, lines: int) -> None:
        """Select the row so many lines below. At the edge the key goes on to the screen, to leave the list."""
        if not self._step(lines):
            raise SkipAction

    def action_page(self, pages: int) -> None:
        """Select the row so many pages below."""
        self._step(pages * max(1, self.scrollable_content_region.height - 1))

    def action_edge(self, end: int) -> None:
        """Select the first (-1) or last (1) row."""
        self._step(end * len(self._keys))

    def on_click(self, event: Click) -> None:
        """Select with the mouse; a double-click opens."""
        index = event.y + self.scroll_offset.y
        if 0 <= index < len(self._keys):
            self.select(self._keys[index])
            if event.chain == 2:
                self.post_message(self.Opened(self, self._keys[index]))

    def _step(self, lines: int) -> bool:
        """Select the row so many lines below, or the last one there is; False where there is no other."""
        if not self._keys:
            return False
        before = self.selected
        self.select(self._keys[max(0, min(len(self._keys) - 1, self._index + lines))])
        return self.selected != before

    @property
    def _index(self) -> int:
        return self._at.get(self.selected or "", 0)

    def _reveal(self) -> None:
        if self._keys:
            self.scroll_to_region(Region(0, self._index, 1, 1), animate=False, immediate=True, x_axis=False)


@lru_cache(256)
def _on(chosen: Style, style: Style) -> Style:
    """A row's style on the selection: it keeps its colour where that can be read on the selection's background."""
    if chosen.reverse or not _apart(style, chosen):
        return style + chosen
    return chosen + style


def _apart(style: Style, chosen: Style) -> bool:
    if style.color is None or chosen.bgcolor is None:
        return True
    front, back = Color.from_rich_color(style.color), Color.from_rich_color(chosen.bgcolor)
    return ratio(front, back) >= AA
