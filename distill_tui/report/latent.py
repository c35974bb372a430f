"""What the latent came to say: active dimensions, the KL of each over time, and the map of the held-out material."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.run.events import EpochMetrics, LatentMap
from distill_tui.axes import Steps, Values
from distill_tui.format import clean, number
from distill_tui.latent_strip import strip
from distill_tui.latent_words import suggestion, summary
from distill_tui.report import paths
from distill_tui.report.charts import Chart, Curve, Tick, drawn, x_axis
from distill_tui.report.record import Record

SHADES = 16
COLUMNS, MOST_ROWS = 160, 128
MOST_EPOCHS = 400
MOST_NAMES = 40
# The room that a name takes on the map, in percent of a map some 700 pixels wide.
LETTER, LINE = 0.95, 3.4
ASPECT = 1.6


@dataclass(frozen=True)
class Field:
    """Shades in a box of `columns` by `rows`; `paths` are (shade, path)."""

    columns: int
    rows: int
    paths: tuple[tuple[int, str], ...]


@dataclass(frozen=True)
class Dot:
    """An item of the map, in percent from the left and the top; `label` is its name where there is room for it."""

    x: str
    y: str
    name: str
    label: str
    label_x: str
    anchor: str


@dataclass(frozen=True)
class LatentView:
    """What the page tells of the latent."""

    summary: str
    facts: tuple[tuple[str, str], ...]
    advice: str
    active: Chart | None
    field: Field | None
    dimensions: int
    x_ticks: tuple[Tick, ...]
    x_unit: str
    dots: tuple[Dot, ...]
    map_words: str


def latent_view(record: Record) -> LatentView | None:
    """The latent of a run; None while no epoch told of it."""
    known = [epoch for epoch in record.state.epochs if epoch.latent_dimensions]
    if not known:
        return None
    newest = known[-1]
    facts = []
    if newest.active_units >= 0:
        facts.append(("active units", f"{newest.active_units} of {newest.latent_dimensions}"))
    if math.isfinite(newest.mutual_information):
        facts.append(("mutual information", f"about {number(newest.mutual_information)} nats"))
    advice = suggestion(record.state, record.info.config)
    x_ticks, x_unit = x_axis(record)
    return LatentView(
        _sentence(summary(newest)), tuple(facts), advice[1] if advice else "", _active(record, known),
        _field(record, known), newest.latent_dimensions, x_ticks, x_unit, *_map(record.state.latent_map),
    )  # fmt: skip


def _active(record: Record, epochs: Sequence[EpochMetrics]) -> Chart | None:
    apart = -(-len(epochs) // MOST_EPOCHS)
    shown = [*epochs[:-1:apart], epochs[-1]]
    points = tuple((float(epoch.step), float(epoch.active_dimensions)) for epoch in shown)
    most = float(epochs[-1].latent_dimensions)
    y = Values(0.0, max(most, *(value for _, value in points)), ticks=(0.0, most / 2, most))
    chart = drawn(record, "active-dimensions", "active dimensions", [Curve("active dimensions", "accent", points)], y=y)
    if chart is None:
        return None
    now = f"{epochs[-1].active_dimensions} of {epochs[-1].latent_dimensions}"
    told = f"Active dimensions: {points[0][1]:.0f} at first, {now} in the newest epoch."
    return replace(chart, summary=told, now=(("accent", "", now),))


def _field(record: Record, epochs: Sequence[EpochMetrics]) -> Field | None:
    rows = min(MOST_ROWS, epochs[-1].latent_dimensions)
    values = strip(epochs, Steps(0, record.newest, 2 * COLUMNS), COLUMNS, rows, ended=True)
    return Field(COLUMNS, len(values), tuple(paths.shades(values, SHADES))) if values else None


def _map(latent_map: LatentMap | None) -> tuple[tuple[Dot, ...], str]:
    """The dots in a box 1.6 times as wide as high, both axes to one scale; and what they are in words."""
    items = [
        (x, y, clean(name))
        for name, x, y in zip(latent_map.names, latent_map.x, latent_map.y, strict=False)
        if math.isfinite(x) and math.isfinite(y)
    ] if latent_map else []  # fmt: skip
    if not items or latent_map is None:
        return (), ""
    xs, ys = [x for x, _, _ in items], [y for _, y, _ in items]
    unit = max((max(xs) - min(xs)) / (84 * ASPECT), (max(ys) - min(ys)) / 84) or 1.0
    middle_x, middle_y = (max(xs) + min(xs)) / 2, (max(ys) + min(ys)) / 2
    spots = [(50 + (x - middle_x) / unit / ASPECT, 50 - (y - middle_y) / unit, name) for x, y, name in items]
    labels = _labels(spots)
    dots = [Dot(f"{x:.1f}%", f"{y:.1f}%", name, *labels.get(place, ("", "0", "start")))
            for place, (x, y, name) in enumerate(spots)]  # fmt: skip
    files = len({name for _, _, name in items})
    words = f"{len(items)} held-out chunks of {files} files at epoch {latent_map.epoch}; like lies near like."
    shares = " and ".join(f"{share:.0%}".replace("%", " %") for share in latent_map.explained if share > 0)
    return tuple(dots), f"{words} The two axes hold {shares} of all differences." if shares else words


def _labels(spots: Sequence[tuple[float, float, str]]) -> dict[int, tuple[str, str, str]]:
    """By the item's place (text, x, anchor) of the names that lie on nothing else: one a file."""
    taken = [(x - 0.8, x + 0.8, y) for x, y, _ in spots]
    found: dict[int, tuple[str, str, str]] = {}
    named: set[str] = set()
    for place in sorted(range(len(spots)), key=lambda i: -math.hypot(spots[i][0] - 50, spots[i][1] - 50)):
        x, y, name = spots[place]
        text = name.rstrip("/").rpartition("/")[2] or name
        text = text if len(text) <= 18 else text[:17] + "…"
        if name in named or len(named) >= MOST_NAMES:
            continue
        size = len(text) * LETTER
        for start, at, anchor in ((x + 1.2, x + 1.2, "start"), (x - 1.2 - size, x - 1.2, "end")):
            free = all(right < start or left > start + size or abs(y - other) > LINE for left, right, other in taken)
            if free and start > 0 and start + size < 100:
                found[place] = (text, f"{at:.1f}%", anchor)
                taken.append((start, start + size, y))
                named.add(name)
                break
    return found


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
