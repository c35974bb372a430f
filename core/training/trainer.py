"""The training loop: one session of a run, from its first step (or a checkpoint's next) to its end."""

import gc
import time

import torch
from torch import Tensor

from core.losses.kl import get_kl_weight
from core.run.commands import Mark, Numbered, Preview, Save, Set, Stop
from core.run.commands import kind_of as command_name
from core.run.events import (
    CommandAnswered,
    CompletionReason,
    EpochMetrics,
    NoteAdded,
    PhaseChanged,
    PreviewEvent,
    Reported,
    RolledBack,
    StepMetrics,
    TrainingCompleteEvent,
)
from core.run.folder import RunFolder
from core.run.store import RunWriter
from core.training.checkpoints import CheckpointError, is_good, list_checkpoints, load_checkpoint
from core.training.config import ConfigError
from core.training.control import Control
from core.training.journal import Journal
from core.training.live import changed
from core.training.metrics import compute_overfitting_gap
from core.training.optimize import Means, gradients, unwrapped
from core.training.presets import total_steps
from core.training.previews import PreviewMaker
from core.training.recipe import Recipe, Validation
from core.training.saving import Saver
from core.training.schedules import learning_rate_factor
from core.training.state import TrainingState

NONFINITE_IN_A_ROW = 3
ROLLBACKS_IN_VAIN = 3
ACTIVE_NATS = 0.1  # a latent dimension under this KL says nothing (specification 5, open question 1)


class NotFiniteError(RuntimeError):
    """The loss stays NaN or infinite whatever the trainer does; one line that says what to change."""


