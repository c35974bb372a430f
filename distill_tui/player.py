"""Plays one sound or a row of them, switches between two at the same position, and says where it is."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Literal

from distill_tui.hearing import Availability
from distill_tui.playhead import Playhead
from distill_tui.speaker import Speaker, SpeakerError, availability, open_speaker
from distill_tui.voice import More, Request, Voice
from distill_tui.wav import Sound, fitted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Player", "Progress", "availability"]

STOP_PATIENCE_SECONDS = 0.5


@dataclass(frozen=True)
class Progress:
    """What is heard at this moment.

    `seconds` of `sound`, the one at `index` of its row, have left the speaker. `generation` counts what was asked for:
    a sound that ended by itself leaves it as it was. `trouble` says in one line why the last sound could not be
    played; `availability` is None until the device has been looked for.
    """

    state: Literal["silent", "opening", "playing"] = "silent"
    sound: Sound | None = None
    seconds: float = 0.0
    generation: int = 0
    trouble: str = ""
    availability: Availability | None = None
    index: int = 0


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
        self._queue: SimpleQueue[Request | More | Voice | Literal["look"] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._generation = 0
        self._wanted: Request | None = None
        self._loop, self._gain = False, 1.0
        self._trouble = ""
        self._availability: Availability | None = None
        self._voice: Voice | None = None

    def look(self) -> None:
        """Look for a sound device; `progress().availability` has the answer when it is there."""
        self._post("look")

    def play(self, sound: Sound) -> None:
        """Play `sound` from its start, in place of what plays now."""
        self._post(self._ask([sound]))

    def play_row(self, sounds: Sequence[Sound]) -> int:
        """Play one after another without a gap, the first at once; `add` and `finish` take the number it returns."""
        request = self._ask(list(sounds), whole=False)
        self._post(request)
        return request.generation

    def add(self, row: int, sound: Sound) -> None:
        """One more sound for the row of this number; nothing if something else was asked for since."""
        self._continue(row, sound)

    def finish(self, row: int) -> None:
        """The row is complete: it ends with its last sound, for which it would otherwise wait."""
        self._continue(row, None)

    def toggle(self, other: Sound) -> None:
        """Go on with `other` at the position of the sound that plays; from its start if none does."""
        self._post(self._ask([other], toggle=True))

    def stop(self) -> None:
        """Fade out."""
        self._post(self._ask([]))

    def set_loop(self, loop: bool) -> None:
        """Whether what plays, and what will, begins anew at its end, without a gap."""
        with self._lock:
            self._loop = loop
            self._apply(self._voice)

    def set_gain(self, gain: float) -> None:
        """The level of everything, from 0 to 1, the files' own."""
        with self._lock:
            self._gain = gain
            self._apply(self._voice)

    def close(self) -> None:
        """Let go of the device. Waits for it, but not for long: a hanging device must not keep the program."""
        self._ask([])
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
        carried_out = voice is not None and voice.request is wanted
        index, seconds = voice.heard(wanted) if voice is not None else (0, 0.0)
        sound = wanted.sounds[index]
        state: Literal["opening", "playing"] = "playing" if carried_out else "opening"
        return Progress(state, sound, min(seconds, sound.seconds), generation, trouble, available, index)

    def _ask(self, sounds: list[Sound], toggle: bool = False, whole: bool = True) -> Request:
        with self._lock:
            self._generation += 1
            request = Request(self._generation, sounds, toggle, whole)
            self._wanted, self._trouble = request if sounds else None, ""
            return request

    def _continue(self, row: int, sound: Sound | None) -> None:
        with self._lock:
            wanted = self._wanted
        if wanted is not None and wanted.generation == row:
            self._post(More(wanted, sound))

    def _post(self, item: "Request | More | Literal['look']") -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="player", daemon=True)
            self._thread.start()
        self._queue.put(item)

    def _apply(self, voice: Voice | None) -> None:
        if voice is not None and voice.playhead is not None:
            voice.playhead.loop, voice.playhead.gain = self._loop, self._gain

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
            elif isinstance(item, Voice):
                self._finished(item)
            elif isinstance(item, More):
                self._carry_on(item)
            elif item.generation == self._generation:  # otherwise a newer request stands in the queue
                self._carry_out(item)

    def _patience(self) -> float | None:
        voice = self._voice
        if voice is None or voice.speaker is None or voice.request.sounds:
            return None
        return voice.speaker.latency + STOP_PATIENCE_SECONDS

    def _look_again(self) -> None:
        if self._voice is None:
            found = self._look()
            with self._lock:
                self._availability = found

    def _carry_out(self, request: Request) -> None:
        voice = self._voice
        if voice is None or voice.speaker is None or voice.playhead is None:
            if request.sounds:
                self._open(request)
            return
        before = voice.request.sounds
        if not request.sounds:
            voice.playhead.stop()
        elif request.toggle and before:
            voice.playhead.toggle(request.fit(voice.speaker))
        elif not before or before[0].sample_rate == request.sounds[0].sample_rate:
            voice.playhead.start(request.fit(voice.speaker))
        else:
            self._close_voice()  # a fresh stream at the sound's own rate beats resampling it
            self._open(request)
            return
        voice.request = request

    def _carry_on(self, more: More) -> None:
        request, speaker = more.request, self._voice.speaker if self._voice is not None else None
        if more.sound is None:
            request.whole = True
            if request.tape is not None:
                request.tape.finish()
        else:
            request.sounds.append(more.sound)  # before the tape has it: its place in the row may be asked for at once
            if request.tape is not None and speaker is not None:
                request.tape.add(fitted(more.sound, speaker.sample_rate, speaker.channels))

    def _open(self, request: Request) -> None:
        voice, sound = Voice(request), request.sounds[0]
        try:
            speaker = self._open_speaker(sound.sample_rate, sound.channels, voice.fill, lambda: self._queue.put(voice))
            voice.speaker = speaker
            voice.playhead = Playhead(request.fit(speaker), speaker.sample_rate, loop=self._loop, gain=self._gain)
            speaker.start()
        except SpeakerError as error:
            if voice.speaker is not None:
                voice.speaker.close()
            with self._lock:
                if request.generation == self._generation:
                    self._wanted, self._trouble = None, str(error)
            return
        with self._lock:
            self._voice = voice
            if self._availability is None or not self._availability.ok:  # another answer has the screen drawn anew
                self._availability = Availability(True)
            self._apply(voice)

    def _finished(self, voice: Voice) -> None:
        """The device says that `voice` is done: it ended, faded out, or was closed (then another may be the voice)."""
        if voice is not self._voice:
            return
        self._close_voice()
        request = voice.request
        if request.sounds and voice.playhead is not None and voice.playhead.waiting:
            self._open(request)  # asked for in the moment in which the stream ended
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
