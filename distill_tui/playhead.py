"""What the sound card's callback reads: an integer position in one sound, switched and stopped without a click."""

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]  # [frames, channels]

FADE_SECONDS = 0.005


@dataclass(frozen=True, eq=False)
class _Turn:
    """What to go on with: None is silence; `position` None is where the sound is now."""

    samples: "Samples | None"
    position: int | None


class Playhead:
    """Hands out a sound block by block. `fill` belongs to the callback's thread; the rest may come from any other.

    All sounds of one playhead have the stream's rate and channel count. A request is the one place of a deque, which
    the asking thread overwrites and the next `fill` takes: no lock, so the callback can never be kept waiting.
    """

    def __init__(self, samples: "Samples", sample_rate: int) -> None:
        self.position = 0
        self._samples = samples
        self._end = len(samples)
        self._fade = max(1, round(FADE_SECONDS * sample_rate))
        self._lead: Samples | None = None
        self._lead_start = 0
        self._turns: deque[_Turn] = deque(maxlen=1)

    @property
    def waiting(self) -> bool:
        """Something has been asked for that no block has carried out yet."""
        return bool(self._turns)

    def toggle(self, samples: "Samples") -> None:
        """Go on with `samples` at this very position, through a short crossfade."""
        self._turns.append(_Turn(samples, None))

    def start(self, samples: "Samples") -> None:
        """Go on with `samples` from their first one; what sounds now fades out under them, so an attack stays whole."""
        self._turns.append(_Turn(samples, 0))

    def stop(self) -> None:
        """Fade out and end."""
        self._turns.append(_Turn(None, None))

    def fill(self, block: "Samples") -> bool:
        """Write the next frames into `block` [frames, channels], zeros past the end; True if the sound ends in it."""
        if self._turns:
            self._take(self._turns.pop())
        block[:] = self._ahead(len(block))
        self.position = min(self.position + len(block), self._end)
        return self.position >= self._end

    def _take(self, turn: _Turn) -> None:
        old = self._ahead(self._fade)
        self._samples = self._samples[:0] if turn.samples is None else turn.samples
        self.position = self.position if turn.position is None else turn.position
        self._end = max(len(self._samples), self.position + self._fade)
        self._lead = None
        new = self._ahead(self._fade)
        self._lead = crossfade(old, new) if turn.position is None else overlay(old, new)
        self._lead_start = self.position

    def _ahead(self, frames: int) -> "Samples":
        """The next `frames` frames as they would be heard, zeros past the end."""
        import numpy as np

        ahead = np.zeros((frames, self._samples.shape[1]), np.int16)
        rest = self._samples[self.position : self.position + frames]
        ahead[: len(rest)] = rest
        if self._lead is not None:
            lead = self._lead[self.position - self._lead_start :][:frames]
            ahead[: len(lead)] = lead
        return ahead


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