class Trainer:
    """Trains `recipe` in `folder`; `control` and the store's commands are looked at between steps.

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
    ) -> None:
        self.recipe, self.state, self.config, self.folder = recipe, state, state.config, folder
        self.writer, self.journal, self.control = writer, journal, control
        self.saver = Saver(state, folder, journal)
        self.total_steps = total_steps(self.config, recipe.steps_per_epoch)
        self._generator = torch.Generator()

    @property
    def kl_weight(self) -> float:
        """The annealed KL weight of the next step."""
        kl = self.config.loss.kl
        position = self.state.step / self.recipe.steps_per_epoch
        return get_kl_weight(position, self.config.epochs, kl.warmup_fraction, kl.weight_max)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step: warmup and cosine, halved by each rollback."""
        factor = learning_rate_factor(self.state.step, self.total_steps, self.config.warmup_steps)
        return self.config.learning_rate * factor * self.state.progress.rate_scale

    def run(self, rewound: bool = False) -> TrainingCompleteEvent:
        """Train to the end, or until asked to stop.

        `rewound` says that newer checkpoints than the state's exist: it is then saved again as the newest, so that
        later resumes and rollbacks stay on this path.
        """
        self._started = time.perf_counter() - self.state.progress.elapsed_seconds
        self.previews = PreviewMaker(self.recipe, self.folder)
        try:
            if self.state.step == 0 or rewound:
                self.saver.save("interval")
            for alert in self.state.detectors.active:
                self.journal.emit(alert)
            self.journal.emit(PhaseChanged("training"))
            reason = self._train()
        finally:
            self._report_previews(self.previews.close())
        return self._complete(reason)

    def _train(self) -> CompletionReason:
        while True:
            self._answer_commands()
            if self.control.stop_reason and self._save_to_stop():
                return self.control.stop_reason
            if self._epoch_is_over():
                self._end_epoch()
            elif self.state.step < self.total_steps:
                self._step()
                if self.saver.overdue():
                    self.saver.save("autosave")
            else:
                self.saver.save_final()
                return "finished"
            self._report_previews(self.previews.done())

    # One step

    def _step(self) -> None:
        began = time.perf_counter()
        step, learning_rate, kl_weight = self.state.step + 1, self.learning_rate, self.kl_weight
        batch = self.recipe.batch(self._generator.manual_seed(self.config.seed * 1_000_003 + step))
        batch_ready = time.perf_counter()

        for group in self.state.optimizer.param_groups:
            group["lr"] = learning_rate
        self.state.model.train()
        self.state.optimizer.zero_grad(set_to_none=True)
        losses = self.recipe.losses(self.state.model, batch, kl_weight)
        norm = gradients(losses["total_loss"], self.state.model, self.config.regularization.gradient_clip_norm)
        values = _fetched({**losses, "grad_norm": norm})
        grad_norm, total = values.pop("grad_norm"), values["total_loss"]
        finite = _is_finite(total) and _is_finite(grad_norm)
        if finite:
            self.state.optimizer.step()
            self.state.average.update_parameters(self.state.model)

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
            grad_norm=grad_norm,
            data_time_s=batch_ready - began,
            elapsed_s=self.state.progress.elapsed_seconds,
            device_memory_bytes=self._device_memory(),
            skipped=not finite,
            terms=values,
            **{name: value for name, value in values.items() if name in StepMetrics.__dataclass_fields__},
        )
        self.journal.emit(metrics)
        for alert in self.state.detectors.step(metrics):
            self.journal.emit(alert)
        if finite:
            self.state.progress.skipped_in_a_row = self.state.progress.rollbacks_in_vain = 0
            self.state.means.add({**values, "train_loss": total}, len(batch))
        else:
            self._skipped(values)
        if step == 1:
            # Torch's import leaves a million objects: a full collection would stop the screen for a tenth of a second.
            gc.collect()
            gc.freeze()

    def _skipped(self, values: dict[str, float]) -> None:
        """The step changed nothing; the third in a row takes the run back to its last good state."""
        self.state.progress.skipped_steps += 1
        self.state.progress.skipped_in_a_row += 1
        broken = [name for name, value in values.items() if not _is_finite(value)]
        term = next((name for name in broken if name != "total_loss"), "gradient")
        for alert in self.state.detectors.nonfinite(self.state.step, self.state.epoch, term):
            self.journal.emit(alert)
        if self.state.progress.skipped_in_a_row >= NONFINITE_IN_A_ROW:
            self._roll_back(term)

    def _roll_back(self, term: str) -> None:
        """Weights, averages and optimizer of the last checkpoint at an epoch's end; the step count goes on."""
        good = [c for c in list_checkpoints(self.folder) if is_good(c)]
        if not good or self.state.progress.rollbacks_in_vain >= ROLLBACKS_IN_VAIN:
            raise NotFiniteError(
                f"{term} is not finite, and going back to the last good state does not help; look at the data, "
                f"or start again with --set learning_rate={self.config.learning_rate / 4:g}"
            )
        self.state.restore_weights(load_checkpoint(good[-1].path, self.state.device), good[-1].path)
        self.state.progress.rate_scale *= 0.5
        self.state.progress.skipped_in_a_row = 0
        self.state.progress.rollbacks_in_vain += 1
        self.journal.emit(
            RolledBack(
                self.state.step, good[-1].step, self.state.progress.rate_scale, f"{term} was not finite three times"
            )
        )

    # The end of an epoch

    def _epoch_is_over(self) -> bool:
        step = self.state.step
        at_end = step % self.recipe.steps_per_epoch == 0 or step >= self.total_steps
        return step > 0 and at_end and self.state.progress.validated != step

    def _end_epoch(self) -> None:
        self.journal.emit(PhaseChanged("validating"))
        validation = self._validate()
        if validation is None:
            return
        metrics = self._epoch_metrics(validation)
        self.state.means = Means()
        self.state.progress.validated = self.state.step
        self.journal.emit(metrics)
        for alert in self.state.detectors.epoch(metrics):
            self.journal.emit(alert)
        if metrics.is_best:
            self.saver.save_best()
        if self.state.epoch % self.config.checkpoint.every == 0:
            self.saver.save("interval")
        if self.state.epoch % self.config.preview.every == 0 or self.state.step >= self.total_steps:
            self._draft_previews()
        self.journal.emit(PhaseChanged("training"))

    @torch.no_grad()
    def _validate(self) -> Validation | None:
        """Means of the averaged model over the validation set; None when a stop came in between (it is made again)."""
        model = unwrapped(self.state.average).eval()
        means, divergences, count = Means(), [], 0
        for batch in self.recipe.validation_batches():
            self._answer_commands()
            if self.control.stop_reason:
                return None
            terms = _fetched(self.recipe.losses(model, batch, self.kl_weight))
            terms["total_loss"] = self.recipe.objective(terms, self.kl_weight)
            means.add(terms, len(batch))
            divergences.append(self.recipe.kl_per_dimension(model, batch) * len(batch))
            count += len(batch)
        return Validation(means.values(), tuple((torch.stack(divergences).sum(0) / count).tolist()))

    def _epoch_metrics(self, validation: Validation) -> EpochMetrics:
        train, val = self.state.means.values(), validation.terms
        val_loss = val["total_loss"]
        best_so_far = self.state.progress.best_val_loss
        is_best = _is_finite(val_loss) and (best_so_far is None or val_loss < best_so_far)
        if is_best:
            self.state.progress.best_val_loss, self.state.progress.best_epoch = val_loss, self.state.epoch
        judged = [term.name for term in self.recipe.terms if term.judged]
        gaps = [compute_overfitting_gap(train.get(name, 0.0), val[name]) for name in judged]
        done, elapsed = self.state.step, time.perf_counter() - self._started
        return EpochMetrics(
            epoch=self.state.epoch,
            total_epochs=self.config.epochs,
            train_loss=train.get("total_loss", float("nan")),
            val_loss=val_loss,
            kl_divergence=sum(validation.kl_per_dimension),
            overfitting_gap=sum(gaps) / len(gaps),
            eta_seconds=elapsed / done * (self.total_steps - done),
            elapsed_seconds=elapsed,
            step=done,
            active_dimensions=sum(kl > ACTIVE_NATS for kl in validation.kl_per_dimension),
            latent_dimensions=len(validation.kl_per_dimension),
            is_best=is_best,
            train_terms=train,
            val_terms=val,
            kl_per_dimension=tuple(round(kl, 5) for kl in validation.kl_per_dimension),
            **{f"val_{n}": v for n, v in val.items() if f"val_{n}" in EpochMetrics.__dataclass_fields__},
        )

    @torch.no_grad()
    def _draft_previews(self) -> None:
        drafts = list(self.recipe.draft_previews(unwrapped(self.state.average).eval()))
        self.previews.make(self.state.epoch, self.state.step, drafts)

    def _report_previews(self, done: list[PreviewEvent | Exception]) -> None:
        for result in done:
            if isinstance(result, Exception):
                self.journal.emit(Reported(f"a preview could not be made: {result}", self.state.step))
            else:
                self.journal.emit(result)

    # What people ask

    def _answer_commands(self) -> None:
        for numbered in self.writer.commands(force=self.control.take_poke()):
            done, message = self._obey(numbered)
            name = command_name(numbered.command)
            self.journal.emit(CommandAnswered(numbered.id, name, done, message, self.state.step))
        if self.control.take_save():
            self.saver.save("requested")

    def _obey(self, numbered: Numbered) -> tuple[bool, str]:
        match numbered.command:
            case Stop():
                self.control.stop("cancelled")
                return True, "saving at this step and stopping"
            case Save():
                saved = self.saver.save("requested")
                return saved is not None, f"saved {saved.path}" if saved else "not saved: see the alert"
            case Preview():
                self._draft_previews()
                return True, "previews of this step are being made"
            case Mark(note):
                self.journal.emit(NoteAdded(self.state.step, note))
                return True, "noted"
            case Set(key, value):
                return self._set(key, value)

    def _set(self, key: str, value: float) -> tuple[bool, str]:
        try:
            config = changed(self.config, key, value)
        except ConfigError as error:
            return False, str(error)
        self.config = self.state.config = config
        self.recipe.configure(config)
        self.saver.write_config()
        return True, f"{key} is {value:g} from step {self.state.step + 1} on"

    def _save_to_stop(self) -> bool:
        """Save for a stop. A person's stop that cannot be saved is withdrawn, so that nothing is lost."""
        reason = self.control.stop_reason
        assert reason is not None
        if self.saver.save(reason) is not None:
            return True
        if reason == "preempted":
            raise CheckpointError("asked to end, but this step could not be saved; the last checkpoint stands")
        self.control.withdraw_stop()
        self.journal.emit(Reported("not stopped: this step could not be saved; training goes on", self.state.step))
        return False

    def _complete(self, reason: CompletionReason) -> TrainingCompleteEvent:
        newest = self.saver.newest
        return TrainingCompleteEvent(
            reason=reason,
            epoch=self.state.epoch,
            step=self.state.step,
            elapsed_seconds=self.state.progress.elapsed_seconds,
            best_val_loss=self.state.progress.best_val_loss,
            best_epoch=self.state.progress.best_epoch,
            checkpoint=newest.path if newest else "",
        )

    def _device_memory(self) -> float:
        return float(torch.cuda.memory_allocated(self.state.device)) if self.state.device.type == "cuda" else 0.0


def _fetched(values: dict[str, Tensor]) -> dict[str, float]:
    """Scalars as floats, with one wait for the device."""
    numbers = torch.stack([value.detach().float() for value in values.values()]).tolist()
    return dict(zip(values, numbers, strict=True))


def _is_finite(value: float) -> bool:
    return value - value == 0.0
