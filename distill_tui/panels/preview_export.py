"""A preview written where a person wants it: its name, its place, and the files themselves."""

import re
from collections.abc import Callable
from pathlib import Path

from core.run.atomic import atomic_write
from core.run.events import PreviewEvent
from core.run.folder import RunFolder


class ExportError(Exception):
    """The preview cannot be written there; the message is one line: where, and why."""


def default_name(preview: PreviewEvent) -> str:
    """A file name that tells previews apart: bell-epoch-35-reconstruction.wav; an original is of no epoch."""
    name = re.sub(r"[^\w.-]+", "-", preview.name).strip("-._") or "preview"
    epoch = "" if preview.kind == "original" else f"-epoch-{preview.epoch}"
    return f"{name[:80]}{epoch}-{preview.kind}.wav"


def target_of(text: str, name: str) -> Path:
    """The file that a person means: `text` itself with .wav, or `name` in it where it is a folder. ~ is their home.

    Raises ExportError for a place that is not there.
    """
    try:
        path = Path(text.strip()).expanduser()
        if not text.strip() or not text.isprintable():
            raise ExportError("Type a file's name or a folder.")
        if path.is_dir():
            path /= name
        elif text.strip().endswith("/") or not path.parent.is_dir():
            raise ExportError(f"{path if text.strip().endswith('/') else path.parent}: there is no such folder")
        elif path.suffix.lower() != ".wav":
            path = path.with_name(f"{path.name}.wav")
        if path.is_dir():
            raise ExportError(f"{path}: is a folder")
    except (OSError, RuntimeError, ValueError) as error:  # no such home, a name that is too long, or no path at all
        raise ExportError(f"{text.strip()}: {getattr(error, 'strerror', None) or error}") from error
    folder = path.absolute().parent
    if any(RunFolder(place).exists() for place in (folder, folder.parent)):
        raise ExportError(f"{folder}: is a run's own folder, and goes with it when the run is deleted; choose another")
    return path.absolute()


def files_of(preview: PreviewEvent, target: Path) -> dict[Path, str]:
    """What is written where: the sound, and beside it a tune's MIDI file, each as its path within the run."""
    files = {target: preview.audio_path}
    if preview.score_path:
        files[target.with_suffix(".mid")] = preview.score_path
    return files


def export(files: dict[Path, str], fetch: Callable[[str], bytes]) -> None:
    """Fetch all of them, then write each whole, byte for byte; blocks, so call it in a thread.

    Raises ExportError where the disk refuses, and what `fetch` raises.
    """
    found = {target: fetch(path) for target, path in files.items()}
    for target, data in found.items():
        try:
            atomic_write(target, data)
        except OSError as error:
            raise ExportError(f"{target}: {error.strerror or error}") from error
