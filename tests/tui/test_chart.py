"""What may be relied on when a curve is read off a chart."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.run.link import Series
from distill_tui.axes import (
    Steps,
    Values,
    axis_row,
    axis_unit,
    label_column,
    marks_row,
    rounded_up,
    steps_axis,
    tick_label,
    values_axis,
)
from distill_tui.cells import Run
from distill_tui.chart import Curve, draw, smoothed, sparkline, traced, trend
from distill_tui.panels.frame import width_of


def series(values: list[float], bucket: int = 1, first: int = 0, nonfinite: tuple[int, ...] = ()) -> Series:
    numbers = tuple(values)
    return Series(
        "x", first, bucket, numbers, numbers, numbers, numbers, nonfinite, 0, first + bucket * len(values) - 1
    )


def plotted(values: list[float], width: int = 20, height: int = 5, **options: object) -> list[str]:
    x = steps_axis(len(values) - 1, width * 2)
    curve = traced(series(values), x, "train")
    return lines(draw([curve], x, values_axis([curve.points]), width, height, **options).rows)  # type: ignore[arg-type]


def lines(rows: tuple[tuple[Run, ...], ...]) -> list[str]:
    return ["".join(run.text for run in row) for row in rows]


def test_a_falling_line_falls_from_the_top_left_to_the_bottom_right() -> None:
    rows = plotted([40 - i for i in range(40)])
    first = [row.strip() != "" and row.index(row.strip()[0]) for row in rows]
    assert first == sorted(first), "\n".join(rows)
    assert rows[0][0] != " "
    assert rows[-1].rstrip() != ""


def test_a_line_has_no_holes() -> None:
    rows = plotted([0.0, 10.0] * 24, width=24, height=6)
    for column in range(24):
        assert all(row[column] != " " for row in rows), "\n".join(rows)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(2, 40), st.integers(1, 12))
def test_every_row_is_as_wide_as_asked_whatever_the_data(values: list[float], width: int, height: int) -> None:
    x = steps_axis(len(values) - 1, width * 2)
    curve = traced(series(values), x, "train")
    axis = values_axis([curve.points], log=bool(len(values) % 2))
    drawing = draw([curve, Curve(curve.points, "validation", dashed=True)], x, axis, width, height, smoothing=4.0)
    assert len(drawing.rows) == height
    assert all(width_of(row) == width for row in drawing.rows)
    assert all(len(label) == 6 for label in label_column(axis, 6, height))
    assert width_of(axis_row(x, width, 7)) == width


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


def test_a_growing_run_moves_nothing_but_its_right_end() -> None:
    """This is what keeps eight live charts under 3 kB a second."""
    values = [math.sin(i / 9) + 0.01 * (i % 7) for i in range(4000)]
    moved = 0
    former: list[str] | None = None
    for newest in range(2000, 4000, 5):
        x = steps_axis(newest, 80)
        bucket = 4
        shown = [math.fsum(values[i : i + bucket]) / bucket for i in range(0, newest // bucket * bucket, bucket)]
        curve = traced(series(shown, bucket), x, "train")
        rows = lines(draw([curve], x, Values(-2, 2), 40, 6).rows)
        if former is not None:
            end = x.dot(newest) // 2
            changed = {i for before, now in zip(former, rows, strict=True) for i in range(40) if before[i] != now[i]}
            moved += bool(changed) and min(changed) < end - 2
        former = rows
    assert moved <= 4


def test_one_spike_does_not_flatten_the_curve_and_is_marked() -> None:
    values = [1 + 0.5 * math.sin(i / 6) for i in range(200)]
    values[120] = 400.0
    x = steps_axis(199, 80)
    curve = traced(series(values), x, "train")
    axis = values_axis([curve.points])
    assert axis.hi < 4
    drawing = draw([curve], x, axis, 40, 8)
    assert drawing.spikes == 1
    assert lines(drawing.rows)[0][x.dot(120) // 2] == "▴"


def test_the_steep_start_of_a_run_is_shown_when_it_is_no_outlier() -> None:
    curve = traced(series([2 * math.exp(-i / 50) + 0.3 for i in range(200)]), steps_axis(199, 80), "train")
    assert values_axis([curve.points]).hi >= 2


def test_nan_is_marked_where_it_happened_and_the_line_goes_on() -> None:
    values = [1.0 + 0.1 * (i % 3) for i in range(100)]
    values[50] = math.nan
    x = steps_axis(99, 40)
    curve = traced(series(values, nonfinite=(50,)), x, "train")
    rows = draw([curve], x, values_axis([curve.points]), 20, 4).rows
    assert lines(rows)[-1][x.dot(50) // 2] == "×"
    assert any("×" in run.text and run.role == "danger" for run in rows[-1])


def test_nothing_but_nan_is_drawn_as_nothing_but_marks() -> None:
    x = steps_axis(3, 40)
    curve = traced(series([math.nan] * 4, nonfinite=(0, 1, 2, 3)), x, "train")
    assert set("".join(lines(draw([curve], x, values_axis([curve.points]), 20, 3).rows))) <= {" ", "×"}


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


def test_smoothing_does_not_lag() -> None:
    ramp = [(i, float(i)) for i in range(100)]
    assert all(
        abs(after - before) < 0.5 for (_, before), (_, after) in zip(ramp[20:80], smoothed(ramp, 4)[20:80], strict=True)
    )
    flat = [(i, 1.0) for i in range(50)]
    assert all(value == pytest.approx(1.0) for _, value in smoothed(flat, 16))
    assert smoothed(ramp, 0) == ramp


def test_smoothing_leaves_the_raw_curve_to_be_seen_dimmed() -> None:
    x = steps_axis(79, 80)
    curve = traced(series([(-1.0) ** i for i in range(80)]), x, "train")
    roles = {run.role for row in draw([curve], x, values_axis([curve.points]), 40, 6, smoothing=16).rows for run in row}
    assert {"raw", "train"} <= roles


def test_validation_is_dashed_so_that_it_is_told_apart_without_colour() -> None:
    x = steps_axis(79, 80)
    points = [(i, 1.0) for i in range(0, 80, 10)]
    row = lines(draw([Curve(points, "validation", dashed=True)], x, Values(0, 2), 40, 1).rows)[0]
    assert {len(gap) for gap in re.findall(" +", row.rstrip())} == {1}


def test_the_best_step_is_marked_on_the_curve() -> None:
    values = [(i - 30) ** 2 / 100 + 1 for i in range(80)]
    x = steps_axis(79, 80)
    curve = traced(series(values), x, "validation")
    rows = draw([curve], x, values_axis([curve.points]), 40, 6, best=30).rows
    assert lines(rows)[-1][x.dot(30) // 2] == "◉"


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


def test_marks_stand_at_their_steps() -> None:
    row = "".join(
        run.text for run in marks_row(Steps(0, 100, 100), 50, [(0, "◆", "best"), (50, "♪", "accent"), (500, "▲", "x")])
    )
    assert row[0] == "◆"
    assert row[25] == "♪"
    assert "▲" not in row


def test_trend_says_down_up_flat_or_nothing() -> None:
    assert trend(series([10.0 - i / 10 for i in range(50)])) == "↓"
    assert trend(series([1.0 + i / 10 for i in range(50)])) == "↑"
    assert trend(series([1.0] * 50)) == "→"
    assert trend(series([1.0])) == ""


def test_a_sparkline_is_one_row() -> None:
    assert width_of(sparkline(series([float(i) for i in range(100)]), 18)) == 18
