"""Writing a file so that readers see the old one or the new one, whole, even when power or process goes."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

SUFFIX = ".part"


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A binary file, readable and writable, that takes `path`'s place when the block ends without an exception.

    It is written beside `path` and synced to the disk before it is renamed; an exception leaves `path` as it was.
    Raises OSError when the disk refuses.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}{SUFFIX}")
    try:
        with partial.open("x+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def atomic_write(path: Path, data: bytes | bytearray | memoryview) -> None:
    """Write `data` to `path` as `atomic_file` does."""
    with atomic_file(path) as file:
        file.write(data)


def remove_partial_files(folder: Path) -> None:
    """Remove what killed writers left behind in `folder`. Only for whoever knows that nobody writes there now."""
    for partial in folder.glob(f".*{SUFFIX}"):
        partial.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)  # the rename itself must outlive a power cut
    finally:
        os.close(descriptor)
