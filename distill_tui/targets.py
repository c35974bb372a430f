"""Finds the run that a person named: by its folder, by its name in the runs folder, or as HOST:PATH."""

import difflib
from pathlib import Path
from typing import TYPE_CHECKING

from core.run.folder import RunFolder, default_runs_dir, list_runs
from distill_tui.errors import CommandError

if TYPE_CHECKING:
    from core.run.link import RunLink
    from core.run.remote_target import Remote


def find_run(target: str, runs_dir: Path | None = None) -> RunFolder:
    """The run folder at `target`, or of that name in the runs folder.

    Raises CommandError, with the nearest name, when there is none or it may not be looked at, and RunFolderError when
    it is no run.
    """
    try:
        return _found(target, Path(target).expanduser(), runs_dir or default_runs_dir())
    except OSError as error:
        raise CommandError(f"{target}: cannot be looked at ({error.strerror})", hint="distill-tui runs") from error
    except (ValueError, RuntimeError) as error:  # a NUL in the name, a home that is not known
        raise CommandError(f"{target}: no such run folder ({error})", hint="distill-tui runs") from error


def link_to(target: str) -> "RunLink":
    """The link to what a person named: as `core.run.links.open_link`, and a run's name besides. Blocks.

    Raises UsageError: as `find_run`, `find_remote` and `open_link`.
    """
    from core.run.links import open_link

    return open_link(target if find_remote(target) is not None else str(find_run(target).path))


def find_run_or_runs(target: str) -> RunFolder | Path:
    """As `find_run`, or the folder at `target` when there are runs in it; empty: the runs folder, made yet or not."""
    if not target:
        return default_runs_dir()
    try:
        path = Path(target).expanduser()
        if path.is_dir() and not RunFolder(path).exists() and list_runs(path):
            return path
    except (OSError, ValueError, RuntimeError):
        pass  # what is wrong with it is said below
    return find_run(target)


def find_remote(target: str, runs_dir: Path | None = None) -> "Remote | None":
    """The host and path of HOST:PATH; None for what lies on this machine, also as a run's name, or is a plain path.

    Raises LinkError for a host that ssh could take for something else.
    """
    if ":" not in target:
        return None
    from core.run.remote_target import Remote

    named = "/" not in target and ((runs_dir or default_runs_dir()) / target).is_dir()
    return None if named else Remote.parse_absent(target)


def _found(target: str, path: Path, runs_dir: Path) -> RunFolder:
    # A run is often named after the sounds it was trained on, and their folder may lie right here.
    named = len(path.parts) == 1 and (runs_dir / path).is_dir()
    if path.exists() and (RunFolder(path).exists() or not named):
        return RunFolder.open(path)
    if named:
        return RunFolder.open(runs_dir / path)
    names = [entry.name for entry in runs_dir.iterdir() if entry.is_dir()] if runs_dir.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    # The whole path: it may be that of another host.
    where = f", nor a run in {runs_dir.absolute()}" if len(path.parts) == 1 else ""
    raise CommandError(
        f"{target}: no such run folder{where}" + (f"; did you mean {near[0]}?" if near else ""),
        hint="distill-tui runs",
    )
