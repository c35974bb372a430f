"""The clock of a replay goes as fast as it is told, stops at its end, and says when it was set back."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.run.replay_clock import FASTEST, SLOWEST, ReplayClock, usual_speed


class Seconds:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 7.0

    def __call__(self) -> float:
        return self.now


def clock(length: float = 100.0, speed: float = 2.0) -> tuple[ReplayClock, Seconds]:
    seconds = Seconds()
    return ReplayClock(length, speed, seconds), seconds


def test_it_stands_until_it_is_played_and_while_it_is_paused() -> None:
    replay, time = clock()
    time.now += 10
    assert (replay.position, replay.playing) == (0.0, False)
    replay.play()
    time.now += 10
    assert (replay.position, replay.playing) == (20.0, True)
    replay.toggle()
    time.now += 10
    assert (replay.position, replay.playing) == (20.0, False)
    replay.toggle()
    time.now += 1
    assert replay.position == 22.0


def test_it_stops_at_its_end_and_begins_anew_from_there() -> None:
    replay, time = clock()
    replay.play()
    time.now += 1000
    assert (replay.position, replay.playing) == (100.0, False)
    replay.toggle()
    assert (replay.position, replay.playing, replay.generation) == (0.0, True, 1)


def test_another_speed_counts_from_now_on() -> None:
    replay, time = clock()
    replay.play()
    time.now += 5
    replay.change_speed(2.0)
    time.now += 5
    assert (replay.speed, replay.position) == (4.0, 30.0)
    replay.change_speed(1e-9)
    assert replay.speed == SLOWEST
    replay.change_speed(1e18)
    assert replay.speed == FASTEST


def test_only_going_back_is_a_new_generation() -> None:
    replay, time = clock()
    replay.play()
    replay.skip(0.5)
    assert (replay.position, replay.generation) == (50.0, 0)
    replay.seek(math.inf)
    assert (replay.position, replay.generation) == (100.0, 0)
    replay.skip(-0.05)
    assert (replay.position, replay.generation) == (95.0, 1)
    replay.seek(-3)
    assert (replay.position, replay.generation) == (0.0, 2)
    replay.skip(-0.05)
    assert replay.generation == 2, "it was there already"
    time.now += 1
    assert replay.position == 2.0


@given(st.lists(st.tuples(st.sampled_from(["play", "pause", "toggle"]), st.floats(0, 60)), max_size=20))
def test_it_only_goes_forth_unless_it_began_anew(ways: list[tuple[str, float]]) -> None:
    replay, time = clock()
    before, generation = 0.0, 0
    for way, wait in ways:
        getattr(replay, way)()
        time.now += wait
        assert replay.position >= before or replay.generation > generation
        before, generation = replay.position, replay.generation
        assert 0 <= before <= replay.length


@pytest.mark.parametrize(
    ("length", "speed"),
    [(0, 1), (10, 1), (60, 1), (100, 2), (149, 2), (200, 5), (1200, 20), (3600, 50), (50_000, 1000), (604_800, 10_000)],
)
def test_the_usual_speed_takes_about_a_minute(length: float, speed: float) -> None:
    assert usual_speed(length) == speed


@given(st.floats(60, 1e8))
def test_it_never_takes_less_than_half_a_minute_nor_two(length: float) -> None:
    assert 30 < length / usual_speed(length) < 120
