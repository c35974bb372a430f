"""The run's curves: what each session logged, joined to one path, read once and kept as small summaries."""

import sqlite3
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.run.blocks import ABSENT_BITS, BLOCK_STEPS, Columns
from core.run.buckets import Buckets, merge, runs, summarise
from core.run.link import Series

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Steps = NDArray[np.int64]
    Values = NDArray[np.float32]
    Rows = tuple[Steps, Values]

BLOCK = "first_step, elapsed_s, count, data"
CHUNK_BLOCKS = 512
WINDOWS_KEPT = 4
FOREVER = 2**62


@dataclass(frozen=True)
class Stretch:
    """The steps that one session has on the run's path: start < step <= end (None: it is the newest session)."""

    session: int
    start: int
    end: int | None
    total_steps: int
    columns: Columns


def read_path(connection: sqlite3.Connection) -> list[Stretch]:
    """The run's path, oldest first. What a session logged past a later session's start is not on it."""
    path: list[Stretch] = []
    end: int | None = None
    query = "SELECT session, start_step, total_steps, columns FROM sessions ORDER BY session DESC"
    for session, start, total_steps, columns in connection.execute(query).fetchall():
        if end is None or start < end:
            path.append(Stretch(session, start, end, total_steps, Columns.from_json(columns)))
            end = start
    return path[::-1]


@dataclass(frozen=True)
class _Window:
    """Rows of one stretch of steps, as the store's `version` had them; from step `growing` on more may have come."""

    version: int | None
    growing: int
    steps: "Steps"
    values: "Values"

    def before(self, step: int) -> "Rows":
        """The rows of earlier steps."""
        count = int(self.steps.searchsorted(step))
        return self.steps[:count], self.values[:count]


