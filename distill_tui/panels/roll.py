"""The piano roll of the selected preview, with a playhead that moves while it plays."""

from collections.abc import Sequence

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from core.midi.vocabulary import Note
from core.run.events import PreviewEvent
from distill_tui.cells import Row
from distill_tui.panels.preview_picture import LABELS, PreviewPicture
from distill_tui.panels.preview_row import ROLES
from distill_tui.roll import EMPTY, SHADES, View, in_words, octaves, painted, seconds_axis, view_of
from distill_tui.sounds import Scores
from distill_tui.theme import palette_of

STRENGTHS = (0.45, 0.62, 0.8, 1.0)  # of a note's colour, by shade
GUIDE = "·"


class PianoRoll(PreviewPicture):
    """The preview's tune. `scores` brings the notes, in a thread."""

    def __init__(self, scores: Scores, id: str | None = None) -> None:
        super().__init__(id=id)
        self.scores = scores
        self._notes: tuple[Note, ...] = ()
        self._seconds = 0.0
        self._role = "text"
        self._view: View | None = None
        self._picture: list[list[int]] = []
        self._names: dict[int, str] = {}
        self._styles: dict[tuple[int, int], Style] = {}

    def draw(self, notes: Sequence[Note], seconds: float, role: str) -> None:
        """Draw a tune of so many seconds in the colour of `role`."""
        notes = tuple(notes)
        if (notes, seconds, role, "") != (self._notes, self._seconds, self._role, self._message):
            self._notes, self._seconds, self._role, self._message = notes, seconds, role, ""
            self.repaint()

    @property
    def words(self) -> str:
        """How many notes there are, and which part is seen."""
        return in_words(self._notes, self._view, self._seconds) if self._view is not None and self._notes else ""

    def _ready(self, preview: PreviewEvent, other: PreviewEvent | None) -> bool:
        return self.scores.kept(preview.score_path) is not None

    async def _fetch(self, preview: PreviewEvent, other: PreviewEvent | None) -> None:
        await self.scores.get(preview.score_path)

    def _show(self, preview: PreviewEvent, other: PreviewEvent | None) -> None:
        self.draw(self.scores.kept(preview.score_path) or (), preview.seconds, ROLES[preview.kind])

    def _forget(self) -> None:
        self._notes = ()

    def _lay_out(self) -> None:
        self._view = None
        self._styles.clear()
        if self._notes and self.size.height > 1:
            self._view = self._page()
            self._picture = painted(self._notes, self._view)
            self._names = octaves(self._view)

    def _line(self, y: int) -> Row | list[Segment]:
        view, width = self._view, self.size.width
        if view is None:
            return ()
        if y >= view.rows:
            return seconds_axis(view, self._seconds) if y == view.rows else ()
        name = self._names.get(y, "")
        label = Segment(f"{name:>{LABELS - 1}} ", palette_of(self.app)["muted"])
        return [label, *self._cells(y, view, bool(name)), Segment(" " * max(0, width - LABELS - view.columns))]

    def _cells(self, y: int, view: View, guide: bool) -> list[Segment]:
        """The two half rows of a line, cells that look alike together."""
        end = view.column(self._seconds) if guide else 0
        plain = bool(getattr(self.app, "ascii_only", False)) or self._dye() is None
        segments: list[Segment] = []
        text, former = "", (EMPTY, EMPTY)
        for x, (high, low) in enumerate(zip(self._picture[2 * y], self._picture[2 * y + 1], strict=True)):
            if plain and EMPTY not in (high, low):
                high = low = max(high, low)
            if high == low == EMPTY:
                mark = GUIDE if x < end and x % 2 == 0 else " "
            else:
                mark = "█" if high == low else _glyph(high, low, two_colours=True)
            look = (low, EMPTY) if high == EMPTY else (high, EMPTY if low == high else low)
            if look != former and text:
                segments.append(Segment(text, self._style(former)))
                text = ""
            text, former = text + mark, look
        return [*segments, Segment(text, self._style(former))]

    def _style(self, look: tuple[int, int]) -> Style:
        """The style of a cell from the shade of its glyph and that of its other half."""
        if look not in self._styles:
            front, back = look
            dye = self._dye()
            if front == EMPTY:
                style = palette_of(self.app)["border"]
            elif dye is None:
                style = palette_of(self.app)[self._role]
            else:
                style = Style(color=self._shade(dye, front), bgcolor=self._shade(dye, back) if back != EMPTY else None)
            self._styles[look] = style
        return self._styles[look]

    def _dye(self) -> Color | None:
        """The role's own colour, where shades of it can be mixed; None for a terminal's own colours."""
        found = palette_of(self.app)[self._role].color
        return Color.from_rich_color(found) if found is not None and found.triplet is not None else None

    def _shade(self, dye: Color, shade: int) -> RichColor:
        ground = self.background_colors[1]
        return ground.blend(dye, STRENGTHS[max(0, min(SHADES - 1, shade))]).rich_color

    def _under(self, y: int, column: int) -> str:
        under = self._picture[2 * y][column], self._picture[2 * y + 1][column]
        return "│" if under == (EMPTY, EMPTY) else _glyph(*under)

    def _column(self, second: float | None) -> int | None:
        if second is None or self._view is None:
            return None
        column = self._view.column(second)
        return column if 0 <= column < self._view.columns else None

    @property
    def _rows(self) -> int:
        return self._view.rows if self._view is not None else 0

    def _turned(self) -> bool:
        return self._view is not None and self._page() != self._view

    def _page(self) -> View:
        width, height = self.size
        return view_of(self._notes, self._seconds, width - LABELS, height - 1, self._heard or 0.0)


def _glyph(high: int, low: int, *, two_colours: bool = False) -> str:
    """What stands for the two halves of a cell, at least one of which sounds."""
    if high == EMPTY:
        return "▄"
    return "▀" if low == EMPTY or two_colours else "█"
