"""A field of numbers as shades: two values in a cell where colours can be mixed, else one character."""

import math
from collections.abc import Sequence

from distill_tui.cells import Row, Run, merged

RAMP = " ·░▒▓█"


def heat_rows(values: Sequence[Sequence[float]], shades: int) -> tuple[Row, ...]:
    """`values[row][column]` in 0 to 1, row 0 on top, as lines of one cell a column; NaN is left blank.

    With `shades` (see `Palette.heat`) a line holds two rows of values, the upper half block in front of the lower; a
    last odd row stands alone. With none, a line holds the larger of two rows as a character of `RAMP`.
    """
    pairs = [(values[y], values[y + 1] if y + 1 < len(values) else ()) for y in range(0, len(values), 2)]
    draw = _blocks if shades > 0 else _characters
    return tuple(draw(upper, lower, shades) for upper, lower in pairs)


def _blocks(upper: Sequence[float], lower: Sequence[float], shades: int) -> Row:
    cells = []
    for x, value in enumerate(upper):
        high, low = _shade(value, shades), _shade(lower[x], shades) if x < len(lower) else None
        if high is None and low is None:
            cells.append(Run(" "))
        elif low is None or high is None:
            cells.append(Run("▀" if low is None else "▄", f"heat:{low if high is None else high}"))
        elif high == low:
            cells.append(Run("█", f"heat:{high}"))
        else:
            cells.append(Run("▀", f"heat:{high}:{low}"))
    return merged(cells)


def _characters(upper: Sequence[float], lower: Sequence[float], shades: int) -> Row:
    text = ""
    for x, value in enumerate(upper):
        pair = [v for v in (value, lower[x] if x < len(lower) else math.nan) if v == v]
        text += RAMP[_shade(max(pair), len(RAMP)) or 0] if pair else " "
    return (Run(text, "text"),)


def _shade(value: float, shades: int) -> int | None:
    if value != value:
        return None
    return min(shades - 1, max(0, int(value * shades)))
