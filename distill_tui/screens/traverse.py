"""Turns a run's latent by keys, over whatever is shown, and plays what becomes of it."""

import asyncio
import time
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import ModalScreen
from textual.timer import Timer

from core.run.atomic import atomic_write
from core.run.link import RunInfo
from distill_tui.format import clean, shortened
from distill_tui.hearing import Availability
from distill_tui.panels.preview_export import files_of
from distill_tui.panels.traverse import Side, TraversePanel
from distill_tui.panels.traverse_point import Turned
from distill_tui.player import Player
from distill_tui.points import Answer, Ended, Picture, Point, Points, Ready
from distill_tui.wav import Sound

TURN, FINE = 0.5, 0.1  # spreads
SETTLED_SECONDS = 0.1  # who turns on wants the point that they stop at
FRAME_SECONDS = 0.25
LONG_SECONDS = 0.5  # of making a point, until it is said that it is being made
LOADING = "Loading the model, a few seconds …"


class TraverseScreen(ModalScreen[None]):
    """`info` says where the run is; `player` is the one of the program, which plays one thing at a time.

    The model lives in a process of its own, started here and ended with the screen.
    """

    class Answered(Message):
        """The model's process has said something."""

        def __init__(self, answer: Answer) -> None:
            super().__init__()
            self.answer = answer

    WORDS = TraversePanel.WORDS
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,ctrl+c,ctrl+q", "close", show=False),
        Binding("right,l", f"turn({TURN})", show=False),
        Binding("left,h", f"turn({-TURN})", show=False),
        Binding("shift+right,L,greater_than_sign", f"turn({FINE})", show=False),
        Binding("shift+left,H,less_than_sign", f"turn({-FINE})", show=False),
        Binding("down,j", "choose(1)", show=False),
        Binding("up,k", "choose(-1)", show=False),
        Binding("pagedown,ctrl+f", "choose(10)", show=False),
        Binding("pageup,ctrl+b", "choose(-10)", show=False),
        Binding("home", "choose(-100000)", show=False),
        Binding("end", "choose(100000)", show=False),
        Binding("space", "play", show=False),
        Binding("a", "compare", show=False),
        Binding("0", "back", show=False),
        Binding("m", "leave", show=False),
        Binding("r", "random", show=False),
        Binding("enter", "save", show=False),
        Binding("y", "copy", show=False),
        Binding("question_mark,f1", "app.help", show=False),
    ]
    DEFAULT_CSS = """
    TraverseScreen { align: center middle; background: $background 60%; }
    TraverseScreen > TraversePanel { width: 96%; height: 96%; max-width: 150; background: $surface; }
    """

    def __init__(self, info: RunInfo | None, player: Player | None = None) -> None:
        super().__init__()
        self._info, self._own = info, player is None
        self._player = player or Player()
        self._turned = Turned()
        self._points: Points | None = None
        self._ready: Ready | None = None
        self._sounds: dict[Side, Sound] = {}
        self._point: Point | None = None
        self._side: Side | None = None  # which was played last
        self._to_play = False
        self._settling: Timer | None = None
        self._asked_at: float | None = None  # of a point that is not here yet
        self._again = False  # whether another is to be asked for then
        self._said = ""
        self._found: Availability | None = None

    def compose(self) -> ComposeResult:
        """One panel."""
        yield TraversePanel(self._turned)

    def on_mount(self) -> None:
        """Start the model's process where the run's folder is here."""
        self.panel.focus()
        self.app.theme_changed_signal.subscribe(self, lambda _: self.panel.repaint())
        if self._info is None or not self._info.local_folder:
            self.panel.say(
                "This run's folder is on another machine, and its model is not brought here. Make sounds along the "
                "dimension that says most there (or along another: list shows them), and fetch the folder:",
                self.command,
            )
            return
        self.panel.say(LOADING)
        self.set_interval(FRAME_SECONDS, self._follow)
        self._points = Points(self._info.local_folder, lambda answer: self.post_message(self.Answered(answer)))

    def on_unmount(self) -> None:
        """What plays ends with the screen, and so does the model's process."""
        if self._points is not None:
            self._points.close()
        self._player.stop()
        if self._own:
            self._player.close()

    @property
    def panel(self) -> TraversePanel:
        """What is seen."""
        return self.query_one(TraversePanel)

    @property
    def run_name(self) -> str:
        """What files are named after."""
        return self._info.name if self._info is not None else "point"

    @property
    def command(self) -> str:
        """What a person types, where the run's folder is, for files along the selected dimension."""
        return self._turned.command(self._info)

    def action_close(self) -> None:
        """Back to where one was."""
        self.dismiss(None)

    def action_turn(self, by: float) -> None:
        """The selected dimension, so many spreads further."""
        self._changed(self._turned.turn(by))

    def action_back(self) -> None:
        """The selected dimension to the middle."""
        self._changed(self._turned.back())

    def action_leave(self) -> None:
        """All of them to the middle."""
        moved = self._turned.seed is not None or bool(self._turned.to)
        self._turned.leave(None)
        self._turned.standing = ()
        self._changed(moved)

    def action_random(self) -> None:
        """The next sample; where it lies comes with its sound."""
        if self._ready is None:
            return
        self._turned.leave(0 if self._turned.seed is None else self._turned.seed + 1)
        self._changed(True)

    def action_choose(self, steps: int) -> None:
        """Another dimension."""
        if self._turned.choose(steps):
            self.panel.redraw()

    def action_play(self) -> None:
        """The point from its start; stop if something plays."""
        if self._player.progress().sound is not None:
            self._player.stop()
            self._follow()
        else:
            self._play("point")

    def action_compare(self) -> None:
        """The other side at the same position."""
        playing = self._side if self._player.progress().sound is not None else None
        self._play("point" if playing == "middle" else "middle", toggle=True)

    def action_copy(self) -> None:
        """To the person's clipboard, wherever the terminal is."""
        self.app.copy_to_clipboard(self.command)
        self.notify(f"Copied: {self.command[:60]}", timeout=3, markup=False)

    def action_save(self) -> None:
        """Ask for a place and save the point there."""
        if self._point is not None:
            self._save(self._point)

    def _changed(self, moved: bool) -> None:
        """Another point is wanted: soon, and to be heard."""
        if self._points is None or self._ready is None or not moved:
            return
        self.panel.redraw()
        self._to_play = True
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(SETTLED_SECONDS, self._ask)

    def _ask(self) -> None:
        self._settling = None
        self._again = self._asked_at is not None and not self._sounds  # the middle is not given up for another point
        if self._points is not None and not self._again:
            self._points.ask(self._turned.seed, self._turned.to)
            self._asked_at = time.monotonic()

    @on(Answered)
    def _answered(self, message: Answered) -> None:
        answer = message.answer
        match answer:
            case Ready():
                self._begin(answer)
            case Point() if self._points is not None and answer.number == self._points.newest:
                self._take(answer)
            case Picture() if self._point is not None and answer.number == self._point.number:
                self._show(answer)
            case Ended():
                self._points = None
                self.panel.say(f"{answer.reason}. esc closes.")

    def _begin(self, ready: Ready) -> None:
        self._ready = ready
        self._turned.order = ready.dimensions
        kind = "best" if ready.checkpoint == "best.pt" else ready.checkpoint
        self.panel.say("")
        self.panel.note(corner=kind if ready.epoch is None else f"{kind} · epoch {ready.epoch}")
        self._ask()

    def _take(self, point: Point) -> None:
        """The newest point is heard at once."""
        self._point, self._asked_at = point, None
        self._turned.standing = point.standing
        self._sounds["point"] = point.sound
        self._sounds.setdefault("middle", point.sound)  # that is the first of all
        if self._again:
            self._ask()
        elif self._to_play and self._settling is None:
            self._play("point")
        self._follow()

    def _show(self, picture: Picture) -> None:
        if self._sounds["middle"] is self._sounds["point"]:
            self.panel.show_sound("middle", picture.spectrum)
        self.panel.show_sound("point", picture.spectrum)

    def _play(self, side: Side, *, toggle: bool = False) -> None:
        if side not in self._sounds:
            return
        self._side, self._to_play = side, False
        if toggle:
            self._player.toggle(self._sounds[side])
        else:
            self._player.play(self._sounds[side])
        self._follow()

    def _follow(self) -> None:
        """What is heard, and what there is to say of it."""
        progress = self._player.progress()
        heard = (self._side, progress.seconds) if self._side is not None and progress.sound is not None else None
        waits = self._asked_at is not None and time.monotonic() - self._asked_at > LONG_SECONDS
        self.panel.move(heard, making=waits)
        available = progress.availability
        words = progress.trouble or (available.reason if available is not None and not available.ok else "")
        if words != self._said:
            self._said = words
            self.panel.note(words)
        if available is not self._found:  # its set-up points the terminal's output at nothing for a moment
            self._found = available
            self.app.refresh(layout=True)
            redraw = getattr(self.app, "action_redraw", None)
            if redraw is not None:
                redraw()

    @work(exclusive=True, group="save")
    async def _save(self, point: Point) -> None:
        from distill_tui.screens.export import ExportScreen

        preview = self._turned.as_preview(self.run_name, self._ready.epoch if self._ready else None, bool(point.score))
        target = await self.app.push_screen_wait(ExportScreen(preview))
        if target is None:
            return
        files = files_of(preview, target)
        try:
            for path in files:
                await asyncio.to_thread(atomic_write, path, point.score if path.suffix == ".mid" else point.wav)
        except OSError as error:
            self.notify(clean(f"Not saved: {error.strerror or error}"), severity="error", markup=False)
        else:
            places = " and ".join(shortened(str(path), 200) for path in files)
            self.notify(clean(f"Saved {places}"), timeout=8, markup=False)
