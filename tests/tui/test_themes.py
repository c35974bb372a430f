"""Themes can be read by all eyes, are checked before they are worn, and are remembered."""

import re
from itertools import combinations, pairwise
from pathlib import Path

import pytest
from rich.style import Style
from textual.color import Color

from distill_tui import contrast
from distill_tui import theme as themes
from distill_tui.app import DistillApp, Watch
from distill_tui.contrast import AA, GROUNDS, TEXT_ROLES
from distill_tui.theme import HEAT_SHADES, ROLES, ThemeError, ThemeFile, available, color_of, default_name, load
from tests.fakes import FakeLink
from tests.tui.color_vision import EYES, apart, oklab

OURS = sorted(themes.themes_folder().glob("*.toml"))
PAINTED = [path for path in OURS if path.stem != themes.TERMINAL]
NO_WORDS = {"faint", "border", "track", "raw", "bar"}
LEAST_APART = 0.07  # in OKLab, of any two of the eight series, for all eyes in EYES; 0.02 is just noticed
NAMES = [path.stem for path in PAINTED]


def grounds(found: ThemeFile) -> dict[str, Color]:
    return {name: color_of(getattr(found.theme, name)) for name in GROUNDS}


def ink(found: ThemeFile, role: str) -> Color:
    color = found.palette[role].color
    assert color is not None
    return Color(*color.get_truecolor())


def mine(text: str) -> Path:
    folder = themes.user_folder() / "themes"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def dark_text() -> str:
    return (themes.themes_folder() / "distill-dark.toml").read_text()


def test_contrast_is_that_of_wcag() -> None:
    black, white, grey = Color(0, 0, 0), Color(255, 255, 255), Color.parse("#767676")
    assert contrast.ratio(black, white) == pytest.approx(21)
    assert contrast.ratio(white, white) == 1
    assert contrast.ratio(grey, white) == pytest.approx(4.54, abs=0.005), "the grey that just passes on white"


def test_there_are_dark_light_and_high_contrast_ones() -> None:
    looks = {path.stem: load(path) for path in OURS}
    assert {"distill-dark", "distill-light", "distill-contrast", "distill-terminal"} <= set(looks)
    assert len(PAINTED) >= 5
    assert sum(not found.theme.dark for found in looks.values()) >= 2
    assert all(0 < len(found.about) <= 52 for found in looks.values()), "each says in a line what it is for"


def test_every_role_is_either_judged_as_text_or_known_not_to_be() -> None:
    assert set(TEXT_ROLES) | NO_WORDS == set(ROLES)


@pytest.mark.parametrize("path", PAINTED, ids=NAMES)
def test_all_words_meet_wcag_aa_wherever_they_stand(path: Path) -> None:
    found = load(path)
    judged = contrast.contrasts(grounds(found), found.palette.styles)
    assert {weak.role for weak in judged} == set(TEXT_ROLES)
    assert [weak for weak in judged if weak.ratio < AA] == []
    assert found.hard_to_read == ""


@pytest.mark.parametrize("path", PAINTED, ids=NAMES)
def test_series_are_told_apart_by_all_eyes(path: Path) -> None:
    found = load(path)
    series = [ink(found, f"series{index}") for index in range(1, 9)]
    train, validation = ink(found, "train"), ink(found, "validation")
    for eyes in EYES:
        assert min(apart(one, other, eyes) for one, other in combinations(series, 2)) >= LEAST_APART, eyes
        assert min(apart(one, other, eyes) for one in series for other in (train, validation)) >= 0.05, eyes
        assert apart(train, validation, eyes) >= 0.1, eyes


@pytest.mark.parametrize("path", PAINTED, ids=NAMES)
def test_heat_climbs_evenly_from_the_background(path: Path) -> None:
    found = load(path)
    shades = [oklab(shade)[0] for shade in found.palette.shades]
    climb = [(high - low) * (1 if found.theme.dark else -1) for low, high in pairwise(shades)]
    assert len(shades) == HEAT_SHADES
    mean = sum(climb) / len(climb)
    assert all(mean / 2 < step < mean * 1.6 for step in climb), climb
    assert abs(shades[0] - oklab(grounds(found)["background"])[0]) < 0.17
    assert mean * len(climb) > 0.6


