"""What all panels have in common: rows in, changed lines out."""

from collections.abc import Iterable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import BindingType
from textual.events import Click
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from distill_tui.cells import Row
from distill_tui.keys import bindings
from distill_tui.panels.frame import fit
from distill_tui.reader import Query, Snapshot
from distill_tui.theme import palette_of


class Panel(Widget, can_focus=True):
    """A widget made of rows. `redraw` works them out and repaints the lines that differ from what is shown."""

    ALLOW_MAXIMIZE = True

    class Wants(Message):
        """The curves that this panel shows have changed: read them."""

    class Opened(Message):
        """The panel was double-clicked."""

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.snapshot = Snapshot()
        self._rows: tuple[Row, ...] = ()
        self._clicks: dict[tuple[str, str], Style] = {}

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """What to show in `width` by `height` cells."""
        raise NotImplementedError

    def queries(self) -> Iterable[Query]:
        """The curves that are needed for it."""
        return ()

    def copied(self) -> str:
        """What `y` copies."""
        return ""

    def moved(self, direction: str) -> bool:
        """Move the panel's own cursor; False when it is at its edge and the focus should move on."""
        return False

    @property
    def copy_text(self) -> str:
        """What `y` copies while this panel is focused."""
        return self.copied()

    def show(self, snapshot: Snapshot) -> None:
        """Show this state from now on."""
        self.snapshot = snapshot
        self.redraw()

    def redraw(self) -> None:
        """Repaint what differs from what is on the screen."""
        width, height = self.size
        if not (self.is_mounted and width > 1 and height > 0):
            return
        former, self._rows = self._rows, self.rows(width, height)
        if len(former) != len(self._rows):
            self.refresh()
            return
        changed = [Region(0, y, width, 1) for y, row in enumerate(self._rows) if row != former[y]]
        if changed:
            self.refresh(*changed)

    def render_line(self, y: int) -> Strip:
        """One line of the rows."""
        width = self.size.width
        if not self._rows and width > 1:
            self._rows = self.rows(width, self.size.height)
        row = self._rows[y] if y < len(self._rows) else ()
        palette = palette_of(self.app)
        segments = [
            Segment(r.text, self._clickable(r.role, r.click) if r.click else palette[r.role]) for r in fit(row, width)
        ]
        return Strip(segments, width).apply_style(self.rich_style)

    def on_resize(self) -> None:
        """Another size needs other rows, and perhaps finer curves."""
        self._rows = ()
        self.refresh()
        self.post_message(self.Wants())

    def on_click(self, event: Click) -> None:
        """A double click is as good as enter."""
        if event.chain == 2 and self.ALLOW_MAXIMIZE:
            self.post_message(self.Opened())

    def on_focus(self) -> None:
        """The frame shows it, once Textual has said which panel has the focus."""
        self.call_next(self.redraw)

    def on_blur(self) -> None:
        """As `on_focus`."""
        self.call_next(self.redraw)

    def repaint(self) -> None:
        """Other colours: every line again."""
        self._clicks.clear()
        self.refresh()

    def _clickable(self, role: str, click: str) -> Style:
        key = role, click
        if key not in self._clicks:
            self._clicks[key] = palette_of(self.app)[role] + Style.from_meta({"@click": click})
        return self._clicks[key]


class ScrollPanel(Panel):
    """A framed list of lines longer than the panel: keys and the wheel scroll it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in bindings("list") if getattr(binding, "id", "") not in ("row_up", "row_down")
    ]

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self.top = 0
        self._length = 0

    def window(self, lines: list[Row], height: int) -> list[Row]:
        """The visible part of the lines."""
        self._length = len(lines)
        self.top = max(0, min(self.top, len(lines) - height))
        return lines[self.top : self.top + height]

    def more(self, height: int) -> str:
        """How much lies below, or "" when all is seen."""
        below = self._length - self.top - height
        return f"{below} more below" if below > 0 else f"{self.top} above" if self.top else ""

    def scroll_lines(self, lines: int) -> bool:
        """Scroll by so many lines; False at the edge."""
        former, room = self.top, max(0, self._length - (self.size.height - 2))
        self.top = max(0, min(room, self.top + lines))
        self.redraw()
        return self.top != former

    def moved(self, direction: str) -> bool:
        """Full screen, up and down scroll; on the dashboard they lead to the next panel."""
        if self.screen.maximized is not self or direction not in ("up", "down"):
            return False
        return self.scroll_lines(-1 if direction == "up" else 1)

    def action_page(self, pages: int) -> None:
        """Scroll by pages."""
        self.scroll_lines(pages * max(1, self.size.height - 3))

    def action_edge(self, end: int) -> None:
        """Scroll to the first or the last line."""
        self.scroll_lines(end * self._length)

    def on_mouse_scroll_up(self) -> None:
        """The wheel."""
        self.scroll_lines(-2)

    def on_mouse_scroll_down(self) -> None:
        """The wheel."""
        self.scroll_lines(2)
