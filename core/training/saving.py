"""When a checkpoint is written, which are kept, and what happens when the disk refuses."""

import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from core.run.events import AlertEnded, AlertStarted, CheckpointSaved, PhaseChanged
from core.run.folder import RunFolder, atomic_write
from core.training.checkpoint_files import CheckpointError, CheckpointFile, is_good, prune_checkpoints, read_summary
from core.training.checkpoints import save_checkpoint
from core.training.config_file import dump_config
from core.training.journal import Journal
from core.training.state import TrainingState

Reason = Literal["interval", "autosave", "best", "requested", "cancelled", "preempted", "finished"]

AUTOSAVE_SECONDS = 600.0  # a power cut costs at most ten minutes, however long an epoch is
ALERT = "checkpoint"
BEFORE = "before-step-"


class Saver:
    """Saves a run's state. A disk that refuses raises an alert and loses nothing: training goes on."""

    def __init__(self, state: TrainingState, folder: RunFolder, journal: Journal) -> None:
        self._state, self._folder, self._journal = state, folder, journal
        self._trouble_since: float | None = None
        self._tried_at = time.monotonic()
        self._newest_validated = 0
        self.newest: CheckpointSaved | None = None

    def overdue(self) -> bool:
        """Whether the last checkpoint (or the last try) is too long ago."""
        return time.monotonic() - self._tried_at > AUTOSAVE_SECONDS

    @property
    def path(self) -> str:
        """Where `save` would save this step, relative to the run folder."""
        return self._relative(self._path_of_step)

    def save(self, reason: Reason) -> CheckpointSaved | None:
        """Save this step; None (and an alert) when the disk refuses."""
        saved = self._write(self._path_of_step, reason)
        if saved is not None:
            self.newest, self._newest_validated = saved, self._state.progress.validated
            backs = (a for a in self._state.detectors.active if any(r.kind == "back" for r in a.remedies))
            prune_checkpoints(self._folder, self._state.config.checkpoint.keep, {alert.step for alert in backs})
        return saved

    def save_before(self) -> str | None:
        """Save this step under a name of its own, which no later one prunes and none resumes from unasked.

        Its path, relative to the run folder; None (and an alert) when the disk refuses.
        """
        saved = self._write(self._folder.checkpoints / f"{BEFORE}{self._state.step:08d}.pt", "requested", told=False)
        return saved.path if saved is not None else None

    def drop_before(self, kept: Collection[str]) -> None:
        """Delete what `save_before` wrote, but for the `kept` paths."""
        for path in self._folder.checkpoints.glob(f"{BEFORE}*.pt"):
            if self._relative(path) not in kept:
                path.unlink(missing_ok=True)
                path.with_suffix(".json").unlink(missing_ok=True)

    def save_best(self) -> None:
        """Save this step as the best one. A better one of another path or other weights is kept under its own name."""
        before = read_summary(self._folder.checkpoints / "best.pt").get("best_val_loss")
        if isinstance(before, float) and before < (self._state.progress.best_val_loss or 0.0):
            self._put_best_aside()
        self._write(self._folder.checkpoints / "best.pt", "best")

    def forget_best(self) -> None:
        """What was best so far cannot be compared with what comes: keep it under its own name and begin anew."""
        self._state.progress.best_val_loss = self._state.progress.best_epoch = None
        self._put_best_aside()

    def _put_best_aside(self) -> None:
        best = self._folder.checkpoints / "best.pt"
        step = read_summary(best).get("step")
        if best.exists() and isinstance(step, int):
            for path in (best, best.with_suffix(".json")):
                path.rename(path.with_stem(f"best-step-{step:08d}"))

    def save_final(self) -> bool:
        """Save the last step, unless that has just been done; whether it is saved."""
        newest = self.newest
        if newest is not None and (newest.step, self._newest_validated) == (self._state.step, self._state.step):
            return True
        return self.save("finished") is not None

    def in_trouble_for(self) -> float:
        """Seconds since saving began to fail; 0 while it works."""
        return time.monotonic() - self._trouble_since if self._trouble_since is not None else 0.0

    def write_config(self) -> None:
        """Keep the run folder's config.toml true after a live change."""
        try:
            atomic_write(self._folder.config_path, dump_config(self._state.config).encode())
        except OSError as error:
            self._alert(f"{self._folder.config_path}: not written ({error.strerror or error})")

    @property
    def _path_of_step(self) -> Path:
        return self._folder.checkpoints / f"step-{self._state.step:08d}.pt"

    def _relative(self, path: Path) -> str:
        return str(path.relative_to(self._folder.path))

    def _write(self, path: Path, reason: Reason, told: bool = True) -> CheckpointSaved | None:
        state = self._state
        self._tried_at = time.monotonic()
        in_trouble = self._trouble_since is not None
        if not in_trouble:  # a retry is not told: that would write to the full disk
            self._journal.emit(PhaseChanged("saving"))
        try:
            # What was good at this step stays so, whoever asks for it to be saved again.
            good = reason == "interval" or is_good(CheckpointFile(path, state.step, read_summary(path)))
            save_checkpoint(path, state.contents(), {**self._summary(reason), "good": good})
        except CheckpointError as error:
            self._alert(str(error))
            return None
        finally:
            if not in_trouble:
                self._journal.emit(PhaseChanged("training"))
        if in_trouble:
            self._trouble_since = None
            self._journal.emit(AlertEnded(ALERT, state.step, state.epoch))
        val_loss = state.progress.best_val_loss if reason == "best" else None
        saved = CheckpointSaved(state.step, state.epoch, self._relative(path), reason, val_loss)
        if told:
            self._journal.emit(saved)
        return saved

    def _summary(self, reason: Reason) -> dict[str, Any]:
        progress = self._state.progress
        return {
            "step": progress.step,
            "epoch": self._state.epoch,
            "reason": reason,
            "recipe": self._state.config.recipe,
            "best_val_loss": progress.best_val_loss,
            "best_epoch": progress.best_epoch,
            "skipped_in_a_row": progress.skipped_in_a_row,
            "elapsed_seconds": round(progress.elapsed_seconds, 3),
        }

    def _alert(self, explanation: str) -> None:
        if self._trouble_since is not None:
            return
        self._trouble_since = time.monotonic()
        self._journal.emit(
            AlertStarted(
                id=ALERT,
                kind="disk",
                severity="danger",
                title="The last checkpoint could not be saved",
                explanation=explanation,
                action="Training goes on; s, or distill-tui save, tries again at once.",
                step=self._state.step,
                epoch=self._state.epoch,
            )
        )
