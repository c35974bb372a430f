"""Axes hold what they show, read well, and rarely move."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_tui.axes import (
    Steps,
    Values,
    axis_row,
    axis_unit,
    label_column,
    rounded_up,
    steps_axis,
    tick_label,
    tick_labels,
    values_axis,
)


@given(st.integers(1, 10**9))
def test_nice_spans_are_hardly_longer_than_what_they_hold(value: int) -> None:
    span = rounded_up(value)
    assert value <= span <= max(8, value * (1.25 if value > 512 else 1.5))
    assert rounded_up(span) == span


@given(st.integers(0, 10**7), st.integers(10, 300))
def test_the_whole_run_fits_and_fills_most_of_the_axis(newest: int, dots: int) -> None:
    x = steps_axis(newest, dots)
    assert 0 <= x.dot(newest) < dots
    if newest >= 8:
        assert x.dot(newest) >= 0.66 * dots - 2


def test_the_axis_stays_while_the_data_fit_and_fill_half_of_it() -> None:
    def axis(low: float, high: float, former: Values | None = None) -> Values:
        return values_axis([[(0, low), (1, high)]], former=former)

    first = axis(0.21, 0.98)
    assert axis(0.25, 0.9, first) is first
    assert axis(0.25, 2.5, first) is not first, "it grows when something does not fit"
    assert axis(0.3, 0.45, first) is not first, "it shrinks when most of it is empty"


@given(st.floats(1e-6, 1e6), st.floats(1.0001, 1e4), st.booleans())
def test_ticks_lie_on_the_axis_and_read_apart(low: float, ratio: float, log: bool) -> None:
    axis = values_axis([[(0, low), (1, low * ratio)]], log=log)
    assert axis.lo < axis.hi
    assert all(-0.01 <= axis.height(tick) <= 1.01 for tick in axis.ticks)
    labels = [tick_label(tick, axis) for tick in axis.ticks]
    assert len(set(labels)) == len(labels) >= 2
    assert all(len(label) <= 7 for label in labels)


def test_a_followed_window_moves_in_jumps_and_a_pinned_one_not_at_all() -> None:
    los = [steps_axis(newest, 80, span=256).lo for newest in range(1000, 1032)]
    assert len(set(los)) <= 2
    assert all(steps_axis(newest, 80, span=256).hi > newest for newest in range(1000, 1100))
    assert steps_axis(5000, 80, span=256, lo=100) == Steps(100, 256, 80)


def test_the_x_axis_counts_epochs_and_steps_before_the_second() -> None:
    assert axis_unit(Steps(0, 100, 80), 40) == "epoch"
    assert axis_unit(Steps(0, 60, 80), 40) == "step"
    row = "".join(run.text for run in axis_row(Steps(0, 1280, 160), 80, 32))
    assert " 0 " in row
    assert " 10 " in row
    assert " 30 " in row
    assert row.index(" 10 ") == pytest.approx(20, abs=2)


@given(st.sampled_from([-1.0, 1.0]), st.floats(-30, 30), st.floats(0.02, 1.0), st.integers(3, 16))
def test_labels_say_what_the_axis_means_in_seven_cells(sign: float, power: float, share: float, height: int) -> None:
    value = sign * 10.0**power
    axis = values_axis([[(0, value), (1, value * (1 + share))]], ticks=max(3, min(6, height // 3)))
    texts, factor = tick_labels(axis, 7)
    scale = float(factor.replace("×1e", "1e")) if factor else 1.0
    unit = axis.ticks[1] - axis.ticks[0]
    for tick, text in zip(axis.ticks, texts, strict=True):
        assert len(text) <= 7
        assert float(text) * scale == pytest.approx(tick, abs=unit * 0.01)
    column = label_column(axis, 7, height)
    assert all(len(label) == 7 for label in column)
    assert not factor or factor in "".join(column)


def test_a_calm_curve_does_not_move_its_axis() -> None:
    axis = values_axis([[(0, 0.5), (1, 0.5)]])
    for drift in (0.5001, 0.501, 0.4995):
        assert values_axis([[(0, drift), (1, drift)]], former=axis) is axis
