"""Validation tunes are held out by tune: no version of one is ever trained on."""

import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DataError
from core.midi.demo import make_demo_tunes
from core.midi.files import Tune, read_tune
from core.midi.fingerprint import fingerprint, same_tunes, top_line
from core.midi.split import split_tunes
from core.midi.tokens import canonical
from core.midi.vocabulary import Note

Tunes = list[tuple[Path, Tune]]


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Tunes:
    """Forty demo tunes, ten of a kind."""
    return [(path, read_tune(path)) for path in make_demo_tunes(tmp_path_factory.mktemp("many"), 40, seed=5)]


def transposed(tune: Tune, semitones: int) -> Tune:
    return Tune(tuple(note._replace(pitch=note.pitch + semitones) for note in tune.notes))


def played_at(tune: Tune, speed: float) -> Tune:
    stretched = (n._replace(start=round(n.start / speed), end=round(n.end / speed)) for n in tune.notes)
    return Tune(tuple(canonical(stretched)))


def ornamented(tune: Tune, share: float, seed: int) -> Tune:
    """With a short note from above on some notes of the top line that are long enough."""
    rng = random.Random(seed)
    line = set(top_line(tune.notes))
    notes = []
    for note in tune.notes:
        if note in line and note.end - note.start >= 8 and rng.random() < share:
            turn = note.start + (note.end - note.start) // 4
            notes.append(Note(note.start, turn, note.pitch + rng.choice((1, 2)), note.level))
            note = note._replace(start=turn)
        notes.append(note)
    return Tune(tuple(canonical(notes)))


@given(fraction=st.floats(0.01, 0.99), seed=st.integers(0, 2**31), count=st.integers(2, 40))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_tune_lies_on_one_side_and_neither_is_empty(many: Tunes, fraction: float, seed: int, count: int) -> None:
    tunes = many[:count]
    train, val = split_tunes(tunes, fraction, seed)
    assert sorted(train + val) == sorted(path for path, _ in tunes)
    assert 1 <= len(val) < count
    assert abs(len(val) - fraction * count) <= 0.5 or len(val) in (1, count - 1)
    assert split_tunes(tunes, fraction, seed) == (train, val)


def test_another_seed_gives_another_split(many: Tunes) -> None:
    assert split_tunes(many, 0.3, 0) != split_tunes(many, 0.3, 1)


def test_unrelated_tunes_of_one_kind_are_not_grouped(many: Tunes) -> None:
    assert same_tunes([fingerprint(tune.notes) for _, tune in many]) == [[place] for place in range(len(many))]


def test_key_alone_changes_nothing_in_a_fingerprint(many: Tunes) -> None:
    for _, tune in many[:8]:
        assert fingerprint(transposed(tune, 5).notes) == fingerprint(tune.notes)


@pytest.mark.parametrize("speed", [0.85, 0.93, 1.1, 1.18])
def test_versions_in_another_key_tempo_and_ornament_are_the_same_tune(many: Tunes, speed: float) -> None:
    for number, (_, tune) in enumerate(many[:12]):
        version = ornamented(played_at(transposed(tune, (-3, 2, 7)[number % 3]), speed), 0.1, number)
        assert same_tunes([fingerprint(tune.notes), fingerprint(version.notes)]) == [[0, 1]]


def test_versions_stay_on_one_side(many: Tunes) -> None:
    tunes = []
    for number, (path, tune) in enumerate(many[:8]):
        tunes.append((path, tune))
        tunes.append((path.with_stem(f"{path.stem}-again"), played_at(transposed(tune, number - 4), 1.07)))
    for seed in range(10):
        train, val = split_tunes(tunes, 0.4, seed)
        assert len(val) == 6
        names = [{path.stem.removesuffix("-again") for path in side} for side in (train, val)]
        assert not names[0] & names[1]


def test_a_tune_of_many_versions_does_not_fill_the_validation_side(many: Tunes) -> None:
    tunes = [(Path(f"{number}.mid"), transposed(many[0][1], number - 10)) for number in range(20)]
    tunes += many[1:3]
    for seed in range(6):
        assert split_tunes(tunes, 0.05, seed)[1] in ([many[1][0]], [many[2][0]])


def test_where_every_tune_has_many_versions_the_fewest_are_held_out(many: Tunes) -> None:
    tunes = [(Path(f"a{number}.mid"), transposed(many[0][1], number)) for number in range(5)]
    tunes += [(Path(f"b{number}.mid"), transposed(many[1][1], number)) for number in range(4)]
    for seed in range(4):
        assert [path.name[0] for path in split_tunes(tunes, 0.1, seed)[1]] == ["b"] * 4


def test_too_few_tunes_are_refused(many: Tunes) -> None:
    for count, words in ((0, "no tune found"), (1, "1 tune found")):
        with pytest.raises(DataError, match=words):
            split_tunes(many[:count], 0.5, 0)
    versions = [(Path(f"{number}.mid"), transposed(many[0][1], number)) for number in range(3)]
    with pytest.raises(DataError, match="3 versions of one tune"):
        split_tunes(versions, 0.5, 0)


def test_the_top_line_is_what_nothing_sounds_above() -> None:
    chord = [Note(0, 40, 48, 3), Note(0, 40, 64, 3), Note(20, 30, 55, 3), Note(40, 50, 55, 3)]
    melody = [Note(0, 10, 72, 3), Note(10, 35, 74, 3), Note(35, 40, 71, 3)]
    assert top_line(chord + melody) == [*melody, chord[3]]


def test_a_short_figure_in_common_makes_no_one_tune_of_two() -> None:
    """Two tunes of ten notes that share a rising scale of eight."""
    scale = [Note(8 * n, 8 * n + 8, pitch, 3) for n, pitch in enumerate((60, 62, 64, 65, 67, 69, 71, 72))]
    one = [*scale, Note(64, 72, 60, 3), Note(72, 80, 67, 3), Note(80, 104, 70, 3)]
    other = [*scale, Note(64, 68, 74, 3), Note(68, 84, 63, 3), Note(84, 88, 75, 3)]
    assert same_tunes([fingerprint(one), fingerprint(other)]) == [[0], [1]]
    assert same_tunes([fingerprint(one), fingerprint(one)]) == [[0, 1]]


def test_a_phrase_in_common_makes_no_one_tune_of_two() -> None:
    """Two tunes of eighty notes that share twelve of them, in another key."""
    rng = random.Random(3)

    def melody(count: int) -> list[tuple[int, int]]:
        return [(rng.choice((4, 8, 12, 24)), rng.randrange(55, 80)) for _ in range(count)]

    def played(melody: list[tuple[int, int]]) -> list[Note]:
        starts = [sum(length for length, _ in melody[:place]) for place in range(len(melody))]
        return [Note(s, s + length, pitch, 3) for s, (length, pitch) in zip(starts, melody, strict=True)]

    phrase = melody(12)
    one = played([*melody(20), *phrase, *melody(48)])
    other = played([*melody(50), *((length, pitch + 3) for length, pitch in phrase), *melody(18)])
    assert len(fingerprint(one) & fingerprint(other)) >= 6
    assert same_tunes([fingerprint(one), fingerprint(other)]) == [[0], [1]]


def test_what_has_no_melody_to_speak_of_is_told_apart_by_all_of_it() -> None:
    single = [Note(0, 8, 60, 3)]
    third = [Note(0, 8, 60, 3), Note(8, 16, 64, 3)]
    prints = [fingerprint(notes) for notes in (single, third, third, [])]
    assert same_tunes(prints) == [[0, 3], [1, 2]]
