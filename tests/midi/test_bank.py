"""The bank holds the tunes, and cuts windows of tokens from them that can be cut again."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.midi.bank import TuneBank, fixed_windows, training_batch, validation_batches
from core.midi.files import Tune, find_tunes, midi_bytes
from core.midi.tokens import canonical, decode, encode
from core.midi.vocabulary import ABSENT, NOTE_OFF, SIZE, VELOCITY, Note
from core.midi.windows import notes_for, token_rows
from core.training.tunes_config import TunesConfig
from tests.midi.conftest import Write, midi, notes_of_any_kind, off, on

PLAIN = TunesConfig(window_tokens=64, transpose_semitones=0, stretch_probability=0, velocity_probability=0)
SHORT = TunesConfig(window_tokens=64)


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def scale(count: int, first: int = 40, step: int = 16) -> Tune:
    """Notes one after the other, each told by its pitch, which rises and begins again."""
    return Tune(tuple(Note(step * n, step * n + step, first + n % 40, 3) for n in range(count)))


def bank_of(*tunes: Tune) -> TuneBank:
    return TuneBank([Path(f"{number}.mid") for number in range(len(tunes))], tunes)


@pytest.fixture(scope="module")
def bank(demo_tunes: list[Path]) -> TuneBank:
    return TuneBank.load(demo_tunes, TunesConfig())


def as_columns(rows: list[list[Note]]) -> np.ndarray:
    return np.array([(row, *note) for row, notes in enumerate(rows) for note in notes], dtype=np.int64).reshape(-1, 5).T


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(notes_of_any_kind(most=20).filter(bool), min_size=1, max_size=4), length=st.integers(1, 100))
def test_rows_of_tokens_are_what_encode_writes(rows: list[list[Note]], length: int) -> None:
    expected = np.full((len(rows), length), ABSENT)
    for row, notes in zip(expected, rows, strict=True):
        tokens = encode(notes)[:length]
        row[: len(tokens)] = tokens
    np.testing.assert_array_equal(token_rows(as_columns(rows), len(rows), length), expected)


@settings(max_examples=100, deadline=None)
@given(notes=notes_of_any_kind(most=300, steps=100).filter(bool), length=st.integers(1, 80))
def test_a_window_needs_no_more_notes_than_are_cut_for_it(notes: list[Note], length: int) -> None:
    plain = canonical(notes)
    assert encode(plain[: notes_for(length)])[:length] == encode(plain)[:length]


def test_bad_files_are_skipped_with_their_reasons_and_the_rest_is_used(demo_tunes: list[Path], write: Write) -> None:
    bad = {
        write("empty.mid", b""): "empty file",
        write("a/text.mid", b"not a tune at all"): "not MIDI",
        write("drums.mid", midi([(0, on(40, 9)), (9, off(40, 9))])): "only drums",
        write("short.mid", midi_bytes(scale(7).notes)): "too short: 7 notes, under tunes.min_notes = 8",
        write("one.mid", midi_bytes(scale(1).notes)): "too short: 1 note,",
    }
    root = next(iter(bad)).parent
    good = [write("good.mid", midi_bytes(scale(8).notes)), demo_tunes[0]]
    files = [*bad, *good]
    seen: list[tuple[int, int]] = []
    bank = TuneBank.load(files, TunesConfig(), lambda *at: seen.append(at), root=root)
    assert bank.files == good
    assert seen == [(n, len(files)) for n in range(1, len(files) + 1)]
    assert [skip.path for skip in bank.skipped] == ["empty.mid", "a/text.mid", "drums.mid", "short.mid", "one.mid"]
    for skip, reason in zip(bank.skipped, bad.values(), strict=True):
        assert reason in skip.reason
    assert bank.tokens == sum(len(encode(tune.notes)) for tune in bank.tunes)
    assert bank.seconds == pytest.approx(2 + bank.tunes[1].seconds)


def test_nothing_usable_gives_an_empty_bank(write: Write) -> None:
    bank = TuneBank.load([write("empty.mid", b"")], TunesConfig())
    assert (bank.files, bank.seconds, bank.tokens, bank.windows(512), len(bank.skipped)) == ([], 0, 0, 0, 1)
    assert list(validation_batches(bank, TunesConfig(), 4)) == []


def test_a_subset_has_the_same_tunes(bank: TuneBank) -> None:
    some = bank.subset([bank.files[3], bank.files[1]])
    assert some.tunes == [bank.tunes[3], bank.tunes[1]]
    assert some.windows(64) == bank.window_counts(64)[3] + bank.window_counts(64)[1]
    some.close()
    assert bank.tokens > some.tokens == 0


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(length=st.integers(16, 700), batch=st.integers(1, 9), seed=st.integers(0, 2**40))
def test_a_batch_is_a_pure_function_of_the_generator(bank: TuneBank, length: int, batch: int, seed: int) -> None:
    config = TunesConfig(window_tokens=length)
    one = training_batch(bank, config, batch, seeded(seed))
    assert one.dtype == torch.int64
    assert one.shape == (batch, length)
    assert torch.equal(one, training_batch(bank, config, batch, seeded(seed)))
    present = one >= 0
    assert ((one >= ABSENT) & (one < SIZE)).all()
    assert torch.equal(present, present.cummin(dim=1).values)  # absent places only at the end
    assert (one[:, 0] >= VELOCITY).all()


def test_drawing_goes_on_from_where_the_generator_stands(bank: TuneBank) -> None:
    generator = seeded(1)
    first, second = (training_batch(bank, SHORT, 4, generator) for _ in range(2))
    assert not torch.equal(first, second)
    again = seeded(1)
    training_batch(bank, SHORT, 4, again)
    assert torch.equal(second, training_batch(bank, SHORT, 4, again))


def tokens_from(tune: Tune, first: int) -> list[int]:
    """What is heard from a tune's note on, its time counted from there."""
    begin = tune.notes[first].start
    return encode([note._replace(start=note.start - begin, end=note.end - begin) for note in tune.notes[first:]])


