"""A recipe trained by the project's own trainer until its compute is spent."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from core.run.folder import RunFolder
from core.run.store import RunWriter
from core.training.config_file import load_config
from core.training.control import Control
from core.training.devices import choose_device
from core.training.journal import Journal
from core.training.presets import total_steps
from core.training.recipe import Recipe, load_recipe
from core.training.state import TrainingState
from core.training.train import _started
from core.training.trainer import Trainer

TIMED_STEPS = 3
MOST_WARMUP = 200
# A run without an end of its own, without previews, and with few checkpoints.
ALWAYS: dict[str, Any] = {
    "epochs": 100_000, "preview.sounds": 0, "preview.samples": 0, "preview.every": 1_000_000,
    "checkpoint.every": 1_000_000, "checkpoint.keep": 1,
}  # fmt: skip


class Clock:
    """What has been spent of a budget: the process's CPU time on a CPU, the wall's on another device."""

    def __init__(self, budget: float, device: torch.device) -> None:
        self._budget = budget
        self.now: Callable[[], float] = time.process_time if device.type == "cpu" else time.perf_counter
        self.restart()

    def restart(self) -> None:
        """Nothing is spent yet."""
        self._began, self._paused = self.now(), 0.0

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What happens inside does not count."""
        began = self.now()
        yield
        self._paused += self.now() - began

    @property
    def spent(self) -> float:
        return self.now() - self._began - self._paused

    @property
    def left(self) -> float:
        return self._budget - self.spent

    @property
    def share(self) -> float:
        """Of the budget, above 0 and up to 1."""
        return min(1.0, max(1e-6, self.spent / self._budget))


class BudgetedTrainer(Trainer):
    """A trainer whose schedules run over the compute, not over a number of steps that nobody knows beforehand."""

    clock: Clock
    planned: int

    @property
    def kl_weight(self) -> float:
        return self.recipe.kl_weight(round(self.clock.share * self.planned))

    def _step(self) -> None:
        step = self.state.step + 1
        # As many steps as there will be at this pace: rate and opponent then stand where the clock does.
        self.total_steps = max(step + 1, round(step / self.clock.share))
        if self.recipe.opponent is not None:
            self.recipe.opponent._total_steps = self.total_steps
        super()._step()
        if self.clock.left <= 0:
            self.control.stop("cancelled")


def trained(
    name: str, overrides: dict[str, Any], held_out: frozenset[str], seconds: float, device_name: str, runs: Path
) -> tuple[Recipe, TrainingState, float]:
    """The recipe, the state at the end, and the compute that was spent, from when the files were loaded.

    Fitting and validation count; there are no previews, and few checkpoints.
    """
    config, given = load_config(None, [], {"threads": 1, **ALWAYS, **overrides, "device": device_name})
    device = choose_device(config.device)
    torch.set_num_threads(config.threads)
    torch.manual_seed(config.seed)
    clock = Clock(seconds, device)

    def progress(done: int, total: int, what: str) -> None:
        if what == "files":
            clock.restart()  # the last time when all are loaded

    kind: Any = config.recipe
    recipe = load_recipe(kind).prepare(config, given, device, progress, held_out)
    if config.warmup_steps < 0:
        with clock.paused():
            steps = round(clock.left / _seconds_a_step(recipe, clock))
        recipe.config = replace(recipe.config, warmup_steps=min(MOST_WARMUP, max(1, steps // 20)))
    torch.manual_seed(config.seed)

    folder = RunFolder.create(runs, name)
    writer = RunWriter(folder.store_path)
    state = TrainingState(recipe, device)
    journal = Journal(writer, None)
    journal.emit(_started(recipe, state, writer.next_session, "", (), ()))
    trainer = BudgetedTrainer(recipe, state, folder, writer, journal, Control())
    trainer.clock, trainer.planned = clock, total_steps(recipe.config, recipe.steps_per_epoch)
    trainer.run()
    spent = clock.spent
    writer.close()
    return recipe, state, spent


def _seconds_a_step(recipe: Recipe, clock: Clock) -> float:
    """Roughly, from a few steps whose gradients are thrown away: the warmup is a share of all steps."""
    generator = torch.Generator().manual_seed(1)
    recipe.model.train()
    for number in range(TIMED_STEPS + 1):
        if number == 1:  # the first is slower
            began = clock.now()
        total = recipe.losses(recipe.model, recipe.batch(generator), 0.0)["total_loss"]
        total.backward()
        total.item()  # waits for the device
    recipe.model.zero_grad(set_to_none=True)
    return (clock.now() - began) / TIMED_STEPS
