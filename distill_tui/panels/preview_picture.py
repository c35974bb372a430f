"""What the pictures of a preview have in common: they wait for a choice, are fetched, and have a playhead."""

import asyncio

from rich.segment import Segment
from textual import work
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from core.run.events import PreviewEvent
from core.run.link import LinkError
from distill_tui.cells import Row, Run
from distill_tui.format import clean
from distill_tui.panels.frame import fit
from distill_tui.sounds import ScoreError
from distill_tui.theme import palette_of
from distill_tui.wav import WavError

LABELS = 4  # cells at the left for the names of pitches and frequencies
PLAYHEAD = "validation"  # a role that no kind of preview has
SETTLED_SECONDS = 0.08  # who runs down the list wants the one that they stop at


class PreviewPicture(Widget):
    """Give it a preview with `show`; `move` says where the sound is. Lines are drawn once and kept."""

    class Seen(Message):
        """Another preview, or another part of it, is in view."""

    DEFAULT_CSS = "PreviewPicture { height: 8; width: 1fr; background: transparent; }"

    def __init__(self, id: str | None = None) -> None:
        super().__init__(id=id)
        self._wanted: tuple[str, ...] = ()
        self._message = ""
        self._heard: float | None = None
        self._lines: dict[int, Strip] = {}

    def on_mount(self) -> None:
        """Other colours with another theme."""
        self.app.theme_changed_signal.subscribe(self, lambda _: self.repaint())

    def show(self, preview: PreviewEvent, other: PreviewEvent | None = None) -> None:
        """Draw the preview: at once if all that it takes is here, else what is seen stays until it comes.

        `other` is the side that it is compared with, whose scale it is drawn on.
        """
        if self._ready(preview, other):
            self._wanted = ()
            self.workers.cancel_group(self, "picture")
            self._show(preview, other)
        elif (wanted := (preview.audio_path, other.audio_path if other else "")) != self._wanted:
            self._wanted = wanted
            self._bring(preview, other)

    @work(exclusive=True, group="picture")
    async def _bring(self, preview: PreviewEvent, other: PreviewEvent | None) -> None:
        """Fetch what it takes, unless another preview is wanted by then."""
        await asyncio.sleep(SETTLED_SECONDS)
        try:
            await self._fetch(preview, other)
        except (LinkError, ScoreError, WavError) as error:
            self.say(clean(str(error)))
        else:
            self._show(preview, other)

    def say(self, message: str) -> None:
        """One quiet line in place of the picture."""
        self._forget()
        self._message = message
        self.repaint()

    def move(self, heard: float | None) -> None:
        """The second that is heard now, None for silence: only the columns that change are drawn again."""
        before, self._heard = self._heard, heard
        if not self.is_mounted:
            return
        if self._turned():
            self.repaint()
            return
        former, column = self._column(before), self._column(heard)
        if former != column:
            self.refresh(*(Region(LABELS + x, 0, 1, self._rows) for x in (former, column) if x is not None))

    def on_resize(self) -> None:
        """Another size, another picture."""
        self.repaint()

    def render_line(self, y: int) -> Strip:
        """One line, with the playhead in it."""
        if y not in self._lines:
            self._lines[y] = self._drawn(y)
        line, head = self._lines[y], self._column(self._heard) if y < self._rows else None
        if head is None:
            return line
        at, style = LABELS + head, palette_of(self.app)[PLAYHEAD]
        text = self._under(y, head)
        return Strip.join([line.crop(0, at), self._strip([Segment(text, style)], 1), line.crop(at + 1)])

    def repaint(self) -> None:
        """Draw everything again."""
        self._lines.clear()
        self._lay_out()
        self.refresh()
        self.post_message(self.Seen())

    @property
    def words(self) -> str:
        """What is seen, in words."""
        return ""

    def _ready(self, preview: PreviewEvent, other: PreviewEvent | None) -> bool:
        """Whether all that the picture takes is here."""
        raise NotImplementedError

    async def _fetch(self, preview: PreviewEvent, other: PreviewEvent | None) -> None:
        """Bring it. Raises LinkError, WavError or ScoreError."""
        raise NotImplementedError

    def _show(self, preview: PreviewEvent, other: PreviewEvent | None) -> None:
        """Draw what has been brought."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Draw nothing any more."""
        raise NotImplementedError

    def _lay_out(self) -> None:
        """Work out what lies where in the present size."""

    def _line(self, y: int) -> Row | list[Segment]:
        """A line without the playhead."""
        raise NotImplementedError

    def _column(self, second: float | None) -> int | None:
        """The column of a time, if it is in view."""
        raise NotImplementedError

    def _turned(self) -> bool:
        """Whether what is heard lies in another part of the sound than is seen."""
        return False

    def _under(self, y: int, column: int) -> str:
        """The playhead's character in a cell; no ground shows through: one style is cheap to draw and stands out."""
        return "│"

    @property
    def _rows(self) -> int:
        """The lines that the playhead runs through, as they were laid out."""
        raise NotImplementedError

    def _drawn(self, y: int) -> Strip:
        palette, width = palette_of(self.app), self.size.width
        if self._message:
            line: Row | list[Segment] = (Run(f" {self._message}", "muted"),) if y == 0 else ()
        else:
            line = self._line(y)
        if isinstance(line, tuple):
            line = [Segment(run.text, palette[run.role]) for run in fit(line, width)]
        return self._strip(line, width)

    def _strip(self, segments: list[Segment], width: int) -> Strip:
        return Strip(segments).adjust_cell_length(width).apply_style(self.rich_style)
