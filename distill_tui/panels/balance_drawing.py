"""The balance as rows: the stacked bar, a line a term, and the shares over time as a stacked area."""

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate, pairwise
from types import MappingProxyType

from distill_tui.axes import Steps, axis_row
from distill_tui.balance import Balance, Part, cells, in_percent
from distill_tui.cells import Row, Run, merged
from distill_tui.format import number
from distill_tui.panels.balance_weights import CELLS
from distill_tui.panels.frame import fit, joined

BLOCKS = " ▁▂▃▄▅▆▇█"  # so many eighths of a cell, from its bottom
LEVELS = len(BLOCKS) - 1  # in a cell
REACH = LEVELS // 2 + 1  # levels that a border may be moved by
TEXTURES = "█▒/░+▓ox."  # tell the terms apart where colours cannot, also in ASCII; the last is that of all others
SHARE, LONGEST_BAR, SHORTEST_BAR = 9, 60, 5
LEAST_BAR_BESIDE = 10  # cells of a bar that leave room for the curves of weights
NUMBERS = ("weight", "value", "counts")  # columns of a line, the last of which gives way first
NUMBER = 9
LABEL = 16
SCALE = 6  # cells of the area's own labels
LEAST_SCALED = 44  # cells from which there is room for them
NO_MOVES: Mapping[str, str] = MappingProxyType({})


def stacked_bar(found: Balance, width: int, textured: bool) -> Row:
    """All shares beside each other in `width` cells."""
    taken = cells([part.share for part in found.parts], width)
    runs = [Run(mark(place, textured) * size, part.role)
            for place, (part, size) in enumerate(zip(found.parts, taken, strict=True))]  # fmt: skip
    return merged(runs) if sum(taken) else (Run("─" * width, "track"),)


