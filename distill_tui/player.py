"""Plays one sound at a time, switches between two at the same position, and says where it is."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Literal

from distill_tui.hearing import Availability
from distill_tui.playhead import Playhead
from distill_tui.speaker import Speaker, SpeakerError, availability, open_speaker
from distill_tui.wav import Sound, fitted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Player", "Progress", "availability"]

STOP_PATIENCE_SECONDS = 0.5


@dataclass(frozen=True)
class Progress:
    """What is heard at this moment.

    `seconds` of `sound` have left the speaker. `generation` counts what was asked for: a sound that ended by itself
    leaves it as it was. `trouble` says in one line why the last sound could not be played; `availability` is None
    until the device has been looked for.
    """

    state: Literal["silent", "opening", "playing"] = "silent"
    sound: Sound | None = None
    seconds: float = 0.0
    generation: int = 0
    trouble: str = ""
    availability: Availability | None = None


@dataclass(frozen=True, eq=False)
class _Request:
    """What a person asked for: a sound, from its start or at the position of the one that plays; None is silence."""

    generation: int
    sound: Sound | None
    toggle: bool = False


class _Voice:
    """One open stream and what it reads. `fill` runs in the device's thread."""

    def __init__(self, request: _Request) -> None:
        self.request = request
        self.speaker: Speaker | None = None
        self.playhead: Playhead | None = None
        self.filled_at = time.monotonic()

    def fill(self, block: "NDArray[np.int16]") -> bool:
        if self.playhead is None:  # the stream asks before it was fully opened
            block[:] = 0
            return False
        ended = self.playhead.fill(block)
        self.filled_at = time.monotonic()
        return ended

    def heard_seconds(self) -> float:
        """The position less what is still on its way to the ear; it glides on while a buffer plays out."""
        if self.speaker is None or self.playhead is None:
            return 0.0
        position = self.playhead.position / self.speaker.sample_rate
        return min(position, max(0.0, position - self.speaker.latency + time.monotonic() - self.filled_at))


OpenSpeaker = Callable[[int, int, Callable[["NDArray[np.int16]"], bool], Callable[[], None]], Speaker]


class Player:
    """Every method returns at once: one thread of the player's own opens and closes the device, in order.

    The player never calls back into the program: ask `progress` as often as the screen is drawn. `open_speaker` and
    `look` are for tests without a device.
    """

    def __init__(
        self, open_speaker: OpenSpeaker = open_speaker, look: Callable[[], Availability] = availability
    ) -> None:
        self._open_speaker = open_speaker
        self._look = look
        self._lock = threading.Lock()
        self._queue: SimpleQueue[_Request | _Voice | Literal["look"] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._generation = 0
        self._wanted: Sound | None = None
        self._trouble = ""
        self._availability: Availability | None = None
        self._voice: _Voice | None = None

    def look(self) -> None:
        """Look for a sound device; `progress().availability` has the answer when it is there."""
        self._post("look")

    def play(self, sound: Sound) -> None:
        """Play `sound` from its start, in place of what plays now."""
        self._post(self._ask(sound))

    def toggle(self, other: Sound) -> None:
        """Go on with `other` at the position of the sound that plays; from its start if none does."""
        self._post(self._ask(other, toggle=True))

    def stop(self) -> None:
        """Fade out."""
        self._post(self._ask(None))

    def close(self) -> None:
        """Let go of the device. Waits for it, but not for long: a hanging device must not keep the program."""
        self._ask(None)
        if self._thread is not None:
            self._queue.put(None)
            self._thread.join(STOP_PATIENCE_SECONDS)

    def progress(self) -> Progress:
        """What is heard now."""
        with self._lock:
            voice, wanted = self._voice, self._wanted
            generation, trouble, available = self._generation, self._trouble, self._availability
        if wanted is None:
            return Progress("silent", None, 0.0, generation, trouble, available)
        carried_out = voice is not None and voice.request.generation == generation
        seconds = min(voice.heard_seconds(), wanted.seconds) if voice is not None else 0.0
        return Progress("playing" if carried_out else "opening", wanted, seconds, generation, trouble, available)

    def _ask(self, sound: Sound | None, toggle: bool = False) -> _Request:
        with self._lock:
            self._generation += 1
            self._wanted, self._trouble = sound, ""
            return _Request(self._generation, sound, toggle)

    def _post(self, item: "_Request | Literal['look']") -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="player", daemon=True)
            self._thread.start()
        self._queue.put(item)

    def _run(self) -> None:
        while True:
            try:
                item = self._queue.get(timeout=self._patience())
            except Empty:  # the device was told to fade out and never asked for another block
                self._close_voice()
                continue
            if item is None:
                self._close_voice()
                return
            if item == "look":
                self._look_again()
            elif isinstance(item, _Voice):
                self._finished(item)
            elif item.generation == self._generation:  # otherwise a newer request stands in the queue
                self._carry_out(item)

    def _patience(self) -> float | None:
        voice = self._voice
        if voice is None or voice.speaker is None or voice.request.sound is not None:
            return None
        return voice.speaker.latency + STOP_PATIENCE_SECONDS

    def _look_again(self) -> None:
        if self._voice is None:
            found = self._look()
            with self._lock:
                self._availability = found

    def _carry_out(self, request: _Request) -> None:
        voice = self._voice
        if voice is None or voice.speaker is None or voice.playhead is None:
            if request.sound is not None:
                self._open(request, request.sound)
            return
        before, sound = voice.request.sound, request.sound
        if sound is None:
            voice.playhead.stop()
        elif request.toggle and before is not None:
            voice.playhead.toggle(fitted(sound, voice.speaker.sample_rate, voice.speaker.channels))
        elif before is None or before.sample_rate == sound.sample_rate:
            voice.playhead.start(fitted(sound, voice.speaker.sample_rate, voice.speaker.channels))
        else:
            self._close_voice()  # a fresh stream at the sound's own rate beats resampling it
            self._open(request, sound)
            return
        voice.request = request

    def _open(self, request: _Request, sound: Sound) -> None:
        voice = _Voice(request)
        try:
            speaker = self._open_speaker(sound.sample_rate, sound.channels, voice.fill, lambda: self._queue.put(voice))
            voice.speaker = speaker
            voice.playhead = Playhead(fitted(sound, speaker.sample_rate, speaker.channels), speaker.sample_rate)
            speaker.start()
        except SpeakerError as error:
            if voice.speaker is not None:
                voice.speaker.close()
            with self._lock:
                if request.generation == self._generation:
                    self._wanted, self._trouble = None, str(error)
            return
        with self._lock:
            self._voice, self._availability = voice, Availability(True)

    def _finished(self, voice: _Voice) -> None:
        """The device says that `voice` is done: it ended, faded out, or was closed (then another may be the voice)."""
        if voice is not self._voice:
            return
        self._close_voice()
        request = voice.request
        if request.sound is not None and voice.playhead is not None and voice.playhead.waiting:
            self._open(request, request.sound)  # asked for in the moment in which the stream ended
            return
        with self._lock:
            if request.generation == self._generation:
                self._wanted = None

    def _close_voice(self) -> None:
        voice = self._voice
        with self._lock:
            self._voice = None
        if voice is not None and voice.speaker is not None:
            voice.speaker.close()