def test_the_terminals_own_colours_are_left_alone_by_its_theme() -> None:
    found = load(themes.themes_folder() / f"{themes.TERMINAL}.toml")
    assert found.theme.ansi
    assert all("#" not in text for text in found.roles.values())
    assert found.palette["text"].bgcolor is None
    assert found.palette.heat == 0
    assert found.hard_to_read == "", "only the terminal knows what they look like"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (('accent = "#6fc7b6"', 'accent = "#6fc7bg"'), r'colors\.accent = "#6fc7bg": expected a colour'),
        (
            ('accent = "#6fc7b6"', 'acent = "#6fc7b6"'),
            r"colors\.acent is not a known key; did you mean colors\.accent\?",
        ),
        (('train = "#7cb0f2"', 'train = "blurple"'), r'roles\.train = "blurple"'),
        (('background = "#14171c"', ""), r"colors\.background is missing"),
        (("[colors]", "[colors"), "cannot be read"),
        (('name = "distill-dark"', 'named = "x"'), "did you mean name"),
        (("heat = [", 'heat = 5 # ["'), "heat should be a list of colours"),
        (("heat = [", 'heat = ["hot", '), 'heat = "hot": expected a colour'),
    ],
)
def test_a_broken_theme_is_refused_in_one_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = dark_text()
    path = tmp_path / "mine.toml"
    assert change[0] in text
    path.write_text(text.replace(change[0], change[1], 1))
    with pytest.raises(ThemeError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("mine.toml: ")


def test_a_theme_of_ones_own_needs_only_colours() -> None:
    mine(re.sub(r"\[roles\].*", "", dark_text(), flags=re.DOTALL))
    found = load(available()["mine"])
    assert set(found.roles) == set(ROLES)
    assert found.palette["train"].color is not None


@pytest.mark.parametrize("muted", ["", "bold", "bold #8f98a6", "on #000000"])
async def test_a_role_without_a_colour_takes_the_nearest(muted: str) -> None:
    mine(re.sub(r'muted = ".*"', f'muted = "{muted}"', dark_text()))
    app = DistillApp(Watch(FakeLink()), remember_theme=False)
    async with app.run_test() as pilot:
        assert app.choose_theme("mine")
        await pilot.pause()
        assert app.theme == "mine"


def test_one_that_is_hard_to_read_loads_and_says_which_words_and_how_hard() -> None:
    found = load(mine(re.sub(r'muted = ".*"', 'muted = "#555e6b"', dark_text())))
    assert found.palette["muted"] == Style(color="#555e6b")
    assert re.fullmatch(r"mine: muted is hard to read on panel \(contrast 2\.4, 4\.5 is wanted\)", found.hard_to_read)
    found = load(mine(re.sub(r'selected = ".*"', 'selected = "#777777 on #888888"', dark_text())))
    assert "selected is hard to read on its own ground" in found.hard_to_read


def test_the_choice_is_remembered() -> None:
    assert themes.remembered() is None
    themes.remember("distill-light")
    assert themes.remembered() == "distill-light"


async def test_a_remembered_theme_that_is_gone_is_replaced_and_named() -> None:
    themes.remember("mine")
    app = DistillApp(Watch(FakeLink()))
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app.theme == themes.DARK
        assert [toast.message for toast in app._notifications if "mine" in toast.message]
    assert themes.remembered() == "mine", "it may come back"


def test_the_first_theme_follows_the_terminal() -> None:
    assert default_name({}) == themes.DARK
    assert default_name({"COLORFGBG": "0;15"}) == themes.LIGHT
    assert default_name({"COLORFGBG": "15;0"}) == themes.DARK
    assert default_name({"NO_COLOR": "1"}) == themes.TERMINAL
