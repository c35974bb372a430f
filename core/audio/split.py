"""The split into training and validation sounds: by file, before anything else is done with them."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from core.errors import DataError
from core.training.split import held_out


def split_files(files: Sequence[Path], fraction: float, seed: int) -> tuple[list[Path], list[Path]]:
    """(training, validation) files, each in the order given: about `fraction` of them held out, at least one on a side.

    The same files in the same order and the same seed give the same split. Copies of one file under several names
    stay on one side, or validation would judge what was trained on. Raises DataError for fewer than two sounds.
    """
    groups = _copies(files)
    if len(groups) < 2:
        found = f"{len(files)} copies of one sound" if len(files) > 1 else f"{len(files)} sound"
        raise DataError(f"{found} found: at least 2 different ones are needed, one of them to validate on; add some")
    chosen = held_out(groups, fraction, seed)
    train = [path for index, path in enumerate(files) if index not in chosen]
    return train, [files[index] for index in sorted(chosen)]


def _copies(files: Sequence[Path]) -> list[list[int]]:
    """The indices of `files` grouped by equal content; only files of equal size are read."""
    by_size: defaultdict[int, list[int]] = defaultdict(list)
    for index, path in enumerate(files):
        by_size[_size(path)].append(index)
    groups: defaultdict[tuple[int, bytes], list[int]] = defaultdict(list)
    for size, indices in by_size.items():
        for index in indices:
            groups[size, _digest(files[index]) if len(indices) > 1 else b""].append(index)
    return sorted(groups.values())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # vanished since it was listed: it will be skipped, with its reason, when it is read
        return -1


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:  # cannot be read: no copy of anything
        return str(path).encode(errors="surrogateescape")