def test_without_augmentation_a_window_is_a_piece_of_a_tune(bank: TuneBank) -> None:
    windows = set()
    for tune in bank.tunes:
        firsts = {note.start: first for first, note in reversed(list(enumerate(tune.notes)))}
        windows |= {tuple(tokens_from(tune, first)[:64]) for first in firsts.values()}
    for row in training_batch(bank, PLAIN, 50, seeded(2)).tolist():
        assert tuple(token for token in row if token != ABSENT) in windows


def test_windows_begin_at_every_onset_that_leaves_half_of_one() -> None:
    tune = scale(60)
    drawn = torch.cat([training_batch(bank_of(tune), PLAIN, 100, seeded(seed)) for seed in range(10)])
    # 60 notes are 181 tokens, three a note: from the 50th on 33 are left, from the 51st on 31 and the level.
    expected = [tuple(tokens_from(tune, first)[:64]) for first in range(51)]
    found = Counter(tuple(token for token in row if token != ABSENT) for row in drawn.tolist())
    assert set(found) <= set(expected)
    assert min(found[window] for window in set(expected[:50])) > 0


def test_a_short_tune_is_drawn_from_its_beginning() -> None:
    tune = scale(9)
    batch = training_batch(bank_of(tune), PLAIN, 8, seeded(0))
    whole = encode(tune.notes)
    assert batch[:, : len(whole)].tolist() == [whole] * 8
    assert (batch[:, len(whole) :] == ABSENT).all()


def test_tunes_are_drawn_in_proportion_to_their_windows() -> None:
    long, short = scale(400, first=20), scale(20, first=80)
    bank = bank_of(long, short, short)
    counts = bank.window_counts(64)
    assert counts == [round(1201 / 64), 1, 1]
    for seed in range(5):
        batch = training_batch(bank, PLAIN, sum(counts), seeded(seed))
        assert int((batch[:, 1] >= 80).sum()) == 2  # evenly: each batch has its share, not only the mean


def test_a_tune_is_cut_into_its_windows_whole(bank: TuneBank) -> None:
    tune = bank.tunes[2]
    starts, rows = fixed_windows(tune, 100)
    assert rows.shape == (len(starts), 100)
    assert starts[0] == tune.notes[0].start
    heard = set()
    for start, row in zip(starts, rows.tolist(), strict=True):
        heard |= {(start + note.start, note.pitch, note.level) for note in decode(row)}
    assert heard == {(note.start, note.pitch, note.level) for note in tune.notes}
    everything = TunesConfig(window_tokens=100, min_notes=1)
    assert torch.equal(rows, torch.cat(list(validation_batches(bank_of(tune), everything, 3))))


def test_validation_windows_hold_every_note_once_and_are_never_augmented(bank: TuneBank) -> None:
    config = TunesConfig(window_tokens=100, min_notes=1)
    batches = list(validation_batches(bank, config, 5))
    assert all(len(batch) == 5 for batch in batches[:-1])
    rows = torch.cat(batches)
    assert torch.equal(rows, torch.cat(list(validation_batches(bank, config, 3))))
    place = 0
    for tune in bank.tunes:
        starts = [note.start for note in tune.notes]
        first = 0
        while first < len(tune.notes):
            tokens = [token for token in rows[place].tolist() if token != ABSENT]
            assert tokens == tokens_from(tune, first)[:100]
            held = first + sum(token < NOTE_OFF for token in tokens)
            place += 1
            first = starts.index(starts[held]) if held < len(starts) else held
    assert place == len(rows)


def test_a_last_piece_of_too_few_notes_is_left_out_unless_it_is_the_only_one() -> None:
    tune = scale(25)  # 76 tokens: 21 notes in a window of 64, then four
    lengths = [
        (torch.cat(list(validation_batches(bank_of(tune), TunesConfig(window_tokens=64, min_notes=n), 4))) >= 0).sum(1)
        for n in (4, 5)
    ]
    assert [sizes.tolist() for sizes in lengths] == [[64, 13], [64]]
    only = torch.cat(list(validation_batches(bank_of(scale(3)), TunesConfig(window_tokens=64, min_notes=8), 4)))
    assert (only >= 0).sum() == 10


def test_a_chord_that_fills_a_window_is_passed_over() -> None:
    cluster = [Note(0, 64, pitch, 3) for pitch in range(30, 60)]
    tune = Tune(tuple(canonical([*cluster, *(Note(n, n + 8, 70, 3) for n in range(64, 160, 8))])))
    rows = torch.cat(list(validation_batches(bank_of(tune), TunesConfig(window_tokens=16, min_notes=1), 4)))
    assert rows[0].tolist() == [VELOCITY + 3, *range(30, 45)]
    assert rows[1, :2].tolist() == [VELOCITY + 3, 70]


def test_of_more_windows_than_wanted_an_even_choice_is_taken(bank: TuneBank) -> None:
    everything = torch.cat(list(validation_batches(bank, SHORT, 7)))
    chosen = torch.cat(list(validation_batches(bank, SHORT, 7, most=6)))
    assert len(everything) > 6
    assert torch.equal(chosen, everything[[number * len(everything) // 6 for number in range(6)]])


def test_the_demo_tunes_are_found_and_used_whole(demo_tunes: list[Path], bank: TuneBank) -> None:
    assert find_tunes(demo_tunes[0].parent) == sorted(demo_tunes)
    assert bank.files == demo_tunes
    assert not bank.skipped
