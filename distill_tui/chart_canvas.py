"""A canvas of braille dots, 2 wide and 4 high in each cell, on which lines are drawn in roles."""

from distill_tui.axes import Points, Values, dot_row
from distill_tui.cells import Row, Run

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
RAW = "raw"  # the role of what lies under a smoothed curve


class Canvas:
    """Dots, the role of each cell (later strokes take it over), and whole characters as marks, by (row, cell)."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.marks: dict[tuple[int, int], Run] = {}
        self._dots = [[0] * width for _ in range(height)]
        self._roles = [[""] * width for _ in range(height)]

    def line(self, points: Points, y: Values, role: str, *, dashed: bool = False, fine: bool = False) -> None:
        """A line through the points; between columns it is joined half in each, so that a steep one has no holes.

        `dashed` leaves out every fourth cell, `fine` every other column of dots.
        """
        levels, limit = self.height * 4, self.width * 2
        height = y.height
        before = start = 0
        for index, (dot, value) in enumerate(points):
            level = dot_row(height(value), levels)
            if index == 0:
                self._stroke(dot, level, level, role)
                before, start = dot, level
                continue
            span = dot - before
            previous = start
            for column in range(before + 1, dot + 1):
                here = level if column == dot else round(start + (level - start) * (column - before) / span)
                if column < limit and not (dashed and column // 2 % 4 == 3) and not (fine and column % 2):
                    if here == previous:
                        self._stroke(column, here, here, role)
                    else:
                        top, bottom = (previous, here) if previous < here else (here, previous)
                        middle = (top + bottom) // 2
                        upper, lower = (column, column - 1) if here == top else (column - 1, column)
                        self._stroke(upper, top, middle, role)
                        self._stroke(lower, middle + 1, bottom, role)
                previous = here
            before, start = dot, level

    def _stroke(self, column: int, top: int, bottom: int, role: str) -> None:
        """Dots of a column from `top` to `bottom` (0 is the highest); a cell of the raw curve is cleared first."""
        cell, right = column >> 1, column & 1
        last = self.height * 4 - 1
        for y in range(top if top > 0 else 0, (bottom if bottom < last else last) + 1):
            row = y >> 2
            roles = self._roles[row]
            if roles[cell] == RAW != role:
                self._dots[row][cell] = 0
            self._dots[row][cell] |= DOTS[y & 3][right]
            roles[cell] = role

    def rows(self) -> tuple[Row, ...]:
        """The cells as text, in as few runs as their roles allow."""
        return tuple(self._row(y) for y in range(self.height))

    def _row(self, y: int) -> Row:
        dots, roles = self._dots[y], self._roles[y]
        text = [chr(0x2800 + cell) if cell else " " for cell in dots]
        for (row, cell), mark in self.marks.items():
            if row == y:
                text[cell], roles[cell] = mark.text, mark.role
        runs: list[Run] = []
        start, role = 0, ""
        for cell, here in enumerate(roles):
            if here != role and text[cell] != " ":
                if role:
                    runs.append(Run("".join(text[start:cell]), role))
                    start = cell
                role = here
        return (*runs, Run("".join(text[start:]), role or "text"))
