"""What the sound card's callback reads: an integer position on a tape, switched and stopped without a click."""

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill_tui.tape import Place, Tape

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]  # [frames, channels]

FADE_SECONDS = 0.005
RAMP_SECONDS = 0.03  # from silence to full level, and a change of the volume in proportion


@dataclass(frozen=True, eq=False)
class _Turn:
    """What to go on with, from its first sample or where the present sound is."""

    tape: Tape
    same_place: bool


class Playhead:
    """Hands out a tape block by block. `fill` belongs to the callback's thread; the rest may come from any other.

    All sounds of one playhead have the stream's rate and channel count. A request is the one place of a deque, which
    the asking thread overwrites and the next `fill` takes: no lock, so the callback can never be kept waiting. `loop`
    and `gain` (0 to 1) may be set at any time: the tape then goes round from its end to its first sample, and the
    level glides to the new one.
    """

    def __init__(self, tape: "Tape | Samples", sample_rate: int, *, loop: bool = False, gain: float = 1.0) -> None:
        self._now = (tape if isinstance(tape, Tape) else Tape(tape), Place())  # one object: read from other threads
        self.loop, self.gain = loop, gain
        self._level = gain
        self._steepest = 1 / max(1, round(RAMP_SECONDS * sample_rate))
        self._fade = max(1, round(FADE_SECONDS * sample_rate))
        self._lead: Samples | None = None  # what is heard in place of the tape's next frames
        self._turns: deque[_Turn] = deque(maxlen=1)

    @property
    def tape(self) -> Tape:
        """What is being read."""
        return self._now[0]

    @property
    def position(self) -> int:
        """Frames from the tape's beginning to the next one that is handed out."""
        return self._now[1].position

    @property
    def waiting(self) -> bool:
        """Something has been asked for that no block has carried out yet."""
        return bool(self._turns)

    def heard(self, late: int) -> tuple[Tape, int, int]:
        """The tape, the part of it and the frame within that part that left so many frames ago."""
        tape, place = self._now
        return tape, *tape.part_at(tape.before(place, late))

    def toggle(self, tape: "Tape | Samples") -> None:
        """Go on with another sound at the very position of the one that is heard, through a short crossfade."""
        self._turns.append(_Turn(tape if isinstance(tape, Tape) else Tape(tape), True))

    def start(self, tape: "Tape | Samples") -> None:
        """Go on with another from its first sample; what sounds now fades out under it, so an attack stays whole."""
        self._turns.append(_Turn(tape if isinstance(tape, Tape) else Tape(tape), False))

    def stop(self) -> None:
        """Fade out and end."""
        self._turns.append(_Turn(Tape(), True))

    def fill(self, block: "Samples") -> bool:
        """Write the next frames into `block` [frames, channels], zeros past the end; True if the sound ends in it."""
        if self._turns:
            self._take(self._turns.pop(), block.shape[1])
        tape, loop = self._now[0], self.loop
        place = self._read(block, loop)
        if self._lead is not None:
            self._lead = self._lead[len(block) :] if len(block) < len(self._lead) else None
        self._now = tape, place
        self._scale(block)
        return self._lead is None and tape.over(place, loop=loop)

    def _take(self, turn: _Turn, channels: int) -> None:
        import numpy as np

        old, new = np.empty((self._fade, channels), np.int16), np.empty((self._fade, channels), np.int16)
        loop = self.loop
        self._read(old, loop)
        tape, place = self._now
        self._now = turn.tape, Place(tape.part_at(place.position)[1] if turn.same_place else 0)
        self._lead = None
        self._read(new, loop)
        self._lead = crossfade(old, new) if turn.same_place else overlay(old, new)

    def _read(self, into: "Samples", loop: bool) -> Place:
        """The next frames as they would be heard at full level, zeros past the end; returns the place behind them."""
        tape, place = self._now
        after = tape.read(place, into, loop=loop)
        if self._lead is not None:
            lead = self._lead[: len(into)]
            into[: len(lead)] = lead
        return after

    def _scale(self, block: "Samples") -> None:
        """To the wanted level, at most so steeply that no click is heard; full level changes no bit."""
        if self._level == self.gain == 1.0:
            return
        import numpy as np

        gain, level = self.gain, self._level
        glide = np.arange(1, len(block) + 1) * self._steepest
        levels = np.minimum(level + glide, gain) if gain > level else np.maximum(level - glide, gain)
        self._level = float(levels[-1]) if len(levels) else level
        block[:] = _rounded(block * levels[:, None])


def crossfade(old: "Samples", new: "Samples") -> "Samples":
    """From `old` into `new` (equal shapes) at constant power, whatever the two have in common.

    Cosine and sine gains keep the power of unrelated sounds; sounds with correlation r would swell by 1 + r sin(2t),
    which is divided out, so that crossfading a sound with itself changes nothing.
    """
    import numpy as np

    a, b = old.astype(np.float64), new.astype(np.float64)
    norm = float(np.sqrt((a * a).sum() * (b * b).sum()))
    alike = max(0.0, float((a * b).sum()) / norm) if norm else 0.0
    angle = _quarter_turn(len(a))
    return _rounded((np.cos(angle) * a + np.sin(angle) * b) / np.sqrt(1 + alike * np.sin(2 * angle)))


def overlay(old: "Samples", new: "Samples") -> "Samples":
    """`new` whole, with `old` (equal shapes) fading out under it."""
    import numpy as np

    return _rounded(np.cos(_quarter_turn(len(old))) * old.astype(np.float64) + new)


def _quarter_turn(frames: int) -> "NDArray[np.float64]":
    import numpy as np

    return (np.arange(1, frames + 1) / (frames + 1) * np.pi / 2)[:, None]


def _rounded(samples: "NDArray[np.float64]") -> "Samples":
    import numpy as np

    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)
