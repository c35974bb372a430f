"""A sound as a picture: the envelope of its waveform, and its mel spectrogram in decibels. Time is to the right."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill_tui.wav import Sound

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BANDS = 256  # that a spectrum keeps; a picture shows as many as it has room for
SPAN_DB = 80.0  # from the loudest to what is drawn as silence
WINDOW_SECONDS = 0.03
FEWEST_FRAMES = 400  # of a spectrum, so that a short sound fills a wide picture
MOST_FRAMES = 2000  # of a spectrum that is kept
BLOCK_FRAMES = 512  # worked out at a time: a long sound must not take hundreds of megabytes
FULL_SCALE = 32768.0
FREQUENCIES = ((100.0, "0.1"), (1000.0, "1"), (4000.0, "4"), (16000.0, "16"))  # Hz, as kHz


@dataclass(frozen=True, eq=False)
class Spectrum:
    """What is needed to draw a sound at any size.

    `power` [frames, BANDS] is the mean power in equal stretches of the mel scale from 0 Hz to the Nyquist frequency;
    frame i begins at i x `seconds_per_frame`. `low` and `high` [frames] are the samples' extremes there, -1 to 1.
    """

    power: "NDArray[np.float32]"
    low: "NDArray[np.float32]"
    high: "NDArray[np.float32]"
    seconds_per_frame: float
    seconds: float
    nyquist: float

    @property
    def loudest_db(self) -> float:
        """The highest power there is, in decibels."""
        import numpy as np

        return float(10 * np.log10(max(float(self.power.max(initial=0.0)), 1e-12)))


def mel(hz: float) -> float:
    """Hertz on the mel scale (O'Shaughnessy 1987, as torchaudio's "htk")."""
    import math

    return 2595.0 * math.log10(1.0 + hz / 700.0)


def spectrum(sound: Sound) -> Spectrum:
    """Analyse a sound; of several channels their mean. About 10 ms for a second of it: call it in a thread."""
    import numpy as np

    samples = sound.samples.mean(axis=1, dtype=np.float32) / np.float32(FULL_SCALE)
    size = 1 << max(6, round(float(np.log2(WINDOW_SECONDS * sound.sample_rate))))
    hop = max(1, min(size // 4, len(samples) // FEWEST_FRAMES))
    frames = -(-len(samples) // hop)
    together = -(-frames // MOST_FRAMES)
    frames = -(-frames // together) * together
    padded = np.pad(samples, ((size - hop) // 2, size + frames * hop - len(samples)))
    window = np.hanning(size + 1)[:-1].astype(np.float32)
    edges = 700.0 * (10 ** (np.linspace(0, mel(sound.sample_rate / 2), BANDS + 1) / 2595.0) - 1.0)
    bins = edges / sound.sample_rate * size + 0.5  # a bin reaches half its width to both sides
    power = np.empty((frames, BANDS), np.float32)
    for first in range(0, frames, BLOCK_FRAMES):
        starts = np.arange(first, min(frames, first + BLOCK_FRAMES)) * hop
        blocks = np.lib.stride_tricks.sliding_window_view(padded, size)[starts]
        found = np.abs(np.fft.rfft(blocks * window, axis=1) / window.sum()) ** 2
        power[first : first + len(starts)] = _mean_between(found, bins)
    stretches = np.pad(samples, (0, frames * hop - len(samples)), mode="edge").reshape(frames, hop)
    return Spectrum(
        power.reshape(-1, together, BANDS).mean(1),
        stretches.min(1).reshape(-1, together).min(1),
        stretches.max(1).reshape(-1, together).max(1),
        together * hop / sound.sample_rate,
        sound.seconds,
        sound.sample_rate / 2,
    )


def shades(spectrum: Spectrum, columns: int, rows: int, seconds: float, loudest_db: float) -> list[list[float]]:
    """[rows][columns] of levels from 0, SPAN_DB below `loudest_db`, to 1; the highest band first.

    The columns last `seconds` in all; those after the sound are NaN.
    """
    import numpy as np

    drawn = max(1, min(columns, round(columns * spectrum.seconds / seconds)))
    times = np.linspace(0, drawn * seconds / columns / spectrum.seconds_per_frame, drawn + 1)
    frames = _mean_between(spectrum.power.T, np.minimum(times, len(spectrum.power)))
    levels = 10 * np.log10(_mean_between(frames.T, np.linspace(0, BANDS, rows + 1)) + 1e-12)
    picture = np.full((rows, columns), np.nan)
    picture[:, :drawn] = np.clip((levels.T[::-1] - loudest_db) / SPAN_DB + 1, 0, 1)
    whole: list[list[float]] = picture.tolist()
    return whole


def envelope(spectrum: Spectrum, columns: int, seconds: float) -> list[tuple[float, float]]:
    """The lowest and the highest sample in each of `columns` that last `seconds` in all, as far as the sound goes."""
    import numpy as np

    count = len(spectrum.low)
    drawn = max(1, min(columns, round(columns * spectrum.seconds / seconds)))
    edges = np.arange(drawn + 1) * seconds / columns / spectrum.seconds_per_frame
    starts = np.minimum(edges[:-1].astype(int), count - 1)
    ends = np.minimum(np.maximum(starts + 1, np.ceil(edges[1:]).astype(int)), count)
    return [
        (float(spectrum.low[start:end].min()), float(spectrum.high[start:end].max()))
        for start, end in zip(starts, ends, strict=True)
    ]


def frequency_labels(nyquist: float, rows: int) -> dict[int, str]:
    """kHz by the line of `rows` lines that each lies in, the highest line 0; those that would meet give way."""
    labels: dict[int, str] = {}
    for hz, text in FREQUENCIES:
        row = int((1 - mel(hz) / mel(nyquist)) * rows)
        if hz < nyquist and 0 <= row < rows and row not in labels:
            labels[row] = text
    return labels


def second_marks(seconds: float, columns: int, apart: int = 9) -> list[tuple[int, str]]:
    """(column, text) of the time axis: round seconds at least `apart` columns from each other."""
    if seconds <= 0:
        return []
    units = [m * 10.0**e for e in range(-3, 4) for m in (1, 2, 5)]
    unit = next((u for u in units if u / seconds * columns >= apart), units[-1])
    decimals = 3 if unit < 0.01 else 2 if unit < 0.1 else 1 if unit < 1 else 0
    count = int(seconds / unit + 1e-9)
    marks = (
        (int(i * unit / seconds * columns + 1e-6), f"{i * unit:.{decimals}f}" if i else "0 s") for i in range(count + 1)
    )
    return [(column, text) for column, text in marks if column + 1 + len(text) <= columns]


def _mean_between(values: "NDArray[np.floating]", edges: "NDArray[np.float64]") -> "NDArray[np.float64]":
    """The means of `values` [rows, n] between neighbours of `edges` (positions 0 to n, fractions allowed)."""
    import numpy as np

    sums = np.zeros((len(values), values.shape[1] + 1))
    np.cumsum(values, axis=1, out=sums[:, 1:])
    whole = np.minimum(edges.astype(int), values.shape[1] - 1)
    upto = sums[:, whole] + values[:, whole] * (edges - whole)
    widths = np.maximum(np.diff(edges), 1e-9)
    means: NDArray[np.float64] = np.maximum(np.diff(upto, axis=1) / widths, 0.0)
    return means
