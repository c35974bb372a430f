"""Themes: one TOML file each, checked when read, with the roles that the panels paint in; and the remembered choice."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from rich.style import Style
from textual.color import Color, ColorParseError
from textual.theme import Theme

from distill_tui.contrast import AA, GROUNDS, weakest

DARK, LIGHT, TERMINAL = "distill-dark", "distill-light", "distill-terminal"

COLORS = ("background", "surface", "panel", "foreground", "primary", "secondary", "accent", "success", "warning",
          "error")  # fmt: skip
ROLES = ("text", "strong", "muted", "faint", "border", "focus", "accent", "train", "validation", "raw", "best", "good",
         "warning", "danger", "key", "bar", "track", "selected", "banner_warning", "banner_danger",
         "series1", "series2", "series3", "series4", "series5", "series6", "series7", "series8")  # fmt: skip
HEAT_SHADES = 16
ATTRIBUTES = ("bold", "dim", "italic", "underline", "reverse")


class ThemeError(ValueError):
    """A theme file cannot be used; the message is one line: which file, which key, what was expected."""


@dataclass(frozen=True)
class Palette:
    """The Rich styles that panels paint with, by role: "text", "muted", "train", "validation", "danger", ...

    "heat:F" is shade F of `shades`, "heat:F:B" that shade in front of shade B; 0 is the lowest. "A/B" is the colour of
    role A in front of the colour of role B.
    """

    styles: Mapping[str, Style] = field(default_factory=dict)
    shades: tuple[Color, ...] = ()

    def __getitem__(self, role: str) -> Style:
        if role.startswith("heat:"):
            return _heat_style(role, self.shades)
        if "/" in role:
            front, _, back = role.partition("/")
            return _pair(self[front], self[back])
        return self.styles.get(role) or _PLAIN

    @property
    def heat(self) -> int:
        """How many shades there are; 0 where colours cannot be mixed."""
        return len(self.shades)


_PLAIN = Style()


@dataclass(frozen=True)
class ThemeFile:
    """A theme as its file tells it: Textual's colours, the palette of the panels, and in a few words what it is for."""

    theme: Theme
    palette: Palette
    roles: Mapping[str, str]
    about: str = ""

    @property
    def hard_to_read(self) -> str:
        """One line on the words that are hardest to read in it; "" where all meet WCAG AA."""
        grounds = {name: color_of(getattr(self.theme, name)) for name in GROUNDS}
        weak = weakest(grounds, self.palette.styles)
        if weak is None:
            return ""
        measured = f"(contrast {weak.ratio:.1f}, {AA} is wanted)"
        return f"{self.theme.name}: {weak.role} is hard to read on {weak.ground} {measured}"


def themes_folder() -> Path:
    """Where the themes that come with the program lie: in the package when installed, beside it in a checkout."""
    packaged = Path(__file__).parent / "themes"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "themes"


def user_folder() -> Path:
    """The person's config folder; their own themes lie in its `themes`."""
    from platformdirs import user_config_path

    return user_config_path("distill-tui", appauthor=False)


def available() -> dict[str, Path]:
    """Theme files by name (the file's stem); the person's own come last and may replace ours."""
    folders = (themes_folder(), user_folder() / "themes")
    return {path.stem: path for folder in folders for path in sorted(folder.glob("*.toml"))}


def load(path: Path) -> ThemeFile:
    """Read and check one theme. Raises ThemeError for a file that would fail when it is chosen."""
    import tomllib

    try:
        tree = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ThemeError(f"{path.name}: cannot be read ({' '.join(str(error).split())})") from error
    _check_keys(path, tree, ("name", "about", "dark", "terminal", "heat", "colors", "roles"), "")
    colors, roles = tree.get("colors", {}), tree.get("roles", {})
    _check_keys(path, colors, COLORS, "colors.")
    _check_keys(path, roles, ROLES, "roles.")
    if missing := [f"colors.{key}" for key in COLORS if key not in colors]:
        raise ThemeError(f"{path.name}: {missing[0]} is missing")
    for key, value in colors.items():
        _color(path, f"colors.{key}", value)
    roles = {role: str(roles.get(role) or colors[_NEAREST[role]]) for role in ROLES}
    styles = {role: _style(path, f"roles.{role}", text) for role, text in roles.items()}
    heat = tree.get("heat", [])
    if not isinstance(heat, list):
        raise ThemeError(f"{path.name}: heat should be a list of colours")
    anchors = [_color(path, "heat", text) for text in heat]
    palette = Palette(styles, _ramp(anchors))
    terminal = tree.get("terminal", False) is True
    theme = Theme(
        name=path.stem,
        dark=tree.get("dark", True) is not False,
        ansi=terminal,
        variables=_variables(colors, roles, terminal),
        **colors,
    )
    return ThemeFile(theme, palette, roles, " ".join(str(tree.get("about", "")).split()))


def default_name(environ: Mapping[str, str] = os.environ) -> str:
    """The theme to begin with: the terminal's own colours where colour is unwanted, light where it says so."""
    if environ.get("NO_COLOR"):
        return TERMINAL
    background = environ.get("COLORFGBG", "").rpartition(";")[2]
    return LIGHT if background in ("7", "15") else DARK


def remembered() -> str | None:
    """The theme that the person chose last, if any."""
    try:
        return (user_folder() / "theme").read_text(encoding="utf-8").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def remember(name: str) -> None:
    """Keep the choice for next time. Raises OSError where the config folder cannot be written."""
    from core.run.folder import atomic_write

    user_folder().mkdir(parents=True, exist_ok=True)
    atomic_write(user_folder() / "theme", f"{name}\n".encode())


