"""The reading side of the run store: what every link shows of a run comes from here."""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from core.run import commands, event_json
from core.run.blocks import StoredBlock
from core.run.buckets import Buckets
from core.run.commands import Command
from core.run.epochs import EpochHistory
from core.run.events import StepMetrics, Stored
from core.run.link import LinkError, Series
from core.run.schema import StoreError, is_written, open_existing, open_for_reading, transaction
from core.run.series import FOREVER, StepHistory, read_path
from core.run.state import RunState, fold

VALIDATION = "val/"


class RunReader:
    """Reads one run store over a connection that cannot write. Its methods may be called from any thread.

    A store that is not there yet reads as a run without events. Every method raises LinkError for one that cannot
    be read.
    """

    def __init__(self, store_path: Path) -> None:
        self._path = store_path
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._immutable = False
        self._told: tuple[int, int] | None = None  # session and step of the newest StepMetrics given out
        self._steps = StepHistory()
        self._epochs = EpochHistory()

    def read(self, after: int = 0) -> list[Stored]:
        """As `RunLink.read`."""
        with self._snapshot() as store:
            if store is None:
                return []
            stored = _stored(store, "seq > ?", (after,))
            newest = _newest_step(store)
            if newest is not None and (newest.key != self._told or after == 0):
                self._told = newest.key
                stored.append(newest.stored)
            return stored

    def series(self, term: str, lo: int = 0, hi: int | None = None, width: int = 100) -> Series:
        """As `RunLink.series`. Training and validation share their buckets."""
        with self._snapshot() as store:
            if store is None:
                return Series(term)
            self._steps.refresh(store)
            buckets = Buckets.covering(lo, self._steps.newest + 1 if hi is None else hi, width)
            if term.startswith(VALIDATION):
                self._epochs.refresh(store)
                return self._epochs.series(term, buckets)
            return self._steps.series(store, term, buckets)

    def outline(self) -> RunState:
        """The run's state as far as a list of runs shows it: start, phase, epochs, newest step, end and latest time."""
        with self._snapshot() as store:
            if store is None:
                return RunState()
            stored = _stored(store, "kind IN ('run', 'complete') OR seq = ?", (_newest_of(store, "phase"),))
            stored = sorted([*stored, *_outlined_epochs(store)], key=lambda each: each.seq)
            newest = _newest_step(store)
            state = fold(RunState(), [*stored, newest.stored] if newest else stored)
            return replace(state, time=_latest_time(store))

    def left_open(self) -> float | None:
        """When a session that has not ended was last heard of, in seconds since 1970; None when each has ended."""
        with self._snapshot() as store:
            if store is None:
                return None
            # A phase comes even before the session's start, while its data load.
            at_work = max(_newest_of(store, "run"), _newest_of(store, "phase"))
            return _latest_time(store) if at_work > _newest_of(store, "complete") else None

    def send(self, command: Command) -> int:
        """Leave a command for the trainer; returns its id."""
        row = (time.time(), commands.kind_of(command), commands.encode(command))
        try:
            with closing(open_existing(self._path)) as connection, transaction(connection):
                cursor = connection.execute("INSERT INTO commands (time, kind, body) VALUES (?, ?, ?)", row)
                return cursor.lastrowid or 0
        except sqlite3.Error as error:
            raise LinkError(f"{self._path}: the command cannot be left there ({error})") from error

    def close(self) -> None:
        """Let go of the store."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextmanager
    def _snapshot(self) -> Iterator[sqlite3.Connection | None]:
        """The store as it is at one moment; None while there is none."""
        with self._lock:
            try:
                connection = self._connected()
                if connection is None:
                    yield None
                else:
                    with transaction(connection, "DEFERRED"):
                        yield connection
            except StoreError as error:
                raise LinkError(str(error)) from error
            except sqlite3.Error as error:
                raise LinkError(f"{self._path}: cannot be read ({error})") from error

    def _connected(self) -> sqlite3.Connection | None:
        if self._immutable and is_written(self._path):  # a trainer took the run up again
            self.close()
        if self._connection is None:
            self._connection, self._immutable = open_for_reading(self._path)
            self._steps, self._epochs = StepHistory(), EpochHistory()
        return self._connection


class _Newest:
    """The newest step on the run's path."""

    def __init__(self, store: sqlite3.Connection, session: int, time: float, metrics: StepMetrics) -> None:
        (seq,) = store.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()
        self.key = (session, metrics.step)
        self.stored = Stored(seq, time, metrics)


def _newest_step(store: sqlite3.Connection) -> _Newest | None:
    query = (
        "SELECT session, first_step, time, elapsed_s, count, data FROM blocks"
        " WHERE session = ? AND first_step <= ? ORDER BY first_step DESC LIMIT 2"
    )
    for stretch in reversed(read_path(store)):
        end = FOREVER if stretch.end is None else stretch.end
        for block in map(StoredBlock._make, store.execute(query, (stretch.session, end)).fetchall()):
            for step, row in block.newest_first():
                if step <= end:
                    metrics = stretch.columns.metrics(row, block.first_step, block.elapsed_s, stretch.total_steps)
                    return _Newest(store, block.session, block.time, metrics)
    return None


def _stored(store: sqlite3.Connection, where: str, values: tuple[int, ...] = ()) -> list[Stored]:
    rows = store.execute(f"SELECT seq, time, kind, body FROM events WHERE {where} ORDER BY seq", values).fetchall()
    decoded = ((seq, time, event_json.decode(kind, body)) for seq, time, kind, body in rows)
    return [Stored(seq, time, event) for seq, time, event in decoded if event is not None]


OUTLINED = ("epoch", "total_epochs", "train_loss", "val_loss", "step", "is_best")


def _outlined_epochs(store: sqlite3.Connection) -> list[Stored]:
    """Every epoch with only what an outline needs: the whole of hundreds would take a list of runs its time."""
    columns = ", ".join(f"json_extract(CAST(body AS TEXT), '$.{name}')" for name in OUTLINED)
    rows = store.execute(f"SELECT seq, time, {columns} FROM events WHERE kind = 'epoch' ORDER BY seq").fetchall()
    known = ((seq, time, event_json.from_plain("epoch", _plain_epoch(values))) for seq, time, *values in rows)
    return [Stored(seq, time, epoch) for seq, time, epoch in known if epoch is not None]


def _plain_epoch(values: list[Any]) -> dict[str, Any]:
    """SQLite gives nested values (a float that JSON has no word for) as their text, and 0 and 1 for false and true."""
    plain = {name: json.loads(v) if isinstance(v, str) else v for name, v in zip(OUTLINED, values, strict=True)}
    return plain | {"is_best": bool(plain["is_best"])}


def _newest_of(store: sqlite3.Connection, kind: str) -> int:
    (seq,) = store.execute("SELECT coalesce(max(seq), 0) FROM events WHERE kind = ?", (kind,)).fetchone()
    return int(seq)


def _latest_time(store: sqlite3.Connection) -> float:
    latest = 0.0
    for table, order in (("events", "seq"), ("blocks", "session DESC, first_step")):
        row = store.execute(f"SELECT time FROM {table} ORDER BY {order} DESC LIMIT 1").fetchone()
        latest = max(latest, row[0] if row else 0.0)
    return latest
