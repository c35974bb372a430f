"""Where an export goes: never over what is no earlier export, and whole or not at all."""

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from core.errors import UsageError
from core.run.atomic import atomic_file
from core.run.folder import RunFolder
from core.training.checkpoint_files import is_full

FORMAT = "distill-tui export 1"
MANIFEST = "export.json"  # in a folder, so that a later export may replace what it names and nothing else


class ExportError(UsageError):
    """The run cannot be exported like this; one line: what, where, what to do."""


@dataclass(frozen=True)
class Exported:
    """What has been written: `path` as it was asked for, all files of it, and what a person should know of them."""

    path: Path
    files: tuple[Path, ...]
    notes: tuple[str, ...] = ()


@contextmanager
def files_of(folder: Path, target: str, run: str, names: Sequence[str]) -> Iterator[list[BinaryIO]]:
    """New files of these names in `folder`, which is made: all take their places at the end of the block, or none.

    With them goes export.json, by which `claim_folder` knows the folder again. Raises OSError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        files = [stack.enter_context(atomic_file(folder / name)) for name in names]
        # Entered last, it takes its place first: files that we were killed before naming would be a stranger's.
        manifest = stack.enter_context(atomic_file(folder / MANIFEST))
        manifest.write(json.dumps({"format": FORMAT, "to": target, "run": run, "files": names}, indent=1).encode())
        yield files
        settle([*files, manifest])


def settle(files: Iterable[BinaryIO]) -> None:
    """Bring all that was written to the disk before the first of several files takes its place; raises OSError.

    A disk that is full says so here, and each of them is left as it was.
    """
    for file in files:
        file.flush()
        os.fsync(file.fileno())


def claim_file(path: Path, is_ours: Callable[[Path], bool]) -> None:
    """Raise ExportError where a file at `path` would take the place of one that `is_ours` does not know."""
    with writing(path):
        _check_outside_runs(path)
        if path.is_dir():
            raise ExportError(f"{path}: a folder is there; name a file with -o")
        if path.exists() and not (path.is_file() and is_ours(path)):
            raise ExportError(f"{path}: is there already and is no earlier export; name another file with -o")


def claim_folder(path: Path, target: str) -> None:
    """Raise ExportError where the folder at `path` holds anything but an earlier export to the same target."""
    with writing(path):
        _check_outside_runs(path)
        if path.exists() and not path.is_dir():
            raise ExportError(f"{path}: a file is there; name a folder with -o")
        if path.is_dir() and any(path.iterdir()) and _manifest(path).get("to") != target:
            raise ExportError(f"{path}: holds files and is no earlier export to {target}; name another folder with -o")


def is_export_document(path: Path) -> bool:
    """Whether a JSON file begins as ours do."""
    with path.open("rb") as file:
        return FORMAT.encode() in file.read(64)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise ExportError, naming `path`, where the block meets an OSError: a full disk, a closed folder."""
    try:
        yield
    except OSError as error:
        remedy = "free some space, or name" if is_full(error) else "name"
        raise ExportError(f"{path}: not written ({error.strerror or error}); {remedy} another place with -o") from error


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) and manifest.get("format") == FORMAT else {}


def _check_outside_runs(path: Path) -> None:
    folder = path.absolute().parent
    if any(RunFolder(place).exists() for place in (path, folder, folder.parent)):
        raise ExportError(f"{path}: lies in a run's own folder, and goes with it; name another place with -o")
