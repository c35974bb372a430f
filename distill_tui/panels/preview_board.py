"""What is seen of the previews: the list, the selected one's picture, and what there is to say."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize
from textual.timer import Timer
from textual.widgets import Static

from core.run.events import PreviewEvent
from core.run.link import LinkError, RunInfo
from core.run.state import RunState
from distill_tui.desk_lines import copy_command
from distill_tui.hearing import Availability
from distill_tui.panels import preview_order as order
from distill_tui.panels.preview_foot import foot
from distill_tui.panels.preview_listening import Listening
from distill_tui.panels.preview_notice import empty_line, notice_lines, path_of
from distill_tui.panels.preview_picture import PreviewPicture
from distill_tui.panels.preview_pictures import Pictures
from distill_tui.panels.preview_room import Room
from distill_tui.panels.preview_row import header_line, preview_line
from distill_tui.panels.roll import PianoRoll
from distill_tui.panels.rows import RowList
from distill_tui.player import Player
from distill_tui.sounds import Scores, Sounds, Spectra
from distill_tui.theme import palette_of

FRAME_SECONDS = 0.25
BRIEF_SECONDS = 2.0


class PreviewBoard(Vertical):
    """Shows previews and what is heard of them; a subclass is asked for sounds.

    Give it the run's state with `update_state` and what is known of the run with `update_info`. The app's
    `session.fetch` brings the files, in a thread. `rows` is the list itself and `pictures` what is seen of the selected
    one.
    """

    def __init__(self, player: Player, id: str) -> None:
        super().__init__(id=id)
        self.border_title = "Previews"
        self._player = player
        self._previews: Mapping[str, PreviewEvent] = {}
        self._source: tuple[PreviewEvent, ...] = ()
        self._info: RunInfo | None = None
        self._status = "waiting"
        self._firsts: set[str] = set()
        self._trends: Mapping[str, str] = {}
        self.rows = RowList(self._draw_row, id="preview-rows")
        sounds = Sounds(self._fetch)
        self.pictures = Pictures(Scores(self._fetch), Spectra(sounds), id="preview-pictures")
        self._listening = Listening(player, sounds, self.rows.refresh_row)
        self._said = self._brief = ""
        self._noticed: tuple[str, ...] = ()
        self._timer: Timer | None = None
        self._brief_timer: Timer | None = None
        self._found: Availability | None = None

    @property
    def player(self) -> Player:
        """What plays: one thing at a time, for the whole screen."""
        return self._player

    def compose(self) -> ComposeResult:
        """The header (where there is room), the rows, the selected one's picture, the empty state, and the notice."""
        yield Static(id="preview-header")
        yield self.rows
        yield self.pictures
        yield Static(id="preview-empty")
        yield Static(id="preview-notice")

    def on_mount(self) -> None:
        """The empty state until there is more; drawn over and over only while something plays or is awaited."""
        self._timer = self.set_interval(FRAME_SECONDS, self._tick, pause=True)
        self.app.theme_changed_signal.subscribe(self, lambda _: self._show_header())
        self._show_empty()

    def update_state(self, state: RunState) -> None:
        """Show the previews of `state`; a state without news costs nothing."""
        if state.previews is self._source and state.status == self._status and self.is_mounted:
            return
        first = not self._source and bool(state.previews)
        self._source, self._status = state.previews, state.status
        self._previews = order.listed(state.previews)
        self._firsts = order.firsts(self._previews)
        self.rows.show(tuple(self._previews))
        if (trends := order.trends(state.previews)) != self._trends:
            self._trends = trends
            self.rows.refresh()  # a new best takes the mark from another row
        self.border_title = f"Previews  {len(self._previews):,}" if self._previews else "Previews"
        self._show_empty()
        self._show_header()
        self._show_picture()
        if first:
            self._player.look()
            self._wake()

    def update_info(self, info: RunInfo) -> None:
        """What is being watched: where its files are, and when its previews come."""
        self._info = info
        self._show_empty()
        self._show_notice()

    @property
    def roll(self) -> PianoRoll:
        """The picture of a tune."""
        return self.pictures.roll

    @property
    def has_scores(self) -> bool:
        """Whether previews are tunes, which are seen as well as heard where there is room."""
        return any(preview.score_path for preview in self._source)

    @property
    def selected(self) -> PreviewEvent | None:
        """The selected preview."""
        return self._previews.get(self.rows.selected or "")

    @property
    def copy_text(self) -> str:
        """What a person would paste: the line that fetches the selected preview, or its path where it is local."""
        path = path_of(self.selected, self._info)
        return copy_command(path) or path

    @on(RowList.Moved)
    def _moved(self) -> None:
        self._said = ""
        self._show_notice()
        self._show_picture()

    def on_resize(self, event: Resize) -> None:
        """The header comes with room for it, and so do the longer notice and the picture."""
        self._show_header()
        self._show_notice()
        self._show_picture()

    def _fetch(self, path: str) -> bytes:
        session: Any = getattr(self.app, "session", None)
        if session is None:
            raise LinkError("no run is open yet")
        data: bytes = session.fetch(path)
        return data

    def _tick(self) -> None:
        before = self._playing
        progress = self._listening.follow()
        if progress.availability is not self._found:
            self._found = progress.availability
            self._redraw_all()
        if before != self._playing is not None and before == self.rows.selected:
            self.rows.select(self._playing)
        self._show_notice()
        self._show_foot()
        self._move_playhead()
        if self._listening.asked is None and progress.availability is not None and self._timer is not None:
            self._timer.pause()

    def _redraw_all(self) -> None:
        """PortAudio's set-up points the terminal's output at nothing for a moment: what was drawn then is lost."""
        redraw = getattr(self.app, "action_redraw", None)
        if redraw is not None:
            redraw()

    def _wake(self) -> None:
        if self._timer is not None:
            self._timer.resume()

    def _draw_row(self, key: str, width: int) -> Text:
        return preview_line(
            self._previews[key],
            width,
            palette_of(self.app),
            self._listening.heard(key),
            first=key in self._firsts,
            trend=self._trends.get(key, ""),
        )

    def _show_picture(self) -> None:
        """Make room for the picture of the selected preview, if there is any to make."""
        preview, key = self.selected, self.rows.selected
        other = order.counterpart(self._previews, key) if preview is not None and key is not None else None
        self.pictures.show(preview, self._previews.get(other or ""), self._room.picture(len(self._noticed)))
        self._move_playhead()
        self._show_foot()

    def _move_playhead(self) -> None:
        """To what is heard now, if that is the selected preview."""
        self.pictures.move(self._listening.position(self.rows.selected))

    @on(PreviewPicture.Seen)
    def _show_foot(self) -> None:
        """In the frame: what is heard, and of a long tune which part is seen."""
        row = tuple(self._previews[key] for key in self._listening.row if key in self._previews)
        heard = self._previews.get(self._playing or "")
        words = foot(heard, row, loop=self._listening.loop, brief=self._brief, seen=self.pictures.words)
        if words != (self.border_subtitle or ""):
            self.border_subtitle = words

    def _mention(self, words: str) -> None:
        """A word in the frame that passes by itself: it moves nothing."""
        self._brief = words
        if self._brief_timer is not None:
            self._brief_timer.stop()
        self._brief_timer = self.set_timer(BRIEF_SECONDS, self._pass) if words else None
        self._show_foot()

    def _pass(self) -> None:
        self._mention("")

    def _say(self, message: str) -> None:
        self._said = message
        self._show_notice()

    def _show_notice(self) -> None:
        """One calm word at a time; redrawn only when it changes."""
        lines: tuple[str, ...] = ()
        roomy = self._room.talkative
        if self._said:
            lines = (self._said,)
        elif self._previews:
            path, waited = path_of(self.selected, self._info), self._listening.waited_seconds
            lines = tuple(notice_lines(self._player.progress(), path, waited, self.size.width, roomy=roomy))
        if lines == self._noticed:
            return
        self._noticed = lines
        notice = self.query_one("#preview-notice", Static)
        notice.display = bool(lines)
        notice.update(Text("\n".join(lines)))
        notice.set_class(not roomy, "short")
        self._show_picture()

    def _show_empty(self) -> None:
        empty = self.query_one("#preview-empty", Static)
        empty.display = not self._previews
        self.rows.display = bool(self._previews)
        if not self._previews:
            empty.update(empty_line(self._status, self._info))

    def _show_header(self) -> None:
        header = self.query_one("#preview-header", Static)
        header.display = bool(self._previews) and bool(self._room.header)
        if header.display:
            header.update(Text(" ").append_text(header_line(self.size.width - 2, palette_of(self.app)["muted"])))

    @property
    def _room(self) -> Room:
        return Room(self.size.height, len(self._previews), self.has_scores, self.has_class("-maximized"))

    @property
    def _playing(self) -> str | None:
        return self._listening.playing
