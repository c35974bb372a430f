"""Where each term and each heading stands, as a pure function of the size: bands of charts, or a line each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from core.run.events import TermInfo
from distill_tui.panels.term_groups import Group

NARROWEST, LOWEST = 24, 4  # cells of the smallest chart, frame included
HIGH = 10  # rows from which a band of charts becomes two, wider ones


@dataclass(frozen=True)
class Tile:
    """A term's place in its band: a small chart, or a line. `indented` says that it stands under a heading."""

    term: TermInfo
    x: int
    width: int
    indented: bool = False


@dataclass(frozen=True)
class Heading:
    """A group's heading over its terms, or in place of them when it is folded."""

    group: Group
    x: int
    width: int


Part = Tile | Heading


@dataclass(frozen=True)
class Band:
    """Parts beside each other, as high as each other."""

    height: int
    parts: tuple[Part, ...]

    @property
    def is_heading(self) -> bool:
        """Whether it only says what follows."""
        return all(isinstance(part, Heading) and not part.group.folded for part in self.parts)


@dataclass(frozen=True)
class Layout:
    """All bands from top to bottom, more of them perhaps than can be seen, and how the cursor moves among them.

    The cursor is at a term. Those of a folded group share its heading, which stands for the first of them.
    """

    bands: tuple[Band, ...]
    as_list: bool

    @property
    def terms(self) -> tuple[TermInfo, ...]:
        """The terms in the order in which they stand, those of folded groups with them."""
        return tuple(term for band in self.bands for part in band.parts for term in _terms(part))

    @property
    def narrowest(self) -> int:
        """Cells of the narrowest tile; columns differ by one at most."""
        tiles = (part.width for band in self.bands for part in band.parts if isinstance(part, Tile))
        return min(tiles, default=NARROWEST)

    def band_of(self, term: str) -> int:
        """The band that shows the term, the first for one that is not there."""
        return next((i for i, band in enumerate(self.bands) for part in band.parts if _has(part, term)), 0)

    def scrolled(self, top: int, term: str, room: int) -> int:
        """The first band to show in `room` rows so that the term is seen: as near to `top` as can be."""
        here = self.band_of(term)
        ends = list(accumulate((band.height for band in self.bands), initial=0))
        first = here - 1 if here and self.bands[here - 1].is_heading else here
        if ends[here + 1 if self.bands else 0] - ends[first] > room:
            first = here
        top = min(top, first)
        while top < here and ends[here + 1] - ends[top] > room:
            top += 1
        while top and ends[-1] - ends[top - 1] <= room:
            top -= 1
        return top

    def visible(self, top: int, room: int) -> tuple[Band, ...]:
        """The bands that `room` rows show from band `top` on, each of them whole; the first in any case."""
        shown: list[Band] = []
        for band in self.bands[top:]:
            room -= band.height
            if room < 0 and shown:
                break
            shown.append(band)
        return tuple(shown)

    def at(self, top: int, x: int, y: int) -> Part | None:
        """What stands `y` rows below the start of band `top`."""
        for band in self.bands[top:]:
            if 0 <= y < band.height:
                return next((part for part in band.parts if part.x <= x < part.x + part.width), None)
            y -= band.height
        return None

    def moved(self, term: str, direction: str) -> str | None:
        """The term where the cursor comes to from `term`; None at the edge."""
        rows = [stops for band in self.bands if (stops := [part for part in band.parts if _is_stop(part)])]
        place = next(((y, x) for y, row in enumerate(rows) for x, part in enumerate(row) if _has(part, term)), None)
        if place is None:
            return None
        y, x = place
        if direction in ("left", "right"):
            x += -1 if direction == "left" else 1
            return _terms(rows[y][x])[0].name if 0 <= x < len(rows[y]) else None
        here = rows[y][x]
        y += -1 if direction == "up" else 1
        if not 0 <= y < len(rows):
            return None
        nearest = min(rows[y], key=lambda part: abs(part.x - here.x))
        return _terms(nearest)[0].name


def lay_out(groups: Sequence[Group], width: int, height: int, as_list: bool) -> Layout:
    """The layout for `width` by `height` cells. There are headings once something is folded, or not all can be seen."""
    columns = 1 if as_list else max(1, width // NARROWEST)
    amount = sum(len(group.terms) for group in groups)
    lines = -(-amount // columns)
    fits = lines * (1 if as_list else LOWEST) <= height
    if not any(group.folded for group in groups) and (fits or len(groups) < 2):
        if fits and not as_list:
            lines = max(lines, min(amount, height // HIGH))
        tall = 1 if as_list else max(LOWEST, height // lines) if fits and lines else LOWEST
        even = -(-amount // max(1, lines))
        return Layout(_rows([term for group in groups for term in group.terms], even, width, tall), as_list)
    return _in_groups(groups, width, height, columns, as_list)


def _in_groups(groups: Sequence[Group], width: int, height: int, columns: int, as_list: bool) -> Layout:
    """Groups below each other; those that fit into one band together stand beside each other."""
    shelves: list[list[Group]] = []
    for group in groups:
        last = shelves[-1] if shelves else [group]
        if not (as_list or group.folded or last[0].folded) and shelves and _amount([*last, group]) <= columns:
            last.append(group)
        else:
            shelves.append([group])
    columns = max(1, min(columns, max(map(_amount, shelves), default=1)))
    lines = sum(-(-_amount(shelf) // columns) for shelf in shelves)
    headings = sum(any(group.has_heading for group in shelf) for shelf in shelves)
    tall = 1 if as_list else max(LOWEST, (height - headings) // max(1, lines))
    bands: list[Band] = []
    for shelf in shelves:
        headed = any(group.has_heading for group in shelf)
        if headed:
            bands.append(Band(1, tuple(_headings(shelf, columns, width))))
        shown = [term for group in shelf if not group.folded for term in group.terms]
        bands += _rows(shown, columns, width, tall, as_list and headed)
    return Layout(tuple(bands), as_list)


def _amount(shelf: Iterable[Group]) -> int:
    """The tiles that the groups take."""
    return sum(len(group.terms) for group in shelf if not group.folded)


def _headings(shelf: Iterable[Group], columns: int, width: int) -> Iterable[Heading]:
    start = 0
    for group in shelf:
        end = columns if group.folded else min(columns, start + len(group.terms))
        if group.has_heading:
            x = start * width // columns
            yield Heading(group, x, end * width // columns - x)
        start = end


def _rows(terms: Sequence[TermInfo], columns: int, width: int, height: int, indented: bool = False) -> tuple[Band, ...]:
    edges = [column * width // max(1, columns) for column in range(columns + 1)]
    return tuple(
        Band(
            height,
            tuple(
                Tile(term, edges[column], edges[column + 1] - edges[column], indented)
                for column, term in enumerate(terms[start : start + columns])
            ),
        )
        for start in range(0, len(terms), max(1, columns))
    )


def _terms(part: Part) -> tuple[TermInfo, ...]:
    """The terms that a part stands for: none, if it is a heading above others."""
    if isinstance(part, Tile):
        return (part.term,)
    return part.group.terms if part.group.folded else ()


def _has(part: Part, name: str) -> bool:
    return any(term.name == name for term in _terms(part))


def _is_stop(part: Part) -> bool:
    return isinstance(part, Tile) or part.group.folded
