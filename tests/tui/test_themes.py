"""Themes can be read by eyes, are checked before they are worn, and are remembered."""

import re
from pathlib import Path

import pytest
from textual.color import Color

from distill_tui import theme as themes
from distill_tui.theme import ROLES, ThemeError, available, default_name, load

OURS = sorted(themes.themes_folder().glob("*.toml"))
PAINTED = [path for path in OURS if path.stem != themes.TERMINAL]
TEXT = ("text", "strong", "muted", "accent", "best", "good", "warning", "danger", "key", "train", "validation")
ON_THEIR_OWN = ("selected", "banner_warning", "banner_danger")


def contrast(first: Color, second: Color) -> float:
    """WCAG 2 contrast ratio."""

    def luminance(color: Color) -> float:
        parts = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in color.rgb]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_there_are_dark_light_and_high_contrast_ones() -> None:
    assert {"distill-dark", "distill-light", "distill-contrast", "distill-terminal"} <= {path.stem for path in OURS}
    assert not load(themes.themes_folder() / "distill-light.toml").theme.dark


@pytest.mark.parametrize("path", PAINTED, ids=lambda path: path.stem)
def test_text_and_curves_meet_wcag_aa(path: Path) -> None:
    found = load(path)
    background, surface = Color.parse(str(found.theme.background)), Color.parse(str(found.theme.surface))
    for role in TEXT:
        color = Color.parse(found.roles[role].split()[0])
        assert contrast(color, background) >= 4.5, (role, contrast(color, background))
        assert contrast(color, surface) >= 4.5, (role, contrast(color, surface))
    for role in ON_THEIR_OWN:
        words = found.roles[role].split()
        assert contrast(Color.parse(words[0]), Color.parse(words[-1])) >= 4.5, role
    assert contrast(Color.parse(found.roles["focus"].split()[0]), background) >= 3


@pytest.mark.parametrize("path", PAINTED, ids=lambda path: path.stem)
def test_training_and_validation_are_told_apart(path: Path) -> None:
    roles = load(path).roles
    train, validation = (Color.parse(roles[role].split()[0]) for role in ("train", "validation"))
    assert sum(abs(a - b) for a, b in zip(train.rgb, validation.rgb, strict=True)) > 200


def test_the_terminals_own_colours_are_left_alone_by_its_theme() -> None:
    found = load(themes.themes_folder() / f"{themes.TERMINAL}.toml")
    assert found.theme.ansi
    assert all("#" not in text for text in found.roles.values())
    assert found.palette["text"].bgcolor is None


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
    ],
)
def test_a_broken_theme_is_refused_in_one_line(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = (themes.themes_folder() / "distill-dark.toml").read_text()
    path = tmp_path / "mine.toml"
    assert change[0] in text
    path.write_text(text.replace(change[0], change[1], 1))
    with pytest.raises(ThemeError, match=message) as caught:
        load(path)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("mine.toml: ")


def test_a_theme_of_ones_own_needs_only_colours(tmp_path: Path) -> None:
    text = (themes.themes_folder() / "distill-dark.toml").read_text()
    folder = themes.user_folder() / "themes"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(re.sub(r"\[roles\].*", "", text, flags=re.DOTALL))
    found = load(available()["mine"])
    assert set(found.roles) == set(ROLES)
    assert found.palette["train"].color is not None


def test_the_choice_is_remembered(tmp_path: Path) -> None:
    assert themes.remembered() is None
    themes.remember("distill-light")
    assert themes.remembered() == "distill-light"


def test_the_first_theme_follows_the_terminal() -> None:
    assert default_name({}) == themes.DARK
    assert default_name({"COLORFGBG": "0;15"}) == themes.LIGHT
    assert default_name({"COLORFGBG": "15;0"}) == themes.DARK
    assert default_name({"NO_COLOR": "1"}) == themes.TERMINAL
