"""What is listened to among the previews: fetched, played, switched, in a row, and how far it is heard."""

import time
from collections.abc import Callable, Sequence

from core.run.link import LinkError
from distill_tui.panels.preview_row import Heard
from distill_tui.player import Player, Progress
from distill_tui.sounds import Sounds
from distill_tui.wav import Sound, WavError


class Listening:
    """Plays the sounds of previews, each known by its key; the player plays one of them at a time.

    It knows no widget: `changed(key)` is called, on the caller's thread, whenever `heard(key)` may be another.
    """

    def __init__(self, player: Player, sounds: Sounds, changed: Callable[[str], None]) -> None:
        self.sounds = sounds
        self.row: tuple[str, ...] = ()  # all that is to be heard one after another; empty while one sound plays
        self.loop = False
        self._player, self._changed = player, changed
        self._asked: list[str] = []  # the keys of what the player was given, in its order
        self._index = 0
        self._loading: str | None = None
        self._asked_at = 0.0

    @property
    def playing(self) -> str | None:
        """The key of the preview that plays, or is about to as soon as the device is open."""
        return self._asked[self._index] if self._asked else None

    @property
    def asked(self) -> str | None:
        """The key of the preview that was asked for last: on its way here, or playing."""
        return self._loading or self.playing

    @property
    def waited_seconds(self) -> float:
        """Seconds since the player was last asked for a sound."""
        return time.monotonic() - self._asked_at

    async def begin(self, key: str, path: str, *, toggle: bool = False) -> None:
        """Fetch the sound at `path` and play it from its start; with `toggle`, at the position of the one that plays.

        Cancel it when something else is asked for meanwhile. Raises what `Sounds.get` raises; what plays then goes on.
        """
        self._load(key)
        try:
            sound = await self.sounds.get(path)
        finally:
            if self._loading == key:
                self._load(None)
        self._look_again()
        if toggle:
            self._player.toggle(sound)
        else:
            self._player.play(sound)
        self._began([key], ())

    async def begin_row(self, row: Sequence[tuple[str, str]]) -> str:
        """Fetch and play (key, path) one after another without a gap. Cancel it as `begin`.

        It begins as soon as the rest is likely to come in time, however slow the line. What cannot be had is left out;
        returns why, of the first such one, or "". Raises what `Sounds.get` raises if nothing can be had.
        """
        began, missing = time.monotonic(), ""
        waiting: list[tuple[str, Sound]] = []
        number: int | None = None
        self._load(row[0][0])
        try:
            for done, (key, path) in enumerate(row, 1):
                try:
                    waiting.append((key, await self.sounds.get(path)))
                except (LinkError, WavError) as error:
                    missing = missing or str(error)
                    if done == len(row) and not waiting and number is None:
                        raise
                to_come = (time.monotonic() - began) / done * (len(row) - done)
                if number is None and waiting and to_come <= sum(sound.seconds for _, sound in waiting):
                    self._look_again()
                    self._load(None)
                    number = self._player.play_row([sound for _, sound in waiting])
                    self._began([key for key, _ in waiting], tuple(key for key, _ in row))
                    waiting = []
                elif number is not None:
                    if self._player.progress().sound is None:
                        break  # the device refused: what else there is need not be fetched
                    for key, sound in waiting:
                        self._asked.append(key)  # before the player can say that it is heard
                        self._player.add(number, sound)
                    waiting = []
        finally:
            if number is not None:
                self._player.finish(number)
            elif self._loading == row[0][0]:
                self._load(None)
        return missing

    def stop(self) -> None:
        """Fade out what plays; the next `follow` notices that it is silent."""
        self._player.stop()

    def set_loop(self, loop: bool) -> None:
        """Whether what plays begins anew at its end."""
        self.loop = loop
        self._player.set_loop(loop)

    def follow(self) -> Progress:
        """What is heard now. Call it as often as the screen is drawn: it is here that a sound's end is noticed."""
        progress = self._player.progress()
        if self._asked:
            before = self.playing
            if progress.sound is None:
                self._asked, self._index, self.row = [], 0, ()
            else:
                self._index = min(progress.index, len(self._asked) - 1)
            self._tell(*dict.fromkeys((before, self.playing)))
        return progress

    def position(self, key: str | None) -> float | None:
        """How many seconds of this preview have been heard; None unless it is the one that plays."""
        return self._player.progress().seconds if key is not None and key == self.playing else None

    def heard(self, key: str) -> Heard | None:
        """What its row says of this preview: on its way, playing, or nothing."""
        if key == self._loading:
            return Heard(loading=True)
        seconds = self.position(key)
        return Heard(seconds) if seconds is not None else None

    def _look_again(self) -> None:
        if (available := self._player.progress().availability) is not None and not available.ok:
            self._player.look()  # a device may have been plugged in, or a tunnel opened, since

    def _began(self, keys: list[str], row: tuple[str, ...]) -> None:
        before, self._asked, self._index, self.row = self.playing, keys, 0, row
        self._asked_at = time.monotonic()
        self._tell(before, keys[0])

    def _load(self, key: str | None) -> None:
        before, self._loading = self._loading, key
        self._tell(before, key)

    def _tell(self, *keys: str | None) -> None:
        for key in keys:
            if key is not None:
                self._changed(key)
