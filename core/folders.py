"""A person's folder: which files of a kind lie in it. No torch, no numpy: a command line answers at once."""

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from core.errors import DataError

RUN_FILES = frozenset({"config.toml", "run.sqlite"})
MOST_ENTRIES = 200_000


def find_files(folder: Path, suffixes: frozenset[str], kind: str) -> list[Path]:
    """The files under `folder` with one of the suffixes (lower case, with the dot), sorted by their path in it.

    Links are followed, each file is listed once. Left out are hidden files and folders (macOS keeps `._name.wav` beside
    each file on foreign disks) and this program's own run folders. `kind` is what a file is called, "sound".
    Raises DataError where the folder is missing, is none, cannot be listed, or holds no such file or very many.
    """
    if not folder.exists():
        raise DataError(f"{folder}: no such folder; give the folder that holds your {kind}s")
    if not folder.is_dir():
        raise DataError(f"{folder}: not a folder; give the folder that holds your {kind}s")
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
    files = sorted(_walk(folder, suffixes, kind), key=lambda path: path.relative_to(folder).parts)
    if not files:
        kinds = " ".join(sorted(suffix[1:] for suffix in suffixes))
        raise DataError(f"{folder}: no {kind}s in it or its sub-folders; put files of these kinds there: {kinds}")
    return files


def _walk(folder: Path, suffixes: frozenset[str], kind: str) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()

    def first_time(path: Path, is_right_kind: Callable[[int], bool]) -> bool:
        try:
            status = path.stat()
        except OSError:  # a link to nowhere
            return False
        if not is_right_kind(status.st_mode):  # a pipe would be waited on for good
            return False
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            return False
        seen.add(identity)
        return True

    first_time(folder, stat.S_ISDIR)
    entries = 0
    for parent, folders, names in os.walk(folder, followlinks=True):
        entries += len(names) + len(folders)
        if entries > MOST_ENTRIES:
            raise DataError(f"{folder}: more than {MOST_ENTRIES:,} files; name a folder that holds just your {kind}s")
        if RUN_FILES.issubset(names):  # a run's previews are made from held-out sounds: never train on them
            folders.clear()
            continue
        # Visiting in order keeps the choice between two links to one file the same everywhere.
        folders[:] = [f for f in sorted(folders) if not f.startswith(".") and first_time(Path(parent, f), stat.S_ISDIR)]
        for name in sorted(names):
            path = Path(parent, name)
            if path.suffix.lower() in suffixes and not name.startswith(".") and first_time(path, stat.S_ISREG):
                yield path


def relative_name(path: Path, root: Path | None) -> str:
    """The path as a person knows it: relative to the data folder where it lies in it, else its name."""
    return path.relative_to(root).as_posix() if root is not None and path.is_relative_to(root) else path.name
