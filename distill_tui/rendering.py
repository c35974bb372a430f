"""What `reconstruct` and `generate` share: which checkpoint, and files written one by one without harming others."""

import argparse
import json
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from core.run.atomic import atomic_write
from core.run.folder import RunFolder
from core.training.checkpoint_files import find_checkpoint, get_best_checkpoint, is_full
from distill_tui.errors import CommandError, complain
from distill_tui.format import clean
from distill_tui.targets import find_run

if TYPE_CHECKING:
    from core.training.voice import Rendering, Voice


def add_run_argument(parser: argparse.ArgumentParser) -> None:
    """Declare RUN."""
    parser.add_argument("run", metavar="RUN", help="a run folder, or a run's name")


def add_render_arguments(parser: argparse.ArgumentParser, *, output_required: bool = True) -> None:
    """Declare what both commands have."""
    parser.add_argument("-o", "--output", type=_folder, required=output_required, metavar="DIR",
                        help="where the files go; made where it is missing")  # fmt: skip
    parser.add_argument("--checkpoint", default="best", metavar="CHECKPOINT",
                        help="best, latest, or a checkpoint's file (default: best)")  # fmt: skip
    parser.add_argument("--threads", type=at_least(1), default=0, metavar="N",
                        help="torch threads (default: as the run was told, else all cores but one)")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object a line for each file")


def at_least(lowest: int) -> Callable[[str], int]:
    """An argparse type: a whole number from `lowest` on."""

    def parsed(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = lowest - 1
        if number < lowest:
            raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number from {lowest} on")
        return number

    return parsed


def _folder(text: str) -> Path:
    """An argparse type: a folder's name. Without one, as of a variable that is not set, it would be the current one."""
    if not text:
        raise argparse.ArgumentTypeError("no folder is named")
    return Path(text)


def checkpoint_of(run: str, checkpoint: str) -> tuple[RunFolder, Path]:
    """A run and the file of its checkpoint; says so where there is no best one and the latest is taken.

    Raises CommandError, RunFolderError and CheckpointError.
    """
    folder = find_run(run)
    if checkpoint == "best" and get_best_checkpoint(folder) is None:
        path = find_checkpoint(folder, "latest")
        complain(f"{folder.name}: no best checkpoint yet, it comes with the first validation; {path.name} is taken")
    else:
        path = find_checkpoint(folder, checkpoint)
    return folder, path


def voice_of(run: str, checkpoint: str, threads: int) -> "Voice":
    """The voice of a run's checkpoint; as `checkpoint_of`, and raises what `load_voice` raises."""
    _, path = checkpoint_of(run, checkpoint)
    from core.training.voice import load_voice

    return load_voice(path, threads)


def check_sources(sources: Iterable[Path]) -> None:
    """Raise CommandError where one of the files that the whole command rests on is not there."""
    for source in sources:
        if reason := missing(source):
            raise CommandError(f"{source}: {reason}")


def missing(source: Path) -> str:
    """Why there is no file to read, in a few words; empty where there is one."""
    try:
        mode = source.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "no such file"
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    if stat.S_ISDIR(mode):
        return "a folder; name the files in it"
    return "" if stat.S_ISREG(mode) else "not a file that can be read"


class Output:
    """The folder that files are written into, and what is said about each. A whole file or none is ever there.

    A file of another program is never replaced, and neither is one of `sources`; an earlier render is.
    """

    def __init__(self, folder: Path, voice: "Voice", sources: Sequence[Path], *, as_json: bool) -> None:
        self._folder, self._voice, self._as_json = folder, voice, as_json
        self._sources = [source for source in sources if not missing(source)]
        self._told: set[str] = set()
        with _looked_at(folder):
            if folder.exists() and not folder.is_dir():
                raise CommandError(f"{folder}: a file is there; name a folder with -o")

    def claim(self, stem: str) -> Path:
        """The path for a file of that stem. Raises CommandError where something stands there that must stay."""
        path = self._folder / f"{stem}{self._voice.suffix}"
        with _looked_at(path):
            if path.exists():
                if any(path.samefile(source) for source in self._sources):
                    raise CommandError(f"{path}: would replace the file it is made from; name another folder with -o")
                if not self._voice.made(path):
                    raise CommandError(
                        f"{path}: is there already and was not made by this program; name another folder with -o"
                    )
        return path

    def write(self, path: Path, rendering: "Rendering", **told: object) -> None:
        """Write the file and say so, and its note once. Raises CommandError when the disk refuses."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            atomic_write(path, rendering.data)
        except OSError as error:
            remedy = f"{'free some space, or ' if is_full(error) else ''}name another folder with -o"
            raise CommandError(f"{path}: not written ({error.strerror or error}); {remedy}") from error
        if rendering.note and rendering.note not in self._told:
            self._told.add(rendering.note)
            complain(rendering.note)
        if self._as_json:
            tell(**told, path=str(path), seconds=round(rendering.seconds, 6))
        else:
            print(f"{clean(str(path))}  {rendering.seconds:.2f} s", flush=True)  # noqa: T201

    def failed(self, source: Path, error: Exception) -> None:
        """Say that a file could not be made from `source`; the error's line names it."""
        complain(error)
        if self._as_json:
            tell(source=str(source), error=str(error))


def tell(**facts: object) -> None:
    """One JSON object on a line of the output."""
    print(json.dumps(facts), flush=True)  # noqa: T201


@contextmanager
def _looked_at(path: Path) -> Iterator[None]:
    """Raise CommandError where the block cannot look at `path`: a folder may be closed to us, or its name too long."""
    try:
        yield
    except OSError as error:
        raise CommandError(f"{path}: cannot be looked at ({error.strerror}); name another folder with -o") from error
