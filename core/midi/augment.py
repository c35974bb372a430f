"""Augmentation of training windows on the fly, on their notes, with every draw from one generator."""

import numpy as np
import torch
from torch import Tensor

from core.midi.vocabulary import LEVEL_VELOCITIES, PITCHES
from core.midi.windows import Columns
from core.training.tunes_config import TunesConfig

LEVELS = len(LEVEL_VELOCITIES)


class Augmenter:
    """Another key, another tempo, another loudness for each window: whole semitones, a factor, a level.

    What varies is drawn for a window as a whole, so that its intervals, its rhythm and its accents stay. A CPU
    generator decides everything, so that a batch is a pure function of the generator's state. Tempo and loudness are
    left alone in most windows by their probabilities, so that rhythms on the exact grid stay frequent.
    """

    def __init__(self, config: TunesConfig) -> None:
        self.config = config

    def __call__(self, notes: Columns, rows: int, generator: torch.Generator) -> Columns:
        """Columns [5, notes] (row, start, end, pitch, level), sorted by row, each row with notes and beginning at 0.

        A row is transposed only as far as all of its notes stay within MIDI's pitches; levels stop at the softest and
        the loudest.
        """
        config = self.config
        row, start, end, pitch, level = notes
        key = _uniform(rows, generator)
        speed = 1 + config.stretch_percent / 100 * (2 * _uniform(rows, generator) - 1)
        stretched = _uniform(rows, generator) < config.stretch_probability
        louder = np.where(_uniform(rows, generator) < 0.5, -1, 1)
        changed = _uniform(rows, generator) < config.velocity_probability

        firsts = np.searchsorted(row, np.arange(rows))
        lowest = np.maximum(-config.transpose_semitones, -np.minimum.reduceat(pitch, firsts))
        highest = np.minimum(config.transpose_semitones, PITCHES - 1 - np.maximum.reduceat(pitch, firsts))
        semitones = lowest + np.floor(key * (highest - lowest + 1)).astype(np.int64)
        rate = np.where(stretched, speed, 1.0)[row]
        loudness = level + np.where(changed, louder, 0)[row]
        return np.stack(
            [
                row,
                np.rint(start / rate).astype(np.int64),
                np.rint(end / rate).astype(np.int64),
                pitch + semitones[row],
                np.clip(loudness, 0, LEVELS - 1),
            ]
        )


def _uniform(rows: int, generator: torch.Generator) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    """Uniform in [0, 1)."""
    drawn: Tensor = torch.rand(rows, generator=generator, dtype=torch.float64)
    return drawn.numpy()
