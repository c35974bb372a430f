"""One session of a run from end to end: lock, config, data, model, checkpoint, loop, closing event."""

import logging
import os
import platform
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from core.errors import one_line
from core.insight.leaks import leaks
from core.run.commands import Stop
from core.run.commands import kind_of as command_name
from core.run.events import CommandAnswered, ConfigDifference, PhaseChanged, RunStarted, TrainingCompleteEvent
from core.run.folder import RunFolder, atomic_write
from core.run.store import RunWriter
from core.training.checkpoint_files import find_checkpoint, list_checkpoints
from core.training.checkpoints import load_checkpoint
from core.training.config import ConfigError, TrainingConfig, check_keys
from core.training.config_file import dump_config, read_config
from core.training.contributions import names as contribution_names
from core.training.control import Control
from core.training.devices import choose_device, choose_threads, describe_device
from core.training.differences import from_checkpoint, from_preset
from core.training.journal import Journal
from core.training.kinds import kind_of
from core.training.metrics import MetricsCallback
from core.training.presets import planned_epochs, total_steps
from core.training.recipe import Progress, Recipe, load_recipe
from core.training.stability_gauge import names as stability_names
from core.training.state import TrainingState
from core.training.system import SystemSampler
from core.training.trainer import Trainer

SHOWN_EVERY_SECONDS = 0.25


class Stopped(Exception):
    """A stop was asked for before there was anything to save."""


def train(
    folder: RunFolder,
    *,
    config: TrainingConfig | None = None,
    given: frozenset[str] = frozenset(),
    checkpoint: str | None = None,
    callback: MetricsCallback | None = None,
    control: Control | None = None,
    watch_trouble: Callable[[Callable[[], str | None]], None] | None = None,
) -> TrainingCompleteEvent:
    """Train in `folder` until the end or until `control` asks to stop; blocks, and returns the closing event.

    `config` None takes the run folder's own config.toml; `checkpoint` ("latest", "best", a name or a path) resumes.
    `watch_trouble` is handed a function that says what is wrong with the store, if anything.
    Raises what made it fail, after storing a closing event: DataError, ConfigError, CheckpointError, RunBusyError
    and DeviceError for what a person can mend.
    """
    control = control or Control()
    with folder.lock(), _logged(folder):
        if config is None:
            try:
                config, given = read_config(folder.config_path)
            except ConfigError as error:
                raise ConfigError(
                    f"{error}; a run of another version of this program cannot go on: train anew"
                ) from error
        writer = RunWriter(folder.store_path)
        journal = Journal(writer, callback)
        if watch_trouble is not None:
            watch_trouble(lambda: writer.trouble)
        try:
            path = _checkpoint(folder, checkpoint, writer)
            contents = load_checkpoint(path) if path else None
            epoch, step = (contents["epoch"], contents["step"]) if contents else (0, 0)
            try:
                return _session(folder, config, given, path, contents, writer, journal, control)
            except BaseException as error:
                if not journal.ended:
                    journal.emit(TrainingCompleteEvent("failed", epoch, step, error=one_line(error)))
                raise
        finally:
            writer.close()


@contextmanager
def _logged(folder: RunFolder) -> Iterator[None]:
    """What the engine logs goes to run.log as long as this run trains."""
    handler = logging.FileHandler(folder.log_path, encoding="utf-8", delay=True)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    engine = logging.getLogger("core")
    engine.addHandler(handler)
    try:
        yield
    finally:
        engine.removeHandler(handler)
        handler.close()


def _checkpoint(folder: RunFolder, which: str | None, writer: RunWriter) -> Path | None:
    """The checkpoint to go on from. A run that ended before its first step has none and begins at its beginning."""
    if which is None or (which == "latest" and writer.next_session == 0 and not list_checkpoints(folder)):
        return None
    return find_checkpoint(folder, which)


