"""Losses as they come: their recent history by group, where they are going, how noisy they are, and what was odd."""

import csv
import io
import json
import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any, Protocol

from core.insight.figures import LookName
from core.insight.loss_groups import grouped
from core.insight.robust import Trend, deviation, moments, outliers, trend
from core.run.events import RunStarted, Stored, TermInfo
from core.run.link import Series
from core.run.plain import to_json_ready

HISTORY = 1000


class RunSource(Protocol):
    """What a run is read from: a `RunLink`, or a `RunReader` of its store."""

    def read(self, after: int = 0) -> list[Stored]:
        """The events after a sequence number."""

    def series(self, term: str, lo: int = 0, hi: int | None = None, width: int = 100) -> Series:
        """A term over its steps, in at most so many buckets."""


@dataclass(frozen=True)
class LossStatistics:
    """What is known of one loss over its history; of its finite values. `outliers` are (step, value), oldest first.

    `variance` is about the mean, `deviation` about the median and not moved by odd values; `nonfinite` counts what was
    NaN or infinite.
    """

    name: str
    group: str
    count: int
    nonfinite: int
    last: float
    mean: float
    median: float
    lowest: float
    highest: float
    variance: float
    deviation: float
    trend: Trend
    outliers: tuple[tuple[int, float], ...] = ()

    @property
    def way(self) -> str:
        """In a word where it is going: "falls", "rises", or "level" where its noise hides any trend."""
        return "falls" if self.trend.falls else "rises" if self.trend.rises else "level"


