"""A preview's line, the waveform in it, and the order of the list."""

import random
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from core.run.events import PreviewEvent
from distill_tui.panels.preview_order import counterpart, key_of, listed, over_epochs, sides, trends
from distill_tui.panels.preview_row import Heard, header_line, preview_line
from distill_tui.theme import Palette
from distill_tui.waveform import BLOCKS, waveform

PLAIN = Palette()


def preview(kind: str = "reconstruction", step: int = 64, name: str = "bell", **changes: object) -> PreviewEvent:
    fields = {
        "epoch": step // 32,
        "audio_path": f"previews/original-{name}.wav" if kind == "original" else f"previews/{step}-{kind}-{name}.wav",
        "sample_rate": 48_000,
        "step": step,
        "kind": kind,
        "name": name,
        "pair": "" if kind == "sample" else f"{step}:{name}",
        "seconds": 1.5,
        "mrstft": 1.42 if kind == "reconstruction" else None,
        "peaks": (0.1, 0.9, 0.4),
    }
    return PreviewEvent(**{**fields, **changes})  # type: ignore[arg-type]


@given(st.lists(st.floats(0, 1), max_size=64), st.integers(0, 100))
def test_a_waveform_has_the_width_it_is_given(peaks: list[float], width: int) -> None:
    assert len(waveform(peaks, width)) == width


@given(st.lists(st.floats(0, 1), min_size=1, max_size=64), st.integers(1, 100))
def test_a_waveform_never_hides_the_loudest_moment(peaks: list[float], width: int) -> None:
    tallest = max(waveform(peaks, width), key=BLOCKS.index)
    assert tallest == max(waveform(peaks, len(peaks)), key=BLOCKS.index)


def test_what_is_louder_stands_higher() -> None:
    assert waveform((0.0, 0.2, 0.5, 1.0), 4) == "▁▂▄▇"
    assert waveform((), 3) == "   "
    assert waveform((float("nan"), 1.0), 2) == "▁▇"


@given(
    st.integers(30, 240), st.text(max_size=60), st.sampled_from([None, Heard(0.7), Heard(99.0), Heard(loading=True)])
)
def test_a_line_never_leaves_its_row(width: int, name: str, heard: Heard | None) -> None:
    line = preview_line(preview(name=name), width, PLAIN, heard)
    assert cell_len(line.plain) <= width
    assert not any(unicodedata.category(character).startswith("C") for character in line.plain)


@pytest.mark.parametrize("width", [50, 76, 118, 198])
def test_the_columns_stand_still_when_a_sound_plays(width: int) -> None:
    still = preview_line(preview(), width, PLAIN).plain
    playing = preview_line(preview(), width, PLAIN, Heard(0.75)).plain
    assert still.index("▁") == playing.index("▁")
    assert playing.startswith("▶")
    assert "0.8/1.5 s" in playing
    assert "1.50 s" in still
    assert cell_len(header_line(width, PLAIN["faint"]).plain) <= width


def test_a_wide_line_says_all_there_is() -> None:
    line = preview_line(preview(), 118, PLAIN, Heard(0.75)).plain
    for part in ("2", "reconstruction", "bell", "MRSTFT 1.42", "━━━━"):
        assert part in line


def test_newest_step_first_and_each_reconstruction_before_its_original() -> None:
    made = [
        preview(kind, step, name)
        for step in (32, 64)
        for kind, name in (("sample", "one"), ("original", "a"), ("original", "b"), ("reconstruction", "b"),
                           ("reconstruction", "a"))
    ]  # fmt: skip
    rows = [(p.step, p.kind, p.name) for p in listed(made).values()]
    assert rows[:5] == [(64, "reconstruction", "a"), (64, "original", "a"), (64, "reconstruction", "b"),
                        (64, "original", "b"), (64, "sample", "one")]  # fmt: skip
    assert [row[0] for row in rows] == [64] * 5 + [32] * 5


def test_an_original_is_listed_at_each_step_though_its_file_is_one() -> None:
    made = [preview("original", 32), preview("original", 64)]
    assert made[0].audio_path == made[1].audio_path
    assert len(listed(made)) == 2


def test_a_step_that_was_trained_again_is_listed_once() -> None:
    old, new = preview(step=32, mrstft=2.0), preview(step=32, mrstft=1.5)
    assert [p.mrstft for p in listed([old, preview(step=64), new]).values()] == [1.42, 1.5]


def test_a_and_b_belong_to_one_sound_of_one_step() -> None:
    made = [preview(kind, step, name) for step in (32, 64) for name in "ab" for kind in ("original", "reconstruction")]
    made.append(preview("sample", 64))
    random.Random(0).shuffle(made)
    rows = listed(made)
    for key, one in rows.items():
        other = counterpart(rows, key)
        if one.kind == "sample":
            assert other is None
        else:
            assert other is not None
            assert (rows[other].step, rows[other].name) == (one.step, one.name)
            assert rows[other].kind != one.kind
            assert counterpart(rows, other) == key


