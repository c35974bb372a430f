"""Takes a run back to weights that it had: by itself where steps are no numbers any more, or as it is asked to."""

from pathlib import Path

from core.run.events import AlertEnded, RolledBack
from core.run.folder import RunFolder
from core.training.checkpoint_files import CheckpointError, is_good, list_checkpoints
from core.training.checkpoints import load_checkpoint
from core.training.failures import NotFiniteError
from core.training.journal import Journal
from core.training.optimize import Means
from core.training.state import TrainingState

NONFINITE_IN_A_ROW = 3
ROLLBACKS_IN_VAIN = 3


class Rollback:
    """Weights, averages, optimizer and opponent of a checkpoint; the step count goes on, and other batches follow."""

    def __init__(self, state: TrainingState, folder: RunFolder, journal: Journal) -> None:
        self._state, self._folder, self._journal = state, folder, journal

    def skipped(self, term: str) -> None:
        """A step changed nothing, since `term` was not finite: the third in a row goes back to the last good state.

        At half the rate. Raises NotFiniteError where that has not helped, or there is no such state.
        """
        progress = self._state.progress
        progress.skipped_steps += 1
        progress.skipped_in_a_row += 1
        if progress.skipped_in_a_row < NONFINITE_IN_A_ROW:
            return
        good = [c for c in list_checkpoints(self._folder) if is_good(c)]
        if not good or progress.rollbacks_in_vain >= ROLLBACKS_IN_VAIN:
            gentler = f"learning_rate={self._state.config.learning_rate / 4:g}"
            raise NotFiniteError(
                f"{term} is not finite, and going back to the last good state does not help; look at the data, "
                f"or start again with --set {'adversarial.mode=off' if term.startswith('disc_') else gentler}"
            )
        self._state.restore_weights(load_checkpoint(good[-1].path), good[-1].path)
        progress.rate_scale *= 0.5
        progress.skipped_in_a_row = 0
        progress.rollbacks_in_vain += 1
        progress.advised_at = self._state.step  # this is the remedy: `core.training.advice` adds none to it
        reason = f"{term} was not finite three times"
        self._journal.emit(RolledBack(self._state.step, good[-1].step, progress.rate_scale, reason))

    def to(self, path: Path, afresh: bool = False) -> int:
        """Go back to a checkpoint; the step that it was saved at. Raises CheckpointError, with nothing changed, if not.

        What the detectors have seen of the weights that are given up goes with them, and so do the epoch's means: an
        alert that was not open then is over, until it is found anew. What they know of the files stays. To go on
        `afresh`, not to take up that very moment again, is to drop those about the steps before it as well.
        """
        state, contents = self._state, load_checkpoint(path)
        state.check(contents, path)
        former = state.detectors.active
        try:
            state.detectors.rewind(contents["progress"].get("detectors", {}))
        except ValueError as error:
            raise CheckpointError(f"{path}: what it knows of its warnings cannot be read; use another one") from error
        if afresh:
            state.detectors.forget_recent(int(contents["step"]))
        state.restore_weights(contents, path)
        state.progress.skipped_in_a_row = 0
        state.means = Means()
        open_before, open_now = ({alert.id for alert in alerts} for alerts in (former, state.detectors.active))
        for alert in former:
            if alert.id not in open_now:
                self._journal.emit(AlertEnded(alert.id, state.step, state.epoch))
        for alert in state.detectors.active:
            if alert.id not in open_before:
                self._journal.emit(alert)
        return int(contents["step"])
