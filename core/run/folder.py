"""The run folder: what lies where in it, how one is made and found, and a list of the runs in a folder."""

import os
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from core.errors import UsageError
from core.run import labels, lock
from core.run.atomic import atomic_file, atomic_write, remove_partial_files
from core.run.lock import RunBusyError
from core.run.reader import RunReader
from core.run.state import RunState, Status

__all__ = [
    "ListedStatus",
    "RunBusyError",
    "RunFolder",
    "RunFolderError",
    "RunList",
    "RunSummary",
    "atomic_file",
    "atomic_write",
    "default_runs_dir",
    "list_runs",
]

ListedStatus = Status | Literal["interrupted", "broken"]
NAME_LENGTH = 64
SETTLED_S = 1.0  # files that have been left alone for so long are read no more until they change


class RunFolderError(UsageError):
    """Not a run folder, or one that cannot be made; the message is one line: what, where, what to do."""


@dataclass(frozen=True)
class RunFolder:
    """One run on disk. Making the value touches nothing; `create` and `open` are the ways to come by one."""

    path: Path

    @classmethod
    def create(cls, runs_dir: Path, name: str) -> "RunFolder":
        """A new run folder, named after `name` and never one that exists: bells, bells-02, bells-03 ...

        Raises RunFolderError when it cannot be made.
        """
        safe = safe_name(name)
        number = 1
        try:
            runs_dir.mkdir(parents=True, exist_ok=True)
            while True:
                folder = cls((runs_dir / (safe if number == 1 else f"{safe}-{number:02d}")).absolute())
                try:
                    folder.path.mkdir()
                except FileExistsError:
                    number += 1
                else:
                    break
            folder.checkpoints.mkdir()
            folder.previews.mkdir()
        except OSError as error:
            raise RunFolderError(
                f"{runs_dir}: no run folder can be made there ({error.strerror}); choose another with --runs"
            ) from error
        return folder

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """The run folder at `path`. Raises RunFolderError when it is none."""
        folder = cls(path.absolute())
        if not path.is_dir():
            what = "a file, not a run folder" if path.exists() else "no such folder"
            raise RunFolderError(f"{path}: {what}; `distill-tui runs` lists the runs there are")
        if not folder.exists():
            raise RunFolderError(
                f"{path}: not a run folder (one holds config.toml and run.sqlite); name a run's folder"
            )
        return folder

    @property
    def name(self) -> str:
        """The run's name: its folder's."""
        return self.path.name

    @property
    def config_path(self) -> Path:
        """The resolved config."""
        return self.path / "config.toml"

    @property
    def store_path(self) -> Path:
        """The run store. Never open it as a plain file: see `core.run.schema.open_for_writing`."""
        return self.path / "run.sqlite"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def previews(self) -> Path:
        """The folder of previews."""
        return self.path / "previews"

    @property
    def log_path(self) -> Path:
        """The trainer's own log, for developers."""
        return self.path / "run.log"

    @property
    def lock_path(self) -> Path:
        """The file whose lock the trainer holds."""
        return self.path / "run.lock"

    def exists(self) -> bool:
        """Whether there is a run here."""
        return self.config_path.is_file() or self.store_path.is_file()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Be the one trainer of this run while the block runs. Raises RunBusyError when another is.

        Files that a killed trainer left half-written are removed.
        """
        with lock.holding(self.lock_path):
            for folder in (self.path, self.checkpoints, self.previews):
                folder.mkdir(exist_ok=True)
                remove_partial_files(folder)
            yield

    def is_live(self) -> bool:
        """Whether a trainer holds the run now."""
        return lock.is_held(self.lock_path)

    def holder(self) -> tuple[int, str] | None:
        """Process number and host of the trainer that holds the run now; None when none does."""
        return (lock.holder(self.lock_path) or (0, "")) if self.is_live() else None

    def config(self) -> dict[str, Any]:
        """The resolved config as nested plain values; empty while there is none. Raises RunFolderError."""
        try:
            return tomllib.loads(self.config_path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise RunFolderError(f"{self.config_path}: cannot be read ({error})") from error


@dataclass(frozen=True)
class RunSummary:
    """One line of a list of runs. `updated` is in seconds since 1970; `error` says what keeps it from being read.

    "interrupted" is a session that has no end and no trainer any more: it can be resumed. `archived`, `note` and
    `baseline` are what a person has put on it (`core.run.labels`); `config` is nested, as in config.toml.
    """

    name: str
    path: Path
    status: ListedStatus = "waiting"
    live: bool = False
    recipe: str = ""
    epoch: int = 0
    total_epochs: int = 0
    step: int = 0
    best_val_loss: float | None = None
    best_epoch: int | None = None
    updated: float = 0.0
    data: str = ""
    error: str = ""
    archived: bool = False
    note: str = ""
    baseline: bool = False
    config: dict[str, Any] = field(default_factory=dict, hash=False, repr=False)


class RunList:
    """The runs in `runs_dir`, to be read again and again: a run whose files are as they were is not read anew."""

    def __init__(self, runs_dir: Path) -> None:
        self.runs_dir = runs_dir
        self._known: dict[Path, tuple[_Signature, RunSummary]] = {}

    def read(self) -> list[RunSummary]:
        """The latest first, the archived ones among them. Folders that hold no run are passed over; a broken run says
        why."""
        try:
            folders = [RunFolder(path.absolute()) for path in self.runs_dir.iterdir() if path.is_dir()]
        except OSError:  # not made yet: there are no runs
            return []
        known: dict[Path, tuple[_Signature, RunSummary]] = {}
        baseline = labels.baseline(self.runs_dir.absolute())
        runs = []
        for folder in folders:
            if folder.exists():
                run = self._summary(folder, known)
                runs.append(replace(run, baseline=True) if run.path == baseline else run)
        self._known = known
        return sorted(runs, key=lambda run: (-run.updated, run.name))

    def _summary(self, folder: RunFolder, known: dict[Path, "tuple[_Signature, RunSummary]"]) -> RunSummary:
        signature = _signature(folder)  # taken before reading, so that what is written meanwhile is read next time
        former = self._known.get(folder.path)
        run = former[1] if former is not None and former[0] == signature else _summary(folder)
        # A file system's clock ticks every few milliseconds: two writes within a tick look like one.
        if not run.error and signature.newest < time.time() - SETTLED_S:
            known[folder.path] = signature, run
        return run


class _Signature(NamedTuple):
    """What changes when the summary of a run does: its files' times and sizes, and whether it is trained."""

    newest: float  # seconds since 1970
    files: tuple[tuple[int, int, int] | None, ...]
    live: bool


