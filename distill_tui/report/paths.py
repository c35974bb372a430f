"""SVG path data from numbers: lines, bands and fields of shades."""

import math
from collections.abc import Iterable, Sequence

Point = tuple[float, float]


def written(value: float) -> str:
    """A coordinate with one decimal, as short as can be."""
    text = f"{value:.1f}"
    return text.removesuffix(".0") if text != "-0.0" else "0"


def line(points: Sequence[Point]) -> str:
    """A line through the points; one alone is a dot where the stroke has round ends; "" for none."""
    if not points:
        return ""
    if len(points) == 1:
        return f"M{_pair(points[0])}h.01"
    return "M" + "L".join(map(_pair, points))


def band(upper: Sequence[Point], lower: Sequence[Point]) -> str:
    """The area between two lines over the same places; "" for fewer than two."""
    if len(upper) < 2 or len(upper) != len(lower):
        return ""
    return f"M{'L'.join(map(_pair, [*upper, *reversed(lower)]))}z"


def shades(values: Iterable[Sequence[float]], count: int) -> list[tuple[int, str]]:
    """(shade, path) for a field of heights, row 0 on top, each value a square of 1 by 1.

    Heights are 0 to 1; NaN is left out. Neighbours of one shade in a row are one rectangle.
    """
    found: dict[int, list[str]] = {}
    for y, row in enumerate(values):
        start, former = 0, -1
        for x, shade in enumerate([*(_shade(value, count) for value in row), -1]):
            if shade != former:
                if former >= 0:
                    found.setdefault(former, []).append(f"M{start} {y}h{x - start}v1H{start}z")
                start, former = x, shade
    return [(shade, "".join(parts)) for shade, parts in sorted(found.items())]


def _shade(value: float, count: int) -> int:
    return -1 if not math.isfinite(value) else min(count - 1, max(0, int(value * count)))


def _pair(point: Point) -> str:
    return f"{written(point[0])} {written(point[1])}"
