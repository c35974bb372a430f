"""Which terms drove the training, over time: shares stacked to 100 %, and each term's weight and share now."""

import math
from dataclasses import dataclass

from core.run.link import Series
from distill_tui.balance import balance, by_step, headlines, in_percent, role_of, weighted_terms, weights_of
from distill_tui.format import number
from distill_tui.report import paths
from distill_tui.report.charts import LOW, WIDTH, Chart, Curve, Shape, Tick, pointer_data, x_axis
from distill_tui.report.record import Record


@dataclass(frozen=True)
class Part:
    """A term: its role, name, weight, value lately and share, the last as text and in percent for a bar."""

    role: str
    label: str
    weight: str
    value: str
    share: str
    bar: str


@dataclass(frozen=True)
class BalanceView:
    """What the page tells of it. `of` is "gradient" or "loss"."""

    headline: str
    of: str
    parts: tuple[Part, ...]
    chart: Chart | None


def balance_view(record: Record) -> BalanceView | None:
    """The balance of a run; None for one that does not log its weights."""
    terms = weighted_terms(record.state)
    if not terms:
        return None
    measured = by_step({term.name: record.curve(f"gradient/{term.name}") for term in terms})
    values = {term.name: value for term in terms if (value := _newest(record.curve(term.name))) is not None}
    now = balance(terms, weights_of(record.state), values, measured)
    shares = measured or by_step({term.name: _contribution(record, term.name) for term in terms})
    parts = [
        Part(part.role, part.label, number(part.weight), number(part.value), in_percent(part.share),
             f"{100 * part.share:.2f}%")
        for part in now.parts
    ]  # fmt: skip
    labels = {term.name: (role_of(place), parts[place].label) for place, term in enumerate(terms)}
    return BalanceView(headlines(now)[0], now.of, tuple(parts), _stacked(record, shares, labels, now.of))


def _stacked(
    record: Record, shares: dict[int, dict[str, float]], labels: dict[str, tuple[str, str]], of: str
) -> Chart | None:
    if not shares:
        return None
    newest = record.newest
    steps = [min(step, newest) for step in shares]
    floor = [0.0] * len(steps)
    shapes, curves = [], []
    for name, (role, label) in labels.items():
        own = [shares_now.get(name, 0.0) for shares_now in shares.values()]
        top = [below + share for below, share in zip(floor, own, strict=True)]
        # One measurement alone is drawn over the whole width.
        xs = [step / newest * WIDTH for step in steps] if len(steps) > 1 else [0.0, float(WIDTH)]
        upper = [
            (x, LOW * (1 - value)) for x, value in zip(xs, top * (3 - len(top) if len(top) < 2 else 1), strict=False)
        ]
        lower = [(x, LOW * (1 - value)) for x, value in zip(xs, floor * (2 if len(floor) < 2 else 1), strict=False)]
        shapes.append(Shape("area", role, paths.band(upper, lower)))
        curves.append(Curve(label, role, tuple(zip(map(float, steps), own, strict=True))))
        floor = top
    ticks = tuple(Tick(f"{share} %", str(LOW * (100 - share) / 100)) for share in (0, 50, 100))
    return Chart(
        "balance", f"Share of the {of}", "", LOW, tuple(shapes), ticks, *x_axis(record),
        summary=f"How the terms share the {of} over the steps, stacked to 100 %.",
        data=pointer_data(curves, percent=True),
    )  # fmt: skip


def _contribution(record: Record, term: str) -> Series | None:
    """Weight times value, bucket by bucket; None while the one or the other is not known."""
    values, weights = record.curve(term), record.curve(f"weight/{term}")
    if (values.first, values.bucket, len(values.mean)) != (weights.first, weights.bucket, len(weights.mean)):
        return None
    mean = tuple(abs(value * weight) for value, weight in zip(values.mean, weights.mean, strict=True))
    return Series(
        term, values.first, values.bucket, mean, mean, mean, mean, (), values.lowest_step, values.highest_step
    )


def _newest(series: Series) -> float | None:
    return next((value for value in reversed(series.mean) if math.isfinite(value)), None)
