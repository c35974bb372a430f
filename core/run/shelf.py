"""What can be done to a run as a whole: put away, noted on, made the baseline, deleted. All of it by its folder."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from core.errors import UsageError
from core.run import labels, lock
from core.run.folder import RunFolder
from core.run.labels import (
    LabelError,
    archive,
    baseline,
    bring_back,
    is_archived,
    note,
    set_baseline,
    set_note,
)

__all__ = [
    "LabelError",
    "ShelfError",
    "archive",
    "baseline",
    "bring_back",
    "delete",
    "disk_bytes",
    "is_archived",
    "note",
    "set_baseline",
    "set_note",
]

# What a trainer and this program put into a run's folder. Whatever else lies there is a person's own.
OWN_FOLDERS = frozenset({"checkpoints", "previews"})
OWN_NAMES = re.compile(r"(step-\d+|original-).*|best\.(pt|json)|\..*\.part")  # in those two
OWN_FILES = frozenset({"run.log", labels.NOTE, labels.ARCHIVED})
LAST_FILES = ("run.sqlite-shm", "run.sqlite-wal", "run.sqlite", "config.toml", "run.lock")  # they make it a run


class ShelfError(UsageError):
    """A run cannot be deleted, or was only in part; the message is one line: what, where, what to do."""


def disk_bytes(folder: Path) -> int:
    """What the run takes on the disk, links not followed. Blocks while it looks at every file."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += Path(parent, name).lstat().st_size
            except OSError:  # gone meanwhile
                continue
    return total


def delete(path: Path) -> None:
    """Delete the run at `path` with all its files, for good. Blocks.

    Raises RunBusyError for a run that is trained now, and ShelfError for a link, for what is no run of this program,
    where files lie that are not the run's own, and when the disk refuses: a run of which something is left then stays
    in the lists, to be deleted again.
    """
    path = path.absolute()
    folder = RunFolder(path)
    if path.is_symlink():
        raise ShelfError(f"{path}: a link to a folder elsewhere; remove the link, or delete the run where it is")
    if not path.is_dir() or not folder.exists() or not (folder.store_path.exists() or folder.checkpoints.is_dir()):
        raise ShelfError(f"{path}: not a run folder; nothing was deleted")
    if foreign := _foreign(path):
        raise ShelfError(f"{path}: holds what is not the run's own ({foreign}); move that away first")
    was_baseline = baseline(path.parent) == path
    try:
        with lock.holding(folder.lock_path):  # no trainer takes it up meanwhile
            _remove(folder)
    except OSError as error:
        raise ShelfError(f"{_left(path)}: {error.filename or path}: {error.strerror}") from error
    if was_baseline:
        set_baseline(path.parent, None)  # or the next run of that name would inherit it


def _foreign(path: Path) -> str:
    """The first few things in the folder that neither a trainer nor this program has put there; "" for none."""
    known = OWN_FOLDERS | OWN_FILES | {*LAST_FILES}
    try:
        entries = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        raise ShelfError(f"{path}: cannot be listed ({error.strerror}); nothing was deleted") from error
    found = [name for name in entries if name not in known and not (name.startswith(".") and name.endswith(".part"))]
    for folder in sorted(OWN_FOLDERS):
        inside = sorted(each.name for each in (path / folder).iterdir()) if (path / folder).is_dir() else []
        found += [f"{folder}/{name}" for name in inside if not OWN_NAMES.fullmatch(name)]
    return ", ".join(found[:3]) + (" ..." if len(found) > 3 else "")


def _remove(folder: RunFolder) -> None:
    """The store and the config last: whatever stops it, what is left is still a run, and listed."""
    for entry in _in_order(folder.path):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink(missing_ok=True)
    folder.path.rmdir()


def _in_order(path: Path) -> Iterator[Path]:
    entries = {entry.name: entry for entry in path.iterdir()}
    last = [entries.pop(name) for name in LAST_FILES if name in entries]
    yield from entries.values()
    yield from last


def _left(path: Path) -> str:
    """How much there still is, after a deletion that was stopped."""
    files = sum(len(names) for _, _, names in os.walk(path))
    word = "file is" if files == 1 else "files are"
    return f"{path} could not be deleted: {files} {word} left ({disk_bytes(path):,} bytes)"
