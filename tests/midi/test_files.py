"""Any folder of tunes can be pointed at: the good ones are read right, the bad ones are named, nothing is touched."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import DataError
from core.midi.files import (
    Tune,
    UnreadableTune,
    find_tunes,
    midi_bytes,
    read_score,
    read_tune,
    scan,
    written_by_us,
)
from core.midi.tokens import canonical, decode, encode
from core.midi.vocabulary import LEVEL_VELOCITIES, STEPS_PER_SECOND, Note, level_of
from tests.midi.conftest import Write, midi, notes_of_any_kind, off, on, pedal, tempo

MF = level_of(80)
SECOND = 960  # ticks at 480 to a quarter and 120 quarters a minute


def starts_and_ends(content: bytes) -> list[tuple[int, float, float]]:
    """(pitch, start, end) in seconds."""
    return [(n.pitch, n.start / STEPS_PER_SECOND, n.end / STEPS_PER_SECOND) for n in read_score(content)]


def test_tunes_are_found_in_sub_folders_in_a_fixed_order(write: Write) -> None:
    for name in ("b.mid", "a/z.MIDI", "a/deep/c.Mid", "._b.mid", ".trash/d.mid", "notes.txt", "song.wav"):
        root = write(name, b"").parents[name.count("/")]
    assert [path.relative_to(root).as_posix() for path in find_tunes(root)] == ["a/deep/c.Mid", "a/z.MIDI", "b.mid"]


def test_a_folder_without_tunes_is_one_plain_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no tunes") as caught:
        find_tunes(tmp_path)
    assert "\n" not in str(caught.value)


def test_times_follow_the_tempo_map_of_the_whole_file() -> None:
    content = midi(
        [(0, tempo(60)), (960, tempo(240))],  # two quarters of a second each, then four a second
        [(480, on(60)), (480, off(60)), (0, on(62)), (960, off(62))],
    )
    assert starts_and_ends(content) == [(60, 1, 2), (62, 2, 2.5)]


@pytest.mark.parametrize("division", [24, 96, 480, 1024, 15_360])
def test_a_file_without_a_tempo_plays_120_quarters_a_minute(division: int) -> None:
    content = midi([(division, on(60)), (2 * division, off(60))], division=division)
    assert starts_and_ends(content) == [(60, 0.5, 1.5)]


def test_parts_and_channels_become_one_without_the_drums() -> None:
    content = midi(
        [(0, on(60, 0)), (0, on(40, 9)), (SECOND, off(60, 0)), (0, off(40, 9))],
        [(0, on(64, 1)), (0, [0xC2, 19]), (0, on(67, 2)), (SECOND, off(64, 1)), (0, off(67, 2))],
    )
    assert starts_and_ends(content) == [(60, 0, 1), (64, 0, 1), (67, 0, 1)]


def test_a_note_on_of_velocity_0_ends_a_note_and_one_that_never_ends_is_left_out() -> None:
    content = midi([(0, on(60)), (0, on(70)), (SECOND, on(60, velocity=0))])
    assert starts_and_ends(content) == [(60, 0, 1)]


@pytest.mark.parametrize("velocity", [1, 20, 34, 35, 64, 90, 127])
def test_loudness_is_the_nearest_level(velocity: int) -> None:
    (note,) = read_score(midi([(0, on(60, velocity=velocity)), (SECOND, off(60))]))
    distance = [abs(velocity - nominal) for nominal in LEVEL_VELOCITIES]
    assert distance[note.level] == min(distance)


def test_the_pedal_holds_notes_until_it_lifts_or_they_are_struck_again() -> None:
    half = SECOND // 2
    content = midi(
        [
            (0, on(50)), (half, off(50)),  # over before the pedal goes down
            (0, pedal(100)), (0, on(60)), (0, on(64)), (half, off(60)), (0, off(64)),
            (half, on(64)), (half, off(64)),
            (half, pedal(63)), (0, on(67)), (half, off(67)),
            (half, pedal(64)), (0, on(70)), (half, off(70)), (half, on(72)), (half, off(72)),
            (half, pedal(0)), (0, pedal(127)), (0, on(74)), (half, off(74)), (half, on(76)), (half, off(76)),
        ]
    )  # fmt: skip
    assert starts_and_ends(content) == [
        (50, 0, 0.5), (60, 0.5, 2.5), (64, 0.5, 1.5), (64, 1.5, 2.5), (67, 2.5, 3), (70, 3.5, 5.5), (72, 4.5, 5.5),
        (74, 5.5, 7), (76, 6.5, 7),  # the pedal never lifts again: to the end of the part
    ]  # fmt: skip


def test_the_pedal_of_one_part_leaves_the_others_alone() -> None:
    part = [(0, on(60, 1)), (SECOND, off(60, 1))]
    pedalled = [(0, pedal(127)), (0, on(50)), (SECOND, off(50)), (SECOND, pedal(0))]
    assert starts_and_ends(midi(pedalled, part)) == [(50, 0, 2), (60, 0, 1)]


@settings(max_examples=60)
@given(notes_of_any_kind().filter(bool))
def test_what_is_written_is_read_back_through_tokens_and_midi(notes: list[Note]) -> None:
    plain = tuple(canonical(notes))
    content = midi_bytes(notes)
    assert read_score(content) == plain
    assert midi_bytes(decode(encode(read_score(content)))) == content


def test_a_written_file_lasts_as_long_as_asked(write: Write) -> None:
    import symusic

    notes = [Note(0, 64, 60, MF)]
    rest = len(midi_bytes(notes, 3.0)) - len(midi_bytes(notes))
    assert rest == 1  # a longer wait before the end of the track
    assert midi_bytes(notes, 0.5) == midi_bytes(notes)
    assert symusic.Score.from_midi(midi_bytes(notes, 3.0)).tracks[0].name == "distill-tui"
    assert midi_bytes([], 1.0).startswith(b"MThd")


def test_files_that_we_wrote_are_told_from_all_others(write: Write, tmp_path: Path) -> None:
    ours = midi_bytes([Note(0, 64, 60, MF)])
    assert written_by_us(write("ours.mid", ours))
    assert not written_by_us(write("other.mid", midi([(0, on(60)), (1, off(60))])))
    assert not written_by_us(write("cut.mid", ours[:30]))
    assert not written_by_us(write("empty.mid", b""))
    assert not written_by_us(tmp_path / "gone.mid")
    assert not written_by_us(tmp_path)


PLAIN = midi([(0, on(60)), (SECOND, off(60))])
HOUR = [(3600 * SECOND, on(60)), (SECOND, off(60))]
NONE: list[tuple[int, list[int]]] = [(0, tempo(90))]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"Dear diary, today I renamed a text file.\n" * 40, "not MIDI"),
        (b"RIFF\x10\0\0\0RMIDdata" + PLAIN, "not MIDI"),
        (PLAIN[:10], "cut off"),
        (PLAIN[:-9], "cut off"),
        (midi(NONE, NONE)[: -len(midi(NONE)) + 14], "cut off"),
        (midi(NONE), "no notes"),
        (midi(), "no notes"),
        (midi([(0, on(40, 9)), (9, off(40, 9))]), "only drums"),
        (midi([(0, on(60)), (9, off(60))], form=2), "several songs"),
        (midi([(0, on(60)), (9, off(60))], division=0xE728), "not timed in beats"),
        (midi([(0, on(60)), (9, off(60))], division=0), "not timed in beats"),
        (midi([(0, on(200)), (9, off(200))]), "not MIDI that can be read"),
        (midi(HOUR), "too long"),
        (midi([(2**28 - 1, on(60)), (2**28 - 1, off(60))] * 8), "too long"),
        (midi([(2**28 - 1, tempo(120))] * 9 + [(0, on(60)), (9, off(60))]), "too long"),
        (midi([(0, tempo(240)), (2**28 - 1, tempo(30)), *HOUR]), "too long"),
    ],
)
def test_what_is_no_tune_is_refused_with_a_plain_reason(write: Write, content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableTune, match=reason) as caught:
        read_tune(write("bad.mid", content))
    assert "\n" not in str(caught.value)


def test_too_large_files_and_too_many_notes_are_refused(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("plain.mid", PLAIN)
    monkeypatch.setattr("core.midi.files.MOST_NOTES", 0)
    with pytest.raises(UnreadableTune, match="too many notes"):
        read_tune(path)
    monkeypatch.setattr("core.midi.files.MOST_BYTES", len(PLAIN) - 1)
    with pytest.raises(UnreadableTune, match="too large"):
        read_tune(path)


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "gone.mid", tmp_path):
        with pytest.raises(UnreadableTune, match="cannot be opened"):
            read_tune(path)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_a_damaged_file_gives_notes_or_a_reason(demo_tunes: list[Path], seed: int) -> None:
    rng = random.Random(seed)
    content = bytearray(rng.choice(demo_tunes).read_bytes())
    for _ in range(rng.choice((0, 1, 3, 20))):
        content[rng.randrange(rng.choice((30, len(content))))] = rng.choice((0, 127, 128, 255, rng.randrange(256)))
    if rng.random() < 0.4:
        content = content[: rng.randrange(len(content))]
    reason, notes = "", ()
    try:
        notes = read_score(bytes(content))
    except UnreadableTune as error:
        reason = str(error)
    assert bool(reason) != bool(notes)
    assert "\n" not in reason
    assert list(notes) == canonical(notes)


def test_a_scan_adds_up_what_can_be_read_and_names_the_rest(write: Write) -> None:
    write("a.mid", midi([(0, on(60)), (2 * SECOND, off(60))]))
    write("more/b.mid", midi([(SECOND, on(60)), (0, on(64)), (SECOND, off(60)), (0, off(64))]))
    folder = write("more/broken.mid", b"MThd" + bytes(40)).parents[1]
    found = scan(folder)
    assert [path.name for path in found.files] == ["a.mid", "b.mid", "broken.mid"]
    assert (found.seconds, found.notes) == (4, 3)
    assert [bad.path for bad in found.unreadable] == ["more/broken.mid"]


def test_silence_before_the_first_note_belongs_to_the_tune(write: Write) -> None:
    tune = read_tune(write("late.mid", midi([(SECOND, on(60)), (SECOND, off(60))])))
    assert tune == Tune((Note(64, 128, 60, MF),))
    assert tune.seconds == 2


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_the_folder_is_only_read(write: Write) -> None:
    folder = write("a.mid", PLAIN).parent
    write("broken.mid", b"MThd")

    def state() -> list[tuple[str, int, int]]:
        return [(str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in (folder, *sorted(folder.rglob("*")))]

    before = state()
    folder.chmod(0o555)
    try:
        scan(folder)
    finally:
        folder.chmod(0o755)
    assert state() == before
