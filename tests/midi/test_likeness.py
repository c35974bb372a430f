"""The F-measure of notes: what is counted as played, and what is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.midi.likeness import note_f1
from core.midi.vocabulary import Note

NOTES = st.lists(
    st.builds(lambda start, pitch: Note(start, start + 8, pitch, 2), st.integers(0, 200), st.integers(58, 62))
)


def at(*starts: int, pitch: int = 60) -> list[Note]:
    return [Note(start, start + 8, pitch, 2) for start in starts]


@pytest.mark.parametrize(
    ("played", "meant", "expected"),
    [
        (at(0, 32, 64), at(0, 32, 64), 1.0),
        (at(3, 35), at(0, 32), 1.0),  # within 50 ms
        (at(4), at(0), 0.0),
        (at(0), at(0, pitch=61), 0.0),
        (at(0, 1), at(0), 2 / 3),  # a note is met once
        (at(0, 32), at(0, 32, 64, 96), 2 / 3),
        ([], [], 1.0),
        ([], at(0), 0.0),
    ],
)
def test_what_is_met(played: list[Note], meant: list[Note], expected: float) -> None:
    assert note_f1(played, meant) == pytest.approx(expected)


@given(NOTES, NOTES)
def test_it_is_symmetric_and_bounded(one: list[Note], other: list[Note]) -> None:
    assert note_f1(one, other) == note_f1(other, one)
    assert 0 <= note_f1(one, other) <= 1
    assert note_f1(one, one) == 1
