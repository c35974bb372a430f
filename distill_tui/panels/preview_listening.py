"""What is listened to among the previews: fetched, played, switched at the same position, and how far it is heard."""

import time
from collections.abc import Callable

from distill_tui.panels.preview_row import Heard
from distill_tui.player import Player, Progress
from distill_tui.sounds import Sounds
from distill_tui.wav import Sound


class Listening:
    """Plays the sounds of previews, each known by its key; the player plays one of them at a time.

    It knows no widget: `changed(key)` is called, on the caller's thread, whenever `heard(key)` may be another.
    """

    def __init__(self, player: Player, sounds: Sounds, changed: Callable[[str], None]) -> None:
        self.sounds = sounds
        self._player, self._changed = player, changed
        self._playing: tuple[str, Sound] | None = None
        self._loading: str | None = None
        self._asked_at = 0.0

    @property
    def playing(self) -> str | None:
        """The key of the preview that plays, or is about to as soon as the device is open."""
        return self._playing[0] if self._playing is not None else None

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
        if (available := self._player.progress().availability) is not None and not available.ok:
            self._player.look()  # a device may have been plugged in, or a tunnel opened, since
        if toggle:
            self._player.toggle(sound)
        else:
            self._player.play(sound)
        before, self._playing = self.playing, (key, sound)
        self._asked_at = time.monotonic()
        self._tell(before, key)

    def stop(self) -> None:
        """Fade out what plays; the next `follow` notices that it is silent."""
        self._player.stop()

    def follow(self) -> Progress:
        """What is heard now. Call it as often as the screen is drawn: it is here that a sound's end is noticed."""
        progress = self._player.progress()
        if self._playing is not None:
            key, sound = self._playing
            if progress.sound is not sound:
                self._playing = None
            self._changed(key)
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

    def _load(self, key: str | None) -> None:
        before, self._loading = self._loading, key
        self._tell(before, key)

    def _tell(self, *keys: str | None) -> None:
        for key in keys:
            if key is not None:
                self._changed(key)
