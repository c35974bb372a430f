"""The training loop: one session of a run, from its first step (or a checkpoint's next) to its end."""

import gc
import math
import time
from dataclasses import replace

import torch

from core.errors import one_line
from core.run.events import (
    CompletionReason,
    PhaseChanged,
    Reported,
    StepMetrics,
    TrainingCompleteEvent,
)
from core.run.folder import RunFolder
from core.run.store import RunWriter
from core.training.advice import Advice
from core.training.changes import Changes
from core.training.config import TrainingConfig
from core.training.contributions import GradientGauge
from core.training.control import Control
from core.training.failures import NotSavedError
from core.training.journal import Journal
from core.training.latent_map import LatentMaps
from core.training.obey import Obedience
from core.training.optimize import Means
from core.training.presets import total_steps
from core.training.previewing import Previewer
from core.training.recipe import Recipe
from core.training.rollback import Rollback
from core.training.saving import Saver
from core.training.schedules import learning_rate_factor
from core.training.stability_gauge import StabilityGauge
from core.training.state import TrainingState
from core.training.step import optimizer_step
from core.training.system import SystemSampler
from core.training.validation import epoch_metrics, validate

FINAL_PATIENCE_SECONDS = 600.0
RETRY_SECONDS = 5.0
ATTEND_SECONDS = 0.5  # to a command, a signal or a stop, while the end waits for room
PREEMPTED_SECONDS = 2.0  # for previews that are being made; whoever preempts does not wait long


