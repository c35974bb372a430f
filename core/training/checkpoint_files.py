"""A run's checkpoints as files: which there are, which is newest, best and good. No torch."""

import errno
import json
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import UsageError
from core.run.folder import RunFolder

SEEN_WITHIN = 20
"""Steps that a detector may take to see what is wrong: it looks at the mean of so many."""

_NAME = re.compile(r"step-(\d{8,})\.pt")


class CheckpointError(UsageError):
    """A checkpoint cannot be written, read or used here; one line: what, where, what to do."""


@dataclass(frozen=True)
class CheckpointFile:
    """A checkpoint on disk, as its name and its readable .json tell it, without loading a weight."""

    path: Path
    step: int
    summary: dict[str, Any]


def is_full(error: OSError) -> bool:
    """Whether the disk, or a person's share of it, is full: whether making room helps."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)


def read_summary(path: Path) -> dict[str, Any]:
    """The readable .json beside a checkpoint; empty where there is none."""
    try:
        summary = json.loads(path.with_suffix(".json").read_bytes())
    except (OSError, ValueError):
        return {}
    return summary if isinstance(summary, dict) else {}


def list_checkpoints(folder: RunFolder) -> list[CheckpointFile]:
    """The step checkpoints of a run in the order they were saved; `best.pt` is not among them.

    After a resume from an earlier one, a lower step may be the newer checkpoint.
    """
    found = []
    for path in folder.checkpoints.glob("step-*.pt"):
        if match := _NAME.fullmatch(path.name):
            found.append(CheckpointFile(path, int(match[1]), read_summary(path)))
    return sorted(found, key=_saved)


def get_best_checkpoint(folder: RunFolder) -> Path | None:
    """The checkpoint with the lowest validation loss so far. Raises CheckpointError where it may not be looked at."""
    path = folder.checkpoints / "best.pt"
    try:
        return path if path.exists() else None
    except OSError as error:
        raise _unreadable(path, error) from error


def find_checkpoint(folder: RunFolder, which: str) -> Path:
    """The file for "latest", "best", a step checkpoint's name, or a path. Raises CheckpointError if it is not there."""
    if which == "latest":
        _check_listed(folder)
        checkpoints = list_checkpoints(folder)
        if not checkpoints:
            raise CheckpointError(f"{folder.path}: no checkpoint yet; start again with: distill-tui train")
        return checkpoints[-1].path
    if which == "best":
        best = get_best_checkpoint(folder)
        if best is None:
            raise CheckpointError(f"{folder.path}: no best checkpoint yet (it comes with the first validation)")
        return best
    refused: CheckpointError | None = None
    for path in (Path(which), folder.checkpoints / which, folder.checkpoints / f"{which}.pt"):
        try:
            if path.is_file():
                return path
        except OSError as error:
            refused = refused or _unreadable(path, error)
    if refused is not None:
        raise refused
    raise CheckpointError(f"{which}: no such checkpoint; there are {', '.join(_names(folder)) or 'none'}")


def is_good(checkpoint: CheckpointFile) -> bool:
    """Whether a rollback may return to it: saved at an epoch's end, and not amid steps that were not finite."""
    summary = checkpoint.summary
    return bool(summary.get("good") or summary.get("reason") == "interval") and not summary.get("skipped_in_a_row")


def is_before(step: int, trouble: int) -> bool:
    """Whether a state of `step` is surely from before the trouble that an alert of the step `trouble` tells of."""
    return step == 0 or step <= trouble - SEEN_WITHIN


def way_back(folder: RunFolder, trouble: int) -> CheckpointFile | None:
    """Where to go back to from an alert of the step `trouble`: the best checkpoint, else the last good one.

    One from before the trouble comes first: the first epoch is the best so far even where it has exploded. Raises
    CheckpointError where it may not be looked at.
    """
    path = get_best_checkpoint(folder)
    found = [c for c in list_checkpoints(folder) if is_good(c)]
    if path is not None:
        summary = read_summary(path)
        found.append(CheckpointFile(path, int(summary.get("step", 0)), summary))
    before = [checkpoint for checkpoint in found if is_before(checkpoint.step, trouble)]
    return next(reversed(before or found), None)


def prune_checkpoints(folder: RunFolder, keep: int, troubles: Iterable[int] = ()) -> None:
    """Delete all but the `keep` newest checkpoints and what may be gone back to.

    That are as many good ones, so that how often a run was saved in between changes nothing; the last good one from
    before each of the `troubles`, the steps of the alerts that are open; and one from before any that may be found from
    now on, with the one that will be that in 20 steps: where a run is saved often, the newest are all too new.
    """
    checkpoints = list_checkpoints(folder)
    good = [checkpoint for checkpoint in checkpoints if is_good(checkpoint)]
    kept = {checkpoint.path for checkpoint in (*checkpoints[-keep:], *good[-keep:])}
    now = checkpoints[-1].step if checkpoints else 0
    # As the present step is among them, one more open alert only adds files, and `way_back` of another stays the same.
    for trouble in {*troubles, now}:
        before = [checkpoint.path for checkpoint in good if is_before(checkpoint.step, trouble)]
        kept.update(before[-1:])
    next_before = [c.path for c in good if c.step <= now and not is_before(c.step, now)]
    kept.update(next_before[:1])
    for checkpoint in checkpoints:
        if checkpoint.path not in kept:
            checkpoint.path.unlink(missing_ok=True)
            checkpoint.path.with_suffix(".json").unlink(missing_ok=True)


def _saved(checkpoint: CheckpointFile) -> tuple[float, int]:
    saved = checkpoint.summary.get("saved")
    if isinstance(saved, float):
        return saved, checkpoint.step
    try:
        return checkpoint.path.stat().st_mtime, checkpoint.step
    except OSError:  # it has gone, or may not be looked at: whoever reads it is told
        return 0.0, checkpoint.step


def _check_listed(folder: RunFolder) -> None:
    """Raise CheckpointError where checkpoints may be, but not for this person to see."""
    try:
        os.scandir(folder.checkpoints).close()
    except FileNotFoundError:
        pass
    except OSError as error:
        raise _unreadable(folder.checkpoints, error) from error


def _unreadable(path: Path, error: OSError) -> CheckpointError:
    return CheckpointError(f"{path}: cannot be read ({error.strerror})")


def _names(folder: RunFolder) -> list[str]:
    return [checkpoint.path.stem for checkpoint in list_checkpoints(folder)]
