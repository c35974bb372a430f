"""The piano roll of the selected preview, with a playhead that moves while it plays."""

import asyncio
from collections.abc import Sequence

from rich.color import Color as RichColor
from rich.segment import Segment
from rich.style import Style
from textual import work
from textual.color import Color
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from core.midi.vocabulary import Note
from core.run.events import PreviewEvent
from core.run.link import LinkError
from distill_tui.cells import Run
from distill_tui.format import clean
from distill_tui.panels.frame import fit
from distill_tui.panels.preview_row import ROLES
from distill_tui.roll import EMPTY, LABELS, SHADES, View, in_words, octaves, painted, seconds_axis, view_of
from distill_tui.sounds import ScoreError, Scores
from distill_tui.theme import palette_of

STRENGTHS = (0.45, 0.62, 0.8, 1.0)  # of a note's colour, by shade
PLAYHEAD = "validation"  # a role that no kind of preview has
GUIDE = "·"
SETTLED_SECONDS = 0.08  # who runs down the list wants the tune that they stop at


class PianoRoll(Widget):
    """Give it a preview with `show`; `move` says where the sound is. `scores` brings the notes, in a thread."""

    class Seen(Message):
        """Another tune, or another part of it, is in view."""

    DEFAULT_CSS = "PianoRoll { height: 8; width: 1fr; background: transparent; }"

    def __init__(self, scores: Scores, id: str | None = None) -> None:
        super().__init__(id=id)
        self.scores = scores
        self._wanted = ""
        self._notes: tuple[Note, ...] = ()
        self._seconds = 0.0
        self._role = "text"
        self._message = ""
        self._view: View | None = None
        self._picture: list[list[int]] = []
        self._names: dict[int, str] = {}
        self._heard: float | None = None
        self._styles: dict[tuple[int, int], Style] = {}
        self._lines: dict[int, Strip] = {}

    def on_mount(self) -> None:
        """Other colours with another theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self._repaint())

    def show(self, preview: PreviewEvent) -> None:
        """Draw the preview's tune: at once if its notes are here, else what is seen stays until they come."""
        notes = self.scores.kept(preview.score_path)
        if notes is not None:
            self._wanted = ""
            self.workers.cancel_group(self, "score")
            self.draw(notes, preview.seconds, ROLES[preview.kind])
        elif preview.score_path != self._wanted:
            self._wanted = preview.score_path
            self._bring(preview)

    @work(exclusive=True, group="score")
    async def _bring(self, preview: PreviewEvent) -> None:
        """Fetch the notes, unless another tune is wanted by then."""
        await asyncio.sleep(SETTLED_SECONDS)
        try:
            notes = await self.scores.get(preview.score_path)
        except (LinkError, ScoreError) as error:
            self.say(clean(str(error)))
        else:
            self.draw(notes, preview.seconds, ROLES[preview.kind])

    def draw(self, notes: Sequence[Note], seconds: float, role: str) -> None:
        """Draw a tune of so many seconds in the colour of `role`."""
        notes = tuple(notes)
        if (notes, seconds, role, "") != (self._notes, self._seconds, self._role, self._message):
            self._notes, self._seconds, self._role, self._message = notes, seconds, role, ""
            self._repaint()

    def say(self, message: str) -> None:
        """One quiet line in place of the notes."""
        if message != self._message or self._notes:
            self._notes, self._message = (), message
            self._repaint()

    def move(self, heard: float | None) -> None:
        """The second that is heard now, None for silence: only the columns that change are drawn again."""
        before, self._heard = self._heard, heard
        if self._view is None or not self.is_mounted:
            return
        if self._page() != self._view:
            self._repaint()
            return
        columns = {self._column(self._view, second) for second in (before, heard)}
        if len(columns) > 1:
            self.refresh(*(Region(LABELS + x, 0, 1, self._view.rows) for x in columns if x is not None))

    def on_resize(self) -> None:
        """Another size, another picture."""
        self._repaint()

    def render_line(self, y: int) -> Strip:
        """One line: an octave's name and the notes of its pitches; the seconds last."""
        if self._view is None and not self._message and self.size.width > LABELS:
            self._draw()
        if y not in self._lines:
            self._lines[y] = self._line(y)
        line, view = self._lines[y], self._view
        head = self._column(view, self._heard) if view is not None and y < view.rows else None
        if head is None or view is None:
            return line
        at = LABELS + head
        under = self._picture[2 * y][head], self._picture[2 * y + 1][head]
        cell = Segment("│" if under == (EMPTY, EMPTY) else _glyph(*under), palette_of(self.app)[PLAYHEAD])
        return Strip.join([line.crop(0, at), self._strip([cell], 1), line.crop(at + 1)])

    @property
    def words(self) -> str:
        """What is seen, in words."""
        return in_words(self._notes, self._view, self._seconds) if self._view is not None and self._notes else ""

    def _line(self, y: int) -> Strip:
        """A line as it is without the playhead."""
        view, palette, width = self._view, palette_of(self.app), self.size.width
        if view is None:
            text = f" {self._message}" if y == 0 else ""
            return self._strip([Segment(run.text, palette["muted"]) for run in fit((Run(text),), width)], width)
        if y >= view.rows:
            axis = seconds_axis(view, self._seconds) if y == view.rows else ()
            return self._strip([Segment(run.text, palette[run.role]) for run in fit(axis, width)], width)
        name = self._names.get(y, "")
        segments = [Segment(f"{name:>{LABELS - 1}} ", palette["muted"]), *self._cells(y, view, bool(name))]
        return self._strip([*segments, Segment(" " * max(0, width - LABELS - view.columns))], width)

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

    def _strip(self, segments: list[Segment], width: int) -> Strip:
        return Strip(segments, width).apply_style(self.rich_style)

    def _column(self, view: View, second: float | None) -> int | None:
        if second is None:
            return None
        column = view.column(second)
        return column if 0 <= column < view.columns else None

    def _page(self) -> View:
        width, height = self.size
        return view_of(self._notes, self._seconds, width - LABELS, height - 1, self._heard or 0.0)

    def _draw(self) -> None:
        if self._notes and self.size.height > 1:
            self._view = self._page()
            self._picture = painted(self._notes, self._view)
            self._names = octaves(self._view)

    def _repaint(self) -> None:
        self._view = None
        self._styles.clear()
        self._lines.clear()
        self._draw()
        self.refresh()
        self.post_message(self.Seen())


def _glyph(high: int, low: int, *, two_colours: bool = False) -> str:
    """What stands for the two halves of a cell, at least one of which sounds."""
    if high == EMPTY:
        return "▄"
    return "▀" if low == EMPTY or two_colours else "█"
