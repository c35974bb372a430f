"""One trainer at a time: an advisory lock on a file that names its holder and that a crash releases by itself."""

import fcntl
import json
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.errors import UsageError

PATIENCE_S = 1.0  # a probe holds the lock for microseconds; only a trainer holds it longer
RETRY_S = 0.02


class RunBusyError(UsageError):
    """Another trainer holds the run; the message says which and what to do."""

    def __init__(self, folder: Path, pid: int, host: str) -> None:
        self.pid, self.host = pid, host
        who = f"process {pid} on {host}" if pid else "another process"
        super().__init__(f"{folder}: {who} trains this run now; watch it with: distill-tui watch, or stop it first")


@contextmanager
def holding(path: Path) -> Iterator[None]:
    """Hold the lock file `path` while the block runs. Raises RunBusyError when another trainer has it, and
    UsageError when the file cannot be made.

    The lock belongs to the open file (flock), so it also excludes other threads of this process, and the system
    lets go of it when the process dies, however it dies. The holder's name is wiped on a clean release only: a name
    on a free lock tells of a trainer that was killed.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise UsageError(f"{path}: cannot be made ({error.strerror}); see that its folder can be written to") from error
    try:
        if not _acquire(descriptor):
            raise RunBusyError(path.parent, *(holder(path) or (0, "")))
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "host": platform.node()}).encode(), 0)
        try:
            yield
        finally:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether a trainer holds the lock file `path` now."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:  # not there yet, or not for this person to see: nothing known to hold it
        return False
    try:
        # Shared, so that two probes do not see each other; a trainer that starts meanwhile tries again.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def holder(path: Path) -> tuple[int, str] | None:
    """Process number and host of whoever last took the lock and has not cleanly let go; None when there is none."""
    try:
        name = json.loads(path.read_text(encoding="utf-8"))
        return int(name["pid"]), str(name["host"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _acquire(descriptor: int) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(RETRY_S)
        else:
            return True
