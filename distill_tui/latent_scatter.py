"""The validation material on a map: a dot an item, like near like, with names where there is room for them."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from rich.cells import cell_len

from core.run.events import LatentMap
from distill_tui.cells import Row, Run, cell, merged
from distill_tui.format import clean

ONE, SEVERAL, SELECTED = "•", "●", "◉"
MOST_NAMES = 24
NAME_CELLS = 16
ROOM_FOR_NAMES = (32, 8)  # columns and rows from which other names than the selected one are written
CELL_SHAPE = 2.0  # a terminal cell is about twice as high as wide


@dataclass(frozen=True)
class Spot:
    """An item's cell on the map."""

    x: int
    y: int
    name: str


def spots(latent_map: LatentMap, width: int, height: int) -> list[Spot]:
    """Where the items lie in `width` by `height` cells: in the middle, as large as fits, with both axes to one scale.

    Items without a finite place are left out.
    """
    items = [
        (x, y, name)
        for name, x, y in zip(latent_map.names, latent_map.x, latent_map.y, strict=False)
        if math.isfinite(x) and math.isfinite(y)
    ]
    if not items or width < 1 or height < 1:
        return []
    left, right = min(x for x, _, _ in items), max(x for x, _, _ in items)
    low, high = min(y for _, y, _ in items), max(y for _, y, _ in items)
    units = [(right - left) / max(1, width - 1), (high - low) / max(1, (height - 1) * CELL_SHAPE)]
    unit = max(units) or 1.0
    middle_x, middle_y = (left + right) / 2, (low + high) / 2

    def place(value: float, middle: float, size: float, cells: int) -> int:
        return min(cells - 1, max(0, round((value - middle) / size + (cells - 1) / 2)))

    return [
        Spot(place(x, middle_x, unit, width), place(-y, -middle_y, unit * CELL_SHAPE, height), name)
        for x, y, name in items
    ]


def scatter(latent_map: LatentMap, width: int, height: int, selected: str | None = None) -> tuple[Row, ...]:
    """The map in `width` by `height` cells. The selected file's items are marked and named."""
    found = spots(latent_map, width, height)
    cells: list[list[Run]] = [[Run(" ")] * width for _ in range(max(0, height))]
    for spot in found:
        several = cells[spot.y][spot.x].text != " "
        cells[spot.y][spot.x] = Run(SEVERAL if several else ONE, "validation")
    for spot in found:
        if spot.name == selected:
            cells[spot.y][spot.x] = Run(SELECTED, "best")
    _write_names(cells, found, selected)
    return tuple(merged(row) for row in cells)


def short_name(name: str, width: int = NAME_CELLS) -> str:
    """What a file is called on the map: without its folders, cut to so many cells."""
    text = clean(name.rstrip("/").rpartition("/")[2]) or clean(name)
    return text if cell_len(text) <= width else cell(text, width)


def _write_names(cells: list[list[Run]], found: Iterable[Spot], selected: str | None) -> None:
    """Names beside their dots where nothing is in the way: the selected one first, then those at the map's edge."""
    files: dict[str, list[Spot]] = {}
    for spot in found:
        files.setdefault(spot.name, []).append(spot)
    width, height = len(cells[0]) if cells else 0, len(cells)
    room = width >= ROOM_FOR_NAMES[0] and height >= ROOM_FOR_NAMES[1]

    def importance(name: str) -> tuple[bool, float, str]:
        spot = _central(files[name])
        return name != selected, -math.hypot(spot.x - width / 2, (spot.y - height / 2) * CELL_SHAPE), name

    wanted = sorted(files, key=importance) if room else [name for name in files if name == selected]
    for name in wanted[:MOST_NAMES]:
        spot = _central(files[name])
        text = short_name(name, min(NAME_CELLS, max(4, width // 3)))
        role = "strong" if name == selected else "muted"
        if not _write(cells[spot.y], spot.x, text, role) and name == selected:
            _write(cells[spot.y], spot.x, text, role, over=True)


def _write(row: list[Run], x: int, text: str, role: str, over: bool = False) -> bool:
    """Whether `text` found room to the right of cell `x` of the row, or to its left; with `over` it covers dots."""
    size = cell_len(text) + 1
    for start, words in ((x + 1, f" {text}"), (x - size, f"{text} ")):
        end = start + size
        if start < 0 or end > len(row):
            continue
        around = row[start : end + 1] if start > x else row[max(0, start - 1) : x]
        if over or all(run.text == " " for run in around):
            row[start:end] = [Run(words, role), *[Run("", role)] * (size - 1)]
            return True
    return False


def _central(items: list[Spot]) -> Spot:
    """The item nearest to the middle of its file's."""
    x, y = math.fsum(s.x for s in items) / len(items), math.fsum(s.y for s in items) / len(items)
    return min(items, key=lambda spot: math.hypot(spot.x - x, (spot.y - y) * CELL_SHAPE))
