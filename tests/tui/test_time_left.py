"""The time left is right at an even pace, and calm at an uneven one."""

from itertools import pairwise

import pytest

from distill_tui.panels.status import StatusPanel
from distill_tui.time_left import TimeLeft
from tests.fakes import FakeLink
from tests.tui.panel_alone import alone


def told(estimates: list[tuple[float, float]]) -> list[float]:
    left, seconds = TimeLeft(), []
    for elapsed, estimate in estimates:
        left.look(elapsed, estimate)
        assert left.seconds is not None
        seconds.append(left.seconds)
    return seconds


def test_at_an_even_pace_it_is_what_the_clock_says() -> None:
    assert told([(t / 4, 600 - t / 4) for t in range(2000)]) == pytest.approx([600 - t / 4 for t in range(2000)])


def test_half_a_minute_of_load_does_not_make_hours_of_minutes() -> None:
    def estimate(t: float) -> float:
        return 3 * 3600 if 200 <= t < 230 else 23 * 60.0

    seconds = told([(t / 4, estimate(t / 4)) for t in range(4 * 600)])
    assert max(seconds) < 23 * 60 * 1.7
    assert seconds[-1] == pytest.approx(23 * 60, rel=0.15)
    jumps = [abs(b - a) / a for a, b in pairwise(seconds)]
    assert max(jumps) < 0.01


def test_a_first_guess_that_was_wrong_is_soon_forgotten() -> None:
    seconds = told([(0.0, 9000.0), *((t / 4, 600 - t / 4) for t in range(1, 400))])
    assert seconds[40] < 1300
    assert seconds[-1] == pytest.approx(500, rel=0.1)


async def test_a_run_whose_trainer_was_killed_has_no_time_left() -> None:
    async with alone(StatusPanel("bells", "reading"), FakeLink(), (120, 2)) as shown:
        assert " left" in shown.text
        shown.show(live=False)
        assert "stopped without notice" in shown.text
        assert " left" not in shown.text


def test_a_run_that_is_taken_up_again_begins_anew() -> None:
    left = TimeLeft()
    left.look(500.0, 60.0)
    left.look(10.0, 900.0)
    assert left.seconds == 900.0
    left.look(10.0, 5.0)  # the same step again
    left.look(11.0, None)
    assert left.seconds == 900.0
