"""Choosing a live value and giving it another: what is sent, and what is refused before it is sent."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.widgets import Input

from core.run.commands import Set
from core.run.events import ValueSet
from core.training.live import BY_KEY
from distill_tui.screens.set_value import SetValue
from distill_tui.screens.set_value_words import effect, parsed, stepped
from tests.fakes import FakeLink
from tests.tui.conftest import Monitor, Watched

Answers = list[tuple[str, float] | None]
RATE, STFT, PREVIEWS = BY_KEY["learning_rate"], BY_KEY["loss.stft.weight"], BY_KEY["preview.every"]


def settled_config() -> dict[str, Any]:
    """A resolved config, as a run folder has it."""
    config = FakeLink(steps=0).info().config
    config["learning_rate"], config["preview"]["every"], config["checkpoint"]["every"] = 0.001, 5, 5
    return config


@asynccontextmanager
async def asked(
    monitor: Monitor, config: dict[str, Any] | None = None, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Watched, Answers]]:
    answers: Answers = []
    async with monitor(size=size) as seen:
        seen.app.push_screen(SetValue(config or settled_config()), answers.append)
        await seen.pilot.pause()
        yield seen, answers


async def test_a_number_and_enter_set_the_first_value(monitor: Monitor) -> None:
    async with asked(monitor) as (seen, answers):
        assert "learning rate" in seen.text
        await seen.press("0", "full_stop", "0", "0", "0", "5")
        assert "0.001 becomes 0.0005 from the next step on: half as much." in seen.text
        await seen.press("enter")
        assert answers == [("learning_rate", 0.0005)]


async def test_from_the_dashboard_it_is_asked_and_shown_as_soon_as_it_is_so(monitor: Monitor) -> None:
    async with monitor(FakeLink(answers=False)) as seen:
        await seen.press("equals_sign", *"stft", "minus", "enter")
        await seen.until(lambda: seen.link.sent)
        assert seen.link.sent == [Set("loss.stft.weight", 0.5)]
        assert "⚙" not in seen.text  # nothing is shown that the trainer has not confirmed
        seen.link.emit(ValueSet(seen.link.step, "loss.stft.weight", 1.0, 0.5))
        await seen.until(lambda: "⚙ STFT weight  0.5" in seen.text)
        assert "⚙ STFT weight 1 → 0.5" in seen.text


async def test_letters_find_a_value_and_plus_doubles_it(monitor: Monitor) -> None:
    async with asked(monitor) as (seen, answers):
        await seen.press(*"stft")
        assert "learning rate" not in seen.text
        await seen.press("plus")
        assert "twice as much" in seen.text
        await seen.press("plus", "minus", "minus", "minus", "enter")
        assert answers == [("loss.stft.weight", 0.5)]


async def test_arrows_choose_and_whole_numbers_are_stepped(monitor: Monitor) -> None:
    async with asked(monitor) as (seen, answers):
        await seen.press(*"previews", "enter")
        assert seen.app.screen.query_one("#set-number", Input).has_focus
        await seen.press("minus")
        assert "From now on previews are made every 4 epochs." in seen.text
        await seen.press("enter")
        assert answers == [("preview.every", 4.0)]


async def test_another_choice_begins_with_its_own_value(monitor: Monitor) -> None:
    async with asked(monitor) as (seen, answers):
        await seen.press("minus", "down", "down", "up")
        number = seen.app.screen.query_one("#set-number", Input)
        assert number.value == "1"  # the STFT's, not half of the rate
        await seen.press("3", "enter")
        assert answers == [("loss.stft.weight", 3.0)]


@pytest.mark.parametrize(
    ("keys", "why"),
    [(("2",), "expected above 0, at most 1"), (("0",), "expected above 0"), (("1", "x"), "Not a number"),
     (("0", "full_stop", "0", "0", "1"), "This is what it is now.")],
    ids=["too large", "nothing", "no number", "the same"],
)  # fmt: skip
async def test_what_may_not_be_is_said_and_not_sent(keys: tuple[str, ...], why: str, monitor: Monitor) -> None:
    async with asked(monitor) as (seen, answers):
        await seen.press(*keys)
        assert why in seen.text
        await seen.press("enter")
        assert isinstance(seen.app.screen, SetValue)
        assert answers == []


async def test_the_last_weight_that_is_learned_from_may_not_be_taken_away(monitor: Monitor) -> None:
    config = settled_config()
    config["loss"]["reconstruction"]["weight"] = config["loss"]["log_magnitude"]["weight"] = 0.0
    async with asked(monitor, config) as (seen, answers):
        await seen.press("down", "0", "enter")
        assert "something must be learned" in seen.text
        assert answers == []


async def test_an_exponent_has_its_sign(monitor: Monitor) -> None:
    async with asked(monitor) as (seen, answers):
        await seen.press("5", "e", "minus", "4", "enter")
        assert answers == [("learning_rate", 5e-4)]


async def test_escape_sends_nothing(monitor: Monitor) -> None:
    async with asked(monitor) as (seen, answers):
        await seen.press("minus", "escape")
        assert answers == [None]


async def test_a_name_that_nothing_has_is_said(monitor: Monitor) -> None:
    async with asked(monitor) as (seen, answers):
        await seen.press(*"zz")
        assert "No value that can be changed has such a name." in seen.text
        await seen.press("plus", "enter", "enter")
        assert answers == []


@pytest.mark.parametrize("size", [(40, 20), (80, 24), (120, 40), (200, 60)])
async def test_all_of_it_can_be_seen(size: tuple[int, int], monitor: Monitor) -> None:
    async with asked(monitor, size=size) as (seen, _):
        await seen.press("down", "minus")
        for words in ("find", "new value", "back", "saved first."):
            assert words in seen.text


async def test_a_config_of_another_version_can_be_set_all_the_same(monitor: Monitor) -> None:
    config = settled_config() | {"of_the_future": {"x": 1}}
    async with asked(monitor, config) as (seen, answers):
        await seen.press("minus", "enter")
        assert answers == [("learning_rate", 0.0005)]


def test_numbers_with_a_point_or_a_comma() -> None:
    assert [parsed(text) for text in ("0,5", " 1e-3 ", "", "x", "1,2,3")] == [0.5, 1e-3, None, None, None]


def test_steps_stay_in_range_and_leave_nothing_for_good() -> None:
    assert stepped(RATE, 0.8, 1) == 1.0
    assert stepped(STFT, 0.0, 1) == 0.1
    assert stepped(STFT, 0.0, -1) == 0.0
    assert stepped(PREVIEWS, 1, -1) == 1
    assert stepped(STFT, stepped(STFT, 0.3, 1), -1) == 0.3


def test_words_say_how_much_and_what_follows() -> None:
    assert "no longer learned from" in effect(STFT, 1, 0)
    assert "begins to count" in effect(STFT, 0, 1)
    assert "a new best begins" in effect(STFT, 1, 2)
    assert "best" not in effect(RATE, 1e-3, 3e-3)
    assert "3 times as much" in effect(RATE, 1e-3, 3e-3)
    assert "after every epoch" in effect(PREVIEWS, 5, 1)
    for value in BY_KEY.values():
        assert effect(value, 2, 1).endswith("A checkpoint is saved first.")