def list_runs(runs_dir: Path) -> list[RunSummary]:
    """The runs in `runs_dir`, as `RunList.read` gives them, read once."""
    return RunList(runs_dir).read()


def default_runs_dir() -> Path:
    """Where runs go unless told otherwise: $DISTILL_RUNS, else `runs` in the current folder."""
    return Path(os.environ.get("DISTILL_RUNS") or "runs").expanduser()


def _summary(folder: RunFolder) -> RunSummary:
    reader = RunReader(folder.store_path)
    try:
        state, config, live = reader.outline(), folder.config(), folder.is_live()
        updated = state.time or folder.path.stat().st_mtime
    except (UsageError, OSError) as error:
        return _labelled(RunSummary(folder.name, folder.path, "broken", folder.is_live(), error=str(error)))
    finally:
        reader.close()
    summary = RunSummary(
        name=folder.name,
        path=folder.path,
        status="interrupted" if _is_left_open(state) and not live else state.status,
        live=live,
        recipe=state.started.recipe if state.started else str(config.get("recipe", "")),
        epoch=state.step.epoch if state.step else 0,
        total_epochs=state.started.total_epochs if state.started else 0,
        step=state.step.step if state.step else 0,
        best_val_loss=state.best.val_loss if state.best else None,
        best_epoch=state.best.epoch if state.best else None,
        updated=updated,
        data=_data_path(config),
        config=config,
    )
    return _labelled(summary)


def _labelled(run: RunSummary) -> RunSummary:
    return replace(run, archived=labels.is_archived(run.path), note=labels.note(run.path))


def _signature(folder: RunFolder) -> _Signature:
    wal = folder.store_path.with_name(folder.store_path.name + "-wal")
    paths = (folder.store_path, folder.config_path, *labels.files(folder.path))
    log = _stamp(wal)
    files = (log if log and log[1] else None, *map(_stamp, paths))  # reading alone may leave an empty log
    return _Signature(max((stamp[0] for stamp in files if stamp), default=0) / 1e9, files, folder.is_live())


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _is_left_open(state: RunState) -> bool:
    return state.complete is None and state.phase is not None


def _data_path(config: dict[str, Any]) -> str:
    data = config.get("data")
    return str(data.get("path", "")) if isinstance(data, dict) else ""


def safe_name(name: str) -> str:
    """`name` as a folder's name that no shell, archive or other system trips over."""
    kept = "".join(char if char.isalnum() or char in "._-" else "-" for char in name)
    return kept.strip(".-")[:NAME_LENGTH] or "run"
