"""The run store's tables, and how a connection to it is opened and checked."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import UsageError

VERSION = "1.0"  # a new major number: older programs cannot read it
WRITER_BUSY_S = 0.25  # a trainer waits no longer than this for another process's transaction
READER_BUSY_S = 2.0

_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)",
    """CREATE TABLE sessions (
        session INTEGER PRIMARY KEY, start_step INTEGER NOT NULL, total_steps INTEGER NOT NULL, columns TEXT NOT NULL
    )""",
    "CREATE TABLE events (seq INTEGER PRIMARY KEY, time REAL NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL)",
    "CREATE INDEX events_by_kind ON events (kind, seq)",
    """CREATE TABLE blocks (
        session INTEGER NOT NULL, first_step INTEGER NOT NULL, time REAL NOT NULL, elapsed_s REAL NOT NULL,
        count INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (session, first_step)
    )""",
    """CREATE TABLE commands (
        id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, kind TEXT NOT NULL, body BLOB NOT NULL, taken REAL
    )""",
)


class StoreError(UsageError):
    """The run store cannot be made or read; the message is one line: what, where, what to do."""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """A connection that may write, its tables made if need be. Raises StoreError.

    Nobody may open the store as a plain file while a connection of the same process is open: closing a file drops
    every POSIX lock that the process holds on it, SQLite's included.
    """
    try:
        connection = _connect(path, "rwc", WRITER_BUSY_S)
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be made ({error}); see that its folder can be written to") from error
    try:
        is_new = not _has_tables(connection, path)  # looked at first: another program's file stays as it is
        # A killed process loses nothing in WAL mode without a sync per transaction; a power cut at most the newest.
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        if is_new:
            with transaction(connection):
                for statement in _TABLES:
                    connection.execute(statement)
                connection.execute("INSERT INTO meta VALUES ('version', ?)", (VERSION,))
    except sqlite3.Error as error:
        connection.close()
        raise StoreError(f"{path}: cannot be used as a run store ({error}); {_remedy(error)}") from error
    except BaseException:
        connection.close()
        raise
    return connection


def open_for_reading(path: Path) -> tuple[sqlite3.Connection | None, bool]:
    """A read-only connection, and whether it takes the store for unchanging; (None, False) while there is no store.

    Raises StoreError for what is not a run store.
    """
    if not path.exists():
        return None, False
    try:
        return _checked(path, "ro"), False
    except sqlite3.Error as error:
        # A finished run in a folder that this person may not write to has no shared-memory file, nor may one be
        # made. Nobody writes to it now, so it may be read without.
        if not error_name(error).startswith(("SQLITE_CANTOPEN", "SQLITE_READONLY")) or is_written(path):
            raise StoreError(f"{path}: cannot be read as a run store ({error})") from error
    try:
        return _checked(path, "ro&immutable=1"), True
    except sqlite3.Error as error:
        raise StoreError(f"{path}: cannot be read as a run store ({error})") from error


def is_written(path: Path) -> bool:
    """Whether a trainer has the store open, or left it without closing it."""
    return path.with_name(path.name + "-wal").exists()


def open_existing(path: Path) -> sqlite3.Connection:
    """An unchecked connection to a store known to be there, for reading or leaving commands. Raises sqlite3.Error."""
    return _connect(path, "rw", READER_BUSY_S)


@contextmanager
def transaction(connection: sqlite3.Connection, kind: str = "IMMEDIATE") -> Iterator[None]:
    """One transaction: kept whole when the block ends well, else undone. Raises sqlite3.Error."""
    connection.execute(f"BEGIN {kind}")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has already rolled it back
            connection.execute("ROLLBACK")
        raise


def error_name(error: sqlite3.Error) -> str:
    """SQLite's name for what went wrong, such as SQLITE_FULL; empty when Python's own module raised it."""
    return getattr(error, "sqlite_errorname", "")


def _connect(path: Path, mode: str, busy_s: float) -> sqlite3.Connection:
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True, timeout=busy_s, isolation_level=None, check_same_thread=False,
    )  # fmt: skip


def _has_tables(connection: sqlite3.Connection, path: Path) -> bool:
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables:
        return False
    row = connection.execute("SELECT value FROM meta WHERE key = 'version'").fetchone() if "meta" in tables else None
    if row is None:
        raise StoreError(f"{path}: an SQLite file, but not a run store; name another run folder")
    if int(row[0].partition(".")[0]) > int(VERSION.partition(".")[0]):
        raise StoreError(f"{path}: written by a newer distill-tui (store {row[0]}, this one reads {VERSION}); update")
    return True


def _checked(path: Path, mode: str) -> sqlite3.Connection | None:
    connection = _connect(path, mode, READER_BUSY_S)
    try:
        if _has_tables(connection, path):
            return connection
    except BaseException:
        connection.close()
        raise
    connection.close()
    return None


def _remedy(error: sqlite3.Error) -> str:
    if error_name(error) == "SQLITE_FULL":
        return "the disk is full: free some space"
    if error_name(error) in ("SQLITE_NOTADB", "SQLITE_CORRUPT"):
        return "it is not a whole SQLite file: move it away or name another run"
    return "see that the folder can be written to"
