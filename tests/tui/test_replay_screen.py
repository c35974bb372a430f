"""A run that is over, watched again: the keys, the line that says where it stands, and the way back."""

import pytest

from core.run.events import NoteAdded
from core.run.replay_clock import ReplayPosition
from distill_tui.keys import KEYS
from tests.fakes import FakeLink
from tests.tui.conftest import Monitor, Watched
from tests.tui.test_dashboard import toasts

LENGTH = 1600 / 21.4


def over() -> FakeLink:
    """Fifty epochs of 32 steps, with a note after 800 steps and a warning after 1200, and its end."""
    link = FakeLink(steps=800, total_epochs=50)
    link.emit(NoteAdded(link.step, "quieter from here"))
    link.advance(400)
    link.warn()
    link.advance(400)
    link.complete("finished")
    return link


def standing(seen: Watched) -> ReplayPosition:
    replay = seen.board.snapshot.replay
    assert replay is not None
    return replay


def step(seen: Watched) -> int:
    return seen.board.state.step.step if seen.board.state.step else 0


async def paused(seen: Watched, keys: str = "") -> None:
    """A replay that stands at its start, and then so many keys on."""
    await seen.press("R")
    await seen.until(lambda: seen.board.snapshot.replay)
    await seen.press("R")
    await seen.until(lambda: not standing(seen).playing)
    for key in keys:
        await seen.press(key)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_it_plays_from_the_start_to_the_end_and_stops_there(monitor: Monitor, size: tuple[int, int]) -> None:
    async with monitor(over(), size=size) as seen:
        assert "✓ finished" in seen.text
        whole = seen.board.state
        await seen.press("R")
        await seen.until(lambda: "▶ replay x1" in seen.text)
        assert "finished" not in seen.text
        assert " / 1:14" in seen.text
        assert step(seen) < 800
        await seen.press(*")" * 7)
        await seen.until(lambda: "▶ replay x128" in seen.text or not standing(seen).playing)
        await seen.until(lambda: not standing(seen).playing, "the end")
        assert "║ replay" in seen.text
        assert "1:14 / 1:14" in seen.text
        assert seen.board.state == whole


async def test_keys_go_back_and_forth_and_pause(monitor: Monitor) -> None:
    async with monitor(over()) as seen:
        await paused(seen, "}" * 10)
        await seen.until(lambda: step(seen) >= 800)
        middle = standing(seen)
        assert middle.seconds == pytest.approx(LENGTH / 2, abs=3)
        assert "quieter from here" in seen.text
        assert "Overfitting" not in seen.text
        assert f"step {middle.step:,}" in seen.text
        assert max(epoch.step for epoch in seen.board.state.epochs) <= middle.step

        await seen.press(*"}" * 6)
        await seen.until(lambda: "Overfitting since" in seen.text, "the warning comes when it came")
        await seen.press(*"{" * 14)
        await seen.until(lambda: standing(seen).step < 400)
        assert "Overfitting" not in seen.text
        assert "quieter" not in seen.text
        before = standing(seen).seconds
        await seen.press("R", ")", ")")
        await seen.until(lambda: "▶ replay x4" in seen.text and standing(seen).seconds > before)
        await seen.press("(", "(", "(")
        await seen.until(lambda: "▶ replay x0.5" in seen.text)


async def test_curves_end_where_it_stands(monitor: Monitor) -> None:
    async with monitor(over(), size=(200, 60)) as seen:
        await paused(seen, "}" * 5)
        await seen.until(lambda: step(seen) >= 350 and len(seen.board.snapshot.series) > 5)
        await seen.until(lambda: seen.board.reader._wanted <= set(seen.board.snapshot.series))
        snapshot = seen.board.snapshot
        assert all(series.highest_step <= step(seen) for series in snapshot.series.values())
        assert any(series.highest_step == step(seen) for series in snapshot.series.values())


