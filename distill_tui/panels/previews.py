"""The list of previews: what the run sounds like, newest first, played and compared where the person sits."""

from collections.abc import Mapping
from typing import Any

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.events import Resize
from textual.timer import Timer
from textual.widgets import Static

from core.run.events import PreviewEvent
from core.run.link import LinkError, RunInfo
from core.run.state import RunState
from distill_tui.format import clean
from distill_tui.hearing import Availability, copy_command
from distill_tui.keys import bindings
from distill_tui.panels.preview_listening import Listening
from distill_tui.panels.preview_notice import empty_line, notice_lines, path_of
from distill_tui.panels.preview_order import counterpart, firsts, listed
from distill_tui.panels.preview_room import Room
from distill_tui.panels.preview_row import header_line, preview_line
from distill_tui.panels.roll import PianoRoll
from distill_tui.panels.rows import RowList
from distill_tui.player import Player
from distill_tui.sounds import Scores, Sounds
from distill_tui.theme import palette_of
from distill_tui.wav import WavError

FRAME_SECONDS = 0.25


class PreviewsPanel(Vertical):
    """Give it the run's state with `update_state` and what is known of the run with `update_info`.

    The app's `session.fetch` brings the sounds, in a thread. `play`, `compare` and `play_next` are what the keys do.
    `rows` is the list itself and `roll` the selected tune.
    """

    BINDINGS = bindings("previews")
    DEFAULT_CLASSES = "panel"

    def __init__(self, player: Player | None = None, id: str = "previews") -> None:
        super().__init__(id=id)
        self.border_title = "Previews"
        self._player = player or Player()
        self._previews: Mapping[str, PreviewEvent] = {}
        self._source: tuple[PreviewEvent, ...] = ()
        self._info: RunInfo | None = None
        self._status = "waiting"
        self._firsts: set[str] = set()
        self.rows = RowList(self._draw_row, id="preview-rows")
        self.roll = PianoRoll(Scores(self._fetch), id="preview-roll")
        self._listening = Listening(self._player, Sounds(self._fetch), self.rows.refresh_row)
        self._said = ""
        self._noticed: tuple[str, ...] = ()
        self._timer: Timer | None = None
        self._found: Availability | None = None

    def compose(self) -> ComposeResult:
        """The header (where there is room), the rows, the selected tune, the empty state, and what there is to say."""
        yield Static(id="preview-header")
        yield self.rows
        yield self.roll
        yield Static(id="preview-empty")
        yield Static(id="preview-notice")

    def on_mount(self) -> None:
        """Draw only while something plays or is awaited."""
        self._timer = self.set_interval(FRAME_SECONDS, self._tick, pause=True)
        self.app.theme_changed_signal.subscribe(self, lambda _: self._show_header())
        self._show_empty()

    def on_unmount(self) -> None:
        """Let go of the sound device."""
        self._player.close()

    def update_state(self, state: RunState) -> None:
        """Show the previews of `state`; a state without news costs nothing."""
        if state.previews is self._source and state.status == self._status and self.is_mounted:
            return
        first = not self._source and bool(state.previews)
        self._source, self._status = state.previews, state.status
        self._previews = listed(state.previews)
        self.rows.show(tuple(self._previews))
        self._firsts = firsts(self._previews)
        self.border_title = f"Previews  {len(self._previews):,}" if self._previews else "Previews"
        self._show_empty()
        self._show_header()
        self._show_roll()
        if first:
            self._player.look()
            self._wake()

    def update_info(self, info: RunInfo) -> None:
        """What is being watched: where its files are, and when its previews come."""
        self._info = info
        self._show_empty()
        self._show_notice()

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

    def play(self) -> None:
        """Play the selected preview; stop it if it is what plays."""
        key = self.rows.selected
        if key is None:
            return
        if key == self._playing:
            self.stop()
        else:
            self._begin(key)

    def stop(self) -> None:
        """Fade out what plays."""
        self.workers.cancel_group(self, "sound")
        self._listening.stop()
        self._tick()

    def compare(self) -> None:
        """Switch between original and reconstruction, at the same position if one of them plays."""
        key = self._playing or self.rows.selected
        if key is None or key not in self._previews:
            return
        other = counterpart(self._previews, key)
        if other is None:
            self._say("A sample comes from the model alone: there is no original to compare it with.")
            return
        self.rows.select(other)
        self._begin(other, toggle=True)

    def play_next(self) -> None:
        """Play the row below; after the last one the first."""
        keys = self.rows.keys
        if keys:
            at = keys.index(self.rows.selected) if self.rows.selected in keys else -1
            self.rows.select(keys[(at + 1) % len(keys)])
            self._begin(keys[(at + 1) % len(keys)])

    def action_next(self) -> None:
        """The key for `play_next`."""
        self.play_next()

    @on(RowList.Opened)
    def _double_clicked(self, event: RowList.Opened) -> None:
        event.stop()
        self.play()

    @on(RowList.Moved)
    def _moved(self) -> None:
        self._said = ""
        self._show_notice()
        self._show_roll()

    def on_resize(self, event: Resize) -> None:
        """The header comes with room for it, and so do the longer notice and the roll."""
        self._show_header()
        self._show_notice()
        self._show_roll()

    @work(exclusive=True, group="sound")
    async def _begin(self, key: str, toggle: bool = False) -> None:
        """Fetch and play; a newer request replaces one that is still on its way."""
        self._said = ""
        try:
            await self._listening.begin(key, self._previews[key].audio_path, toggle=toggle)
        except (LinkError, WavError) as error:
            self._say(clean(str(error)))
            return
        self._wake()
        if other := counterpart(self._previews, key):
            self._prefetch(self._previews[other])

    @work(exclusive=True, group="prefetch", exit_on_error=False)
    async def _prefetch(self, preview: PreviewEvent) -> None:
        """The other side of an A/B, so that the switch is heard at once; what fails is told when it is asked for."""
        await self._listening.sounds.get(preview.audio_path)
        if preview.score_path and self.roll.display:
            await self.roll.scores.get(preview.score_path)

    def _fetch(self, path: str) -> bytes:
        session: Any = getattr(self.app, "session", None)
        if session is None:
            raise LinkError("no run is open yet")
        data: bytes = session.fetch(path)
        return data

    def _tick(self) -> None:
        progress = self._listening.follow()
        if progress.availability is not self._found:
            self._found = progress.availability
            self._redraw_all()
        self._show_notice()
        self._move_playhead()
        if self._playing is None and progress.availability is not None and self._timer is not None:
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
        heard = self._listening.heard(key)
        return preview_line(self._previews[key], width, palette_of(self.app), heard, first=key in self._firsts)

    def _show_roll(self) -> None:
        """Make room for the selected tune, if it is one and there is room."""
        height, roll, preview = self._room.roll(len(self._noticed)), self.roll, self.selected
        roll.display = bool(height) and preview is not None and bool(preview.score_path)
        if roll.display and preview is not None:
            roll.styles.height = height
            roll.show(preview)
            self._move_playhead()
        self._name_roll()

    def _move_playhead(self) -> None:
        """To what is heard now, if that is the selected tune."""
        self.roll.move(self._listening.position(self.rows.selected))

    @on(PianoRoll.Seen)
    def _name_roll(self) -> None:
        """In the frame: how long the tune is and which part of it is seen."""
        if (words := self.roll.words if self.roll.display else "") != (self.border_subtitle or ""):
            self.border_subtitle = words

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
        self._show_roll()

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
            header.update(Text(" ").append_text(header_line(self.size.width - 2, palette_of(self.app)["faint"])))

    @property
    def _room(self) -> Room:
        return Room(self.size.height, len(self._previews), self.has_scores, self.has_class("-maximized"))

    @property
    def _playing(self) -> str | None:
        return self._listening.playing
