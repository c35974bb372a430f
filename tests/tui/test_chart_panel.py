"""The large chart as one uses it: keys and mouse."""

import math

import pytest
from textual.pilot import Pilot

from core.run.events import NoteAdded, ValueSet
from distill_tui.chart_cursor import reading, step_at
from distill_tui.panels.chart_face import _told
from distill_tui.panels.chart_panel import ChartPanel
from distill_tui.panels.chart_plot import LABELS
from distill_tui.panels.chart_words import WORDS
from tests.fakes import AUDIO_TERMS, FakeLink
from tests.tui.conftest import Monitor, Watched, settled


def column(chart: ChartPanel, step: int) -> int:
    """Where on the panel a step lies."""
    return 1 + LABELS + chart._steps().dot(step) // 2


def title(seen: Watched) -> str:
    return next(line for line in seen.text.splitlines() if line.startswith("╭") and "events" not in line.lower())


async def test_v_reads_the_newest_step_arrows_move_and_esc_takes_it_off(monitor: Monitor) -> None:
    async with monitor() as seen:
        chart = seen.board.chart
        await seen.press("down", "v")
        assert chart.cursor == 1184
        assert chart.has_focus, "so that the arrows move it"
        assert "step 1,184" in title(seen)
        assert "epoch 37" in title(seen)
        await seen.press("left", "h")
        assert chart.cursor is not None
        assert 1184 - 3 * chart._steps().span * 2 / chart._steps().dots <= chart.cursor < 1184
        former = chart.cursor
        await seen.press("right")
        assert former < chart.cursor < 1184
        assert seen.board.focused is chart
        await seen.press("escape")
        assert chart.cursor is None
        assert "step 1,1" not in title(seen)
        await seen.press("v", "v")
        assert chart.cursor is None


async def test_the_values_at_the_cursor_are_those_of_the_step(monitor: Monitor) -> None:
    async with monitor(FakeLink(steps=400), size=(200, 60)) as seen:
        chart, link = seen.board.chart, seen.link
        await seen.press("v", *["left"] * 20)
        assert chart.cursor is not None
        epoch = (chart.cursor - 1) // 32
        assert f"train {link.value(0, chart.cursor):.4g}" in title(seen)
        assert f"validation {link.validation(0, epoch * 32):.4g} of epoch {epoch}" in title(seen)
        await seen.press("m")
        assert "smoothed" in title(seen)
        await seen.press("y")
        assert seen.app.clipboard == f"step {chart.cursor}  total {link.value(0, chart.cursor):.4g}"


async def test_the_dot_of_the_cursor_is_where_its_number_is(monitor: Monitor) -> None:
    async with monitor(FakeLink(steps=400)) as seen:
        chart = seen.board.chart
        await seen.press("1", "v")
        for _ in range(12):
            await seen.press("left")
            await settled(seen)
            scene = chart._scene()
            assert scene.at is not None
            assert scene.curves.train is not None
            told, read = _told(scene), reading(scene.curves.train, scene.x, scene.at)
            assert read is not None
            assert told["train"] == read.value
            assert f"train {read.value:.4g}" in title(seen)
        await seen.press("m")
        assert not _told(chart._scene()), "a smoothed line is read where it is drawn"


async def test_of_a_bucket_of_several_steps_the_extremes_are_told(monitor: Monitor) -> None:
    async with monitor(FakeLink(steps=4000), size=(200, 60)) as seen:
        await seen.press("v", "left")
        link, step = seen.link, seen.board.chart.cursor
        assert step is not None
        first = step // 4 * 4
        values = [link.value(0, s) for s in range(first, first + 4)]
        assert f"steps {first:,}–{first + 3:,}" in title(seen)
        assert f"train {math.fsum(values) / 4:.4g} ({min(values):.4g} to {max(values):.4g})" in title(seen)


async def test_the_cursor_stays_at_its_step_while_the_run_grows(monitor: Monitor) -> None:
    async with monitor() as seen:
        await seen.press("v", *["left"] * 5)
        chart = seen.board.chart
        step = chart.cursor
        seen.link.advance(400)
        await seen.until(lambda: seen.board.state.step is not None and seen.board.state.step.step == 1584)
        await settled(seen)
        assert chart.cursor == step
        assert f"steps {step:,}–" in title(seen), "of two steps to a bucket by now"


async def test_zooming_keeps_the_cursor_in_its_place_and_moving_on_brings_the_view_along(monitor: Monitor) -> None:
    async with monitor() as seen:
        chart = seen.board.chart
        await seen.press("v", *["left"] * 30)
        place = column(chart, chart.cursor or 0)
        await seen.press("]", "]", "]")
        assert chart.span == 256
        assert column(chart, chart.cursor or 0) == pytest.approx(place, abs=1)
        lo = chart.lo
        await seen.press(*["left"] * (place + 2 - LABELS))
        assert chart.lo is not None
        assert lo is not None
        assert chart.lo < lo
        assert chart._steps().lo <= (chart.cursor or 0) < chart._steps().hi


