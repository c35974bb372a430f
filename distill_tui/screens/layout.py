"""How the dashboard shares out the screen, as pure functions of its size."""

from dataclasses import dataclass

from textual.geometry import Region

from distill_tui.panels.terms import NARROWEST

NARROW = 104  # columns from which config and events stand at the side
SHORT = 30  # rows from which terms are charts rather than lines
WIDE, TALL = 160, 50  # a screen from which latent, balance and system stand beside the terms
ASIDE_ROWS = 22  # that those three need together


@dataclass(frozen=True)
class Plan:
    """Heights of the three bands in rows, and the width of the side column (0: config and events wait for a key).

    `aside` is the width of latent, balance and system beside the terms (0: they wait for a key).
    """

    upper: int
    terms: int
    lower: int
    side: int
    terms_as_list: bool
    aside: int = 0


def plan(width: int, height: int, terms: int, most_lines: int | None = None) -> Plan:
    """Share `height` rows of `width` columns between chart, `terms` terms and previews.

    Of charts of terms at most `most_lines` lines, and lower ones, are seen at a time; None: as there is room for.
    """
    side = min(76, max(40, width * 36 // 100)) if width >= NARROW else 0
    aside = side if width >= WIDE and height >= TALL else 0
    as_list = height < SHORT or width < 2 * NARROWEST
    lower = max(5, min(16, height * 24 // 100))
    if as_list:
        band = min(max(1, terms) + 2, max(4, height // 3))
    else:
        columns = max(1, (width - aside) // NARROWEST)
        lines = min(max(1, -(-terms // columns)), most_lines or terms)
        line = max(5, min(12, height * 19 // 100)) if most_lines is None else max(4, height * 11 // 100)
        band = min(lines * line, height * 45 // 100)
    if aside:
        band = max(band, ASIDE_ROWS)
    return Plan(max(4, height - band - lower), band, lower, side, as_list, aside)


def neighbour(here: Region, others: dict[str, Region], direction: str) -> str | None:
    """The id of the nearest region in a direction; of equally near ones the one that faces most of this side."""
    best: tuple[int, str] | None = None
    for name, there in others.items():
        gap, overlap, aside = _facing(here, there, direction)
        if gap < 0:
            continue
        cost = gap * 1000 - overlap if overlap > 0 else 1_000_000 + gap + aside
        if best is None or (cost, name) < best:
            best = cost, name
    return best[1] if best else None


def _facing(here: Region, there: Region, direction: str) -> tuple[int, int, int]:
    """(distance, shared extent, distance aside) of `there` as seen from `here`."""
    if direction in ("left", "right"):
        gap = there.x - here.right if direction == "right" else here.x - there.right
        overlap = min(here.bottom, there.bottom) - max(here.y, there.y)
    else:
        gap = there.y - here.bottom if direction == "down" else here.y - there.bottom
        overlap = min(here.right, there.right) - max(here.x, there.x)
    return gap, overlap, max(0, -overlap)
