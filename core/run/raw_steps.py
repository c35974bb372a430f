"""Everything that a run logged, as it was logged and from first to last, in pieces that fit into memory."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from core.run.blocks import ABSENT_BITS
from core.run.link import LinkError
from core.run.schema import StoreError, open_for_reading
from core.run.series import FOREVER, Stretch, read_path

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

CHUNK_BLOCKS = 32  # 2,048 steps
CHUNK_EVENTS = 512
WRITTEN_IN_FULL = ("offset", "elapsed_s")  # columns that a chunk has in float64 and as whole steps


class RawEvent(NamedTuple):
    """An event as the store has it: `body` is JSON, with {"$float": "nan"} for what JSON has no number for."""

    seq: int
    time: float
    kind: str
    body: bytes


@dataclass(frozen=True, eq=False)
class StepChunk:
    """Successive steps on the run's path. `times` is the wall clock in seconds since 1970, `elapsed` the training time.

    `values` [steps, columns] are as logged, NaN and infinity among them; where `absent`, nothing was.
    """

    steps: "NDArray[np.int64]"
    times: "NDArray[np.float64]"
    elapsed: "NDArray[np.float64]"
    values: "NDArray[np.float32]"
    absent: "NDArray[np.bool_]"


class RawRun:
    """One run store, read as it was when this was made, also while a trainer writes on.

    What comes later is left out, so that steps and events fit together; no transaction is held between the chunks, so
    that a trainer's log does not grow meanwhile. Raises LinkError for a store that cannot be read; one that is not
    there yet reads as empty. To be closed.
    """

    def __init__(self, store_path: Path) -> None:
        self._where = store_path
        self._path: list[Stretch] = []
        self._last_event = 0
        self._newest = -1
        with self._reading():
            self._store, _ = open_for_reading(store_path)
            if self._store is not None:
                self._path = read_path(self._store)
                (self._last_event,) = self._store.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
                self._newest = self._newest_block()
        names = dict.fromkeys(name for stretch in self._path for name in stretch.columns.names)
        self.columns = tuple(name for name in names if name not in WRITTEN_IN_FULL)
        """What was measured at each step: those of every step, then the terms, then the extras (with a slash)."""

    @property
    def has_events(self) -> bool:
        """Whether anything was logged at all."""
        return self._last_event > 0

    def steps(self) -> Iterator[StepChunk]:
        """Every step on the run's path, oldest first. A resume takes what came after its start off the path."""
        for stretch in self._path:
            first = 0
            while rows := self._blocks(stretch, first):
                first = rows[-1][0] + 1
                chunk = self._decoded(stretch, rows)
                if len(chunk.steps):
                    yield chunk

    def events(self, kinds: tuple[str, ...] = ()) -> Iterator[RawEvent]:
        """Every event in its order, of these kinds or of all; also of what a resume has taken off the path."""
        after = 0
        wanted = f" AND kind IN ({', '.join('?' * len(kinds))})" if kinds else ""
        query = f"SELECT seq, time, kind, body FROM events WHERE seq > ? AND seq <= ?{wanted} ORDER BY seq LIMIT ?"
        while self._store is not None:
            with self._reading():
                rows = self._store.execute(query, (after, self._last_event, *kinds, CHUNK_EVENTS)).fetchall()
            if not rows:
                return
            yield from map(RawEvent._make, rows)
            after = rows[-1][0]

    def close(self) -> None:
        """Let go of the store."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def _newest_block(self) -> int:
        """The first step of the newest session's newest block."""
        assert self._store is not None
        if not self._path:
            return -1
        query = "SELECT coalesce(max(first_step), -1) FROM blocks WHERE session = ?"
        return int(self._store.execute(query, (self._path[-1].session,)).fetchone()[0])

    def _blocks(self, stretch: Stretch, first: int) -> list[tuple[int, float, float, int, bytes]]:
        """The next blocks of a stretch: first step, time, elapsed seconds, rows and data of each."""
        last = self._newest if stretch is self._path[-1] else FOREVER if stretch.end is None else stretch.end
        query = (
            "SELECT first_step, time, elapsed_s, count, data FROM blocks"
            " WHERE session = ? AND first_step >= ? AND first_step <= ? ORDER BY first_step LIMIT ?"
        )
        if self._store is None:
            return []
        with self._reading():
            return self._store.execute(query, (stretch.session, first, last, CHUNK_BLOCKS)).fetchall()

    def _decoded(self, stretch: Stretch, rows: list[tuple[int, float, float, int, bytes]]) -> StepChunk:
        import numpy as np

        names = stretch.columns.names
        first_steps, times, elapsed_s, counts, data = zip(*rows, strict=True)
        values = np.frombuffer(b"".join(data), "<f4").reshape(-1, len(names))
        offset, since = values[:, names.index("offset")], values[:, names.index("elapsed_s")].astype(np.float64)
        steps = offset.astype(np.int64) + np.repeat(np.array(first_steps, np.int64), counts)
        # A block has the wall clock of its newest step; between its steps the training's own clock tells.
        newest = np.cumsum(counts) - 1
        wall = np.repeat(np.array(times), counts) - (np.repeat(since[newest], counts) - since)
        elapsed = np.repeat(np.array(elapsed_s), counts) + since
        bits = np.full((len(steps), len(self.columns)), ABSENT_BITS, np.uint32)
        for place, name in enumerate(self.columns):
            if name in names:
                bits[:, place] = values.view(np.uint32)[:, names.index(name)]
        on_path = slice(None) if stretch.end is None else steps <= stretch.end
        bits = bits[on_path]
        return StepChunk(
            steps[on_path], wall[on_path], elapsed[on_path], bits.view(np.float32), bits == ABSENT_BITS
        )  # fmt: skip

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except StoreError as error:
            raise LinkError(str(error)) from error
        except sqlite3.Error as error:
            raise LinkError(f"{self._where}: cannot be read ({error})") from error
