"""The loss landscape that `distill-tui landscape` left in the run folder, where there is one."""

import math
from dataclasses import dataclass

from core.insight.landscape_record import FOLDER, JSON_NAME, Landscape, LandscapeError, Line, Surface, decode
from core.insight.landscape_scale import Scale
from core.insight.landscape_words import UNIT, facts, remarks, short, verdict
from core.run.link import LinkError, RunLink
from distill_tui.axes import tick_labels
from distill_tui.format import clean, count, plural
from distill_tui.report import paths
from distill_tui.report.charts import LABEL_CELLS, TALL, WIDTH, Chart, Shape, Tick, apart, y_axis
from distill_tui.report.latent import SHADES, Field

CELLS = 180  # along each side of the picture of a surface


@dataclass(frozen=True)
class LandscapeView:
    """What the page tells of it: a verdict, a few facts, and a surface or a curve."""

    verdict: str
    meaning: str
    facts: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]
    where: str
    field: Field | None
    span: str
    lowest: tuple[str, str] | None
    ramp: tuple[str, str, str]
    line: Chart | None


def landscape_view(link: RunLink) -> LandscapeView | None:
    """The landscape of a run; None where there is none that can be read."""
    artifact = f"{FOLDER}/{JSON_NAME}"
    try:
        found = decode(link.fetch(artifact), artifact)
    except (LinkError, LandscapeError):
        return None
    word, meaning = verdict(found)
    to = f" to {clean(found.other)}" if found.other else ""
    where = f"{clean(found.checkpoint)}{to} · step {count(found.step)} · on {plural(found.items, 'held-out chunk')}"
    surface = found.surface
    scale = Scale.of(loss for row in surface.losses for loss in row) if surface else Scale(0.0, 0.0, 1.0)
    return LandscapeView(
        word.capitalize(), f"{meaning[0].upper()}{meaning[1:]}.",
        tuple((clean(label), clean(value)) for label, value in facts(found)),
        (*remarks(found), UNIT) if found.path is None else tuple(remarks(found)), where,
        _field(surface, scale) if surface else None, _percent(surface.positions[-1]) if surface else "",
        _lowest(surface) if surface else None,
        (short(scale.loss(0.0)), short(scale.loss(0.5)), short(scale.loss(1.0))), _line(found),
    )  # fmt: skip


def _field(surface: Surface, scale: Scale) -> Field:
    """Heights between the measured places; the second direction points up."""
    heights = [[scale.height(loss) for loss in row] for row in surface.losses]
    last = len(heights) - 1
    across = [_between(x, last) for x in range(CELLS)]
    values = []
    for y in range(CELLS):
        below, up = _between(CELLS - 1 - y, last)
        low, high = heights[below], heights[min(last, below + 1)]
        blend = [_mixed(a, b, up) for a, b in zip(low, high, strict=True)]
        values.append([_mixed(blend[left], blend[min(last, left + 1)], share) for left, share in across])
    return Field(CELLS, CELLS, tuple(paths.shades(values, SHADES)))


def _between(cell: int, last: int) -> tuple[int, float]:
    """The measured place below the middle of a cell, and the share of the next one in it."""
    position = (cell + 0.5) / CELLS * last
    lower = min(last, int(position))
    return lower, position - lower


def _mixed(a: float, b: float, share: float) -> float:
    return a if share < 1e-9 else a + (b - a) * share


def _lowest(surface: Surface) -> tuple[str, str] | None:
    """Where the lowest loss is, in percent from the left and the top; None where that is the checkpoint itself."""
    last = len(surface.positions) - 1
    places = [(loss, y, x) for y, row in enumerate(surface.losses) for x, loss in enumerate(row) if math.isfinite(loss)]
    if not places or not min(places)[0] < surface.center:
        return None
    _, y, x = min(places)
    return f"{100 * x / last:.1f}%", f"{100 * (1 - y / last):.1f}%"


def _line(landscape: Landscape) -> Chart | None:
    line = landscape.path or landscape.line
    if line is None:
        return None
    points = [(x, loss) for x, loss in zip(line.positions, line.losses, strict=True) if math.isfinite(loss)]
    if not points:
        return None
    y = y_axis([[loss for _, loss in points]], 5)
    places = [(WIDTH * _share(line, x), TALL * (1 - y.height(loss))) for x, loss in points]
    labels, factor = tick_labels(y, LABEL_CELLS)
    y_ticks = apart(
        [Tick(label, paths.written(TALL * (1 - y.height(at)))) for at, label in zip(y.ticks, labels, strict=True)]
    )
    shown = (0.0, 1.0) if landscape.path is not None else (line.positions[0], 0.0, line.positions[-1])
    names = {0.0: landscape.checkpoint, 1.0: landscape.other} if landscape.path is not None else {}
    x_ticks = tuple(
        Tick(clean(names.get(x, _percent(x))), f"{100 * _share(line, x):.2f}%", _anchor(_share(line, x))) for x in shown
    )
    low, high = min(loss for _, loss in points), max(loss for _, loss in points)
    return Chart(
        "landscape", f"loss ({clean(landscape.label)})", "", TALL, (Shape("line", "train", paths.line(places)),),
        y_ticks, x_ticks, "", note=" · ".join(filter(None, ("logarithmic" if y.log else "", factor))),
        summary=f"The loss along the way, between {short(low)} and {short(high)}.",
    )  # fmt: skip


def _share(line: Line, x: float) -> float:
    return (x - line.positions[0]) / (line.positions[-1] - line.positions[0])


def _anchor(share: float) -> str:
    return "start" if share < 0.03 else "end" if share > 0.97 else "middle"


def _percent(share: float) -> str:
    return f"{100 * share:.4g} %"
