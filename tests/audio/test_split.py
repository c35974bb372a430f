"""Validation sounds are held out by file: no part of them is ever trained on."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.audio.split import split_files
from core.errors import DataError
from tests.audio.conftest import Write, tone


@given(count=st.integers(2, 300), fraction=st.floats(0.01, 0.99), seed=st.integers(0, 2**31))
def test_every_file_lies_on_one_side_and_neither_is_empty(count: int, fraction: float, seed: int) -> None:
    files = [Path(f"nowhere/{number}.wav") for number in range(count)]
    train, val = split_files(files, fraction, seed)
    assert sorted(train + val) == sorted(files)
    assert len(val) == min(max(1, round(fraction * count)), count - 1)
    assert split_files(files, fraction, seed) == (train, val)


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
