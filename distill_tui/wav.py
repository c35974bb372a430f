"""Sounds as the player takes them: 16-bit samples, read from the bytes of a WAV file."""

import io
import math
import wave
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class WavError(ValueError):
    """The bytes are not a sound that can be played; the message is one line: what, and what is wrong with it."""


@dataclass(frozen=True, eq=False)
class Sound:
    """Samples [frames, channels] of 16 bits, the format of previews, so that what is played is the file's every bit."""

    samples: "NDArray[np.int16]"
    sample_rate: int
    name: str = ""

    @property
    def frames(self) -> int:
        """Length in frames (samples of one channel)."""
        return int(self.samples.shape[0])

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[1])

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.frames / self.sample_rate


def read_wav(data: bytes, name: str = "") -> Sound:
    """The sound in `data`, a whole PCM WAV file of 16 or 24 bits; 24 are rounded to 16. `name` is for messages.

    Raises WavError for bytes that are cut short, empty, or of another kind.
    """
    import numpy as np

    label = name or "sound"
    try:
        with wave.open(io.BytesIO(data)) as file:
            channels, width, rate, frames = file.getparams()[:4]
            raw = file.readframes(frames)
    except (wave.Error, EOFError) as error:
        raise WavError(f"{label}: not a PCM WAV file ({str(error) or 'cut short'})") from error
    if width not in (2, 3):
        raise WavError(f"{label}: {8 * width}-bit samples; 16 or 24 bits can be played")
    if rate <= 0:
        raise WavError(f"{label}: its header gives a rate of {rate} Hz")
    if len(raw) < frames * channels * width:
        raise WavError(f"{label}: cut short ({len(raw) // (channels * width):,} of {frames:,} samples are there)")
    if not raw:
        raise WavError(f"{label}: holds no samples")
    if width == 2:
        samples = np.frombuffer(raw, "<i2").astype(np.int16)
    else:
        low, middle, high = np.frombuffer(raw, np.uint8).reshape(-1, 3).astype(np.int32).T
        whole = low | middle << 8 | high << 16
        signed = np.where(whole >= 1 << 23, whole - (1 << 24), whole)
        samples = np.minimum((signed + 128) >> 8, 32767).astype(np.int16)
    return Sound(samples.reshape(-1, channels), rate, name)


def fitted(sound: Sound, sample_rate: int, channels: int) -> "NDArray[np.int16]":
    """The sound's samples [frames, channels] as a device takes them; the very same array where nothing differs.

    One channel goes to all; several become one by their mean. Another rate is reached through the spectrum (exact
    below the lower Nyquist frequency).
    """
    samples = sound.samples
    if sound.channels == 1 and channels > 1:
        samples = samples.repeat(channels, axis=1)
    elif channels == 1 and sound.channels > 1:
        samples = samples.mean(axis=1, keepdims=True).round().astype(samples.dtype)
    elif channels != sound.channels:
        samples = samples[:, [i % sound.channels for i in range(channels)]]
    return samples if sample_rate == sound.sample_rate else _resampled(samples, sound.sample_rate, sample_rate)


def _resampled(samples: "NDArray[np.int16]", old: int, new: int) -> "NDArray[np.int16]":
    import numpy as np

    common = math.gcd(old, new)
    period = old // common
    # Silence behind the sound keeps its end from ringing into its start; whole periods make the new length exact.
    periods = -(-(len(samples) + old // 20) // period)
    spectrum = np.fft.rfft(samples.astype(np.float64), periods * period, axis=0)
    frames = periods * (new // common)
    resampled = np.fft.irfft(spectrum[: frames // 2 + 1], frames, axis=0) * (new / old)
    kept = resampled[: -(-len(samples) * new // old)]
    return np.clip(np.rint(kept), -32768, 32767).astype(np.int16)
