"""Carries out what an alert offers, and takes it back: at a person's word, or by itself in a run that is to do so."""

from dataclasses import replace
from typing import Literal

from core.insight.detectors import MEASURED_KINDS
from core.insight.remedies import RATE, figure, is_met, rounded
from core.run.event_json import from_plain, to_plain
from core.run.events import AdviceTaken, AdviceUndone, AlertStarted, Remedy, RolledBack
from core.run.folder import RunFolder
from core.training.changes import Change, Changes
from core.training.checkpoint_files import CheckpointError, way_back
from core.training.config import ConfigError
from core.training.control import Control
from core.training.journal import Journal
from core.training.live import value_of
from core.training.rollback import Rollback
from core.training.saving import Saver
from core.training.state import TrainingState

AUTO_TIMES = 3
FEWEST_STEPS, MOST_STEPS = 20, 200
"""Between two things that the trainer does by itself: an epoch, but enough that something is seen of the first."""
MOMENTS_KEPT = 2
REMEMBERED = 32

LEFT_ALONE = MEASURED_KINDS | {"nonfinite"}
"""Kinds of alert that the trainer never acts on by itself. All but one are found by what is measured as time allows,
and a run that is stopped and resumed has to do what it does without a stop; the last has its own rescue, the rollback.
"""
UNSAVED = "; it is not saved: see the alert"

Outcome = tuple[bool, str]
"""Whether it was done, and the answer in words."""


