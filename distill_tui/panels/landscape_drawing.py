"""A loss landscape in cells: the surface as shades with the checkpoint marked, a line as a curve, and their axes."""

import math
from collections.abc import Sequence

from core.insight.landscape_record import Landscape, Line, Surface
from core.insight.landscape_scale import Scale
from core.insight.landscape_words import short
from distill_tui.axes import Points, Values, dot_row, label_column, values_axis
from distill_tui.cells import Row, Run, merged
from distill_tui.chart_canvas import Canvas
from distill_tui.heat import heat_rows

HERE, LOWEST, THERE = "◉", "◇", "◆"
GUTTER = 7  # cells of the labels beside a curve
LOG_FROM = 100.0  # times the lowest loss: a curve that reaches so far is drawn logarithmically
RAMP_CELLS = 16


def scale_of(surface: Surface) -> Scale:
    """The shades of a surface."""
    return Scale.of(loss for row in surface.losses for loss in row)


def wanted(landscape: Landscape, height: int) -> int:
    """Cells across that a picture of so many lines would fill."""
    surface = landscape.surface
    return _edge(surface) + 2 * (height - 1) if surface is not None else 3 * height


def surface_rows(surface: Surface, width: int, height: int, shades: int) -> list[Row]:
    """The surface as a square in the middle of `width` by `height` cells, its axes at the left and below.

    The second direction points up. The checkpoint is marked, and the lowest place where that is another.
    """
    edge = _edge(surface)
    lines = max(1, min(height - 1, (width - edge) // 2))
    columns = max(1, min(width - edge, 2 * lines))
    columns -= 1 - columns % 2  # an odd number has a middle
    scale = scale_of(surface)
    heights = [[scale.height(loss) for loss in row] for row in surface.losses]
    values = _sampled(heights, columns, 2 * lines)
    cells = [_apart(row) for row in heat_rows(values, shades)]
    _mark(cells, lines // 2, columns // 2, HERE, "best")
    if (low := lowest(surface)) is not None:
        size = len(surface.positions) - 1
        _mark(
            cells,
            lines - 1 - round(low[0] * (lines - 1) / size),
            round(low[1] * (columns - 1) / size),
            LOWEST,
            "strong",
        )
    ends = _percent(surface.positions[0]), _percent(surface.positions[-1])
    labels = [""] * lines
    labels[0], labels[lines // 2], labels[-1] = ends[1], "0", ends[0]
    rows = [merged([Run(f"{label:>{edge - 1}} ", "muted"), *row]) for label, row in zip(labels, cells, strict=True)]
    return [*rows, (Run(" " * edge), *_axis(columns, {ends[0]: 0.0, "0": 0.5, ends[1]: 1.0}))]


def lowest(surface: Surface) -> tuple[int, int] | None:
    """(row, column) of the lowest loss; None where nothing is lower than the checkpoint itself."""
    center = surface.center
    places = [(loss, y, x) for y, row in enumerate(surface.losses) for x, loss in enumerate(row) if math.isfinite(loss)]
    if not places or not min(places)[0] < center:
        return None
    _, y, x = min(places)
    return y, x


def ramp(scale: Scale, width: int, shades: int) -> list[Row]:
    """What the shades stand for: the ramp, and below it the losses of its ends and its middle."""
    cells = min(2 * RAMP_CELLS, width)
    row = heat_rows([[(cell + 0.5) / cells for cell in range(cells)]] * 2, shades)[0]
    low, middle, high = (short(scale.loss(height)) for height in (0.0, 0.5, 1.0))
    room = cells - len(low) - len(high)
    between = middle.center(room) if len(middle) + 2 <= room else " " * max(1, room)
    return [row, (Run(low + between + high, "muted"),)]


def line_rows(line: Line, width: int, height: int, *, two_ends: bool) -> list[Row]:
    """A curve with its marks, losses at the left and positions below. Where the loss is not finite stands a cross."""
    columns, lines = max(2, width - GUTTER), max(1, height - 1)
    first, last = line.positions[0], line.positions[-1]
    dots = 2 * columns - 1
    points: Points = []
    broken: list[int] = []
    for x, loss in zip(line.positions, line.losses, strict=True):
        dot = round((x - first) / (last - first) * dots)
        if math.isfinite(loss):
            points.append((dot, loss))
        else:
            broken.append(dot // 2)
    y = _values(points, lines)
    canvas = Canvas(columns, lines)
    canvas.line(points, y, "train")
    for cell in broken:
        canvas.marks[lines - 1, cell] = Run("×", "danger")
    ends = {0.0: HERE, **({1.0: THERE} if two_ends else {})}
    for position, mark in ends.items():
        loss = line.at(position)
        if math.isfinite(loss):
            cell = round((position - first) / (last - first) * dots) // 2
            row = min(lines - 1, max(0, dot_row(y.height(loss), lines * 4) // 4))
            canvas.marks[row, cell] = Run(mark, "best" if mark == HERE else "validation")
    labels = label_column(y, GUTTER - 1, lines)
    rows = [merged([Run(f"{label} ", "muted"), *row]) for label, row in zip(labels, canvas.rows(), strict=True)]
    shown = (first, 0.0, 1.0, last) if two_ends else (first, 0.0, last)
    places = {f"{x:g}" if two_ends or not x else _percent(x): (x - first) / (last - first) for x in shown}
    return [*rows, (Run(" " * GUTTER), *_axis(columns, places))]


def marks_of(landscape: Landscape) -> list[tuple[Run, str]]:
    """The marks in the picture, and what each stands for."""
    found = [(Run(HERE, "best"), landscape.checkpoint)]
    if landscape.path is not None:
        found.append((Run(THERE, "validation"), landscape.other))
    if landscape.surface is not None and lowest(landscape.surface) is not None:
        found.append((Run(LOWEST, "strong"), "lowest"))
    return found


def _percent(share: float) -> str:
    return f"{100 * share:.4g}%"


def _edge(surface: Surface) -> int:
    """Cells of the labels beside a surface."""
    return len(_percent(surface.positions[0])) + 1


def _values(points: Points, lines: int) -> Values:
    losses = [loss for _, loss in points]
    log = bool(losses) and min(losses) > 0 and max(losses) > LOG_FROM * min(losses)
    return values_axis([points], log=log, ticks=max(2, min(6, lines // 3)))


def _sampled(heights: Sequence[Sequence[float]], columns: int, rows: int) -> list[list[float]]:
    """Heights between the measured ones, row 0 on top; NaN wherever one that is not finite has a part in it."""
    last = len(heights) - 1
    across = [_between(x, columns, last) for x in range(columns)]
    result = []
    for y in range(rows):
        below, up = _between(rows - 1 - y, rows, last)
        low, high = heights[below], heights[min(last, below + 1)]
        blend = [_mixed(a, b, up) for a, b in zip(low, high, strict=True)]
        result.append([_mixed(blend[left], blend[min(last, left + 1)], share) for left, share in across])
    return result


def _between(place: int, places: int, last: int) -> tuple[int, float]:
    """The measured place below one of so many cells, and the share of the next one in it."""
    position = place * last / max(1, places - 1)
    lower = min(last, int(position))
    return lower, position - lower


def _mixed(a: float, b: float, share: float) -> float:
    return a if share < 1e-9 else a + (b - a) * share


def _apart(row: Row) -> list[Run]:
    """A run for each cell."""
    return [Run(character, run.role) for run in row for character in run.text]


def _mark(cells: list[list[Run]], y: int, x: int, mark: str, role: str) -> None:
    """A mark in front of the shade that it stands on."""
    former = cells[y][x].role
    ground = former.rpartition(":")[2] if former.startswith("heat:") else ""
    cells[y][x] = Run(mark, f"{role}/heat:{ground}" if ground else role)


def _axis(width: int, labels: dict[str, float]) -> Row:
    """A line with labels at shares of its width; those without room are left out."""
    cells = ["─"] * width
    for label, share in sorted(labels.items(), key=lambda item: abs(item[1] - 0.5)):
        text = f" {label} "
        start = min(max(0, round(share * (width - 1)) - len(text) // 2), width - len(text))
        if start >= 0 and all(cell == "─" for cell in cells[start : start + len(text)]):
            cells[start : start + len(text)] = text
    return merged([Run(cell, "border" if cell == "─" else "muted") for cell in cells])
