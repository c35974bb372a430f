"""A small set of synthesised sounds to try everything on: bells, plucks, drums, pads; the same for the same seed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from core.errors import DataError

SAMPLE_RATE = 48_000
PEAK = 0.9
SCALE = (0, 3, 5, 7, 10)  # minor pentatonic: whatever is drawn from it goes together
LOWEST_HZ = 110.0

# numpy is imported by the functions that use it, so that a command line may import this module at once.
Wave = Any  # numpy.ndarray [samples], float64
Rng = Any  # numpy.random.Generator


def write_demo_sounds(folder: Path, count: int = 12, seed: int = 0) -> list[Path]:
    """Write `count` mono 16-bit WAV files of 0.6 to 2 s into `folder`, which is made where it is missing.

    Kinds take turns, pitches come from one scale. Nothing is ever overwritten: a file that is there already stays as
    it is. Returns the paths in order. Raises DataError where the folder cannot be written.
    """
    import numpy as np
    import soundfile

    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            name, synthesise = KINDS[number % len(KINDS)]
            path = folder / f"{name}-{number // len(KINDS) + 1:02d}.wav"
            paths.append(path)
            if not path.exists():
                # A generator for each sound: the first twelve are the same however many follow.
                wave = synthesise(np.random.default_rng((seed, number)))
                unfinished = folder / f".{path.name}.part"  # under its own name only once it is whole
                soundfile.write(unfinished, _finished(wave), SAMPLE_RATE, subtype="PCM_16", format="WAV")
                unfinished.replace(path)
    except (OSError, soundfile.LibsndfileError) as error:
        raise DataError(f"{folder}: demo sounds cannot be written there ({error}); choose another folder") from error
    return paths


def _finished(wave: Wave) -> Wave:
    """The sound at its peak level, faded at both ends, so that it begins and stops without a click."""
    import numpy as np

    wave = wave - wave.mean()
    fade_in, fade_out = round(0.001 * SAMPLE_RATE), round(0.03 * SAMPLE_RATE)
    wave[:fade_in] *= np.linspace(0, 1, fade_in)
    wave[-fade_out:] *= np.linspace(1, 0, fade_out)
    return PEAK * wave / np.abs(wave).max()


def _time(seconds: float) -> Wave:
    import numpy as np

    return np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE


def _pitch(rng: Rng, octaves: int) -> float:
    """A note of the scale, in Hz."""
    semitones = 12 * int(rng.integers(octaves)) + int(rng.choice(SCALE))
    return float(LOWEST_HZ * 2 ** (semitones / 12))


def _softened(noise: Wave, times: int) -> Wave:
    """The noise with its highs taken off by averaging neighbours, around its ends."""
    import numpy as np

    for _ in range(times):
        noise = (noise + np.roll(noise, 1)) / 2
    return noise


def _bell(rng: Rng) -> Wave:
    """Two-operator FM with an inharmonic ratio and a decaying index (Chowning 1973)."""
    import numpy as np

    t = _time(rng.uniform(1.2, 2.0))
    pitch, ratio, index = _pitch(rng, 3) * 2, rng.choice([1.4, 2.76, 3.5]), rng.uniform(2, 6)
    decay = rng.uniform(2.0, 4.0)
    modulator = index * np.exp(-1.5 * decay * t) * np.sin(2 * np.pi * ratio * pitch * t)
    hum = 0.3 * np.exp(-0.7 * decay * t) * np.sin(np.pi * pitch * t)
    return np.exp(-decay * t) * np.sin(2 * np.pi * pitch * t + modulator) + hum


def _pluck(rng: Rng) -> Wave:
    """A plucked string: noise in a loop with a two-point average (Karplus and Strong 1983)."""
    import numpy as np

    samples = len(_time(rng.uniform(0.9, 1.8)))
    period = round(SAMPLE_RATE / _pitch(rng, 2))
    burst = _softened(rng.uniform(-1, 1, period), int(rng.integers(2, 12)))
    softness, damping = rng.uniform(0.3, 0.7), rng.uniform(0.990, 0.998)
    wave = np.empty(-(-samples // period) * period)
    # A period at a time: each is the one before, averaged with its neighbour.
    for start in range(0, len(wave), period):
        wave[start : start + period] = burst
        burst = damping * ((1 - softness / 2) * burst + softness / 2 * np.roll(burst, 1))
    return wave[:samples]


def _kick(rng: Rng) -> Wave:
    """A sine that falls from a click to its note."""
    import numpy as np

    t = _time(rng.uniform(0.6, 0.8))
    low, sweep, speed = rng.uniform(42, 60), rng.uniform(120, 260), rng.uniform(25, 45)
    phase = 2 * np.pi * (low * t + sweep / speed * (1 - np.exp(-speed * t)))
    click = 0.2 * _softened(rng.standard_normal(len(t)), 4) * np.exp(-600 * t)
    return np.tanh(1.5 * np.sin(phase) * np.exp(-rng.uniform(5, 8) * t)) + click


def _hat(rng: Rng) -> Wave:
    """Metal: six square waves that fit no scale, and noise, without their lows."""
    import numpy as np

    t = _time(0.6)
    base = rng.uniform(350, 520)
    metal = sum(np.sign(np.sin(2 * np.pi * base * ratio * t)) for ratio in (2.0, 3.0, 4.16, 5.43, 6.79, 8.21))
    bright = np.diff(metal / 6 + 0.7 * rng.standard_normal(len(t)), n=2, prepend=[0.0, 0.0])
    return bright * np.exp(-rng.choice([8.0, 25.0, 45.0]) * t)


def _pad(rng: Rng) -> Wave:
    """A chord of detuned harmonic voices that swells and fades."""
    import numpy as np

    t = _time(rng.uniform(1.6, 2.0))
    root, brightness = _pitch(rng, 1), rng.uniform(0.5, 0.8)
    wave = np.zeros(len(t))
    for interval in (0, 7, int(rng.choice([10, 12, 15]))):
        for detune in rng.uniform(-0.08, 0.08, 3):
            pitch = root * 2 ** ((interval + detune) / 12)
            for harmonic in range(1, 9):
                wave += brightness**harmonic * np.sin(2 * np.pi * (harmonic * pitch * t + rng.uniform()))
    return wave * np.sin(np.pi * np.linspace(0, 1, len(t)) ** 0.6) ** 2


def _snare(rng: Rng) -> Wave:
    """Two modes of a drum head and the rattle of its wires."""
    import numpy as np

    t = _time(0.6)
    body = rng.uniform(170, 220)
    head = np.sin(2 * np.pi * body * t) + 0.6 * np.sin(2 * np.pi * 1.59 * body * t)
    wires = _softened(rng.standard_normal(len(t)), int(rng.integers(1, 4)))
    return 0.7 * head * np.exp(-22 * t) + wires * np.exp(-rng.uniform(10, 18) * t)


KINDS: tuple[tuple[str, Callable[[Rng], Wave]], ...] = (
    ("bell", _bell), ("pluck", _pluck), ("kick", _kick), ("hat", _hat), ("pad", _pad), ("snare", _snare),
)  # fmt: skip
