"""What turns notes into sound: a SoundFont where there is one, else the built-in synthesiser."""

from collections.abc import Sequence

from core.errors import UsageError
from core.midi.soundfont import Soundfont, find_soundfont, installed, play_soundfont
from core.midi.synth import SAMPLE_RATE, Samples, play
from core.midi.vocabulary import Note


class Renderer:
    """`soundfont` is a file's path, or empty: then one that is installed on the machine is taken, if any works.

    `instrument` names what plays. Raises UsageError where the named file is missing or cannot be used.
    """

    def __init__(self, soundfont: str = "", sample_rate: int = SAMPLE_RATE) -> None:
        self.sample_rate = sample_rate
        self._font = _font(soundfont)

    @property
    def instrument(self) -> str:
        """The SoundFont's file, or "built-in"."""
        return str(self._font.path) if self._font is not None else "built-in"

    def waveform(self, notes: Sequence[Note], seconds: float | None = None) -> Samples:
        """The notes as sound [samples] within -1 and 1, until the last has died away or for `seconds`."""
        if self._font is None:
            return play(notes, seconds, self.sample_rate)
        return play_soundfont(self._font, notes, seconds, self.sample_rate)


def _font(configured: str) -> Soundfont | None:
    if configured:
        path = find_soundfont(configured)
        return Soundfont.load(path) if path is not None else None
    for path in installed():
        try:
            return Soundfont.load(path)
        except UsageError:
            continue  # nobody asked for this one: the next may do, and the built-in sound always does
    return None
