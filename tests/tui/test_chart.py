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
    label_column,
    steps_axis,
    values_axis,
)
from distill_tui.cells import Run
from distill_tui.chart import Curve, draw, retraced, smoothed, sparkline, traced, trend
from distill_tui.panels.frame import width_of


def series(values: list[float], bucket: int = 1, first: int = 0, nonfinite: tuple[int, ...] = ()) -> Series:
    numbers = tuple(values)
    return Series(
        "x", first, bucket, numbers, numbers, numbers, numbers, nonfinite, 0, first + bucket * len(values) - 1
    )


grown = st.lists(st.one_of(st.floats(-10, 10), st.just(math.nan)), min_size=1, max_size=120)


@given(grown, grown, st.sampled_from([1, 2, 64]), st.integers(4, 60), st.integers(0, 40))
def test_a_curve_that_has_grown_is_the_one_that_is_traced_anew(
    before: list[float], after: list[float], bucket: int, dots: int, first: int
) -> None:
    former, now = series(before, bucket, first * bucket), series([*before[:-1], *after], bucket, first * bucket)
    x = steps_axis(now.highest_step, dots)
    assert retraced(now, former, x, traced(former, x, "train")) == traced(now, x, "train")
    assert retraced(former, now, x, traced(now, x, "train")) == traced(former, x, "train")


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


@pytest.mark.parametrize("log", [False, True])
def test_a_spike_does_not_bend_the_smoothed_curve(log: bool) -> None:
    values = [1.0 + 0.1 * (i % 3) for i in range(200)]
    values[100] = 1e6
    x = steps_axis(199, 200)
    curve = traced(series(values), x, "train")
    axis = values_axis([curve.points], log=log)
    (line,) = draw([curve], x, axis, 100, 8, smoothing=16).lines
    assert max(value for _, value in line) < 1.2
    assert draw([curve], x, axis, 100, 8, smoothing=16).spikes == 1


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


def test_trend_says_down_up_flat_or_nothing() -> None:
    assert trend(series([10.0 - i / 10 for i in range(50)])) == "↓"
    assert trend(series([1.0 + i / 10 for i in range(50)])) == "↑"
    assert trend(series([1.0] * 50)) == "→"
    assert trend(series([1.0])) == ""


def test_a_sparkline_is_one_row() -> None:
    assert width_of(sparkline(series([float(i) for i in range(100)]), 18)) == 18


@given(
    st.lists(st.one_of(st.just(math.nan), st.floats(-1e3, 1e3)), min_size=1, max_size=400),
    st.integers(0, 6).map(lambda power: 1 << power),
    st.integers(0, 3000),
    st.integers(1, 3000),
    st.integers(1, 200),
)
def test_a_traced_column_is_the_mean_of_its_buckets(
    values: list[float], bucket: int, lo: int, span: int, dots: int
) -> None:
    x = Steps(lo, span, dots)
    columns: dict[int, list[float]] = {}
    for index, value in enumerate(values):
        dot = x.dot(index * bucket + (bucket - 1) / 2)
        if 0 <= dot < dots and not math.isnan(value):
            columns.setdefault(dot, []).append(value)
    curve = traced(series(values, bucket), x, "train")
    assert sum(len(column) for column in columns.values()) >= len(curve.points)
    for (dot, mean), (_, high), (_, low) in zip(curve.points, curve.peaks, curve.troughs, strict=True):
        assert mean == pytest.approx(math.fsum(columns[dot]) / len(columns[dot]))
        assert (low, high) == (min(columns[dot]), max(columns[dot]))
    assert {dot for dot, _ in curve.points} == set(columns)


def test_a_spike_downwards_is_marked_below() -> None:
    values = [1 + 0.5 * math.sin(i / 6) for i in range(200)]
    values[120] = -400.0
    x = steps_axis(199, 80)
    curve = traced(series(values), x, "train")
    axis = values_axis([curve.points])
    assert axis.lo > -4
    drawing = draw([curve], x, axis, 40, 8)
    assert drawing.spikes == 1
    assert lines(drawing.rows)[-1][x.dot(120) // 2] == "▾"


def test_what_a_logarithmic_axis_cannot_show_is_marked_not_dropped() -> None:
    values = [math.sin(i / 9) for i in range(100)]
    x = steps_axis(99, 100)
    curve = traced(series(values), x, "train")
    drawing = draw([curve], x, values_axis([curve.points], log=True), 50, 8)
    assert drawing.hidden
    rows = lines(drawing.rows)
    assert all(rows[-1][x.dot(step) // 2] == "▾" for step in range(30, 55))
    assert "▾" not in rows[-1][x.dot(5) // 2 : x.dot(26) // 2]


@pytest.mark.parametrize("value", [0.0, 0.5, -0.5, 1.2e-12, -1.2e-12, 1.2e12, 1e30])
@pytest.mark.parametrize("log", [False, True])
def test_a_constant_of_any_size_is_a_straight_line_with_labels(value: float, log: bool) -> None:
    x = steps_axis(79, 80)
    curve = traced(series([value] * 80), x, "train")
    axis = values_axis([curve.points], log=log)
    rows = lines(draw([curve], x, axis, 40, 7).rows)
    drawn = [row.rstrip() for row in rows if row.strip()]
    assert len(drawn) == 1
    assert len(set(drawn[0])) == 1
    labels = [label.strip() for label in label_column(axis, 7, 7) if label.strip()]
    assert len(labels) >= 2
    assert axis.lo < axis.hi


def test_a_single_point_is_large_enough_to_be_seen() -> None:
    assert "•" in "".join(plotted([0.7]))
    assert "•" not in "".join(plotted([0.7, 0.8]))


def test_another_run_is_drawn_thinner_and_below() -> None:
    x = steps_axis(79, 80)
    flat = traced(series([1.0] * 80), x, "train")
    other = traced(series([1.0] * 40 + [3.0] * 40), x, "series3", fine=True)
    rows = draw([other, flat], x, Values(0, 4), 40, 8, smoothing=4.0).rows
    roles = {run.role for row in rows for run in row if run.text.strip()}
    assert roles == {"train", "series3"}, "of another run nothing raw is drawn under its smoothed curve"
    dots = [sum((ord(c) - 0x2800).bit_count() for run in row for c in run.text if c != " ") for row in rows]
    own, others = max(dots), dots[2]
    assert 0 < others < own * 0.4
