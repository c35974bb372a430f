"""Tokens are another way to write notes: one sequence for the same notes, and no sequence that is not notes."""

import subprocess
import sys
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from core.midi.tokens import DEFAULT_LEVEL, canonical, decode, encode
from core.midi.vocabulary import ABSENT, MAX_SHIFT, NOTE_OFF, SIZE, TIME_SHIFT, VELOCITY, Note, shift_token
from tests.midi.conftest import notes_of_any_kind

ANY_TOKENS = st.lists(st.integers(0, SIZE - 1) | st.sampled_from([60, 61, 188, 189, 256, 260, 767, 770, 999]))


def test_a_chord_and_a_melody_are_written_in_the_one_order() -> None:
    notes = [Note(10, 30, 64, 3), Note(10, 20, 60, 3), Note(10, 20, 70, 1), Note(20, 1100, 62, 3)]
    assert encode(notes) == [
        shift_token(10), VELOCITY + 1, 70, VELOCITY + 3, 60, 64,
        shift_token(10), NOTE_OFF + 60, NOTE_OFF + 70, 62,
        shift_token(10), NOTE_OFF + 64,
        shift_token(512), shift_token(512), shift_token(46), NOTE_OFF + 62,
    ]  # fmt: skip


def test_a_note_struck_again_ends_there_and_twins_become_one() -> None:
    notes = [Note(0, 90, 60, 2), Note(40, 50, 60, 4), Note(40, 70, 60, 1), Note(80, 80, 60, 5)]
    assert canonical(notes) == [Note(0, 40, 60, 2), Note(40, 70, 60, 4), Note(80, 81, 60, 5)]


@given(notes_of_any_kind())
def test_notes_come_back_whole(notes: list[Note]) -> None:
    plain = canonical(notes)
    assert decode(encode(plain)) == plain
    assert encode(notes) == encode(plain)
    assert encode(notes[::-1]) == encode(notes)


@given(notes_of_any_kind())
def test_canonical_notes_keep_every_onset_and_never_overlap_on_a_pitch(notes: list[Note]) -> None:
    plain = canonical(notes)
    assert {(note.start, note.pitch) for note in plain} == {(note.start, note.pitch) for note in notes}
    assert plain == sorted(plain, key=lambda note: (note.start, note.pitch))
    assert all(note.end > note.start for note in plain)
    by_pitch = sorted(plain, key=lambda note: (note.pitch, note.start))
    for one, following in pairwise(by_pitch):
        assert one.pitch != following.pitch or one.end <= following.start


@given(notes_of_any_kind())
def test_a_sequence_says_nothing_twice_and_leaves_nothing_sounding(notes: list[Note]) -> None:
    sounding: set[int] = set()
    level = None
    before = -1
    for token in encode(notes):
        if token < NOTE_OFF:
            assert level is not None
            assert token not in sounding
            sounding.add(token)
        elif token < TIME_SHIFT:
            sounding.remove(token - NOTE_OFF)
        elif token >= VELOCITY:
            assert token - VELOCITY != level
            level = token - VELOCITY
        elif TIME_SHIFT <= before < VELOCITY:
            assert before == shift_token(MAX_SHIFT)  # only a full shift is followed by another
        if before >= VELOCITY:
            assert token < NOTE_OFF  # a level stands right before a note
        before = token
    assert not sounding


@given(ANY_TOKENS)
def test_any_tokens_are_notes(tokens: list[int]) -> None:
    notes = decode(tokens)
    assert canonical(notes) == notes
    assert all(0 <= note.start < note.end and 0 <= note.pitch < 128 and 0 <= note.level < 6 for note in notes)
    assert decode(encode(notes)) == notes
    onsets = [token for token in tokens if token < NOTE_OFF]
    assert {note.pitch for note in notes} == set(onsets)


@given(notes_of_any_kind(most=12), ANY_TOKENS)
def test_nothing_is_read_after_the_end(notes: list[Note], more: list[int]) -> None:
    assert decode([*encode(notes), ABSENT, *more]) == canonical(notes)


def test_what_a_model_gets_wrong_is_read_as_something_plain() -> None:
    never_begun = [NOTE_OFF + 60, 61, shift_token(8), NOTE_OFF + 61]
    assert decode(never_begun) == [Note(0, 8, 61, DEFAULT_LEVEL)]
    struck_again = [VELOCITY + 1, 60, shift_token(4), VELOCITY + 5, 60, shift_token(4), NOTE_OFF + 60]
    assert decode(struck_again) == [Note(0, 4, 60, 1), Note(4, 8, 60, 5)]
    no_length = [shift_token(3), 60, NOTE_OFF + 60]
    assert decode(no_length) == [Note(3, 4, 60, DEFAULT_LEVEL)]
    never_ended = [60, shift_token(5), 62, shift_token(2)]
    assert decode(never_ended) == [Note(0, 7, 60, DEFAULT_LEVEL), Note(5, 7, 62, DEFAULT_LEVEL)]


def test_tokens_need_neither_torch_nor_numpy() -> None:
    code = (
        "import sys, core.midi.tokens, core.midi.files, core.midi.split, core.midi.demo; "
        "print([m for m in ('torch', 'numpy', 'symusic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
