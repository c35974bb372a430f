"""What a person puts on a run, as small files: that it is archived, a note, that it is its folder's baseline."""

import os
from pathlib import Path

from core.errors import UsageError
from core.run.atomic import atomic_write

ARCHIVED = "archived"  # in a run's folder: put away
NOTE = "note.txt"  # in a run's folder
BASELINE = ".baseline"  # in the folder of runs: the name of the run that others are compared with
NOTE_BYTES = 4096
NAME_BYTES = 1024  # more than any file system allows


class LabelError(UsageError):
    """A label cannot be put on or taken off; the message is one line: what, where, what to do."""


def files(folder: Path) -> tuple[Path, ...]:
    """The label files that a run's folder may hold."""
    return folder / ARCHIVED, folder / NOTE


def is_archived(folder: Path) -> bool:
    """Whether the run has been put away."""
    return (folder / ARCHIVED).is_file()


def archive(folder: Path) -> None:
    """Put the run away: it stays where it is, and lists leave it out. Raises LabelError."""
    _write(folder / ARCHIVED, b"Lists of runs leave this run out. Remove this file to bring it back.\n")


def bring_back(folder: Path) -> None:
    """The inverse of `archive`. Raises LabelError."""
    _remove(folder / ARCHIVED)


def note(folder: Path) -> str:
    """The person's note on the run, "" for none; of a longer file only the beginning."""
    return _read(folder / NOTE, NOTE_BYTES).decode("utf-8", "replace").strip()


def set_note(folder: Path, text: str) -> None:
    """Write the note on the run; without text it is removed. Raises LabelError, also for more than `NOTE_BYTES`."""
    data = text.strip().encode("utf-8", "replace")
    if len(data) > NOTE_BYTES:
        raise LabelError(f"a note of {len(data):,} bytes; at most {NOTE_BYTES:,} fit: shorten it")
    if data:
        _write(folder / NOTE, data + b"\n")
    else:
        _remove(folder / NOTE)


def baseline(runs_dir: Path) -> Path | None:
    """The run that the others in `runs_dir` are compared with; None when there is none, or it is gone."""
    name = os.fsdecode(_read(runs_dir / BASELINE, NAME_BYTES).removesuffix(b"\n"))
    if not name or name in (".", "..") or "/" in name or "\0" in name:
        return None
    path = runs_dir / name
    try:
        return path if path.is_dir() else None
    except OSError:  # a name that no file system allows
        return None


def set_baseline(runs_dir: Path, folder: Path | None) -> None:
    """Make a run of `runs_dir` its baseline, or none with None. Raises LabelError."""
    if folder is None:
        _remove(runs_dir / BASELINE)
    elif folder.absolute().parent != runs_dir.absolute():
        raise LabelError(f"{folder}: lies outside {runs_dir}; the baseline is one of the runs there")
    else:
        _write(runs_dir / BASELINE, os.fsencode(folder.name) + b"\n")


def _read(path: Path, most: int) -> bytes:
    try:
        if not path.is_file():  # reading a pipe would wait for good
            return b""
        with path.open("rb") as file:
            return file.read(most)
    except OSError:
        return b""


def _write(path: Path, data: bytes) -> None:
    try:
        atomic_write(path, data)
    except OSError as error:
        raise LabelError(f"{path}: cannot be written ({error.strerror}); see that its folder can be") from error


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise LabelError(f"{path}: cannot be removed ({error.strerror})") from error
