"""The writing side of the run store. A stalled, locked or full disk never raises into training nor holds it up."""

import logging
import sqlite3
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from core.run import commands, event_json
from core.run.blocks import BLOCK_STEPS, Block, Columns, StoredBlock
from core.run.commands import Numbered
from core.run.events import CommandAnswered, Event, RunStarted, StepMetrics
from core.run.schema import StoreError, error_name, open_existing, open_for_writing, transaction

__all__ = ["RunWriter", "StoreError"]

log = logging.getLogger(__name__)

COMMIT_EVERY_S = 0.1  # what is shown is as old as this and a monitor's round of 0.25 s together
POLL_EVERY_S = 0.05
RETRY_AFTER_S = 0.5
PATIENCE_S = 1.0
CLOSING_PATIENCE_S = 5.0


@dataclass(frozen=True)
class _Pending:
    seq: int
    time: float
    kind: str
    body: bytes


class RunWriter:
    """Stores what one trainer logs and hands it the commands that others send. Any thread may call its methods.

    Only a thread of its own touches the disk: steps wait in memory for its next round, at most 0.1 s; `event` waits
    for its commit, but never longer than a second. While the disk is in trouble everything is kept in memory and
    tried again twice a second, and `trouble` says so.

    Raises StoreError when `store_path` cannot be made or is not a run store. The caller holds the run's lock.
    """

    def __init__(self, store_path: Path) -> None:
        self._path = store_path
        self._connection = open_for_writing(store_path)
        try:
            self._asked = open_existing(store_path)  # commands are read in the trainer's thread, beside the commits
            self._seq = self._number("SELECT max(seq) FROM events", 0)
            self._session = self._number("SELECT max(session) FROM sessions", -1)
            self._last_command = self._number("SELECT max(id) FROM commands", 0)
            stale = self._connection.execute(
                "SELECT id, kind FROM commands WHERE taken IS NULL AND id <= ?", (self._last_command,)
            ).fetchall()
        except sqlite3.Error as error:
            self._connection.close()
            raise StoreError(
                f"{store_path}: a damaged run store ({error}); move it away or name another run"
            ) from error

        self._changed = threading.Condition()  # guards everything below
        self._wake = threading.Event()
        self._columns: Columns | None = None
        self._last_step = -1
        self._sessions: list[tuple[int, int, int, str]] = []
        self._pending: list[_Pending] = []
        self._blocks: list[Block] = []
        self._taken: list[int] = []
        self._failure: sqlite3.Error | None = None
        self._attempts = 0
        self._retry_at = 0.0
        self._busy_since: float | None = None
        self._poll_at = 0.0
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="run store", daemon=True)
        self._thread.start()
        for number, kind in stale:
            self._refuse(number, kind, "not carried out: the trainer it was sent to had ended")

    @property
    def next_session(self) -> int:
        """The number that the next `begin` must carry: 0 for a new run."""
        return self._session + 1

    @property
    def trouble(self) -> str | None:
        """One line while the disk cannot take what is logged, else None."""
        with self._changed:
            waiting = len(self._pending)
            kept = f"training goes on and {waiting} events wait in memory"
            if self._failure is not None:
                name = error_name(self._failure)
                if name == "SQLITE_FULL":
                    return f"{self._path}: the disk is full; {kept}: free some space"
                if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
                    return f"{self._path}: locked by another program; {kept}"
                return f"{self._path}: cannot be written ({self._failure}); {kept}"
            if self._is_stalled():
                return f"{self._path}: the disk does not answer; {kept}"
            return None

    def begin(self, started: RunStarted) -> int:
        """Open session `started.session`: its steps follow. Returns the event's sequence number."""
        if started.session != self.next_session:
            raise ValueError(f"session {started.session} begins, but the store expects {self.next_session}")
        with self._changed:
            self._session = started.session
            self._columns = Columns.of_terms([*(term.name for term in started.terms), *started.extras])
            self._last_step = started.start_step
            self._sessions.append((started.session, started.start_step, started.total_steps, self._columns.to_json()))
            return self.event(started)

    def event(self, event: Event) -> int:
        """Store `event`; returns its sequence number, when it is committed or the disk is found in trouble."""
        with self._changed:
            if self._closing:
                raise RuntimeError("the run store is closed")
            self._seq += 1
            seq = self._seq
            self._pending.append(_Pending(seq, time.time(), event_json.kind_of(event), event_json.encode(event)))
            if self._failure is None and not self._is_stalled():
                self._wake.set()
                self._changed.wait_for(lambda: self._is_saved(seq) or self._failure is not None, PATIENCE_S)
            return seq

    def step(self, metrics: StepMetrics) -> None:
        """Store one step of this session; steps only ever grow. Terms that `begin` did not declare are not kept."""
        if self._columns is None:
            raise RuntimeError("RunWriter.begin comes before the first step")
        if metrics.step <= self._last_step:
            raise ValueError(f"step {metrics.step} comes after step {self._last_step}; steps of a session only grow")
        first_step = metrics.step // BLOCK_STEPS * BLOCK_STEPS
        with self._changed:
            self._last_step = metrics.step
            block = self._blocks[-1] if self._blocks else None
            if block is None or block.first_step != first_step or block.session != self._session:
                block = Block(self._session, first_step, metrics.elapsed_s)
                self._blocks.append(block)
            block.add(self._columns.row(metrics, first_step, block.elapsed_s), time.time())

    def commands(self, force: bool = False) -> list[Numbered]:
        """The commands that came since the last call, each once. Looks at most every 0.05 s unless `force`."""
        now = time.monotonic()
        if now < self._poll_at and not force:
            return []
        self._poll_at = now + POLL_EVERY_S
        try:
            rows = self._asked.execute(
                "SELECT id, kind, body FROM commands WHERE id > ? ORDER BY id", (self._last_command,)
            ).fetchall()
        except sqlite3.Error as error:
            log.warning("%s: commands cannot be read (%s)", self._path, error)
            self._poll_at = now + RETRY_AFTER_S
            return []
        asked = []
        for number, kind, body in rows:
            self._last_command = number
            command = commands.decode(kind, body)
            if command is None:
                self._refuse(number, kind, "this trainer's version does not know the command")
            else:
                asked.append(Numbered(number, command))
                with self._changed:
                    self._taken.append(number)
        return asked

    def flush(self) -> None:
        """Try now to put everything on the disk; on return it is there, or `trouble` says why not."""
        with self._changed:
            attempts = self._attempts
            self._retry_at = 0.0
            self._wake.set()
            self._changed.wait_for(
                lambda: self._is_clean() or (self._attempts > attempts and self._busy_since is None and self._failure),
                PATIENCE_S,
            )

    def close(self) -> None:
        """Save what can be saved and let go of the store. Closing twice is harmless."""
        with self._changed:
            if self._closing:
                return
            self._closing = True
        self._wake.set()
        self._thread.join(CLOSING_PATIENCE_S)
        if self._pending:
            log.error("%s: closed with %d events that the disk did not take", self._path, len(self._pending))
        if not self._thread.is_alive():
            self._connection.close()
            self._asked.close()

    def _number(self, query: str, default: int) -> int:
        (value,) = self._connection.execute(query).fetchone()
        return default if value is None else int(value)

    def _refuse(self, number: int, kind: str, reason: str) -> None:
        with self._changed:
            self._taken.append(number)
        self.event(CommandAnswered(number, kind, done=False, message=reason))

    def _is_saved(self, seq: int) -> bool:
        return not self._pending or self._pending[0].seq > seq

    def _is_stalled(self) -> bool:
        return self._busy_since is not None and time.monotonic() - self._busy_since > PATIENCE_S

    def _is_clean(self) -> bool:
        return not (
            self._pending or self._sessions or self._taken or any(block.saved < block.count for block in self._blocks)
        )

    # The store's own thread

    def _work(self) -> None:
        while not self._closing:
            self._wake.wait(COMMIT_EVERY_S)
            self._wake.clear()
            if time.monotonic() >= self._retry_at:
                self._commit()
        self._commit()
        deadline = time.monotonic() + PATIENCE_S
        while self._failure is not None and time.monotonic() < deadline:
            time.sleep(POLL_EVERY_S)
            self._commit()

    def _commit(self) -> None:
        with self._changed:
            if self._is_clean():
                return
            self._attempts += 1
            self._busy_since = time.monotonic()
            sessions, pending, taken = list(self._sessions), list(self._pending), list(self._taken)
            blocks = [(block, block.stored()) for block in self._blocks if block.saved < block.count]
        failure: sqlite3.Error | None = None
        try:
            with transaction(self._connection):
                self._write(sessions, pending, [row for _, row in blocks], taken)
        except sqlite3.Error as error:
            failure = error
            log.debug("%s: not written", self._path, exc_info=True)
        with self._changed:
            self._busy_since = None
            self._failure = failure
            if failure is None:
                del self._sessions[: len(sessions)], self._pending[: len(pending)], self._taken[: len(taken)]
                for block, row in blocks:
                    block.saved = row.rows
                self._blocks = [b for b in self._blocks[:-1] if b.saved < b.count] + self._blocks[-1:]
            else:
                self._retry_at = time.monotonic() + RETRY_AFTER_S
            self._changed.notify_all()

    def _write(
        self,
        sessions: list[tuple[int, int, int, str]],
        pending: list[_Pending],
        blocks: list[StoredBlock],
        taken: list[int],
    ) -> None:
        write = self._connection.executemany
        write("INSERT INTO sessions (session, start_step, total_steps, columns) VALUES (?, ?, ?, ?)", sessions)
        write(
            "INSERT INTO events (seq, time, kind, body) VALUES (?, ?, ?, ?)",
            [(p.seq, p.time, p.kind, p.body) for p in pending],
        )
        block_columns = "session, first_step, time, elapsed_s, count, data"
        write(f"INSERT OR REPLACE INTO blocks ({block_columns}) VALUES (?, ?, ?, ?, ?, ?)", blocks)
        write("UPDATE commands SET taken = ? WHERE id = ?", [(time.time(), number) for number in taken])