def palette_of(app: object) -> Palette:
    """The palette in force; plain where `app` is not the monitor (a widget under test on its own)."""
    palette = getattr(app, "palette", None)
    return palette if isinstance(palette, Palette) else Palette()


def color_of(text: str | None) -> Color:
    """A colour as a theme writes it; black where it names none. Raises ColorParseError for what is no colour."""
    return Color.parse(text or "#000000")


# What a role falls back to in a theme that only names colours.
_NEAREST = {
    "text": "foreground", "strong": "foreground", "muted": "secondary", "faint": "secondary", "border": "secondary",
    "focus": "accent", "accent": "accent", "train": "primary", "validation": "warning", "raw": "secondary",
    "best": "success", "good": "success", "warning": "warning", "danger": "error", "key": "accent", "bar": "primary",
    "track": "secondary", "selected": "accent", "banner_warning": "warning", "banner_danger": "error",
    "series1": "primary", "series2": "warning", "series3": "success", "series4": "accent", "series5": "error",
    "series6": "secondary", "series7": "foreground", "series8": "primary",
}  # fmt: skip


@lru_cache(1024)
def _pair(front: Style, back: Style) -> Style:
    return Style(color=front.color, bgcolor=back.color)


@lru_cache(1024)
def _heat_style(role: str, shades: tuple[Color, ...]) -> Style:
    front, _, back = role.removeprefix("heat:").partition(":")
    if not shades:
        return _PLAIN
    ground = shades[min(int(back), len(shades) - 1)].rich_color if back else None
    return Style(color=shades[min(int(front), len(shades) - 1)].rich_color, bgcolor=ground)


def _ramp(anchors: list[Color]) -> tuple[Color, ...]:
    """HEAT_SHADES colours from the first anchor to the last, through those between; none where there are no anchors."""
    if len(anchors) < 2:
        return ()
    shades = []
    for index in range(HEAT_SHADES):
        place = index * (len(anchors) - 1) / (HEAT_SHADES - 1)
        lower = min(int(place), len(anchors) - 2)
        shades.append(anchors[lower].blend(anchors[lower + 1], place - lower))
    return tuple(shades)


def _check_keys(path: Path, table: Any, known: tuple[str, ...], prefix: str) -> None:
    if not isinstance(table, dict):
        raise ThemeError(f"{path.name}: [{prefix.rstrip('.')}] should be a table")
    for key in table:
        if key not in known:
            from difflib import get_close_matches

            near = get_close_matches(key, known, n=1)
            hint = f"; did you mean {prefix}{near[0]}?" if near else ""
            raise ThemeError(f"{path.name}: {prefix}{key} is not a known key{hint}")


def _color(path: Path, key: str, text: object) -> Color:
    try:
        return Color.parse(str(text))
    except ColorParseError as error:
        raise ThemeError(
            f'{path.name}: {key} = "{text}": expected a colour such as "#7cb0f2" or "ansi_cyan"'
        ) from error


def _style(path: Path, key: str, text: str) -> Style:
    """A role's style from "COLOUR [bold dim italic underline reverse] [on COLOUR]"."""
    words = text.split()
    foreground = background = None
    attributes: dict[str, bool] = {}
    while words:
        word = words.pop(0)
        if word in ATTRIBUTES:
            attributes[word] = True
        elif word == "on" and words:
            background = _color(path, key, words.pop(0)).rich_color
        else:
            foreground = _color(path, key, word).rich_color
    return Style(color=foreground, bgcolor=background, **attributes)  # type: ignore[arg-type]


def _ink(text: str) -> str:
    """The colour of the words in a role's style; "" where it leaves that to the terminal."""
    words = text.partition(" on ")[0].split()
    return next((word for word in words if word not in ATTRIBUTES and word != "on"), "")


def _variables(colors: Mapping[str, str], roles: Mapping[str, str], terminal: bool) -> dict[str, str]:
    """What Textual's own widgets (palette, inputs, scrollbars, toasts) take from the roles."""
    if terminal:
        return {
            "ansi-background": "ansi_default",  # Textual's own styles name these two, its terminal colours do not
            "ansi-foreground": "ansi_default",
            "border": "ansi_cyan",
            "border-blurred": "ansi_default",
            "footer-key-foreground": "ansi_cyan",
            "input-cursor-background": "ansi_default",
            "input-cursor-foreground": "ansi_default",
            "input-cursor-text-style": "reverse",
            "screen-selection-background": "ansi_blue",
            "screen-selection-foreground": "ansi_default",
        }
    plain = {role: _ink(text) or colors[_NEAREST[role]] for role, text in roles.items()}
    return {
        "text-muted": plain["muted"],
        "text-disabled": plain["muted"],  # Textual writes placeholders in it
        "border": plain["focus"],
        "border-blurred": plain["border"],
        "footer-key-foreground": plain["focus"],
        "scrollbar": plain["border"],
        "scrollbar-hover": plain["faint"],
        "scrollbar-active": plain["focus"],
        "scrollbar-background": colors["background"],
        "scrollbar-background-hover": colors["background"],
        "scrollbar-background-active": colors["background"],
        "scrollbar-corner-color": colors["background"],
        "block-cursor-background": plain["focus"],
        "block-cursor-foreground": colors["background"],
        "input-cursor-background": plain["text"],
        "input-cursor-foreground": colors["background"],
    }
