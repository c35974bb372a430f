"""Whether words can be read on what lies behind them: contrast as WCAG 2.2 defines it."""

from collections.abc import Mapping
from typing import NamedTuple

from rich.color import Color as InkColor
from rich.style import Style
from textual.color import Color

AA = 4.5
"""The least contrast ratio of text (WCAG 2.2, success criterion 1.4.3, level AA)."""

GROUNDS = ("background", "surface", "panel")
TEXT_ROLES = ("text", "strong", "muted", "key", "train", "validation", "best", "good", "warning", "danger", "accent",
              "focus", "selected", "banner_warning", "banner_danger", "series1", "series2", "series3", "series4",
              "series5", "series6", "series7", "series8")  # fmt: skip


class Weak(NamedTuple):
    """Words in `role` reach only this `ratio` on `ground`: the name of a ground, or "its own ground"."""

    role: str
    ground: str
    ratio: float


def luminance(color: Color) -> float:
    """Relative luminance, 0 (black) to 1 (white). https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    red, green, blue = (_linear(part / 255) for part in color.rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def ratio(first: Color, second: Color) -> float:
    """Contrast of two colours, 1 (the same) to 21. https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def contrasts(grounds: Mapping[str, Color], styles: Mapping[str, Style]) -> list[Weak]:
    """The contrast of every text role in `styles` on every ground, or on the one it brings along.

    A terminal's own colours are left out: only the terminal knows what they look like.
    """
    found = []
    for role in TEXT_ROLES:
        style = styles.get(role, Style.null())
        behind = {"its own ground": _seen(style.bgcolor)} if style.bgcolor else dict(grounds)
        front = _seen(style.color)
        for name, back in behind.items():
            if front is not None and back is not None and back.ansi is None:
                found.append(Weak(role, name, ratio(front, back)))
    return found


def weakest(grounds: Mapping[str, Color], styles: Mapping[str, Style]) -> Weak | None:
    """The text role that is hardest to read, if it is below AA; None where all can be read."""
    below = [weak for weak in contrasts(grounds, styles) if weak.ratio < AA]
    return min(below, key=lambda weak: weak.ratio, default=None)


def _seen(color: InkColor | None) -> Color | None:
    return Color(*color.triplet) if color is not None and color.triplet is not None else None


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
