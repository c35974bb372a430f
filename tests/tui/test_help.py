"""`?` says what the focused panel means, what is good and what to do, then its keys, then all keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from distill_tui.keys import BY_ID
from distill_tui.panels.panel import Panel
from distill_tui.panels.words import PanelHelp
from distill_tui.screens.dialogs import Confirm
from distill_tui.screens.help import PANEL_KEYS, HelpScreen, explained
from distill_tui.screens.help_text import explanation
from distill_tui.screens.stage import PANELS
from distill_tui.theme import Palette
from tests.fakes import FakeLink
from tests.tui.conftest import Monitor

LABELS = ("What it shows", "What good looks like", "What to do")
WORDS = PanelHelp("Loss", "It falls. " * 12, "Both fall [red]together[/].", "Wait.\n\nThen wait on.")


def words_of(panel: object) -> PanelHelp:
    ask = getattr(panel, "help_words", None)
    words = ask() if callable(ask) else getattr(panel, "WORDS", None)
    assert isinstance(words, PanelHelp), panel
    return words


@pytest.mark.parametrize("name", PANELS)
async def test_every_panel_explains_itself_and_fits_the_smallest_screen(monitor: Monitor, name: str) -> None:
    link = FakeLink()
    link.warn()
    async with monitor(link, size=(80, 24)) as seen:
        seen.board.action_show(name) if name != "alerts" else seen.board.focus_panel(name)
        await seen.pilot.pause()
        words = words_of(seen.board.query_one(f"#{name}"))
        await seen.press("?")
        assert isinstance(seen.app.screen, HelpScreen)
        assert words.title in seen.text
        assert all(label in seen.text for label in LABELS), "the words come first and fit"
        assert words.todo.split()[-1] in seen.text
        assert all(part.rstrip()[-1] in ".!?" for part in (words.means, words.good, words.todo))


async def test_the_keys_that_matter_come_before_all_others(monitor: Monitor) -> None:
    async with monitor() as seen:
        await seen.press("?")
        text = seen.text
        assert text.index("What to do") < text.index("Keys here") < text.index(BY_ID["zoom_in"].help)
        await seen.press("end")
        assert BY_ID["suspend"].help in seen.text
        await seen.press("home")
        assert "Keys here" in seen.text


async def test_a_panel_may_answer_for_what_is_selected_in_it(monitor: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    async with monitor(size=(80, 24)) as seen:
        board = seen.board
        monkeypatch.setattr(type(board.chart), "help_words", lambda self: WORDS, raising=False)
        await seen.press("?")
        assert "Both fall [red]together[/]." in seen.text


async def test_a_dialog_explains_itself_and_comes_back(monitor: Monitor) -> None:
    async with monitor() as seen:
        await seen.press("c")
        assert isinstance(seen.app.screen, Confirm)
        await seen.press("?")
        assert isinstance(seen.app.screen, HelpScreen)
        assert Confirm.WORDS.title in seen.text
        assert BY_ID["zoom_in"].help not in seen.text, "keys that do nothing here"
        await seen.press("?")
        assert isinstance(seen.app.screen, Confirm)


async def test_a_resize_breaks_the_lines_anew(monitor: Monitor) -> None:
    async with monitor(size=(160, 50)) as seen:
        await seen.press("?")
        await seen.pilot.resize_terminal(60, 20)
        await seen.pilot.pause()
        assert "What it shows" in seen.text
        assert "↓ more" in seen.text


async def test_what_has_no_words_is_explained_by_its_screen(monitor: Monitor) -> None:
    async with monitor() as seen:
        await seen.press("?")
        assert explained(seen.app.screen) is seen.app.screen
        assert isinstance(explained(seen.board), Panel)


@given(st.integers(24, 160), st.integers(5, 40), st.text(max_size=200), st.text(max_size=200))
def test_words_of_any_kind_stay_within_the_width(width: int, height: int, means: str, todo: str) -> None:
    text = explanation(PanelHelp("Title", means, "", todo), width, height, Palette())
    assert all(cell_len(line.plain) <= width for line in text.split("\n"))
    assert "\x1b" not in text.plain


def test_labels_stand_beside_the_words_then_above_then_before_them() -> None:
    def plain(width: int, height: int) -> str:
        return explanation(WORDS, width, height, Palette()).plain

    assert "What to do             Wait. Then wait on." in plain(90, 20)
    assert "What to do\nWait. Then wait on." in plain(60, 20)
    assert "What to do. Wait. Then wait on." in plain(60, 8)


def test_the_keys_of_panels_are_keys() -> None:
    assert {name for names in PANEL_KEYS.values() for name in names} <= set(BY_ID)
    assert set(PANEL_KEYS) == set(PANELS)
