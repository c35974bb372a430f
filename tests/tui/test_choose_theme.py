"""Choosing a theme: seen at once on the live screen, kept or taken back, whatever lies in the config folder."""

import re
from pathlib import Path

import pytest

from distill_tui import theme as themes
from distill_tui.screens.choose_theme import ChooseTheme, ThemeRows, offers
from distill_tui.screens.help import HelpScreen
from tests.tui.conftest import Monitor, Watched

DARK = (themes.themes_folder() / "distill-dark.toml").read_text()


def own(name: str, text: str | None = None) -> Path:
    folder = themes.user_folder() / "themes"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.toml"
    path.write_text(text if text is not None else (themes.themes_folder() / "distill-ember.toml").read_text())
    return path


def picture(seen: Watched) -> str:
    """What the person sees, the screens behind the list included."""
    return re.sub("<[^>]+>", "", seen.app.export_screenshot()).replace("&#160;", " ")


async def choosing(seen: Watched) -> ThemeRows:
    await seen.press("t")
    assert isinstance(seen.app.screen, ChooseTheme)
    return seen.app.screen.query_one(ThemeRows)


async def test_the_screen_wears_what_is_selected_and_enter_keeps_it(monitor: Monitor) -> None:
    async with monitor() as seen:
        seen.app._remember_theme = True
        rows = await choosing(seen)
        assert rows.selected == "distill-dark"
        await seen.press("down")
        await seen.until(lambda: seen.app.theme == "distill-ember")
        assert themes.remembered() is None, "looking is not choosing"
        await seen.press("enter")
        assert not isinstance(seen.app.screen, ChooseTheme)
        assert (seen.app.theme, themes.remembered()) == ("distill-ember", "distill-ember")


@pytest.mark.parametrize("key", ["escape", "q", "ctrl+c"])
async def test_escape_goes_back_to_what_was(monitor: Monitor, key: str) -> None:
    async with monitor() as seen:
        await choosing(seen)
        await seen.press("t")
        await seen.until(lambda: seen.app.theme == "distill-ember")
        await seen.press("down", key)
        assert not isinstance(seen.app.screen, ChooseTheme)
        await seen.pilot.pause(0.1)
        assert seen.app.theme == "distill-dark", "not even the one that was about to be worn"


async def test_the_run_stays_in_sight_and_live_behind_the_list(monitor: Monitor) -> None:
    async with monitor() as seen:
        await choosing(seen)
        assert "epoch 37 / 200" in picture(seen)
        seen.link.advance(32)
        await seen.until(lambda: "epoch 38 / 200" in picture(seen))


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_each_says_what_it_is_for(monitor: Monitor, size: tuple[int, int]) -> None:
    own("mine")
    async with monitor(size=size) as seen:
        rows = await choosing(seen)
        for offer in offers():
            rows.select(offer.name)
            await seen.pilot.pause()
            assert offer.found is not None
            assert offer.title in seen.text
            assert all(word in seen.text for word in offer.found.about.split()), offer.name
        assert rows.keys[-1] == "mine"
        assert "yours" in seen.text


async def test_a_broken_one_says_why_and_cannot_be_chosen(monitor: Monitor) -> None:
    own("broken", DARK.replace('background = "#14171c"', 'background = "no such colour"'))
    own("[red]pale\x1b[2J", DARK.replace("#959eac", "#555e6b"))
    async with monitor() as seen:
        rows = await choosing(seen)
        rows.select("broken")
        await seen.pilot.pause(0.1)
        assert 'colors.background = "no such colour"' in seen.text
        await seen.press("enter")
        assert isinstance(seen.app.screen, ChooseTheme)
        assert seen.app.theme == "distill-dark"
        rows.select("[red]pale\x1b[2J")
        await seen.pilot.pause(0.1)
        assert "[red]pale[2J: muted is hard to read on panel" in seen.text
        await seen.press("escape")
        assert seen.app.theme == "distill-dark"


async def test_a_theme_that_is_deleted_while_one_looks_can_be_left(monitor: Monitor) -> None:
    path = own("mine")
    async with monitor() as seen:
        rows = await choosing(seen)
        path.unlink()
        rows.select("mine")
        await seen.pilot.pause(0.1)
        await seen.press("enter")
        assert seen.app.theme == "distill-dark"
        await seen.press("escape")
        assert not isinstance(seen.app.screen, ChooseTheme)


async def test_the_mouse_looks_with_one_click_and_keeps_with_two(monitor: Monitor) -> None:
    async with monitor() as seen:
        rows = await choosing(seen)
        at = rows.keys.index("distill-light")
        await seen.pilot.click(ThemeRows, offset=(4, at))
        await seen.until(lambda: seen.app.theme == "distill-light")
        await seen.pilot.click(ThemeRows, offset=(4, at), times=2)
        assert not isinstance(seen.app.screen, ChooseTheme)
        assert seen.app.theme == "distill-light"


async def test_it_explains_itself(monitor: Monitor) -> None:
    async with monitor() as seen:
        await choosing(seen)
        await seen.press("?")
        assert [type(screen) for screen in seen.app.screen_stack[-2:]] == [ChooseTheme, HelpScreen]
        assert "distill-tui/themes" in seen.text
        await seen.press("escape")
        assert isinstance(seen.app.screen, ChooseTheme)
