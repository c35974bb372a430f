"""A window is varied as a whole: its intervals, its rhythm and its accents stay, and so do MIDI's borders."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.midi.augment import LEVELS, Augmenter
from core.training.tunes_config import TunesConfig

ROWS = 200
OFF = {"transpose_semitones": 0, "stretch_probability": 0.0, "velocity_probability": 0.0}


def varied(notes: np.ndarray, seed: int = 0, **options: float) -> np.ndarray:
    config = TunesConfig(**{**OFF, **options})  # type: ignore[arg-type]
    return Augmenter(config)(notes, int(notes[0, -1]) + 1, torch.Generator().manual_seed(seed))


def windows(pitches: list[int], levels: list[int], rows: int = ROWS) -> np.ndarray:
    """`rows` times the same notes, 100 steps each, one after the other."""
    count = len(pitches)
    start = 100 * np.arange(count)
    one = np.stack([np.zeros(count), start, start + 100, pitches, levels]).astype(np.int64)
    notes = np.tile(one, rows)
    notes[0] = np.repeat(np.arange(rows), count)
    return notes


def test_with_everything_off_the_notes_stay_as_they_are() -> None:
    notes = windows([60, 64, 67], [3, 0, 5])
    np.testing.assert_array_equal(varied(notes), notes)


def test_transposition_is_by_whole_windows_and_reaches_every_key() -> None:
    notes = windows([60, 64, 67], [3, 3, 3])
    by = (varied(notes, transpose_semitones=5)[3] - notes[3]).reshape(ROWS, 3)
    assert (by == by[:, :1]).all()
    assert set(by[:, 0].tolist()) == set(range(-5, 6))


@settings(max_examples=40)
@given(
    pitches=st.lists(st.integers(0, 127), min_size=1, max_size=6),
    semitones=st.integers(0, 24),
    seed=st.integers(0, 2**40),
)
def test_transposition_keeps_every_interval_within_midi(pitches: list[int], semitones: int, seed: int) -> None:
    notes = windows(pitches, [3] * len(pitches), rows=20)
    after = varied(notes, seed, transpose_semitones=semitones)[3]
    by = (after - notes[3]).reshape(20, -1)
    assert (by == by[:, :1]).all()
    assert np.abs(by).max() <= semitones
    assert after.min() >= 0
    assert after.max() <= 127


def test_tempo_changes_by_a_factor_in_its_share_of_windows() -> None:
    notes = windows([60] * 10, [3] * 10)
    after = varied(notes, stretch_probability=0.5, stretch_percent=10)
    rate = (notes[2] / after[2]).reshape(ROWS, 10)
    slowest, fastest = rate[:, -1].min(), rate[:, -1].max()
    assert slowest == pytest.approx(0.9, abs=0.02)
    assert fastest == pytest.approx(1.1, abs=0.02)
    assert np.abs(rate - rate[:, -1:]).max() < 0.01  # but for rounding one factor a window
    starts, ends = after[1:3].reshape(2, ROWS, 10)
    np.testing.assert_array_equal(starts[:, 1:], ends[:, :-1])
    assert (starts[:, 0] == 0).all()
    kept = (after[1:3] == notes[1:3]).all(axis=0).reshape(ROWS, 10).all(axis=1)
    assert 0.4 < kept.mean() < 0.6


def test_loudness_changes_by_one_level_within_the_six() -> None:
    notes = windows([60, 62, 64], [0, 2, 5])
    after = varied(notes, velocity_probability=0.4)[4].reshape(ROWS, 3)
    found, counts = np.unique(after, axis=0, return_counts=True)
    assert found.tolist() == [[0, 1, 4], [0, 2, 5], [1, 3, LEVELS - 1]]
    assert 0.5 < counts[1] / ROWS < 0.7
    assert counts[[0, 2]].min() > 0.1 * ROWS
