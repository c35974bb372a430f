"""The words around the chart fit their room, and the important ones stay."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_tui.chart import Drawing
from distill_tui.chart_cursor import Reading
from distill_tui.chart_view import View
from distill_tui.overlay import Overlay
from distill_tui.panels.chart_legend import copied, cursor_heading, exact, names_of, settings, steps_of
from distill_tui.panels.chart_plot import Look
from distill_tui.panels.frame import width_of
from tests.fakes import AUDIO_TERMS

STFT = AUDIO_TERMS[1]
ONE, FOUR = Reading(1184, 1184, 0.31214, 0.31214, 0.31214), Reading(1184, 1187, 0.31214, 0.298, 0.331)


def text(row: object) -> str:
    return "".join(run.text for run in row)  # type: ignore[attr-defined]


def overlays(names: list[str]) -> list[Overlay]:
    return [Overlay(name, Path(name), f"series{3 + i % 6}", baseline=i == 0) for i, name in enumerate(names)]


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.312149, "0.3121"), (14.2053, "14.21"), (12345.6, "12346"), (1.2341e-12, "1.234e-12"), (-2.5e9, "-2.5e9"),
     (0.0, "0"), (math.nan, "NaN"), (math.inf, "inf")],
)  # fmt: skip
def test_four_digits_of_any_number(value: float, shown: str) -> None:
    assert exact(value) == shown


def test_what_is_copied_is_one_plain_line() -> None:
    assert copied(STFT, 1184, ONE) == "step 1184  stft 0.3121"
    assert copied(STFT, 1185, FOUR) == "steps 1184-1187  stft 0.3121"
    assert copied(STFT, 1185, None) == "step 1185  stft –"
    assert steps_of(FOUR, 1185) == "steps 1,184–1,187"


def heading(read: Reading | None, room: int) -> str:
    return text(cursor_heading(STFT, 1184, read, (0.345, 36), 0.313, 32, room))


def test_the_cursor_tells_all_where_there_is_room() -> None:
    assert heading(FOUR, 150) == (
        "stft  steps 1,184–1,187 · epoch 37 · train 0.3121 (0.298 to 0.331) · smoothed 0.313"
        " · validation 0.345 of epoch 36"
    )
    assert heading(ONE, 60) == "stft  step 1,184 · train 0.3121 · validation 0.345"
    assert heading(ONE, 40) == "stft  step 1,184 · train 0.3121"
    assert "× not a number" in heading(Reading(5, 5, math.nan, math.nan, math.nan, broken=True), 150)
    assert "train –" in heading(None, 150)


@given(st.integers(20, 160))
def test_it_never_takes_more_room_than_there_is(room: int) -> None:
    assert len(heading(FOUR, room)) <= max(room, len("stft  steps 1,184–1,187"))


@given(
    st.lists(st.text(st.sampled_from("abc音-_"), min_size=1, max_size=40), min_size=1, max_size=6, unique=True),
    st.integers(16, 200),
    st.booleans(),
)
def test_names_of_runs_fit_and_the_baseline_is_flagged(names: list[str], width: int, valued: bool) -> None:
    values = dict.fromkeys(names, "0.3121") if valued and width >= 20 * len(names) else {}
    row = names_of(overlays(names), values, width)
    assert width_of(row) <= max(width, 12)
    assert text(row).startswith("⚑ ")
    shown = sum(run.text in ("⚑ ", "┄┄ ") for run in row)
    assert shown == len(names) or text(row).endswith(f"+{len(names) - shown}")
    assert all(run.role.startswith("series") for run in row if run.text in ("⚑ ", "┄┄ "))


def test_a_long_name_leaves_short_ones_whole() -> None:
    row = text(names_of(overlays(["short", "x" * 90, "brief"]), {}, 60))
    assert "short" in row
    assert "brief" in row
    assert "x…" in row


def test_what_is_not_as_usual_is_said() -> None:
    look = Look(log=True, smoothing="light")
    words = text(settings(View(256, 10), look, Drawing((), spikes=1, hidden=3)))
    assert words == "log · light smoothing · 1 spike cut · ▾ 0 or below, g for linear · 256 steps, f follows"
    assert settings(View(), Look(), Drawing(())) == ()
