"""What the player was asked for, and the open stream that carries it out."""

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from distill_tui.playhead import Playhead
from distill_tui.speaker import Speaker
from distill_tui.tape import Tape
from distill_tui.wav import Sound, fitted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(eq=False)
class Request:
    """What a person asked for: a sound, from its start or at the position of the one that plays; none is silence.

    More may be added until it is `whole`. The tape holds them as the open device takes them.
    """

    generation: int
    sounds: list[Sound] = field(default_factory=list)
    toggle: bool = False
    whole: bool = True
    tape: Tape | None = None

    def fit(self, speaker: Speaker) -> Tape:
        """The sounds as this speaker plays them."""
        parts = [fitted(sound, speaker.sample_rate, speaker.channels) for sound in self.sounds]
        self.tape = Tape(*parts, whole=self.whole)
        return self.tape


@dataclass(frozen=True, eq=False)
class More:
    """What continues a row that was asked for: a sound, or None for its end."""

    request: Request
    sound: Sound | None


class Voice:
    """One open stream and what it reads. `fill` runs in the device's thread."""

    def __init__(self, request: Request) -> None:
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

    def heard(self, request: Request) -> tuple[int, float]:
        """Which sound of the request is heard, and its second; the position of what it replaces until it is.

        That is what was handed out less what is still on its way to the ear; it glides on while a buffer plays out.
        """
        if self.speaker is None or self.playhead is None:
            return 0, 0.0
        rate = self.speaker.sample_rate
        late = max(0.0, self.speaker.latency - (time.monotonic() - self.filled_at))
        tape, index, frame = self.playhead.heard(round(late * rate))
        return (index if tape is request.tape else 0), frame / rate