async def test_full_screen_left_begins_a_cursor_and_up_and_down_change_the_term(monitor: Monitor) -> None:
    async with monitor() as seen:
        await seen.press("enter", "left")
        chart = seen.board.chart
        assert chart.cursor == 1184
        await seen.press("left")
        assert (chart.cursor or 0) < 1184
        step = chart.cursor
        await seen.press("down")
        assert chart.term == AUDIO_TERMS[1]
        assert chart.cursor == step, "the same step of another term"
        await seen.press("escape")
        assert chart.cursor is None
        assert seen.board.maximized is chart
        await seen.press("escape")
        assert seen.board.maximized is None


async def test_a_click_sets_the_cursor_and_a_double_click_only_opens(monitor: Monitor) -> None:
    async with monitor() as seen:
        chart = seen.board.chart
        at = column(chart, 600)
        await seen.pilot.click(ChartPanel, offset=(at, 5))
        assert chart.cursor == step_at(chart._steps(), at - 1 - LABELS)
        await seen.press("escape")
        await seen.pilot.pause(0.6)  # the next click is no double click
        await seen.pilot.click(ChartPanel, offset=(at, 5), times=2)
        assert seen.board.maximized is chart
        assert chart.cursor is None
        await seen.press("escape")


async def test_a_click_beside_the_curves_changes_nothing(monitor: Monitor) -> None:
    async with monitor() as seen:
        await seen.pilot.click(ChartPanel, offset=(3, 5))
        assert seen.board.chart.cursor is None


async def test_the_wheel_zooms_about_the_pointer(monitor: Monitor) -> None:
    async with monitor() as seen:
        chart = seen.board.chart
        at = column(chart, 600)
        await wheel(seen.pilot, chart, at, up=True)
        await wheel(seen.pilot, chart, at, up=True)
        assert chart.span == 512
        assert column(chart, 600) == pytest.approx(at, abs=1)
        for _ in range(4):
            await wheel(seen.pilot, chart, at, up=False)
        assert chart.span is None


async def test_dragging_pans_and_sets_no_cursor(monitor: Monitor) -> None:
    async with monitor() as seen:
        chart = seen.board.chart
        await seen.press("]", "]")
        step = chart._steps().lo + 100
        start = column(chart, step)
        await seen.pilot.mouse_down(ChartPanel, offset=(start, 5))
        await drag(seen.pilot, chart, start + 20)
        assert column(chart, step) == pytest.approx(start + 20, abs=1), "what was taken hold of is under the pointer"
        await drag(seen.pilot, chart, start + 10)
        assert column(chart, step) == pytest.approx(start + 10, abs=1)
        await seen.pilot.mouse_up(ChartPanel, offset=(start + 10, 5))
        lo = chart.lo
        assert chart.cursor is None
        assert seen.app.mouse_captured is None
        await seen.pilot.hover(ChartPanel, offset=(start, 5))
        assert chart.lo == lo, "let go is let go"


async def test_the_pointer_or_the_cursor_on_a_mark_says_what_it_is(monitor: Monitor) -> None:
    link = FakeLink(steps=1000)
    link.emit(ValueSet(700, "learning_rate", 0.001, 0.0005))
    link.emit(NoteAdded(500, "softer drums"))
    async with monitor(link) as seen:
        chart = seen.board.chart
        marks = chart.size.height - 2
        await seen.pilot.hover(ChartPanel, offset=(column(chart, 500), marks))
        assert "✎ softer drums" in title(seen)
        await seen.pilot.hover(ChartPanel, offset=(column(chart, 500), marks - 2))
        assert "softer" not in title(seen)
        await seen.pilot.click(ChartPanel, offset=(column(chart, 700), 5))
        assert "⚙ learning_rate 0.001 → 0.0005" in title(seen)


async def test_help_begins_with_the_term(monitor: Monitor) -> None:
    async with monitor() as seen:
        chart = seen.board.chart
        assert chart.help_words().means.startswith(AUDIO_TERMS[0].help)
        assert chart.help_words().good == WORDS.good
        await seen.press("down")
        chart.select(AUDIO_TERMS[4])
        assert "Lower is better" not in chart.help_words().means, "of KL that would be wrong"
        assert ChartPanel().help_words() == WORDS


async def wheel(pilot: Pilot[int], chart: ChartPanel, at: int, *, up: bool) -> None:
    from textual.events import MouseScrollDown, MouseScrollUp

    kind = MouseScrollUp if up else MouseScrollDown
    await pilot._post_mouse_events([kind], chart, offset=(at, 5))
    await pilot.pause()


async def drag(pilot: Pilot[int], chart: ChartPanel, to: int) -> None:
    from textual.events import MouseMove

    await pilot._post_mouse_events([MouseMove], chart, offset=(to, 5), button=1)
    await pilot.pause()
