"""Where a stopped run stands, gathered for the person who decides whether and from where to train on."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.run.state import RunState, fold
from core.training.checkpoint_files import get_best_checkpoint, list_checkpoints, read_summary
from core.training.config import ConfigError
from core.training.config_file import read_config
from core.training.presets import total_steps

if TYPE_CHECKING:
    from core.run.folder import RunFolder


@dataclass(frozen=True)
class CheckpointFacts:
    """A checkpoint that can be resumed from, as the .json beside it tells."""

    path: Path
    step: int
    epoch: int


@dataclass(frozen=True)
class ResumeFacts:
    """What a person wants to know before a run goes on. `problem` is one line when it cannot, else empty.

    `ended_seconds_ago` is None for a run that never wrote an event.
    """

    name: str
    path: Path
    config_path: Path
    status: str = "waiting"
    epoch: int = 0
    total_epochs: int = 0
    step: int = 0
    total_steps: int = 0
    best_val_loss: float | None = None
    best_epoch: int | None = None
    elapsed_seconds: float = 0.0
    ended_seconds_ago: float | None = None
    error: str = ""
    latest: CheckpointFacts | None = None
    best: CheckpointFacts | None = None
    problem: str = ""


def resume_facts(folder: "RunFolder") -> ResumeFacts:
    """Read the run's events and checkpoint summaries; blocks on the disk. Raises LinkError for an unreadable store."""
    from core.run.links.folder import FolderLink

    link = FolderLink(folder)
    try:
        stored = link.read()
    finally:
        link.close()
    state = fold(RunState(), stored)
    latest, best = _checkpoints(folder)
    started, complete = state.started, state.complete
    return ResumeFacts(
        name=folder.name,
        path=folder.path,
        config_path=folder.config_path,
        status=complete.reason if complete else "interrupted" if started else "never started",
        epoch=complete.epoch
        if complete
        else max((e.epoch for e in state.epochs), default=latest.epoch if latest else 0),
        total_epochs=started.total_epochs if started else 0,
        step=state.step.step if state.step else latest.step if latest else 0,
        total_steps=started.total_steps if started else 0,
        best_val_loss=state.best.val_loss if state.best else None,
        best_epoch=state.best.epoch if state.best else None,
        elapsed_seconds=state.step.elapsed_s if state.step else complete.elapsed_seconds if complete else 0.0,
        ended_seconds_ago=max(0.0, time.time() - state.time) if state.time else None,
        error=complete.error if complete else "",
        latest=latest,
        best=best,
        problem=_problem(folder, latest or best, state),
    )


def _problem(folder: "RunFolder", checkpoint: CheckpointFacts | None, state: RunState) -> str:
    if folder.is_live():
        holder = folder.holder()
        who = f" (process {holder[0]} on {holder[1]})" if holder and holder[0] else ""
        return f"It is being trained now{who}: watch it instead."
    if checkpoint is None:
        return "It has no checkpoint yet, so there is nothing to go on from. Start a new run on the same sounds."
    planned = _planned_steps(folder, state)
    if planned and checkpoint.step >= planned:
        return f"All of its {planned:,} steps are done. More epochs in its config.toml would give it more to do."
    return ""


def _planned_steps(folder: "RunFolder", state: RunState) -> int:
    """By the config as it is now, which a person may have given more epochs; 0 where that is not known."""
    try:
        config, _ = read_config(folder.config_path)
    except ConfigError:
        return 0
    if state.started is None:
        return 0
    return total_steps(config, state.started.steps_per_epoch) if config.epochs else state.started.total_steps


def _checkpoints(folder: "RunFolder") -> tuple[CheckpointFacts | None, CheckpointFacts | None]:
    """The checkpoint that "latest" means to the trainer, and the best one, as far as they are there."""
    numbered = [facts for found in list_checkpoints(folder) if (facts := _facts(found.path)) is not None]
    best = get_best_checkpoint(folder)
    return numbered[-1] if numbered else None, _facts(best) if best else None


def _facts(path: Path) -> CheckpointFacts | None:
    """None where the summary beside it cannot be read: it is then not offered, `inspect` says more."""
    summary = read_summary(path)
    step, epoch = summary.get("step"), summary.get("epoch")
    return CheckpointFacts(path, step, epoch) if isinstance(step, int) and isinstance(epoch, int) else None
