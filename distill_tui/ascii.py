"""The screen in plain ASCII, for terminals and fonts without box drawing and braille."""

import os
import sys
from collections.abc import Mapping
from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

# Consoles and terminals whose fonts lack braille.
PLAIN_TERMINALS = ("linux", "vt100", "vt102", "vt220", "vt320", "ansi", "cons25", "sun")

_PAIRS = {
    "─╌┄╸╺": "-----", "━═": "==", "╍┅": "::", "▔▁": "~_", "│┃╎║▏▕▌▐": "||||||||",
    "╭╮╰╯┌┐└┘├┤┬┴┼┏┓┗┛╱╲": "+" * 17 + "/\\", "▂▃▄▅▆▇█▀░▒▓": "_.-=+*#\":=%",
    "●◉○◌◐◑": "*@o~OO", "■□▪▫": "#o..", "▲△▴▵": "!^^^", "▼▽▾▿": "VVVV", "▶▷▸▹►": ">>}>>", "◀◁◂◃◄": "<<<<<",
    "◆◇♪♫✓✔✗✘×✦★": "s<pp++xxx**", "…·•–—−±≥≤≈": "..o---+><~", "↑↓→←↗↘↕↔⏎↺↻✎": "^v><^v|-<RLN", "‘’“”„": "''\"\"\"",
    "⚙⚑⚲⚠°": "=FP!o",
}  # fmt: skip
TABLE = {ord(fancy): plain for fancies, plains in _PAIRS.items() for fancy, plain in zip(fancies, plains, strict=True)}


def wanted(environ: Mapping[str, str] = os.environ, encoding: str | None = None) -> bool:
    """Whether to draw in ASCII: DISTILL_ASCII=1 or 0 decides, else the terminal's type and the output's encoding."""
    if choice := environ.get("DISTILL_ASCII", ""):
        return choice != "0"
    if environ.get("TERM", "") in PLAIN_TERMINALS:
        return True
    encoding = encoding or getattr(sys.__stderr__, "encoding", None) or "ascii"
    return encoding.lower().replace("-", "").replace("_", "") not in ("utf8", "utf8sig")


@lru_cache(2048)
def to_ascii(text: str) -> str:
    """`text` in as many cells of ASCII; a character without a likeness becomes `?`."""
    if text.isascii():
        return text
    return "".join(character if character.isascii() else _likeness(character) for character in text)


def _likeness(character: str) -> str:
    if "\u2800" <= character <= "\u28ff":
        return _braille(ord(character) - 0x2800)
    return TABLE.get(ord(character)) or "?" * cell_len(character)


def _braille(dots: int) -> str:
    """The ASCII character whose ink lies where the dots are: ' for the top, - and ~ for the middle, . and _ below."""
    if not dots:
        return " "
    rows = [bool(dots & 0x09), bool(dots & 0x12), bool(dots & 0x24), bool(dots & 0xC0)]
    highest, lowest = rows.index(True), 3 - rows[::-1].index(True)
    if lowest - highest >= 2:
        return ":" if sum(rows) < 3 else "|"
    return {(0, 0): "'", (0, 1): "'", (1, 1): "~", (1, 2): "-", (2, 2): "-", (2, 3): ".", (3, 3): "."}[highest, lowest]


class Ascii(LineFilter):
    """Applied to every line of every widget, so that no panel needs a drawing of its own."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The segments in ASCII, of the same widths."""
        return [Segment(to_ascii(text), style, control) for text, style, control in segments]