class LossMonitor:
    """Follows the losses of any training loop; keeps the newest `history` values of each.

        monitor = LossMonitor()
        monitor.update(losses)              # floats, or tensors of one element; once a step
        print(monitor.summary())
        monitor.plot("losses.png")

    `terms`, where a recipe declares them, decide the groups; else the names do. Values that are NaN or infinite are
    kept as they are, counted, and left out of every statistic.
    """

    def __init__(self, terms: Iterable[TermInfo] = (), history: int = HISTORY) -> None:
        if history < 1:
            raise ValueError(f"history = {history}: expected 1 or more")
        self.terms, self._room, self._next = tuple(terms), history, 1
        self._history: dict[str, deque[tuple[int, float]]] = {}

    @classmethod
    def of(cls, run: RunSource, history: int = HISTORY, last: int | None = None) -> "LossMonitor":
        """The losses of a run, over or still going: the means of at most `history` stretches of it.

        With `last` only of its newest so many steps: with no more than `history`, each step is one value.
        """
        started = [stored.event for stored in run.read() if isinstance(stored.event, RunStarted)]
        monitor = cls(started[-1].terms if started else (), history)
        for term in monitor.terms:
            lo = max(0, run.series(term.name, 0, None, 1).highest_step + 1 - last) if last else 0
            width = history if not last else 2 * history  # stretches are powers of two: a step each, where they fit
            curve = run.series(term.name, lo, None, width)
            missing = set(curve.nonfinite)
            kept = monitor._history[term.name] = deque(maxlen=history)
            for place, value in enumerate(curve.mean):
                step = curve.first + place * curve.bucket + (curve.bucket - 1) // 2
                if step >= lo and (not math.isnan(value) or place in missing):
                    kept.append((step, value))
            monitor._next = max(monitor._next, curve.highest_step + 1)
        return monitor

    def update(self, losses: Mapping[str, Any], step: int | None = None) -> None:
        """Take a step's losses by name; `step` counts up from 1 by itself where none is given.

        Tensors are read here, which waits for their device. Raises ValueError for one of more than one element.
        """
        values = {name: _number(name, value) for name, value in losses.items()}
        step = self._next if step is None else step
        self._next = step + 1
        for name, value in values.items():
            self._history.setdefault(name, deque(maxlen=self._room)).append((step, value))

    @property
    def names(self) -> tuple[str, ...]:
        """The losses seen so far."""
        return tuple(self._history)

    @property
    def newest_step(self) -> int:
        """The last step that was taken in, 0 before any."""
        return self._next - 1

    @property
    def groups(self) -> dict[str, list[str]]:
        """The losses by group: total, reconstruction, kl, adversarial, ..."""
        return grouped(self._history, self.terms)

    def history(self, name: str) -> tuple[list[int], list[float]]:
        """Steps and values of a loss, oldest first. Raises KeyError for one that was never seen."""
        points = self._history[name]
        return [step for step, _ in points], [value for _, value in points]

    def statistics(self) -> dict[str, LossStatistics]:
        """What is known of each loss, in the order of the groups."""
        return {name: self._statistics(name, group) for group, names in self.groups.items() for name in names}

    def summary(self) -> str:
        """A table for people: each loss with its last value, its trend over 100 steps, its noise, and what was odd."""
        lines = []
        for group, names in self.groups.items():
            lines.append(group)
            for name in names:
                known = self._statistics(name, group)
                if not known.count:
                    lines.append(f"  {name:<32} never a number, {known.nonfinite} times")
                    continue
                odd = f"  {len(known.outliers)} odd" if known.outliers else ""
                odd += f"  {known.nonfinite} not finite" if known.nonfinite else ""
                lines.append(
                    f"  {name:<32} {known.last:>10.4g}  {known.way:<5} {known.trend.percent:+8.2f} % in 100 steps"
                    f"  noise {known.trend.noise:.2g} %{odd}"
                )
        return "\n".join(lines)

    def to_json(self) -> str:
        """Histories and statistics as JSON; what is not finite as {"$float": "nan"}."""
        losses = {}
        for name, known in self.statistics().items():
            steps, values = self.history(name)
            losses[name] = {**asdict(known), "way": known.way, "steps": steps, "values": values}
        return json.dumps(to_json_ready({"groups": self.groups, "losses": losses}), allow_nan=False)

    def to_csv(self) -> str:
        """A row for each step, a column for each loss; empty where a loss was not measured, nan and inf as such."""
        rows: dict[int, dict[str, float]] = {}
        for name, points in self._history.items():
            for step, value in points:
                rows.setdefault(step, {})[name] = value
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(("step", *self._history))
        for step in sorted(rows):
            writer.writerow((step, *(rows[step].get(name, "") for name in self._history)))
        return text.getvalue()

    def plot(self, path: str | Path, look: LookName = "light", title: str = "Losses") -> Path:
        """Draw every group's losses into `path`, PNG or SVG by its ending; no display is needed. Returns the path.

        Raises UsageError where nothing can be drawn or written: another ending, no matplotlib, a full disk.
        """
        from core.insight.loss_figure import draw  # only whoever draws needs it

        return draw(self, Path(path), look, title)

    def _statistics(self, name: str, group: str) -> LossStatistics:
        steps, values = self.history(name)
        finite = [value for value in values if math.isfinite(value)]
        count, middle = len(finite), median(finite) if finite else math.nan
        mean, variance = moments(values)
        return LossStatistics(
            name=name,
            group=group,
            count=count,
            nonfinite=len(values) - count,
            last=values[-1] if values else math.nan,
            mean=mean,
            median=middle,
            lowest=min(finite, default=math.nan),
            highest=max(finite, default=math.nan),
            variance=variance,
            deviation=deviation(values),
            trend=trend(steps, values),
            outliers=tuple((steps[place], values[place]) for place in outliers(values)),
        )


def _number(name: str, value: Any) -> float:
    """A float, or a tensor or array of one element."""
    try:
        return float(value.detach() if hasattr(value, "detach") else value)
    except (TypeError, ValueError, RuntimeError) as error:
        shape = f" of shape {tuple(value.shape)}" if hasattr(value, "shape") else f" {value!r}"
        raise ValueError(f"{name}: expected one number, got a {type(value).__name__}{shape}") from error
