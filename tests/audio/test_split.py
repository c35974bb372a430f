"""Validation sounds are held out by file: no part of them is ever trained on."""

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.audio.split import split_files
from core.errors import DataError
from core.training.presets import validation_fraction
from tests.audio.conftest import Write, tone


@given(count=st.integers(2, 300), fraction=st.floats(0.01, 0.99), seed=st.integers(0, 2**31))
def test_every_file_lies_on_one_side_and_neither_is_empty(count: int, fraction: float, seed: int) -> None:
    files = [Path(f"nowhere/{number}.wav") for number in range(count)]
    train, val = split_files(files, fraction, seed)
    assert sorted(train + val) == sorted(files)
    assert len(val) == min(max(1, math.ceil(fraction * count - 0.5)), count - 1)
    assert split_files(files, fraction, seed) == (train, val)


@pytest.mark.parametrize(("count", "held_out"), [(2, 1), (3, 1), (4, 2), (5, 2), (6, 3), (7, 3), (8, 4), (9, 4)])
def test_of_few_sounds_no_more_are_held_out_than_trained_on(count: int, held_out: int) -> None:
    files = [Path(f"nowhere/{number}.wav") for number in range(count)]
    for seed in range(5):
        assert len(split_files(files, validation_fraction(count), seed)[1]) == held_out


@given(copies=st.lists(st.integers(1, 6), min_size=2, max_size=9), seed=st.integers(0, 99))
def test_nor_where_some_of_them_are_copies(copies: list[int], seed: int) -> None:
    with TemporaryDirectory() as folder:
        files = []
        for sound, count in enumerate(copies):
            for number in range(count):
                files.append(Path(folder, f"{sound}-{number}.wav"))
                files[-1].write_bytes(bytes([sound]))
        train, val = split_files(files, 0.5, seed)
    assert 0 < len(val) <= len(train)
    assert not {path.name[0] for path in train} & {path.name[0] for path in val}


def test_another_seed_gives_another_split() -> None:
    files = [Path(f"nowhere/{number}.wav") for number in range(40)]
    assert split_files(files, 0.3, 0) != split_files(files, 0.3, 1)


def test_copies_of_a_sound_stay_on_one_side(write: Write) -> None:
    files = [write(f"{name}/{number}.wav", tone(100 * number)) for number in range(1, 9) for name in ("a", "b")]
    for seed in range(10):
        train, val = split_files(files, 0.4, seed)
        assert val
        assert not {path.name for path in train} & {path.name for path in val}


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_sounds_are_refused(count: int) -> None:
    with pytest.raises(DataError, match="at least 2"):
        split_files([Path("a.wav")][:count], 0.5, 0)


def test_copies_of_one_sound_are_too_few(write: Write) -> None:
    with pytest.raises(DataError, match="3 copies of one sound"):
        split_files([write(f"{number}.wav", tone(100)) for number in range(3)], 0.5, 0)
