"""One run as one line of a list of runs, and the line above them that names the columns."""

import time
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text

from core.run.facts import Order, value_of
from core.run.folder import RunSummary
from distill_tui.cells import cell
from distill_tui.format import clean, number, shortened
from distill_tui.screens.run_words import EPOCH_CELLS, epoch_words, value_words, when_words
from distill_tui.theme import Palette

LOOKS = {
    "finished": ("✓", "good"),
    "cancelled": ("■", "warning"),
    "preempted": ("■", "warning"),
    "interrupted": ("■", "warning"),
    "failed": ("✗", "danger"),
    "broken": ("✗", "danger"),
    "waiting": ("○", "muted"),
}
LIVE = ("●", "good")
MARKED, BASELINE = "✓", "⚑"
STATE, EPOCH, BEST, WHEN, RECIPE = 13, EPOCH_CELLS, 8, 14, 8
NARROWEST_NAME, WIDEST_NAME, NARROWEST_DATA, NARROWEST_NOTE, WIDEST_VALUE = 16, 36, 12, 16, 18


class Extra(NamedTuple):
    """A column for a result or a setting that the filter or the order names."""

    key: str
    heading: str
    width: int

    @classmethod
    def of(cls, key: str, runs: Iterable[RunSummary], now: float) -> "Extra":
        """Wide enough for its values, within bounds; the heading is the end of a dotted key."""
        heading = ".".join(key.split(".")[-2:])
        heading = clean(heading if len(heading) <= WIDEST_VALUE - 2 else key.rpartition(".")[2])
        widest = max((cell_len(value_words(value_of(run, key, now))) for run in runs), default=0)
        return cls(key, heading, min(WIDEST_VALUE, max(widest, cell_len(heading) + 2)))


class Columns(NamedTuple):
    """The widths of the columns that depend on the room and on the runs: 0 leaves one out."""

    width: int
    gap: int = 2
    marks: int = 0
    flags: int = 0
    name: int = 0
    extras: tuple[Extra, ...] = ()
    recipe: int = 0
    data: int = 0
    note: int = 0
    when: int = 0
    epoch: int = EPOCH

    @classmethod
    def within(
        cls,
        width: int,
        extras: Sequence[Extra] = (),
        *,
        marks: bool = False,
        flags: bool = False,
        notes: bool = False,
        longest: int = WIDEST_NAME,
    ) -> "Columns":
        """Names come first, up to the `longest` (at most `WIDEST_NAME` cells); what is left goes to where the sounds
        are and to the notes.

        Narrow screens leave out the notes, the recipe, where the sounds are, when, the epoch, then what else was named.
        """
        gap = 3 if width >= 100 else 2
        marks_width, flags_width = 2 * marks, 2 * flags
        recipe, when, kept = (RECIPE if width >= 130 else 0), (WHEN if width >= 66 else 0), list(extras)
        epoch = EPOCH
        wanted = max(NARROWEST_NAME, min(WIDEST_NAME, longest))

        def rest() -> int:
            optional = [recipe, when, epoch, *(extra.width for extra in kept)]
            fixed = STATE + BEST + 2 * gap + marks_width + flags_width
            return width - fixed - sum(column + gap for column in optional if column)

        if rest() < NARROWEST_NAME:
            recipe = 0
        if rest() < NARROWEST_NAME:
            when = 0
        if rest() < NARROWEST_NAME:
            epoch = 0
        while kept and rest() < NARROWEST_NAME:
            kept.pop()
        room, data, note = rest(), 0, 0
        name = max(0, room)
        if room >= wanted + gap + NARROWEST_DATA:
            name, data = wanted, room - wanted - gap
            if notes and data >= 2 * NARROWEST_NOTE + gap:
                note = max(NARROWEST_NOTE, data // 2)
                data -= note + gap
            elif notes and data >= NARROWEST_NOTE:
                data, note = 0, data
        return cls(width, gap, marks_width, flags_width, name, tuple(kept), recipe, data, note, when, epoch)


def run_line(
    run: RunSummary, columns: Columns, palette: Palette, now: float | None = None, *, marked: bool = False
) -> Text:
    """Signs, name, state in a symbol and a word, epoch, best validation loss, what was named, and what has room."""
    now = time.time() if now is None else now
    gap = " " * columns.gap
    symbol, role = LIVE if run.live else LOOKS.get(run.status, LOOKS["waiting"])
    plain = "muted"
    line = Text(no_wrap=True, end="")
    if columns.marks:
        line.append(f"{MARKED if marked else ' '} ", palette["accent"])
    if columns.flags:
        line.append(f"{BASELINE if run.baseline else ' '} ", palette["accent"])
    line.append(
        cell(clean(run.name), columns.name), palette["muted" if run.archived else "strong" if run.live else "text"]
    )
    line.append(gap + cell(f"{symbol} {run.status}", STATE), palette["muted" if run.archived else role])
    if run.error:
        room = columns.width - cell_len(line.plain) - columns.gap
        line.append(gap + cell(clean(run.error), max(0, room)), palette[plain])
        return line
    if columns.epoch:
        words = cell(epoch_words(run), columns.epoch, right=True)
        line.append(gap + words, palette["muted" if run.archived else "text"])
    line.append(gap + cell(number(run.best_val_loss), BEST, right=True), palette["muted" if run.archived else "best"])
    for extra in columns.extras:
        line.append(gap + cell(value_words(value_of(run, extra.key, now)), extra.width, right=True), palette["accent"])
    if columns.recipe:
        line.append(gap + cell(clean(run.recipe), columns.recipe), palette[plain])
    if columns.data:
        line.append(gap + cell(shortened(clean(run.data), columns.data), columns.data), palette[plain])
    if columns.note:
        line.append(gap + cell(clean(run.note), columns.note), palette["muted" if run.archived else "text"])
    if columns.when:
        line.append(gap + cell(when_words(run, now), WHEN, right=True), palette[plain])
    return line


def header_line(columns: Columns, palette: Palette, order: Order | None = None) -> Text:
    """What the columns are, an arrow at the one that the runs are sorted by; a click on one sorts by it."""
    cells = [("name", "run", columns.name, False), ("status", "state", STATE, False)]
    cells += [("epoch", "epoch", columns.epoch, True)] if columns.epoch else []
    cells.append(("best", "best", BEST, True))
    cells += [(extra.key, extra.heading, extra.width, True) for extra in columns.extras]
    optional = (("recipe", columns.recipe), ("data", columns.data), ("note", columns.note))
    cells += [(key, key, width, False) for key, width in optional if width]
    if columns.when:
        cells.append(("age", "last seen", WHEN, True))
    line = Text(" " * (columns.marks + columns.flags), no_wrap=True, end="")
    for index, (key, heading, width, right) in enumerate(cells):
        if index:
            line.append(" " * columns.gap)
        sorts = order is not None and order.key == key
        words = f"{heading} {arrow(order)}" if sorts and order is not None else heading
        style = palette["muted"]
        if order is not None:
            style += Style.from_meta({"@click": f"screen.sort_by({key!r})"})
        line.append(cell(words, width, right=right), style)
    return line


def arrow(order: Order) -> str:
    """Up where values grow down the list. The youngest run is the one seen last, so ages point the other way."""
    return "↓" if order.descending != (order.key == "age") else "↑"
