"""The list of previews: what the run sounds like, newest first, played and compared where the person sits."""

import asyncio
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
from distill_tui.panels.preview_notice import notice_lines
from distill_tui.panels.preview_order import counterpart, listed
from distill_tui.panels.preview_row import Heard, header_line, preview_line
from distill_tui.panels.roll import PianoRoll
from distill_tui.panels.rows import RowList
from distill_tui.player import Player
from distill_tui.sounds import Scores, Sounds
from distill_tui.theme import palette_of
from distill_tui.wav import Sound, WavError

FRAME_SECONDS = 0.25
ROOMY_HEIGHT = 8
LEAST_ROWS, LEAST_ROLL = 3, 6  # lines of the list and of the roll below it, where there is a tune to show
USUAL_ROWS, FULL_ROWS = 5, 8  # lines of the list beside a roll in its place, and beside one that has the screen
TALKATIVE_HEIGHT = 20  # lines from which a long notice and a tune both have room


class PreviewsPanel(Vertical):
    """Give it the run's state with `update_state` and what is known of the run with `update_info`.

    The app's `session.fetch` brings the sounds, in a thread. `play`, `compare` and `play_next` are what the keys do.
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
        self._sounds = Sounds(self._fetch)
        self._playing: tuple[str, Sound] | None = None
        self._loading: str | None = None
        self._said = ""
        self._noticed: tuple[str, ...] = ()
        self._timer: Timer | None = None
        self._found: Availability | None = None
        self._asked_at = 0.0

    def compose(self) -> ComposeResult:
        """The header (where there is room), the rows, the selected tune, the empty state, and what there is to say."""
        yield Static(id="preview-header")
        yield RowList(self._draw_row, id="preview-rows")
        yield PianoRoll(Scores(self._fetch), id="preview-roll")
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
        steps = [preview.step for preview in self._previews.values()]
        self._firsts = {
            key for key, step, above in zip(self._previews, steps, [-1, *steps], strict=False) if step != above
        }
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
    def rows(self) -> RowList:
        """The list itself."""
        return self.query_one("#preview-rows", RowList)

    @property
    def roll(self) -> PianoRoll:
        """The selected tune."""
        return self.query_one(PianoRoll)

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
        path = self._path(self.selected)
        return copy_command(path) or path

    def play(self) -> None:
        """Play the selected preview; stop it if it is what plays."""
        key = self.rows.selected
        if key is None:
            return
        if self._playing is not None and self._playing[0] == key:
            self.stop()
        else:
            self._begin(key)

    def stop(self) -> None:
        """Fade out what plays."""
        self.workers.cancel_group(self, "sound")
        self._player.stop()
        self._tick()

    def compare(self) -> None:
        """Switch between original and reconstruction, at the same position if one of them plays."""
        key = self._playing[0] if self._playing else self.rows.selected
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
        preview = self._previews[key]
        self._said = ""
        self._set_loading(key)
        try:
            sound = await self._sounds.get(preview.audio_path)
        except (LinkError, WavError) as error:
            self._say(clean(str(error)))
            return
        finally:
            if self._loading == key:
                self._set_loading(None)
        if (available := self._player.progress().availability) is not None and not available.ok:
            self._player.look()  # a device may have been plugged in, or a tunnel opened, since
        if toggle:
            self._player.toggle(sound)
        else:
            self._player.play(sound)
        before, self._playing = self._playing, (key, sound)
        self._asked_at = self._now()
        for changed in (before[0] if before else None, key):
            if changed is not None:
                self.rows.refresh_row(changed)
        self._wake()
        if other := counterpart(self._previews, key):
            self._prefetch(self._previews[other])

    @work(exclusive=True, group="prefetch", exit_on_error=False)
    async def _prefetch(self, preview: PreviewEvent) -> None:
        """The other side of an A/B, so that the switch is heard at once; what fails is told when it is asked for."""
        await self._sounds.get(preview.audio_path)
        if preview.score_path and self.roll.display:
            await self.roll.scores.get(preview.score_path)

    def _fetch(self, path: str) -> bytes:
        session: Any = getattr(self.app, "session", None)
        if session is None:
            raise LinkError("no run is open yet")
        data: bytes = session.fetch(path)
        return data

    def _tick(self) -> None:
        progress = self._player.progress()
        if progress.availability is not self._found:
            self._found = progress.availability
            self._redraw_all()
        if self._playing is not None:
            key = self._playing[0]
            if progress.sound is not self._playing[1]:
                self._playing = None
            self.rows.refresh_row(key)
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
        heard: Heard | None = None
        if key == self._loading:
            heard = Heard(loading=True)
        elif self._playing is not None and self._playing[0] == key:
            heard = Heard(self._player.progress().seconds)
        return preview_line(self._previews[key], width, palette_of(self.app), heard, first=key in self._firsts)

    def _set_loading(self, key: str | None) -> None:
        before, self._loading = self._loading, key
        for changed in (before, key):
            if changed is not None:
                self.rows.refresh_row(changed)

    def _show_roll(self) -> None:
        """Make room for the selected tune, if it is one and there is room."""
        height, roll, preview = self._roll_height, self.roll, self.selected
        roll.display = bool(height) and preview is not None and bool(preview.score_path)
        if roll.display and preview is not None:
            roll.styles.height = height
            roll.show(preview)
            self._move_playhead()
        self._name_roll()

    def _move_playhead(self) -> None:
        """To what is heard now, if that is the selected tune."""
        heard = self._playing is not None and self._playing[0] == self.rows.selected
        self.roll.move(self._player.progress().seconds if heard else None)

    @on(PianoRoll.Seen)
    def _name_roll(self) -> None:
        """In the frame: how long the tune is and which part of it is seen."""
        if (words := self.roll.words if self.roll.display else "") != (self.border_subtitle or ""):
            self.border_subtitle = words

    @property
    def _roll_height(self) -> int:
        """Lines for the roll: what the list can spare; 0 where that is too little to see a tune in."""
        if not self.has_scores:
            return 0
        header = int(self._roomy)
        most = FULL_ROWS if self.has_class("-maximized") else USUAL_ROWS
        rows = max(LEAST_ROWS, min(most, len(self._previews), self.size.height // 4))
        height = self.size.height - header - rows - len(self._noticed)
        return height if height >= LEAST_ROLL else 0

    def _say(self, message: str) -> None:
        self._said = message
        self._show_notice()

    def _show_notice(self) -> None:
        """One calm word at a time; redrawn only when it changes."""
        lines: tuple[str, ...] = ()
        if self._said:
            lines = (self._said,)
        elif self._previews:
            waited = self._now() - self._asked_at
            path = self._path(self.selected)
            lines = tuple(notice_lines(self._player.progress(), path, waited, self.size.width, roomy=self._talkative))
        if lines == self._noticed:
            return
        self._noticed = lines
        notice = self.query_one("#preview-notice", Static)
        notice.display = bool(lines)
        notice.update(Text("\n".join(lines)))
        notice.set_class(not self._talkative, "short")
        self._show_roll()

    def _path(self, preview: PreviewEvent | None) -> str:
        if preview is None:
            return ""
        folder = (self._info.local_folder or self._info.location) if self._info else ""
        return clean(f"{folder.rstrip('/')}/{preview.audio_path}" if folder else preview.audio_path)

    def _show_empty(self) -> None:
        empty = self.query_one("#preview-empty", Static)
        empty.display = not self._previews
        self.rows.display = bool(self._previews)
        if not self._previews:
            empty.update(self._empty_text())

    def _empty_text(self) -> str:
        if self._status in ("finished", "cancelled", "preempted", "failed"):
            return "This run made no previews."
        every = (self._info.config.get("preview", {}) if self._info else {}).get("every", 0)
        when = (
            f"The first preview comes after epoch {every}." if every else "The first preview comes after a few epochs."
        )
        return f"{when}  p makes one now."

    def _show_header(self) -> None:
        header = self.query_one("#preview-header", Static)
        header.display = bool(self._previews) and self._roomy
        if header.display:
            header.update(Text(" ").append_text(header_line(self.size.width - 2, palette_of(self.app)["faint"])))

    @property
    def _roomy(self) -> bool:
        return self.size.height >= ROOMY_HEIGHT

    @property
    def _talkative(self) -> bool:
        """Whether a notice may take several lines: not from a tune's room."""
        return self._roomy and (not self.has_scores or self.size.height >= TALKATIVE_HEIGHT)

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
