"""The cursor says what was logged, and nothing else."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.run.events import EpochMetrics
from core.run.link import Series
from distill_tui.axes import Steps, steps_axis
from distill_tui.cells import Run
from distill_tui.chart_cursor import crossed, epoch_of, on_line, reading, step_at, stepped, validated
from distill_tui.panels.frame import width_of
from tests.fakes import FakeLink

LINK = FakeLink(steps=900)


@given(st.integers(1, 900), st.integers(10, 300))
def test_where_every_step_has_its_bucket_the_value_is_the_logged_one(step: int, dots: int) -> None:
    x = steps_axis(900, dots)
    read = reading(LINK.series("stft_loss", width=2000), x, step)
    assert read is not None
    assert read.exact
    assert (read.first, read.value) == (step, LINK.value(1, step))


@given(st.integers(1, 900), st.integers(10, 120))
def test_of_several_steps_in_a_bucket_it_tells_mean_and_extremes(step: int, width: int) -> None:
    series = LINK.series("stft_loss", width=width)
    read = reading(series, steps_axis(900, 2 * width), step)
    assert read is not None
    assert read.first <= step <= read.last <= 900
    values = [LINK.value(1, s) for s in range(max(1, read.first), read.last + 1)]
    assert read.value == pytest.approx(math.fsum(values) / len(values))
    assert (read.minimum, read.maximum) == (min(values), max(values))


def test_an_empty_bucket_is_read_from_its_own_cell_or_not_at_all() -> None:
    series = LINK.series("val/stft_loss", width=2000)
    close, far = Steps(0, 1024, 1024), Steps(0, 1024, 64)
    assert reading(series, close, 70) is None
    read = reading(series, far, 70)
    assert read is not None
    assert read.first == 64
    assert reading(series, far, 5000) is None
    assert reading(Series("none"), far, 5) is None
    assert reading(None, far, 5) is None


def test_a_step_that_was_no_number_is_said_to_be_so() -> None:
    link = FakeLink(steps=50, curve=lambda term, step: math.nan if step == 20 else 1.0)
    x = steps_axis(50, 100)
    read = reading(link.series("stft_loss", width=800), x, 20)
    assert read is not None
    assert read.broken
    assert math.isnan(read.value)
    coarse = reading(link.series("stft_loss", width=8), x, 20)
    assert coarse is not None
    assert coarse.broken
    assert coarse.value == 1.0


def test_validation_is_the_newest_at_or_before_the_step() -> None:
    epochs = [EpochMetrics(e, 9, 0.0, 0.0, step=10 * e, val_terms={"a": e / 10}) for e in (1, 2, 3)]
    assert validated(epochs, "a", 9) is None
    assert validated(epochs, "a", 10) == (0.1, 1)
    assert validated(epochs, "a", 29) == (0.2, 2)
    assert validated(epochs, "a", 10**6) == (0.3, 3)
    assert validated(epochs, "b", 29) is None


def test_epochs_begin_at_one() -> None:
    assert [epoch_of(step, 32) for step in (0, 1, 32, 33)] == [1, 1, 1, 2]
    assert epoch_of(5, 0) is None


axes = st.builds(Steps, st.integers(0, 10**6), st.integers(8, 2 * 10**6), st.integers(10, 200).map(lambda n: 2 * n))


@given(axes, st.floats(0, 0.999), st.sampled_from([-1, 1]))
def test_the_cursor_moves_by_a_cell_and_at_least_a_step(x: Steps, share: float, direction: int) -> None:
    step = x.lo + int(share * x.span)
    there = stepped(x, step, direction, 10**9)
    if there == 0:
        return
    assert (there - step) * direction >= 1
    cells = abs(x.dot(there) // 2 - x.dot(step) // 2)
    assert cells == 1 or abs(there - step) == 1


@given(axes, st.integers(0, 99))
def test_a_click_sets_the_cursor_where_it_was(x: Steps, cell: int) -> None:
    cell %= x.dots // 2
    wide = max(0, x.dots // (2 * x.span))  # cells to a step
    assert abs(x.dot(step_at(x, cell)) // 2 - cell) <= wide


def test_the_cursor_stops_at_the_last_step_and_the_first() -> None:
    x = steps_axis(100, 64)
    assert stepped(x, 100, 1, 100) == 100
    assert stepped(x, 0, -1, 100) == 0


def test_between_points_the_line_is_read_and_beyond_them_nothing() -> None:
    points = [(10, 1.0), (20, 2.0)]
    assert on_line(points, 15) == pytest.approx(1.5)
    assert on_line(points, 20) == 2.0
    assert on_line(points, 5) is None
    assert on_line(points, 30) is None
    assert on_line([], 5) is None


@given(st.integers(0, 19), st.lists(st.floats(-1, 2), max_size=3))
def test_the_line_of_the_cursor_goes_behind_the_curves(cell: int, heights: list[float]) -> None:
    rows = [(Run("⣿" * 5, "train"), Run(" " * 10), Run("⣀" * 5, "raw")) for _ in range(4)]
    drawn = crossed(rows, cell, [(height, "train") for height in heights])
    for row in drawn:
        text = "".join(run.text for run in row)
        assert width_of(row) == 20
        assert (
            text[:cell] + text[cell + 1 :]
            == "".join(r.text for r in rows[0])[:cell] + ("⣿" * 5 + " " * 10 + "⣀" * 5)[cell + 1 :]
        )
        assert text[cell] in ("│●" if 5 <= cell < 15 else "⣿⣀●")