class Advice:
    """What was taken is in the checkpoint, so that it can be undone, and is counted, in a later session as well."""

    def __init__(
        self,
        state: TrainingState,
        folder: RunFolder,
        journal: Journal,
        control: Control,
        saver: Saver,
        changes: Changes,
        rollback: Rollback,
    ) -> None:
        self._state, self._folder, self._journal, self._control = state, folder, journal, control
        self._saver, self._changes, self._rollback = saver, changes, rollback
        self._stop: AdviceTaken | None = None

    @property
    def taken(self) -> tuple[AdviceTaken, ...]:
        """What was done and can be undone, oldest first."""
        events = (from_plain("advice", body) for body in self._state.progress.advice)
        return tuple(event for event in events if isinstance(event, AdviceTaken))

    def apply(self, alert_id: str, number: int) -> Outcome | None:
        """Carry out the `number`-th remedy of an open alert; None for a stop, which is answered once it is saved."""
        alert = next((alert for alert in self._state.detectors.active if alert.id == alert_id), None)
        if alert is None:
            return False, "that warning is over, or offers nothing; nothing was changed"
        if not 0 <= number < len(alert.remedies):
            return False, f"{alert.title}: it has {len(alert.remedies)} remedies, and none has the number {number + 1}"
        return self._carry_out(alert, number, "person")

    def act(self) -> None:
        """In a run with `auto`: take the first remedy of an open alert, if it is safe; at most one in a while.

        Of an alert that stays, then the next safe one. What a person has undone is not done again, and a value that a
        person has set further than is advised stays. To be called right before a step: it follows from what a
        checkpoint holds.
        """
        state, progress = self._state, self._state.progress
        if state.config.auto == "off" or progress.skipped_in_a_row:  # a rollback may be about to help
            return
        pause = min(MOST_STEPS, max(FEWEST_STEPS, state.steps_per_epoch))
        if progress.advised_at is not None and state.step - progress.advised_at < pause:
            return
        for alert in sorted(state.detectors.active, key=lambda alert: (alert.severity != "danger", alert.step)):
            place = self._safe_remedy(alert)
            if place is not None:
                progress.advised_at = state.step  # if it is refused, for want of room, not at every step
                self._carry_out(alert, place, "auto")
                return

    def settle_stop(self, done: bool) -> None:
        """Tell of the advice to stop, now that it is known whether the step could be saved."""
        if self._stop is not None and done:
            self._journal.emit(replace(self._stop, step=self._state.step))
        self._stop = None

    def undo(self, advice: str) -> Outcome:
        """Give a value back what it was, or the run the weights that it had before it went back."""
        taken = next((taken for taken in self.taken if taken.id == advice), None)
        if taken is None:
            return False, "there is nothing of that name to undo; what was stopped is taken up again with resume"
        key, after = _changed_by(taken)
        now = value_of(self._state.config, key)
        if now != after:
            return False, f"{key} was changed since, to {figure(now)}; nothing was undone"
        try:
            change = self._changes.planned(key, taken.before)
            if taken.remedy.kind == "back":
                self._rollback.to(self._folder.path / taken.checkpoint)
        except (ConfigError, CheckpointError) as error:
            return False, f"{error}; nothing was undone"
        step, progress = self._state.step, self._state.progress
        progress.advice = [body for body in progress.advice if body["id"] != taken.id]
        progress.advice_declined = [*progress.advice_declined, taken.alert][-REMEMBERED:]
        progress.advised_at = step
        saved = self._changes.make(change)
        if saved:  # or the newest checkpoint still counts on being undone with them
            self._drop_moments()
        self._journal.emit(AdviceUndone(taken.id, step))
        value, unsaved = f"{key} is {figure(taken.before)} again", "" if saved else UNSAVED
        if taken.remedy.kind == "set":
            return True, f"{value}, from step {step + 1} on{unsaved}"
        given_up = f"the {step - taken.step:,} steps since are given up"
        return True, f"the weights of step {taken.step:,} again, and {value}; {given_up}{unsaved}"

    def _safe_remedy(self, alert: AlertStarted) -> int | None:
        """The place of the first remedy that the trainer may take by itself and that still changes something."""
        progress = self._state.progress
        if alert.kind in LEFT_ALONE or alert.id in progress.advice_declined:
            return None
        if not (alert.remedies and alert.remedies[0].safe) or progress.advised_kinds.get(alert.kind, 0) >= AUTO_TIMES:
            return None
        places = (place for place, remedy in enumerate(alert.remedies) if remedy.safe and self._helps(alert, remedy))
        return next(places, None)

    def _helps(self, alert: AlertStarted, remedy: Remedy) -> bool:
        """Whether it changes something, and does not go back to where the run stands."""
        if remedy.kind == "stop":
            return False
        if remedy.kind == "back":
            try:
                target = way_back(self._folder, alert.step)
            except CheckpointError:
                return False
            return target is not None and target.step != self._state.step
        # One that an older version advised does not say in which direction it helps: that is left to the person.
        return remedy.direction != "" and not is_met(remedy, value_of(self._state.config, remedy.key))

    def _carry_out(self, alert: AlertStarted, number: int, by: Literal["person", "auto"]) -> Outcome | None:
        step = self._state.step
        same = sum(taken.alert == alert.id and taken.step == step for taken in self.taken)
        name = f"{alert.id}-at-{step}" + (f"-{same + 1}" if same else "")
        taken = AdviceTaken(name, step, alert.id, alert.title, alert.remedies[number], by)
        outcome: Outcome | None = None
        match taken.remedy.kind:
            case "stop":
                self._stop = taken
                self._control.stop("cancelled")
            case "set":
                outcome = self._set(taken, alert)
            case "back":
                outcome = self._back(taken, alert)
        return outcome

    def _set(self, taken: AdviceTaken, alert: AlertStarted) -> Outcome:
        try:
            change = self._changes.planned(taken.remedy.key, taken.remedy.value)
        except ConfigError as error:
            return False, str(error)
        if is_met(taken.remedy, change.before):
            return True, f"{change.key} is {figure(change.before)} already"
        unsaved = "" if self._take(taken, change, alert.kind) else UNSAVED
        return True, f"{change.key} is {figure(change.after)} from step {taken.step + 1} on{unsaved}"

    def _back(self, taken: AdviceTaken, alert: AlertStarted) -> Outcome:
        config, step = self._state.config, self._state.step
        if any(other.remedy.kind == "back" and other.step == step for other in self.taken):
            return False, "the run has just gone back, and nothing was trained since"
        try:
            change = self._changes.planned(RATE, rounded(config.learning_rate * taken.remedy.value))
            target = way_back(self._folder, alert.step)
            if target is None:
                return False, "there is no checkpoint to go back to yet"
            if target.step == step:
                return False, "that leads to this very step; take a lower rate instead"
            moment = self._saver.save_before()
            if moment is None:
                return False, "the moment before could not be saved, so nothing was changed: see the alert"
            restored = self._rollback.to(target.path, afresh=True)
        except (ConfigError, CheckpointError) as error:
            self._drop_moments()
            return False, str(error)
        self._journal.emit(RolledBack(step, restored, taken.remedy.value, taken.reason))
        unsaved = UNSAVED
        if self._take(replace(taken, restored_step=restored, checkpoint=moment), change, alert.kind):
            self._drop_moments()
            unsaved = ""
        return True, f"back to the weights of step {restored:,}, with {RATE} at {figure(change.after)}{unsaved}"

    def _take(self, taken: AdviceTaken, change: Change, kind: str) -> bool:
        """Remember the advice, make the change and tell of both, in the very same words; whether it is saved."""
        taken, progress = replace(taken, before=float(change.before)), self._state.progress
        to_save_at = taken.checkpoint or self._saver.path
        progress.advice = [*progress.advice, to_plain(replace(taken, checkpoint=to_save_at))][-REMEMBERED:]
        progress.advised_at = taken.step
        if taken.by == "auto":
            progress.advised_kinds[kind] = progress.advised_kinds.get(kind, 0) + 1
        saved = self._changes.make(change)
        if saved:
            taken = replace(taken, checkpoint=to_save_at)
        else:  # of a value there is no checkpoint then
            progress.advice[-1] = to_plain(taken)
        self._journal.emit(taken)
        return saved

    def _drop_moments(self) -> None:
        """Keep what the last few goings back are undone with, and no other."""
        moments = [taken.checkpoint for taken in self.taken if taken.remedy.kind == "back"]
        self._saver.drop_before(moments[-MOMENTS_KEPT:])


def _changed_by(taken: AdviceTaken) -> tuple[str, float]:
    """The live value that the advice has changed, and to what."""
    if taken.remedy.kind == "back":
        return RATE, rounded(taken.before * taken.remedy.value)
    return taken.remedy.key, taken.remedy.value