async def test_escape_ends_it_after_its_other_meanings(monitor: Monitor) -> None:
    async with monitor(over()) as seen:
        whole = seen.board.state
        await paused(seen, "}}}}")
        await seen.press("1", "v")
        await seen.press("escape")
        assert seen.board.chart.cursor is None
        assert seen.board.maximized is seen.board.chart
        await seen.press("escape")
        assert seen.board.maximized is None
        assert seen.board.snapshot.replay is not None
        await seen.press("escape")
        await seen.until(lambda: seen.board.snapshot.replay is None)
        assert seen.board.state == whole
        assert "✓ finished" in seen.text
        await seen.until(lambda: all(s.highest_step == 1600 for s in seen.board.snapshot.series.values()))


async def test_it_begins_at_the_charts_cursor(monitor: Monitor) -> None:
    async with monitor(over()) as seen:
        await seen.press("1", "v", *["left"] * 40)
        cursor = seen.board.chart.cursor
        assert cursor is not None
        await seen.press("R", "R")
        await seen.until(lambda: seen.board.snapshot.replay is not None and not standing(seen).playing)
        assert cursor <= step(seen) < cursor + 100
        assert seen.board.chart.cursor is None, "it has said where to begin"


async def test_at_the_end_it_begins_anew(monitor: Monitor) -> None:
    async with monitor(over()) as seen:
        await paused(seen, "}" * 21)
        await seen.until(lambda: step(seen) == 1600)
        await seen.press("R")
        await seen.until(lambda: standing(seen).playing and step(seen) < 400)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_a_click_on_the_bar_goes_there(monitor: Monitor, size: tuple[int, int]) -> None:
    async with monitor(over(), size=size) as seen:
        await paused(seen)
        line = seen.text.splitlines()[0]
        bar = [column for column, character in enumerate(line) if character in "━╸─"]
        assert len(bar) >= 8
        await seen.pilot.click("#status", offset=(bar[-1], 0))
        await seen.until(lambda: step(seen) == 1600)
        await seen.pilot.click("#status", offset=(bar[len(bar) // 2], 0))
        await seen.until(lambda: 600 < step(seen) < 1000)
        await seen.pilot.click("#status", offset=(bar[0], 0))
        await seen.until(lambda: standing(seen).seconds == 0)
        await seen.pilot.click("#status", offset=(2, 0))
        await seen.pilot.pause(0.1)
        assert standing(seen).seconds == 0


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_bottom_line_offers_its_keys_while_it_is_on(monitor: Monitor, size: tuple[int, int]) -> None:
    offer = "R replay   { back   } on   ( slow   ) fast"
    async with monitor(over(), size=size) as seen:
        assert "{ back" not in seen.text.splitlines()[-1]
        await paused(seen)
        assert seen.text.splitlines()[-1].strip().startswith(offer)
        assert "esc back" in seen.text.splitlines()[-1]
        await seen.press("escape")
        await seen.until(lambda: "{ back" not in seen.text.splitlines()[-1])


async def test_a_finished_run_offers_it_to_the_mouse(monitor: Monitor) -> None:
    async with monitor(over(), size=(120, 40)) as seen:
        column = seen.text.splitlines()[1].index("R replay")
        await seen.pilot.click("#status", offset=(column, 1))
        await seen.until(lambda: seen.board.snapshot.replay)


async def test_a_live_run_is_not_replayed(monitor: Monitor) -> None:
    async with monitor() as seen:
        await seen.press("R")
        assert "it can be replayed once it is over" in toasts(seen)
        assert "R replay" not in seen.text
        await seen.press("}")
        assert "R begins one" in toasts(seen)
        assert seen.board.snapshot.replay is None


async def test_a_run_in_which_nothing_happened_says_so(monitor: Monitor) -> None:
    link = FakeLink(steps=0, live=False)
    async with monitor(link) as seen:
        await seen.press("R")
        await seen.until(lambda: "nothing has happened in this run" in toasts(seen))


async def test_what_asks_a_trainer_is_refused_meanwhile(monitor: Monitor) -> None:
    async with monitor(over()) as seen:
        await paused(seen, "}}}")
        await seen.press("s")
        assert "no trainer is at work" in toasts(seen)
        assert seen.link.sent == []


def test_every_key_of_a_replay_is_in_the_palette() -> None:
    keys = [key for key in KEYS if key.id.startswith("replay")]
    assert len(keys) == 5
    assert all(key.palette and key.scope == "run" for key in keys)
