"""The list of previews: what the run sounds like, newest first, played and compared where the person sits."""

import asyncio
from typing import ClassVar

from textual import on, work

from core.run.events import PreviewEvent
from core.run.link import LinkError
from distill_tui.format import clean, shortened
from distill_tui.keys import bindings
from distill_tui.panels import preview_order as order
from distill_tui.panels.preview_board import PreviewBoard
from distill_tui.panels.preview_export import ExportError, export, files_of
from distill_tui.panels.preview_notice import NOTHING_TO_COMPARE, WORDS
from distill_tui.panels.rows import RowList
from distill_tui.panels.words import PanelHelp
from distill_tui.player import Player
from distill_tui.volume import Volume
from distill_tui.wav import WavError


class PreviewsPanel(PreviewBoard):
    """The board, and what the keys do with it: each is a public method.

    The app's `volume`, if it has one, outlives this panel.
    """

    BINDINGS = bindings("previews")
    DEFAULT_CLASSES = "panel"
    WORDS: ClassVar[PanelHelp] = WORDS

    def __init__(self, player: Player | None = None, id: str = "previews") -> None:
        super().__init__(player or Player(), id)
        self._sides: tuple[str, ...] = ()  # what `a` goes through
        self._volume = Volume()

    def on_mount(self) -> None:
        """As loud as it was in the run before."""
        self._volume = getattr(self.app, "volume", None) or self._volume
        self._player.set_gain(self._volume.gain)

    def on_unmount(self) -> None:
        """Let go of the sound device."""
        self._player.close()

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
        """Original, reconstruction and sample of a step in turn; the former two at the same position."""
        key = self._listening.asked or self.rows.selected
        if key is None or key not in self._previews:
            return
        if key not in self._sides or any(side not in self._previews for side in self._sides):
            self._sides = order.sides(self._previews, key)
        other = self._sides[(self._sides.index(key) + 1) % len(self._sides)]
        if other == key:
            self._say(NOTHING_TO_COMPARE[self._previews[key].kind])
            return
        self.rows.select(other)
        self._begin(other, toggle=order.counterpart(self._previews, key) == other)

    def play_next(self) -> None:
        """Play the row below; after the last one the first."""
        keys = self.rows.keys
        if keys:
            at = keys.index(self.rows.selected) if self.rows.selected in keys else -1
            self.rows.select(keys[(at + 1) % len(keys)])
            self._begin(keys[(at + 1) % len(keys)])

    def play_epochs(self) -> None:
        """Play the selected sound as every epoch made it, the first one first and the original last; stop if it is."""
        key = self.rows.selected
        if key is None or key not in self._previews:
            return
        row = order.over_epochs(self._previews, key)
        if key == self._playing and self._listening.row:
            self.stop()
        elif row:
            self._begin_row(row)

    def toggle_loop(self) -> None:
        """Begin anew, without a gap, at the end of whatever plays; and no more."""
        self._listening.set_loop(not self._listening.loop)
        self._show_foot()

    def change_volume(self, step: int) -> None:
        """So many steps of 3 dB louder, or softer; kept as long as the program runs."""
        self._volume.change(step)
        self._player.set_gain(self._volume.gain)
        self._mention(self._volume.words)

    def export(self) -> None:
        """Ask for a place and save the selected preview there, on this machine."""
        if (preview := self.selected) is not None:
            self._export(preview)

    def action_next(self) -> None:
        """The key for `play_next`."""
        self.play_next()

    @on(RowList.Opened)
    def _double_clicked(self, event: RowList.Opened) -> None:
        event.stop()
        self.play()

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
        self._prefetch([self._previews[side] for side in order.sides(self._previews, key) if side != key])

    @work(exclusive=True, group="sound")
    async def _begin_row(self, row: tuple[str, ...]) -> None:
        """Fetch and play one after another; a newer request ends it."""
        self._said = ""
        self.rows.select(row[0])
        self._wake()
        try:
            missing = await self._listening.begin_row([(key, self._previews[key].audio_path) for key in row])
        except (LinkError, WavError) as error:
            missing = str(error)
        if missing:
            self._say(clean(missing))

    @work(exclusive=True, group="prefetch", exit_on_error=False)
    async def _prefetch(self, previews: list[PreviewEvent]) -> None:
        """The other sides of an A/B, so that the switch is heard at once; what fails is told when it is asked for."""
        for preview in previews:
            await self._listening.sounds.get(preview.audio_path)
            if preview.score_path and self.roll.display:
                await self.roll.scores.get(preview.score_path)

    @work(exclusive=True, group="export")
    async def _export(self, preview: PreviewEvent) -> None:
        from distill_tui.screens.export import ExportScreen

        target = await self.app.push_screen_wait(ExportScreen(preview))
        if target is None:
            return
        files = files_of(preview, target)
        try:
            await asyncio.to_thread(export, files, self._fetch)
        except (LinkError, ExportError) as error:
            self.notify(clean(f"Not saved: {error}"), severity="error", markup=False)
        else:
            places = " and ".join(shortened(str(path), 200) for path in files)
            self.notify(clean(f"Saved {places}"), timeout=8, markup=False)