class Trainer:
    """Trains `recipe` in `folder`; `control` and the store's commands are looked at between steps.

    With a `system`, every step tells what the machine is doing.

    Everything random in a step follows from (seed, step) and the saved generators, so that a run that was stopped at
    any step and resumed ends bit-identical (on the CPU) to one that was not.
    """

    def __init__(
        self,
        recipe: Recipe,
        state: TrainingState,
        folder: RunFolder,
        writer: RunWriter,
        journal: Journal,
        control: Control,
        system: SystemSampler | None = None,
    ) -> None:
        self.recipe, self.state, self.folder = recipe, state, folder
        self.journal, self.control = journal, control
        self.saver = Saver(state, folder, journal)
        self.rollback = Rollback(state, folder, journal)
        changes = Changes(state, journal, self.saver, recipe.configure)
        self.advice = Advice(state, folder, journal, control, self.saver, changes, self.rollback)
        self.obedience = Obedience(
            state, writer, journal, control, self.saver, self._draft_previews, changes, self.advice
        )
        self.total_steps = total_steps(state.config, recipe.steps_per_epoch)
        self._system, self._latent_maps = system, LatentMaps()
        self._gauge, self._stability = GradientGauge(), StabilityGauge()
        self._generator = torch.Generator()
        self._settled = False
        self._refused_at: int | None = None
        self._waiting = False

    @property
    def kl_weight(self) -> float:
        """The annealed KL weight of the next step."""
        return self.recipe.kl_weight(self.state.step)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step: warmup and cosine, halved by each rollback."""
        factor = learning_rate_factor(self.state.step, self.total_steps, self.state.config.warmup_steps)
        return self.state.config.learning_rate * factor * self.state.progress.rate_scale

    def run(self, rewound: bool = False, known: frozenset[str] = frozenset()) -> TrainingCompleteEvent:
        """Train to the end, or until asked to stop.

        `rewound` says that newer checkpoints than the state's exist: it is then saved again as the newest, so that
        later resumes and rollbacks stay on this path. `known` are the alerts (ids) that stood in the checkpoint: they
        are told again, as no news.
        """
        self._started = time.perf_counter() - self.state.progress.elapsed_seconds
        self.previews = Previewer(self.recipe, self.state, self.folder, self.journal)
        try:
            if self.state.step == 0 or rewound:
                self.saver.save("interval")
            for alert in self.state.detectors.active:
                self.journal.emit(replace(alert, restored=alert.id in known))
            for taken in self.advice.taken if rewound else ():  # of this path, where others were taken on the one left
                self.journal.emit(taken)
            self.journal.emit(PhaseChanged("training"))
            reason: CompletionReason = self._train()
            error = ""
        except BaseException as failure:
            reason, error = "failed", one_line(failure)
            raise
        finally:
            self.previews.close(PREEMPTED_SECONDS if reason == "preempted" else math.inf)
            self.obedience.settle_stops(True, "the run has ended")
            complete = self._complete(reason, error)
            self.journal.emit(complete)
        return complete

    def _train(self) -> CompletionReason:
        while True:
            self.obedience.attend()
            if self.control.stop_reason and self._save_to_stop():
                return self.control.stop_reason
            if self._epoch_is_over():
                self._end_epoch()
            elif self.state.step < self.total_steps:
                self.advice.act()
                self._step()
                if self.saver.overdue():
                    self.saver.save("autosave")
            elif self.saver.save_final():
                return "finished"
            else:
                self._wait_for_room()
            self.previews.report()

    # One step

    def _step(self) -> None:
        began = time.perf_counter()
        step, learning_rate, kl_weight = self.state.step + 1, self.learning_rate, self.kl_weight
        batch = self.recipe.batch(self._generator.manual_seed(self.state.config.seed * 1_000_003 + step))
        batch_ready = time.perf_counter()
        done = optimizer_step(self.recipe, self.state, batch, learning_rate, kl_weight, self._gauge, self._stability)
        values, total = done.terms, done.terms["total_loss"]

        self.state.progress.step = step
        self.state.progress.elapsed_seconds = time.perf_counter() - self._started
        values["total_loss"] = self.recipe.objective(values, kl_weight)
        metrics = StepMetrics(
            epoch=self.state.epoch,
            step=step,
            total_steps=self.total_steps,
            train_loss=total,
            kl_weight=kl_weight,
            learning_rate=learning_rate,
            step_time_s=time.perf_counter() - began,
            grad_norm=done.grad_norm,
            data_time_s=batch_ready - began,
            elapsed_s=self.state.progress.elapsed_seconds,
            device_memory_bytes=self._device_memory(),
            skipped=done.broken is not None,
            terms=values,
            extras={**done.extras, **(self._system.newest if self._system is not None else {})},
            **{name: value for name, value in values.items() if name in StepMetrics.__dataclass_fields__},
        )
        self.journal.emit(metrics)
        for alert in self.state.detectors.step(metrics):
            self.journal.emit(alert)
        if done.joined:
            self.journal.emit(Reported("the discriminator joins: it learns to tell the model's output from real", step))
        if done.broken is None:
            self.state.progress.skipped_in_a_row = self.state.progress.rollbacks_in_vain = 0
            self.state.means.add({**values, "train_loss": total}, len(batch))
        else:
            self._skipped(done.broken)
        if not self._settled:
            self._settled = True
            # Torch's import leaves a million objects: a full collection would stop the screen for a tenth of a second.
            gc.collect()
            gc.freeze()

    def _skipped(self, term: str) -> None:
        """The step changed nothing, since `term` was not finite."""
        for alert in self.state.detectors.nonfinite(self.state.step, self.state.epoch, term):
            self.journal.emit(alert)
        self.rollback.skipped(term)

    # The end of an epoch

    def _epoch_is_over(self) -> bool:
        step = self.state.step
        at_end = step % self.recipe.steps_per_epoch == 0 or step >= self.total_steps
        return step > 0 and at_end and self.state.progress.validated != step

    def _end_epoch(self) -> None:
        self.journal.emit(PhaseChanged("validating"))
        to_be_heard = self.state.epoch % self.state.config.preview.every == 0 or self.state.step >= self.total_steps
        config = self.state.config
        validation = validate(self.recipe, self.state, self.kl_weight, lambda: self._interrupted(config))
        if validation is None:
            return
        elapsed = time.perf_counter() - self._started
        metrics = epoch_metrics(self.recipe, self.state, validation, self.total_steps, elapsed)
        self.state.means = Means()
        self.state.progress.validated = self.state.step
        self.journal.emit(metrics)
        over = self.state.step >= self.total_steps
        if latent_map := self._latent_maps.of(self.recipe, metrics, validation, last=over):
            self.journal.emit(latent_map)
        for alert in self.state.detectors.epoch(metrics):
            self.journal.emit(alert)
        if self.recipe.opponent is not None:
            self.recipe.opponent.watch(metrics.val_loss)
        if to_be_heard:  # before any checkpoint, so that it is in there
            self.previews.fit_density()
        if metrics.is_best:
            self.saver.save_best()
        if self.state.epoch % self.state.config.checkpoint.every == 0:
            self.saver.save("interval")
        if to_be_heard:
            self.previews.draft()
        self.journal.emit(PhaseChanged("training"))

    def _interrupted(self, config: TrainingConfig) -> bool:
        """Between two validation batches: whether a stop, or other loss weights, make the rest pointless."""
        self.obedience.attend()
        return self.control.stop_reason is not None or self.state.config is not config

    def _draft_previews(self) -> None:
        """At a person's request; `previews` is there only once the run has begun."""
        self.previews.draft()

    def _save_to_stop(self) -> bool:
        """Save for a stop. A person's stop that cannot be saved is withdrawn, so that nothing is lost."""
        reason = self.control.stop_reason
        assert reason is not None
        if self.saver.save(reason) is not None:
            self.obedience.settle_stops(True, f"saved and stopped at step {self.state.step}")
            return True
        if reason == "cancelled" and self._refused_at is not None:
            self.obedience.settle_stops(True, f"stopped without this step; {self._what_stands()}")
            return True
        if reason == "preempted" or self.state.step >= self.total_steps:
            raise NotSavedError(f"asked to end, but step {self.state.step} could not be saved; {self._what_stands()}")
        self.control.withdraw_stop()
        self._refused_at = self.state.step
        refusal = (
            f"not stopped, since this step cannot be saved; ask once more to stop without it: {self._what_stands()}"
        )
        self.obedience.settle_stops(False, refusal)
        self.journal.emit(Reported(refusal, self.state.step, refusal=True))
        return False

    def _wait_for_room(self) -> None:
        """The last step is trained but cannot be saved: hold it in memory for a while, rather than lose it."""
        if self.saver.in_trouble_for() > FINAL_PATIENCE_SECONDS:
            raise NotSavedError(f"all steps are trained, but the last could not be saved; {self._what_stands()}")
        if not self._waiting:
            self._waiting = True
            self.journal.emit(PhaseChanged("saving", "waiting for room on the disk"))
        retry_at = time.monotonic() + RETRY_SECONDS
        while time.monotonic() < retry_at and self.saver.in_trouble_for() and not self.control.stop_reason:
            time.sleep(ATTEND_SECONDS)
            self.obedience.attend()
            self.previews.report()

    def _what_stands(self) -> str:
        newest = self.saver.newest
        return f"the last checkpoint is that of step {newest.step}" if newest else "there is no checkpoint"

    def _complete(self, reason: CompletionReason, error: str) -> TrainingCompleteEvent:
        newest = self.saver.newest
        return TrainingCompleteEvent(
            reason=reason,
            epoch=self.state.epoch,
            step=self.state.step,
            elapsed_seconds=self.state.progress.elapsed_seconds,
            best_val_loss=self.state.progress.best_val_loss,
            best_epoch=self.state.progress.best_epoch,
            checkpoint=newest.path if newest else "",
            error=error,
        )

    def _device_memory(self) -> float:
        return float(torch.cuda.memory_allocated(self.state.device)) if self.state.device.type == "cuda" else 0.0