def test_an_original_without_a_reconstruction_has_no_other_side() -> None:
    alone = preview("original")
    assert counterpart(listed([alone]), key_of(alone)) is None


def test_a_tune_says_how_like_its_original_it_is_where_sounds_say_how_far() -> None:
    tune = preview(mrstft=None, likeness="notes 0.62")
    assert "notes 0.62" in preview_line(tune, 118, PLAIN).plain
    narrow = preview_line(tune, 60, PLAIN).plain
    assert narrow.rstrip().endswith(" 0.62")
    assert "notes" not in narrow
    assert "\x1b" not in preview_line(preview(mrstft=None, likeness="\x1b[2Jno"), 118, PLAIN).plain


@pytest.mark.parametrize("seconds", [9.9, 10.0, 34.0, 256.0])
def test_the_time_of_a_long_tune_fits_its_column(seconds: float) -> None:
    line = preview_line(preview(seconds=seconds), 118, PLAIN, Heard(seconds - 0.2)).plain
    assert "…" not in line
    assert " s " in line


def test_original_reconstruction_and_sample_of_a_step_are_compared_in_turn() -> None:
    kinds = ("reconstruction", "original")
    rows = listed([preview(kind, step, name) for step in (32, 64) for name in "ab" for kind in kinds]
                  + [preview("sample", 64, "x"), preview("sample", 64, "y")])  # fmt: skip

    def compared(kind: str, step: int, name: str) -> list[tuple[str, int, str]]:
        found = sides(rows, key_of(preview(kind, step, name)))
        return [(rows[key].kind, rows[key].step, rows[key].name) for key in found]

    pair = [("reconstruction", 64, "b"), ("original", 64, "b"), ("sample", 64, "x")]
    assert compared("reconstruction", 64, "b") == compared("original", 64, "b") == pair
    assert compared("sample", 64, "y") == [("reconstruction", 64, "a"), ("original", 64, "a"), ("sample", 64, "y")]
    assert compared("original", 32, "a") == [("reconstruction", 32, "a"), ("original", 32, "a")]
    alone = listed([preview("sample")])
    assert sides(alone, next(iter(alone))) == tuple(alone)


def test_the_epochs_of_a_sound_are_in_order_with_its_original_at_the_end() -> None:
    made = [
        preview(kind, step, name) for step in (96, 32, 64) for name in "ab" for kind in ("original", "reconstruction")
    ]
    made += [preview("sample", step, "z") for step in (64, 32)]
    rows = listed(made)
    for kind in ("reconstruction", "original"):
        row = [rows[key] for key in over_epochs(rows, key_of(preview(kind, 64, "b")))]
        assert [(one.step, one.kind, one.name) for one in row] == [
            *((step, "reconstruction", "b") for step in (32, 64, 96)), (96, "original", "b")]  # fmt: skip
    latent = over_epochs(rows, key_of(preview("sample", 64, "z")))
    assert [(rows[key].step, rows[key].kind) for key in latent] == [(32, "sample"), (64, "sample")]


def test_a_step_that_was_gone_over_twice_is_played_once_as_it_was_made_last() -> None:
    again = preview(step=32, audio_path="previews/32-reconstruction-bell-2.wav")
    rows = listed([preview(step=32), preview(step=64), again])
    assert next(rows[key].audio_path for key in over_epochs(rows, key_of(again))) == again.audio_path


def test_the_nearest_of_each_sound_is_marked_and_the_others_against_its_first() -> None:
    made = [preview(step=step, name=name, mrstft=mrstft) for name, distances in
            (("a", (2.0, 1.5, 1.2, 2.5)), ("b", (0.9, 1.0)), ("c", (3.0,)), ("d", (1.0, 1.0)))
            for step, mrstft in zip((32, 64, 96, 128), distances, strict=False)]  # fmt: skip
    random.Random(1).shuffle(made)
    marks = {(one.name, one.step): trends(made).get(key_of(one), "") for one in made}
    assert [marks["a", step] for step in (32, 64, 96, 128)] == ["", "↓", "★", "↑"]
    assert [marks["b", step] for step in (32, 64)] == ["★", "↑"]
    assert {marks["c", 32], marks["d", 32], marks["d", 64]} == {""}
    assert trends([preview("original"), preview("sample"), preview(mrstft=None)]) == {}


@pytest.mark.parametrize("width", [58, 118])
def test_the_mark_stands_behind_the_distance_and_moves_no_column(width: int) -> None:
    plain, marked = (preview_line(preview(), width, PLAIN, trend=trend).plain for trend in ("", "★"))
    assert "1.42 ★" in marked
    assert len(plain) == len(marked)