def _session(
    folder: RunFolder,
    config: TrainingConfig,
    given: frozenset[str],
    path: Path | None,
    contents: dict[str, Any] | None,
    writer: RunWriter,
    journal: Journal,
    control: Control,
) -> TrainingCompleteEvent:
    device = choose_device(config.device)
    torch.set_num_threads(choose_threads(config.threads))
    _seed(config.seed)
    held_out = frozenset(contents["held_out"]) if contents else frozenset()
    try:
        shown = _shown(writer, journal, control)
        kind = kind_of(config.recipe, Path(config.data.path).expanduser())
        config = replace(config, recipe=kind.name)
        check_keys(config, kind.name)
        recipe = load_recipe(kind.name).prepare(config, given, device, shown, held_out, resumed=contents is not None)
    except Stopped:
        complete = TrainingCompleteEvent(control.stop_reason or "cancelled", 0, 0)
        journal.emit(complete)
        return complete
    try:
        state = TrainingState(recipe, device)
        if path and contents:
            state.restore(contents, path)
        known = frozenset(alert.id for alert in state.detectors.active)  # and not what is found from here on
        differences = _differences(recipe, contents)
        contents = None  # a second model's worth of memory
        atomic_write(folder.config_path, dump_config(recipe.config).encode())
        with SystemSampler(folder.path, state.device) as system:
            resumed_from = path.name if path else ""
            extras = contribution_names(recipe) + stability_names(recipe.model) + system.names
            journal.emit(_started(recipe, state, writer.next_session, resumed_from, extras, differences))
            # Told by the trainer as it begins, with whatever else is active.
            pairs = leaks(recipe.name, Path(config.data.path).expanduser(), frozenset(recipe.data.held_out))
            state.detectors.leaks(pairs, state.step, state.epoch)
            rewound = path is not None and path != find_checkpoint(folder, "latest")
            return Trainer(recipe, state, folder, writer, journal, control, system).run(rewound, known)
    finally:
        recipe.close()


def _differences(recipe: Recipe, contents: dict[str, Any] | None) -> tuple[ConfigDifference, ...]:
    """What a person set otherwise than the preset alone would have, and than in the checkpoint gone on from."""
    data = recipe.data
    own = from_preset(recipe.config, data.train_files + data.val_files, data.train_chunks)
    return own + (from_checkpoint(recipe.config, contents["config"]) if contents else ())


def _started(
    recipe: Recipe,
    state: TrainingState,
    session: int,
    resumed_from: str,
    extras: tuple[str, ...],
    differences: tuple[ConfigDifference, ...],
) -> RunStarted:
    return RunStarted(
        session=session,
        recipe=recipe.name,
        representation=recipe.representation,
        terms=recipe.terms,
        device=describe_device(state.device),
        host=platform.node(),
        pid=os.getpid(),
        start_step=state.step,
        total_steps=total_steps(recipe.config, recipe.steps_per_epoch),
        total_epochs=planned_epochs(recipe.config, recipe.steps_per_epoch),
        steps_per_epoch=recipe.steps_per_epoch,
        parameters=sum(parameter.numel() for parameter in state.model.parameters()),
        preset=recipe.config.preset,
        train_files=recipe.data.train_files,
        val_files=recipe.data.val_files,
        train_seconds=recipe.data.train_seconds,
        skipped=recipe.data.skipped,
        resumed_from=resumed_from,
        extras=extras,
        differences=differences,
    )


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def _shown(writer: RunWriter, journal: Journal, control: Control) -> Progress:
    """A progress callback that tells of the loading now and then, and ends it when a stop is asked for."""

    def answer() -> None:
        for numbered in writer.commands():
            stop = isinstance(numbered.command, Stop)
            if stop:
                control.stop("cancelled")
            message = "stopping; nothing was trained yet" if stop else "the files are still being read; ask again then"
            journal.emit(CommandAnswered(numbered.id, command_name(numbered.command), stop, message))

    told = -SHOWN_EVERY_SECONDS

    def progress(done: int, total: int, what: str) -> None:
        nonlocal told
        answer()
        if control.stop_reason:
            raise Stopped
        if done == total or time.monotonic() - told > SHOWN_EVERY_SECONDS:
            told = time.monotonic()
            journal.emit(PhaseChanged("loading", f"{done} of {total} {what}"))

    return progress
