"""The demo tunes are music enough to learn from, the same each time, and write over nothing."""

from itertools import pairwise
from pathlib import Path

import pytest

from core.errors import DataError
from core.midi.demo import DORIAN, KINDS, MAJOR, make_demo_tunes
from core.midi.files import read_tune, written_by_us
from core.midi.fingerprint import top_line


def contents(paths: list[Path]) -> list[bytes]:
    return [path.read_bytes() for path in paths]


def test_demo_tunes_are_what_they_promise(tmp_path: Path) -> None:
    paths = make_demo_tunes(tmp_path / "demo", 24)
    assert [path.stem for path in paths[:5]] == ["reel-01", "waltz-01", "jig-01", "air-01", "reel-02"]
    for path in paths:
        tune = read_tune(path)
        assert written_by_us(path)
        assert 12 <= tune.seconds <= 45
        assert 80 <= len(tune.notes) <= 260
        assert {note.level for note in tune.notes} == {2, 4, 5}
        pitches = [note.pitch for note in tune.notes]
        assert min(pitches) >= 36
        assert max(pitches) <= 96
        classes = {pitch % 12 for pitch in pitches}
        assert any(
            classes <= {(key + step) % 12 for step in scale} for key in range(12) for scale in (MAJOR, DORIAN)
        )  # one key


def test_melodies_move_mostly_by_step_and_end_at_home(tmp_path: Path) -> None:
    steps = []
    for path in make_demo_tunes(tmp_path, 12, seed=2):
        tune = read_tune(path)
        line = [note.pitch for note in top_line([note for note in tune.notes if note.level > 2])]
        steps += [abs(after - before) for before, after in pairwise(line)]
        last_bass = min(note.pitch for note in tune.notes if note.start >= tune.notes[-1].start - 200)
        assert (line[-1] - last_bass) % 12 == 0
    assert sum(step <= 4 for step in steps) > 0.6 * len(steps)
    assert max(steps) <= 16


def test_the_same_seed_gives_the_same_tunes_however_many(tmp_path: Path) -> None:
    first = contents(make_demo_tunes(tmp_path / "a", 6, seed=3))
    assert contents(make_demo_tunes(tmp_path / "b", 9, seed=3))[:6] == first
    assert all(a != b for a, b in zip(first, contents(make_demo_tunes(tmp_path / "c", 6, seed=4)), strict=True))
    assert len(set(first)) == 6


def test_nothing_is_overwritten_and_nothing_else_is_left_there(tmp_path: Path) -> None:
    mine = tmp_path / f"{KINDS[1].name}-01.mid"
    mine.write_bytes(b"mine")
    paths = make_demo_tunes(tmp_path, 3)
    assert mine.read_bytes() == b"mine"
    assert sorted(tmp_path.iterdir()) == sorted(paths)


def test_a_folder_that_cannot_be_written_is_one_plain_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="cannot be written") as caught:
        make_demo_tunes(tmp_path / "file" / "demo", 1)
    assert "\n" not in str(caught.value)