def table(
    found: Balance,
    parts: Sequence[Part],
    width: int,
    textured: bool,
    headed: bool,
    moves: Mapping[str, str] = NO_MOVES,
) -> list[Row]:
    """A line of `width` cells for each of the parts, perhaps under a line that says what the columns are.

    `moves` are curves of those weights that move, by term, CELLS wide; where there is room they stand beside them.
    """
    label = min(LABEL, max(len(part.label) for part in found.parts) + 1)
    room = width - 2 - label - SHARE - 1
    numbers = NUMBERS[: max(0, (room - SHORTEST_BAR) // NUMBER)]
    bar = max(0, min(LONGEST_BAR, room - NUMBER * len(numbers)))
    curve = CELLS + 1 if moves and room - NUMBER * len(numbers) - CELLS - 1 >= LEAST_BAR_BESIDE else 0
    bar = min(bar, room - NUMBER * len(numbers) - curve)
    rows = [
        _line(
            part, found.parts.index(part), label, numbers, bar, textured, moves.get(part.term.name, "")[:curve], curve
        )
        for part in parts
    ]
    if headed:
        columns = "".join(name.rjust(NUMBER) + " " * (curve if name == "weight" else 0) for name in numbers)
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

    A measurement holds until the next; of several in a cell it shows the mean.
    """
    scale = SCALE if width >= LEAST_SCALED else 0
    levels = (height - 1) if textured else (height - 1) * LEVELS
    columns = _columns(found, measured, x, width - scale, height - 1, levels)
    rows: list[Row] = []
    for y in range(height - 1):
        label = "100 %" if y == 0 else "0 %" if y == height - 2 else "50 %" if y == (height - 1) // 2 else ""
        cells = [_layered(found, column, y, textured) for column in columns]
        rows.append(merged([Run(label.rjust(SCALE - 1)[:scale].ljust(scale), "muted"), *cells]))
    return [*rows, merged([Run(" " * scale), *axis_row(x, width - scale, steps_per_epoch)])]


def mark(place: int, textured: bool) -> str:
    """The character that stands for the term at a place."""
    return TEXTURES[min(place, len(TEXTURES) - 1)] if textured else TEXTURES[0]


def _columns(
    found: Balance, measured: Mapping[int, Mapping[str, float]], x: Steps, width: int, height: int, levels: int
) -> list[list[int]]:
    """For each cell of the axis the places of the terms at each of so many levels, from the top; empty before the first
    measurement and after the last.
    """
    names = [part.term.name for part in found.parts]
    together: dict[int, list[Mapping[str, float]]] = {}
    for step, shares in measured.items():
        together.setdefault(x.dot(step) // 2, []).append(shares)
    columns: list[list[int]] = [[]] * width
    stack: list[int] = []
    for cell in range(min(width, max(together, default=-1) + 1)):
        if cell in together:
            means = [math.fsum(shares.get(name, 0.0) for shares in together[cell]) for name in names]
            sizes = tuple(cells(means, levels))
            sizes = _settled(sizes) if levels > height else sizes
            stack = [place for place, size in enumerate(sizes) for _ in range(size)][::-1]
        columns[cell] = stack
    return columns


@lru_cache(1024)
def _settled(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """The layers with no more than one border inside a cell, which has but two colours: as near to `sizes` as can be.

    Borders move by a few levels, at the cost of large layers rather than of small ones; none that is there vanishes.
    """
    total, borders = sum(sizes), list(accumulate(size for size in sizes if size))[:-1]
    if not any(_clash(low, high) for low, high in pairwise(borders)):
        return sizes
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0.0, ())}  # by where the last border lies
    for before, border in pairwise((0, *borders, total)):
        size, further = border - before, dict[int, tuple[float, tuple[int, ...]]]()
        reach = range(max(1, border - REACH), min(total, border + REACH + 1)) if border < total else (total,)
        for here in reach:
            ways = [
                (cost + abs(here - last - size) / size + abs(here - border) / 1000, (*path, here - last))
                for last, (cost, path) in best.items()
                if last < here and not _clash(last, here)
            ]
            if ways:
                further[here] = min(ways)
        best = further
    if total not in best:
        return sizes
    settled = iter(best[total][1])
    return tuple(next(settled) if size else 0 for size in sizes)


def _clash(low: int, high: int) -> bool:
    return bool(low % LEVELS and high % LEVELS) and low // LEVELS == high // LEVELS


def _layered(found: Balance, column: Sequence[int], y: int, textured: bool) -> Run:
    """Cell `y` of a column: a layer, or the lower one of two in front of the upper one, to an eighth of the cell."""
    if not column:
        return Run(" ")
    if textured:
        return Run(mark(column[y], textured), found.parts[column[y]].role)
    here = column[y * LEVELS : (y + 1) * LEVELS]
    first, *others = sorted(set(here), key=lambda place: (-here.count(place), place))
    if not others:
        return Run(BLOCKS[-1], found.parts[first].role)
    low, high = sorted((first, others[0]))  # more than two are rare: those that take most of the cell
    filled = min(LEVELS - 1, max(1, round(LEVELS * here.count(low) / (here.count(low) + here.count(high)))))
    return Run(BLOCKS[filled], f"{found.parts[low].role}/{found.parts[high].role}")


def _line(
    part: Part, place: int, label: int, numbers: Sequence[str], bar: int, textured: bool, move: str, curve: int
) -> Row:
    values = {"weight": part.weight, "value": part.value, "counts": part.contribution}
    columns = [Run(number(values[name]).rjust(NUMBER), "text" if name == "counts" else "muted") for name in numbers]
    if curve:  # there are all columns then
        columns.insert(1, Run(f" {move}".ljust(curve), part.role))
    row: Row = (
        Run(mark(place, textured), part.role),
        Run(" "),
        *fit((Run(part.label),), label),
        *columns,
        Run(in_percent(part.share).rjust(SHARE) + " ", "strong"),
    )
    long = round(part.share * bar)
    return (*row, Run("━" * long, part.role), Run("─" * (bar - long), "track")) if bar >= SHORTEST_BAR else row
