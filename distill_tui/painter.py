"""What goes to the terminal: only the cells that differ from those already there, grouped by style.

Textual repaints a changed line from its widget's left edge. Over a slow line eight live charts would cost tens of
kilobytes a second that way; this keeps a copy of the terminal's cells and writes the difference.
"""

from collections.abc import Iterable
from functools import lru_cache

from rich.cells import cell_len
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate

Cell = tuple[str, Style]  # a character that is two cells wide is followed by an empty one
PLAIN = Style()
GAP = 3  # unchanged cells that are cheaper to write again than to jump over


class Painter:
    """The terminal's cells as last written. `forget` them whenever something else may have drawn there."""

    def __init__(self) -> None:
        self._rows: dict[int, dict[int, Cell]] = {}

    def forget(self) -> None:
        """Write everything at the next full update."""
        self._rows.clear()

    def difference(self, update: CompositorUpdate) -> CompositorUpdate:
        """`update`, reduced to what differs when it is written; other kinds of update pass, and all is forgotten."""
        if isinstance(update, LayoutUpdate | ChopsUpdate):
            return _Difference(self._rows, update)
        self.forget()
        return update


class _Difference(CompositorUpdate):
    """Works out the difference when it is asked for the bytes: an update that is never written changes nothing."""

    def __init__(self, rows: dict[int, dict[int, Cell]], update: LayoutUpdate | ChopsUpdate) -> None:
        self._rows, self._update = rows, update

    def render_segments(self, console: Console) -> str:
        """The bytes that turn the terminal's cells into the update's."""
        runs: dict[Style, list[tuple[int, int, str]]] = {}
        for y, x, segments in _lines(self._update):
            _compare(self._rows.setdefault(y, {}), y, x, segments, runs)
        return "".join(_write(style, pieces, console) for style, pieces in runs.items())


def _lines(update: LayoutUpdate | ChopsUpdate) -> Iterable[tuple[int, int, Iterable[Segment]]]:
    """(y, x, segments) of every piece of a line in the update."""
    if isinstance(update, LayoutUpdate):
        for y, strips in enumerate(update.strips, update.region.y):
            yield y, update.region.x, (segment for strip in strips for segment in strip)
        return
    for y, left, right in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is not None and x <= right and end > left:
                yield y, x, strip


def _compare(
    row: dict[int, Cell], y: int, x: int, segments: Iterable[Segment], runs: dict[Style, list[tuple[int, int, str]]]
) -> None:
    """Put the segments into `row`; add what changed to `runs` as (y, x, text) by style."""
    start, text, gap, style = x, "", "", PLAIN

    def finish() -> None:
        if text:
            runs.setdefault(style, []).append((y, start, text))

    for segment in segments:
        if segment.control:
            continue
        look = _look(segment.style) if segment.style is not None else PLAIN
        if look is not style:
            finish()
            text, gap, style = "", "", look
        for character in segment.text:
            cell = (character, look)
            width = 1 if character.isascii() or "\u2500" <= character <= "\u28ff" else cell_len(character)
            if width == 0:
                continue
            if row.get(x) == cell:
                if text:
                    gap += character
                    if len(gap) > GAP:
                        finish()
                        text, gap = "", ""
            else:
                row[x] = cell
                if width == 2:
                    row[x + 1] = ("", look)
                elif row.get(x + 1, cell)[0] == "":
                    del row[x + 1]
                if not text:
                    start = x
                text, gap = text + gap + character, ""
            x += width
    finish()


@lru_cache(4096)
def _look(style: Style) -> Style:
    """The style as the terminal sees it (what a click does is none of its business), one object for equal ones."""
    look = style.clear_meta_and_links()
    return _same_look(look)


@lru_cache(4096)
def _same_look(look: Style) -> Style:
    return look


def _write(style: Style, pieces: list[tuple[int, int, str]], console: Console) -> str:
    text = "".join(f"\x1b[{y + 1};{x + 1}H{text}" for y, x, text in pieces)
    return style.render(text, color_system=console._color_system, legacy_windows=False)
