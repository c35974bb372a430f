"""A small synthesiser for tunes: struck strings, added up from decaying sines. numpy, no torch.

A decaying sine is the powers of one complex number, so a tone is one matrix product: the powers within a block times
the powers from block to block, summed over the tone's partials.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from core.midi.vocabulary import LEVEL_VELOCITIES, STEPS_PER_SECOND, Note

Samples = NDArray[np.float32]
# What a pitch at a level sounds like while it is held for so many samples, and the gains [tail] once it is let go.
Struck = Callable[[int, int, int], tuple[Samples, Samples]]

SAMPLE_RATE = 32_000  # Hz
CONCERT_HZ, CONCERT_PITCH = 440.0, 69
HIGHEST = 0.45  # of the sample rate: partials above are left out, so nothing is mirrored at half of it
MOST_PARTIALS = 24
STRIKE = 0.13  # where on the string it is struck; partials with a node there are missing
STIFFNESS = 3e-4  # inharmonicity at middle C; twice that an octave above
FADES_IN = 5.0  # seconds in which middle C's fundamental falls by 60 dB; half of that two octaves above
HIGHER_FADE = 0.35  # how much sooner each next partial fades
SOFTEST_HZ, LEVEL_HZ = 700.0, 1.45  # where a soft hammer cuts the highs, and how much further up each level is
LOUDNESS = 1.6  # the exponent of velocity: 27 dB between the softest level and the loudest
HEADROOM = 0.16  # the RMS of a tone's beginning at full velocity: six loud notes fit below the ceiling
CEILING = 0.98
ATTACK_SECONDS, RELEASE_SECONDS, TAIL_SECONDS = 0.003, 0.06, 0.4
BLOCK = 256  # samples
LIMIT_SECONDS = 0.05


def play(notes: Sequence[Note], seconds: float | None = None, sample_rate: int = SAMPLE_RATE) -> Samples:
    """The notes as sound [samples], within -1 and 1: the same samples for the same notes.

    It lasts `seconds`, or until the last note has died away; without notes it is a moment of silence.
    """
    release = _release(sample_rate)

    def struck(pitch: int, level: int, samples: int) -> tuple[Samples, Samples]:
        return _tone(pitch, level, samples, sample_rate), release

    return mixed(notes, struck, seconds, sample_rate, TAIL_SECONDS)


def mixed(
    notes: Sequence[Note], struck: Struck, seconds: float | None, sample_rate: int, tail_seconds: float
) -> Samples:
    """The notes with tones of any make, added up and kept within -1 and 1. Each tone is made once, for its longest."""
    tail = round(tail_seconds * sample_rate)
    last = max((_sample_at(note.end, sample_rate) for note in notes), default=0)
    length = max(1, last + tail if seconds is None else round(seconds * sample_rate))
    longest: dict[tuple[int, int], int] = {}
    for note in notes:
        held = _sample_at(note.end, sample_rate) - _sample_at(note.start, sample_rate)
        longest[note.pitch, note.level] = max(longest.get((note.pitch, note.level), 0), held)
    tones = {key: struck(*key, held + tail) for key, held in longest.items()}
    mix = np.zeros(max(length, last + tail), np.float32)
    for note in notes:
        start, end = _sample_at(note.start, sample_rate), _sample_at(note.end, sample_rate)
        tone, release = tones[note.pitch, note.level]
        mix[start:end] += tone[: end - start]
        mix[end : end + tail] += tone[end - start : end - start + tail] * release
    mix = mix[:length]
    faded = min(length, round(ATTACK_SECONDS * sample_rate))  # a sound that is cut off does not end in a click
    mix[length - faded :] *= _rise(faded)[::-1]
    return limited(mix, sample_rate)


def frequency(pitch: int) -> float:
    """The fundamental of a MIDI pitch in Hz, in equal temperament."""
    return float(CONCERT_HZ * 2 ** ((pitch - CONCERT_PITCH) / 12))


def partials(pitch: int, level: int, sample_rate: int = SAMPLE_RATE) -> tuple[NDArray[np.float64], ...]:
    """The partials of a tone: their Hz, their amplitudes, and how fast they fade (nepers a second).

    A stiff string's partials lie a little above the harmonics: n f sqrt(1 + B n^2) (Fletcher 1964).
    """
    number = np.arange(1, MOST_PARTIALS + 1)
    octaves = (pitch - 60) / 12
    stiffness = STIFFNESS * 2.0**octaves
    hz = frequency(pitch) * number * np.sqrt((1 + stiffness * number**2) / (1 + stiffness))
    cut = SOFTEST_HZ * LEVEL_HZ**level
    amplitude = np.abs(np.sin(np.pi * STRIKE * number)) / number / (1 + (hz / cut) ** 2)
    fade = 3 * np.log(10) / FADES_IN * 2.0 ** (octaves / 2) * (1 + HIGHER_FADE * (number - 1))
    kept = hz <= HIGHEST * sample_rate
    amplitude = amplitude[kept] / np.sqrt(0.5 * np.square(amplitude[kept]).sum())
    loudness = HEADROOM * (LEVEL_VELOCITIES[level] / 127) ** LOUDNESS
    return hz[kept], loudness * amplitude, fade[kept]


def limited(mix: Samples, sample_rate: int) -> Samples:
    """The mix, turned down where it would pass the ceiling, smoothly and ahead of time; elsewhere as it is.

    Between two moments the gain is straight, and at each it suits the louder of the stretches on its two sides: so it
    is never too high within a stretch.
    """
    size = round(LIMIT_SECONDS * sample_rate)
    peaks = np.maximum.reduceat(np.abs(mix), np.arange(0, len(mix), size))
    if peaks.max() <= CEILING:
        return mix
    gains = CEILING / np.maximum(peaks, CEILING)
    at_borders = np.minimum(np.append(gains, gains[-1]), np.insert(gains, 0, gains[0]))
    gain: Samples = np.interp(np.arange(len(mix)) / size, np.arange(len(at_borders)), at_borders).astype(np.float32)
    return mix * gain


def _sample_at(step: int, sample_rate: int) -> int:
    return step * sample_rate // STEPS_PER_SECOND


def _tone(pitch: int, level: int, samples: int, sample_rate: int) -> Samples:
    """A struck string that is never damped, [samples] or a few more."""
    hz, amplitude, fade = partials(pitch, level, sample_rate)
    power = (-fade + 2j * np.pi * hz) / sample_rate
    within = np.exp(power[:, None] * np.arange(BLOCK))
    blocks = amplitude * np.exp(power * BLOCK * np.arange(-(-samples // BLOCK))[:, None])
    # The imaginary part is the sine, which begins at zero.
    left = np.concatenate([blocks.imag, blocks.real], axis=1).astype(np.float32)
    right = np.concatenate([within.real, within.imag]).astype(np.float32)
    tone: Samples = (left @ right).reshape(-1)
    attack = min(len(tone), round(ATTACK_SECONDS * sample_rate))
    tone[:attack] *= _rise(attack)
    return tone


@lru_cache(4)
def _release(sample_rate: int) -> Samples:
    """How a tone dies away once its note has ended, down to zero."""
    samples = round(TAIL_SECONDS * sample_rate)
    fade = np.exp(-np.arange(samples) / (RELEASE_SECONDS * sample_rate))
    fade[samples // 2 :] *= _rise(samples - samples // 2)[::-1]
    return fade.astype(np.float32)


def _rise(samples: int) -> Samples:
    """From 0 to 1, level at both ends."""
    curve: Samples = np.square(np.sin(np.linspace(0, np.pi / 2, samples))).astype(np.float32)
    return curve
