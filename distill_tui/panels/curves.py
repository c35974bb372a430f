"""What the charts, large and small, know of a term: its curves, its present value, its best."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from core.run.events import EpochMetrics, TermInfo
from core.run.link import Series
from core.run.state import RunState
from distill_tui.axes import Steps
from distill_tui.chart import OVERSAMPLING, Curve, retraced, traced
from distill_tui.reader import Query, Snapshot


@dataclass(frozen=True)
class Best:
    """The lowest validation value of a term."""

    value: float
    epoch: int
    step: int


def terms_of(state: RunState) -> tuple[TermInfo, ...]:
    """The terms that the recipe declares."""
    return state.started.terms if state.started else ()


def training_query(term: TermInfo, dots: int, lo: int = 0, hi: int | None = None, run: str = "") -> Query:
    """The training curve for so many columns of dots, of the watched run or of the overlaid one so named."""
    return Query(term.name, lo, hi, max(16, dots * OVERSAMPLING), run)


def validation_query(term: TermInfo, dots: int, lo: int = 0, hi: int | None = None, run: str = "") -> Query:
    """The validation curve for so many columns of dots, of the watched run or of the overlaid one so named."""
    return Query(f"val/{term.name}", lo, hi, max(16, dots * OVERSAMPLING), run)


def newest_step(state: RunState) -> int:
    """The newest step that is known, -1 before the first."""
    return state.step.step if state.step else -1


def present(series: Series | None, state: RunState, term: TermInfo) -> float | None:
    """The term's training value now: the mean of the last few buckets, which can be read while it changes."""
    finite = [value for value in (series.mean if series else ()) if math.isfinite(value)]
    if finite:
        lately = finite[-max(1, min(8, len(finite) // 20)) :]
        return math.fsum(lately) / len(lately)
    return state.step.terms.get(term.name) if state.step else None


def is_to_come(state: RunState, term: TermInfo) -> bool:
    """Whether the run has steps, and the term (an adversary's, which joins late) is not among what they measured."""
    return state.step is not None and term.name not in state.step.terms


def validation(epoch: EpochMetrics | None, term: TermInfo) -> float | None:
    """The term's mean at an epoch's validation."""
    return epoch.val_terms.get(term.name) if epoch else None


def has_best(term: TermInfo) -> bool:
    """Whether lower is better: of weights, schedules and the adversary's terms there is no best."""
    return term.judged or term.group == "total"


class Bests:
    """Every term's lowest finite validation value, worked out anew when an epoch has ended."""

    def __init__(self) -> None:
        self._epochs: tuple[EpochMetrics, ...] = ()
        self._found: dict[str, Best] = {}

    def __call__(self, state: RunState) -> Mapping[str, Best]:
        """The bests of a state by the term's name."""
        if state.epochs is not self._epochs:
            self._epochs, self._found = state.epochs, {}
            for epoch in state.epochs:
                for name, value in epoch.val_terms.items():
                    if math.isfinite(value) and (name not in self._found or value < self._found[name].value):
                        self._found[name] = Best(value, epoch.epoch, epoch.step)
        return self._found


def read_so_far(snapshot: Snapshot, query: Query) -> Series | None:
    """What has been read for the query so far."""
    return snapshot.series.get(query)


class Tracer:
    """Traces curves once: most of what a frame shows is what the last one showed."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[Series, Steps, Curve]] = {}

    def __call__(self, series: Series, x: Steps, role: str, *, dashed: bool = False, fine: bool = False) -> Curve:
        """As `traced`; the same series over the same steps gives the same curve. Each role has one curve of a term."""
        key = series.term, role
        known = self._known.get(key)
        if known is not None and known[0] is series and known[1] == x:
            return known[2]
        if known is not None and known[1] == x and (known[2].dashed, known[2].fine) == (dashed, fine):
            curve = retraced(series, known[0], x, known[2])
        else:
            curve = traced(series, x, role, dashed=dashed, fine=fine)
        self._known[key] = series, x, curve
        return curve
