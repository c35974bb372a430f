"""The balance as rows: the stacked bar, a line a term, and the shares over time as a stacked area."""

from collections.abc import Mapping, Sequence

from distill_tui.axes import Steps, axis_row
from distill_tui.balance import Balance, Part, cells, in_percent
from distill_tui.cells import Row, Run, merged
from distill_tui.format import number
from distill_tui.panels.frame import fit, joined

DOTS = 4  # levels in a cell of braille
ROWS_OF_DOTS = (0x09, 0x12, 0x24, 0xC0)
TEXTURES = "█▓▒░"  # tell the terms apart where colours cannot
SHARE, LONGEST_BAR, SHORTEST_BAR = 9, 60, 5
NUMBERS = ("weight", "value", "counts")  # columns of a line, the last of which gives way first
NUMBER = 9
LABEL = 16
SCALE = 6  # cells of the area's own labels
LEAST_SCALED = 44  # cells from which there is room for them


def stacked_bar(found: Balance, width: int, textured: bool) -> Row:
    """All shares beside each other in `width` cells."""
    taken = cells([part.share for part in found.parts], width)
    runs = [Run(mark(place, textured) * size, part.role)
            for place, (part, size) in enumerate(zip(found.parts, taken, strict=True))]  # fmt: skip
    return merged(runs) if sum(taken) else (Run("─" * width, "track"),)


def table(found: Balance, parts: Sequence[Part], width: int, textured: bool, headed: bool) -> list[Row]:
    """A line of `width` cells for each of the parts, perhaps under a line that says what the columns are."""
    label = min(LABEL, max(len(part.label) for part in found.parts) + 1)
    room = width - 2 - label - SHARE - 1
    numbers = NUMBERS[: max(0, (room - SHORTEST_BAR) // NUMBER)]
    bar = max(0, min(LONGEST_BAR, room - NUMBER * len(numbers)))
    rows = [_line(part, found.parts.index(part), label, numbers, bar, textured) for part in parts]
    if headed:
        columns = "".join(name.rjust(NUMBER) for name in numbers)
        rows.insert(0, (Run(" " * (2 + label) + columns + found.of.rjust(SHARE), "muted"),))
    return rows


def legend(found: Balance, parts: Sequence[Part], width: int, textured: bool) -> Row:
    """The parts in a line, as many as fit, the first of them first."""
    items = (
        (place, (Run(mark(found.parts.index(part), textured), part.role), Run(f" {part.label} "),
                 Run(in_percent(part.share), "strong")))
        for place, part in enumerate(parts)
    )  # fmt: skip
    return joined(items, width, "  ")


def area(
    found: Balance,
    measured: Mapping[int, Mapping[str, float]],
    x: Steps,
    width: int,
    height: int,
    steps_per_epoch: int,
    textured: bool,
) -> list[Row]:
    """The shares over the steps as layers, the first term's lowest, over an axis: `height` lines, O(width) to draw.

    A measurement holds until the next.
    """
    scale = SCALE if width >= LEAST_SCALED else 0
    levels = (height - 1) if textured else (height - 1) * DOTS
    columns = _columns(found, measured, x, width - scale, levels)
    rows: list[Row] = []
    for y in range(height - 1):
        label = "100 %" if y == 0 else "0 %" if y == height - 2 else "50 %" if y == (height - 1) // 2 else ""
        cells = [_layered(found, column, y, textured) for column in columns]
        rows.append(merged([Run(label.rjust(SCALE - 1)[:scale].ljust(scale), "muted"), *cells]))
    return [*rows, merged([Run(" " * scale), *axis_row(x, width - scale, steps_per_epoch)])]


def mark(place: int, textured: bool) -> str:
    """The character that stands for the term at a place."""
    return TEXTURES[place % len(TEXTURES)] if textured else TEXTURES[0]


def _columns(
    found: Balance, measured: Mapping[int, Mapping[str, float]], x: Steps, width: int, levels: int
) -> list[list[int]]:
    """For each cell of the axis the places of the terms at each of so many levels, from the top; empty before the first
    measurement and after the last.
    """
    names = [part.term.name for part in found.parts]
    stacks: dict[int, list[int]] = {}
    for step, shares in measured.items():
        sizes = cells([shares.get(name, 0.0) for name in names], levels)
        stacks[x.dot(step) // 2] = [place for place, size in enumerate(sizes) for _ in range(size)][::-1]
    columns: list[list[int]] = [[]] * width
    stack: list[int] = []
    for cell in range(min(width, max(stacks, default=-1) + 1)):
        stack = columns[cell] = stacks.get(cell, stack)
    return columns


def _layered(found: Balance, column: Sequence[int], y: int, textured: bool) -> Run:
    """Cell `y` of a column. One colour is all it can have: of two layers in it the larger, and a gap for the other."""
    if not column:
        return Run(" ")
    if textured:
        return Run(mark(column[y], textured), found.parts[column[y]].role)
    here = column[y * DOTS : (y + 1) * DOTS]
    most = max(here, key=here.count)
    dots = sum(ROWS_OF_DOTS[row] for row, place in enumerate(here) if place == most)
    return Run(chr(0x2800 + dots), found.parts[most].role)


def _line(part: Part, place: int, label: int, numbers: Sequence[str], bar: int, textured: bool) -> Row:
    values = {"weight": part.weight, "value": part.value, "counts": part.contribution}
    row: Row = (
        Run(mark(place, textured), part.role),
        Run(" "),
        *fit((Run(part.label),), label),
        *(Run(number(values[name]).rjust(NUMBER), "muted" if name != "counts" else "text") for name in numbers),
        Run(in_percent(part.share).rjust(SHARE) + " ", "strong"),
    )
    long = round(part.share * bar)
    return (*row, Run("━" * long, part.role), Run("─" * (bar - long), "track")) if bar >= SHORTEST_BAR else row
