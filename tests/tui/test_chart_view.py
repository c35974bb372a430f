"""Zoom, pan and follow: what stays in view, and where."""

from hypothesis import given
from hypothesis import strategies as st

from distill_tui.chart_view import NARROWEST, View

newest_steps = st.integers(0, 2_000_000)
spans = st.integers(4, 20).map(lambda power: 1 << power)
DOTS = 200


@st.composite
def views(draw: st.DrawFn) -> tuple[View, int]:
    """A view that can be reached by keys, and the newest step."""
    newest = draw(newest_steps)
    view = View()
    for direction in draw(st.lists(st.sampled_from([1, 1, 1, -1]), max_size=12)):
        view = view.zoomed(direction, newest, newest)
    for steps in draw(st.lists(st.integers(-300_000, 300_000), max_size=3)):
        view = view.panned(steps, newest, newest)
    return view, newest


@given(views())
def test_whatever_one_does_there_is_something_to_see(reached: tuple[View, int]) -> None:
    view, newest = reached
    x = view.steps(newest, newest, DOTS)
    assert 0 <= x.lo <= newest < max(x.hi, newest + 1)
    assert x.lo <= newest
    assert view.span is None or NARROWEST <= view.span <= newest + 1


@given(views(), st.floats(0, 1), st.sampled_from([1, -1]))
def test_the_step_zoomed_about_keeps_its_place(reached: tuple[View, int], share: float, direction: int) -> None:
    view, newest = reached
    before = view.steps(newest, newest, DOTS)
    about = min(newest, before.lo + int(share * (before.span - 1)))
    zoomed = view.zoomed(direction, newest, newest, about)
    after = zoomed.steps(newest, newest, DOTS)
    assert after.lo <= about < after.hi
    if zoomed.lo:  # at the very beginning, and of the whole run, nothing can lie further left
        wide = max(1, DOTS // after.span, DOTS // before.span)
        assert abs(after.dot(about) - before.dot(about)) <= wide


def test_zooming_without_a_place_keeps_the_newest_in_view() -> None:
    view = View()
    for span in (1024, 512, 256):
        view = view.zoomed(1, 1184, 1184)
        assert view == View(span)
        assert view.steps(1184, 1184, DOTS).hi > 1184
    assert view.zoomed(-1, 1184, 1184).zoomed(-1, 1184, 1184).zoomed(-1, 1184, 1184) == View()
    assert View().zoomed(-1, 1184, 1184) == View(), "there is no more than everything"


def test_zooming_about_what_is_still_to_come_follows() -> None:
    assert View().zoomed(1, 1184, 1184, about=1270) == View(1024)


def test_the_closest_view_comes_no_closer() -> None:
    assert View(NARROWEST, 40).zoomed(1, 1184, 1184, 45) == View(NARROWEST, 40)


@given(views(), st.integers(1, 400_000))
def test_panning_there_and_back_is_where_one_was(reached: tuple[View, int], steps: int) -> None:
    view, newest = reached
    there = view.panned(-steps, newest, newest)
    if there.span is not None and there.lo:  # not stopped by the beginning
        back = there.panned(steps, newest, newest)
        assert back.steps(newest, newest, DOTS) == view.steps(newest, newest, DOTS)


def test_panning_past_the_newest_follows_again() -> None:
    pinned = View(256).panned(-64, 1184, 1184)
    assert pinned.lo is not None
    assert pinned.panned(1_000, 1184, 1184) == View(256)
    assert View().panned(-100, 1184, 1184) == View(), "of the whole run there is nothing beside"


def test_one_can_pan_to_the_end_of_a_longer_run_laid_over() -> None:
    far = View(256).panned(10_000, 1184, 5000)
    assert far.steps(1184, 5000, DOTS).hi > 5000
    assert far.followed() == View(256), "f comes back to the watched run"
    assert View().steps(1184, 5000, DOTS).hi > 5000


@given(views(), st.floats(0, 1))
def test_a_step_can_always_be_brought_into_view(reached: tuple[View, int], share: float) -> None:
    view, newest = reached
    step = int(share * newest)
    held = view.holding(step, newest, newest)
    x = held.steps(newest, newest, DOTS)
    assert x.lo <= step < x.hi
    assert held.span == view.span
    assert held.holding(step, newest, newest) == held


def test_following_then_the_whole_run() -> None:
    assert View(64, 10).followed() == View(64)
    assert View(64).followed() == View()