class StepHistory:
    """Every step of a run, for drawing.

    Each block is read once and kept as one summary, so that a million steps of twenty columns take ten megabytes;
    the newest block, which still grows, is read anew. Buckets narrower than a block are read again from the store.
    """

    def __init__(self) -> None:
        self._version: int | None = None
        self._path: list[Stretch] = []
        self._index: dict[str, int] = {}
        self._rows = 0

    @property
    def newest(self) -> int:
        """The newest step on the path; -1 before the first."""
        return int(self._last_seen[self._index["offset"]]) if self._rows else -1

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Take in what has been stored since the last call."""
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if version == self._version:
            return
        path = read_path(connection)
        fresh = path[-1:]
        if path != self._path:  # a resume may have taken steps off the path
            self._start_over(path)
            fresh = path
        for stretch in fresh:
            self._read(connection, stretch)
        self._path, self._version = path, version  # not before all is read: a failure starts over

    def series(self, connection: sqlite3.Connection, term: str, buckets: Buckets) -> Series:
        """The term's curve in `buckets`; an empty one for what nothing has logged."""
        column = self._index.get(term)
        if column is None or self._last_seen[column] < 0:
            return Series(term)
        if buckets.size >= BLOCK_STEPS:
            found = _between(self._cells[: self._rows], buckets)
            places = buckets.places(self._cells[found])
            starts = runs(places)
            summary = merge(self._table[:, found, column : column + 1], starts)
        else:
            window = self._window(connection, buckets)
            steps, values = window.steps, window.values
            places = buckets.places(steps)
            starts = runs(places)
            summary = summarise(values[:, column : column + 1], starts)
        lowest, highest = int(self._first_seen[column]), int(self._last_seen[column])
        return buckets.series(term, summary, places[starts], lowest, highest)

    def _start_over(self, path: list[Stretch]) -> None:
        import numpy as np

        names = dict.fromkeys(name for stretch in path for name in stretch.columns.names)
        self._index = {name: index for index, name in enumerate(names)}
        self._rows = 0  # in use of `_cells` and `_table`: one for each block
        self._cells = np.empty(0, np.int64)  # the first step of each block
        self._table = np.empty((6, 0, len(names)), np.float32)
        self._growing = (-1, 0, 0)  # session, first step and row of the newest block
        self._first_seen = np.full(len(names), -1)
        self._last_seen = np.full(len(names), -1)
        self._windows: OrderedDict[Buckets, _Window] = OrderedDict()

    def _read(self, connection: sqlite3.Connection, stretch: Stretch) -> None:
        session, first, row = self._growing
        if session == stretch.session:
            self._rows = row
        else:
            first = 0
        (count,) = _select(connection, "count(*)", stretch, first).fetchone()
        self._reserve(count)
        cursor = _select(connection, BLOCK, stretch, first)
        while rows := cursor.fetchmany(CHUNK_BLOCKS):
            self._take(stretch.session, *self._decoded(stretch, rows))

    def _reserve(self, more: int) -> None:
        import numpy as np

        needed, capacity = self._rows + more, len(self._cells)
        if needed > capacity:
            spare = max(needed, capacity * 5 // 4) - capacity
            self._cells = np.concatenate((self._cells, np.zeros(spare, np.int64)))
            padding = np.zeros((6, spare, len(self._index)), np.float32)
            self._table = np.concatenate((self._table, padding), axis=1)

    def _take(self, session: int, steps: "Steps", values: "Values") -> None:
        import numpy as np

        if not len(steps):
            return
        cells = steps // BLOCK_STEPS * BLOCK_STEPS
        starts = runs(cells)
        stop = self._rows + len(starts)
        self._cells[self._rows : stop] = cells[starts]
        self._table[:, self._rows : stop] = summarise(values, starts)
        self._rows = stop
        self._growing = (session, int(cells[-1]), stop - 1)

        present = values.view(np.uint32) != ABSENT_BITS
        seen = present.any(axis=0)
        first, last = steps[present.argmax(axis=0)], steps[len(steps) - 1 - present[::-1].argmax(axis=0)]
        self._first_seen = np.where(seen & (self._first_seen < 0), first, self._first_seen)
        self._last_seen = np.where(seen, last, self._last_seen)

    def _window(self, connection: sqlite3.Connection, buckets: Buckets) -> "_Window":
        """The rows of every step in `buckets`. The last few windows are kept: all terms share one, and it may grow."""
        import numpy as np

        known = self._windows.pop(buckets, None)
        if known is None or known.version != self._version:
            since = buckets.first - BLOCK_STEPS + 1 if known is None else known.growing
            parts = [] if known is None else [known.before(since)]
            for stretch in self._path:
                parts.append(
                    self._decoded(stretch, _select(connection, BLOCK, stretch, since, buckets.stop).fetchall())
                )
            steps = np.concatenate([steps for steps, _ in parts])
            found = _between(steps, buckets)
            values = np.concatenate([values for _, values in parts])[found]
            known = _Window(self._version, self._growing[1], steps[found], values)
        self._windows[buckets] = known
        if len(self._windows) > WINDOWS_KEPT:
            self._windows.popitem(last=False)
        return known

    def _decoded(self, stretch: Stretch, rows: list[tuple[int, float, int, bytes]]) -> "Rows":
        """Stored blocks as steps [rows] and values [rows, columns of the whole run], cut to the stretch."""
        import numpy as np

        names = stretch.columns.names
        first_steps, elapsed, counts, data = zip(*rows, strict=True) if rows else ((), (), (), ())
        values = np.frombuffer(bytearray().join(data), "<f4").reshape(-1, len(names))
        steps = values[:, 0].astype(np.int64) + np.repeat(np.array(first_steps, np.int64), counts)
        values[:, 1] += np.repeat(np.array(elapsed, np.float32), counts)
        if stretch.end is not None:
            on_path = steps <= stretch.end
            steps, values = steps[on_path], values[on_path]
        if names == tuple(self._index):
            return steps, values
        aligned = np.full((len(steps), len(self._index)), ABSENT_BITS, np.uint32).view(np.float32)
        aligned[:, [self._index[name] for name in names]] = values
        return steps, aligned


def _select(
    connection: sqlite3.Connection, what: str, stretch: Stretch, first: int, stop: int | None = None
) -> sqlite3.Cursor:
    """The stretch's blocks whose first step is at least `first` and less than `stop`."""
    stops = [step for step in (stop, stretch.end + 1 if stretch.end is not None else None) if step is not None]
    return connection.execute(
        f"SELECT {what} FROM blocks WHERE session = ? AND first_step >= ? AND first_step < ? ORDER BY first_step",
        (stretch.session, first, min(stops, default=FOREVER)),
    )


def _between(steps: "Steps", buckets: Buckets) -> slice:
    import numpy as np

    start, stop = np.searchsorted(steps, (buckets.first, buckets.stop))
    return slice(int(start), int(stop))
