"""Finds the run that a person named: by its folder, or by its name in the runs folder."""

import difflib
from pathlib import Path

from core.run.folder import RunFolder, default_runs_dir
from distill_tui.errors import CommandError


def find_run(target: str, runs_dir: Path | None = None) -> RunFolder:
    """The run folder at `target`, or of that name in the runs folder.

    Raises CommandError, with the nearest name, when there is none or it may not be looked at, and RunFolderError when
    it is no run.
    """
    try:
        return _found(target, Path(target).expanduser(), runs_dir or default_runs_dir())
    except OSError as error:
        raise CommandError(f"{target}: cannot be looked at ({error.strerror})", hint="distill-tui runs") from error


def _found(target: str, path: Path, runs_dir: Path) -> RunFolder:
    # A run is often named after the sounds it was trained on, and their folder may lie right here.
    named = len(path.parts) == 1 and (runs_dir / path).is_dir()
    if path.exists() and (RunFolder(path).exists() or not named):
        return RunFolder.open(path)
    if named:
        return RunFolder.open(runs_dir / path)
    names = [entry.name for entry in runs_dir.iterdir() if entry.is_dir()] if runs_dir.is_dir() else []
    near = difflib.get_close_matches(path.name, names, n=1)
    raise CommandError(
        f"{target}: no such run folder" + (f"; did you mean {near[0]}?" if near else f", nor a run in {runs_dir}"),
        hint="distill-tui runs",
    )
