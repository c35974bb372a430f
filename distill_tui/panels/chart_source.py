"""Where the chart's curves come from: the queries for one term, and what has been read for them so far."""

from dataclasses import dataclass

from core.run.events import TermInfo
from core.run.link import Series
from distill_tui.axes import Steps
from distill_tui.chart_view import View
from distill_tui.overlay import Overlay
from distill_tui.panels.curves import newest_step, read_so_far, training_query, validation_query
from distill_tui.reader import Query, Snapshot


def reach(snapshot: Snapshot) -> tuple[int, int]:
    """The newest step of the watched run, and of the longest of those drawn; -1 before the first."""
    newest = newest_step(snapshot.state)
    return newest, max(newest, *(overlay.last_step for overlay in snapshot.overlays), -1)


@dataclass(frozen=True)
class Curves:
    """What there is to draw of a term: training, validation, and a curve of each overlaid run that has one."""

    train: Series | None = None
    valid: Series | None = None
    others: tuple[tuple[Overlay, Series], ...] = ()


class Source:
    """The curves as read; while a moved window is still being read, what was read before."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, str], Series] = {}

    def forget(self) -> None:
        """Another term: nothing that was read is of use."""
        self._held.clear()

    def queries(self, snapshot: Snapshot, term: TermInfo, view: View, x: Steps) -> tuple[Query, ...]:
        """Training and validation, then each overlaid run's training, and its validation where that is all it has."""
        found = [*_own(term, view, x)]
        for overlay in snapshot.overlays:
            training, validation = _of_other(term, view, x, overlay)
            found.append(training)
            if (read := read_so_far(snapshot, training)) is not None and not read.mean:
                found.append(validation)
        return tuple(found)

    def curves(self, snapshot: Snapshot, term: TermInfo, view: View, x: Steps) -> Curves:
        """Those that have any values."""
        training, validation = _own(term, view, x)
        others: list[tuple[Overlay, Series]] = []
        for overlay in snapshot.overlays:
            queries = _of_other(term, view, x, overlay)
            series = self._read(snapshot, queries[0]) or self._read(snapshot, queries[1])
            if series is not None:
                others.append((overlay, series))
        return Curves(self._read(snapshot, training), self._read(snapshot, validation), tuple(others))

    def _read(self, snapshot: Snapshot, query: Query) -> Series | None:
        key = query.run, query.term
        if (series := read_so_far(snapshot, query)) is not None:
            self._held[key] = series
        held = self._held.get(key)
        return held if held is not None and held.mean else None


def _own(term: TermInfo, view: View, x: Steps) -> tuple[Query, Query]:
    lo, hi = (0, None) if view.span is None else (x.lo, None if view.lo is None else x.hi)
    return training_query(term, x.dots, lo, hi), validation_query(term, x.dots, lo, hi)


def _of_other(term: TermInfo, view: View, x: Steps, overlay: Overlay) -> tuple[Query, Query]:
    lo, hi = (0, None) if view.span is None else (x.lo, x.hi)
    return (
        training_query(term, x.dots, lo, hi, overlay.name),
        validation_query(term, x.dots, lo, hi, overlay.name),
    )
