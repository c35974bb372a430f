"""Where the runs of the home screen come from: a folder of this machine, or a host that is reached through ssh."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from core.errors import UsageError
from core.run.command_lines import line_there
from core.run.folder import RunFolder, RunFolderError, RunList, RunSummary

if TYPE_CHECKING:
    from core.run.remote_target import Remote

FOLDER_SECONDS, HOST_SECONDS = 3.0, 10.0
FIRST_RETRY_SECONDS, LAST_RETRY_SECONDS = 5.0, 30.0


class NamesRunError(UsageError):
    """What was named is a run, not a folder of runs: `session.Watch` takes what `where` says."""


class RunSource(Protocol):
    """Some runs. `read` blocks and belongs in a thread; the rest answers at once."""

    @property
    def where(self) -> str:
        """What a person types to be shown these runs."""

    @property
    def keeps(self) -> bool:
        """Whether runs can be begun, trained on, noted, put away and deleted there."""

    @property
    def refusal(self) -> str:
        """One line that says where that can be done instead."""

    @property
    def every(self) -> float:
        """Seconds after which to read again; infinite: only when the person asks."""

    @property
    def trouble(self) -> str:
        """One calm line: what is waited for, or what is wrong; empty while all is well."""

    def read(self) -> list[RunSummary]:
        """The runs, the latest first. Raises UsageError; NamesRunError for what is a run itself."""

    def target(self, run: RunSummary) -> Path | str:
        """What `session.Watch` takes to show the run."""

    def close(self) -> None:
        """Let go of it, at once; a reading under way fails."""


class FolderSource:
    """The runs in a folder of this machine, made yet or not."""

    keeps = True
    refusal = trouble = ""
    every = FOLDER_SECONDS

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._list = RunList(folder)

    @property
    def where(self) -> str:
        """The whole path."""
        return str(self.folder.absolute())

    def read(self) -> list[RunSummary]:
        """As `RunSource.read`; never raises."""
        return self._list.read()

    def target(self, run: RunSummary) -> Path:
        """The run's folder."""
        return run.path

    def close(self) -> None:
        """Nothing is held."""


class HostSource:
    """The runs in a folder of another host: seen from here, kept there."""

    keeps = False

    def __init__(self, remote: "Remote") -> None:
        """Reaches nobody before `read`."""
        from core.run.remote_runs import HostRuns

        self._runs = HostRuns(remote)

    @property
    def where(self) -> str:
        """HOST:FOLDER; as it was typed until the host has said which folder that is."""
        return self._runs.remote.at(self._runs.folder or self._runs.remote.path)

    @property
    def refusal(self) -> str:
        """The command that shows the home screen there."""
        host = self._runs.remote.host
        there = line_there(host, "watch", self._runs.folder)
        return f"{host}: from here its runs can only be watched. All else: {there}"

    @property
    def every(self) -> float:
        """A host that was never reached is asked again by the person only: ssh may have been refused."""
        failures = self._runs.failures
        if not failures:
            return HOST_SECONDS
        reached = bool(self._runs.folder)
        return min(LAST_RETRY_SECONDS, FIRST_RETRY_SECONDS * 2 ** (min(failures, 9) - 1)) if reached else math.inf

    @property
    def trouble(self) -> str:
        """As `HostRuns.trouble`."""
        return self._runs.trouble

    def read(self) -> list[RunSummary]:
        """As `HostRuns.read`. Raises LinkError, and NamesRunError."""
        from core.run.remote_runs import RunThereError

        try:
            return self._runs.read()
        except RunThereError as error:
            raise NamesRunError(str(error)) from error

    def target(self, run: RunSummary) -> str:
        """HOST:PATH."""
        return self._runs.remote.at(str(run.path))

    def close(self) -> None:
        """Ends ssh, and with it the server there."""
        self._runs.close()


def source_of(runs: Path | RunSource) -> RunSource:
    """A folder's source, or what is one already."""
    return FolderSource(runs) if isinstance(runs, Path) else runs


def find_source(text: str, runs_dir: Path) -> Path | RunSource:
    """What a person typed: the folder of a run, or a source of runs, on this machine or as HOST:PATH. Blocks.

    `runs_dir` is where a run's name is looked for first, since it may hold a colon, and may hold no runs yet. Nothing
    is reached. Raises UsageError for what is neither a run nor holds any.
    """
    from distill_tui.plans import expanded
    from distill_tui.targets import find_remote

    try:
        remote = find_remote(text, runs_dir)
    except (OSError, ValueError):  # no file can be called so; what is wrong with it is said below
        remote = None
    if remote is not None:
        return HostSource(remote)
    path = expanded(text)
    try:
        RunFolder.open(path)
    except RunFolderError:
        source = FolderSource(path)
        if not source.read() and path != runs_dir.absolute():
            raise
        return source
    except (OSError, ValueError) as error:  # a name that is too long, or holds a NUL
        raise RunFolderError(f"{path}: cannot be looked at ({error}); name a folder or HOST:") from error
    return path
