"""What people ask of a live run, carried out between two steps and answered with an event each."""

from collections.abc import Callable

from core.run.commands import Apply, Command, Mark, Numbered, Preview, Save, Set, Stop, Undo
from core.run.commands import kind_of as command_name
from core.run.events import CommandAnswered, NoteAdded
from core.run.store import RunWriter
from core.training.advice import Advice, Outcome
from core.training.changes import Changes
from core.training.config import ConfigError
from core.training.control import Control
from core.training.journal import Journal
from core.training.saving import Saver
from core.training.state import TrainingState


class Obedience:
    """Takes commands from the store and requests from other threads. Every command is answered exactly once."""

    def __init__(
        self,
        state: TrainingState,
        writer: RunWriter,
        journal: Journal,
        control: Control,
        saver: Saver,
        preview: Callable[[], None],
        changes: Changes,
        advice: Advice,
    ) -> None:
        self._state, self._writer, self._journal = state, writer, journal
        self._control, self._saver = control, saver
        self._preview, self._changes, self._advice = preview, changes, advice
        self._stops: list[Numbered] = []

    def attend(self) -> None:
        """Carry out what has come in since the last call."""
        for numbered in self._writer.commands(force=self._control.take_poke()):
            outcome = self._obey(numbered.command)
            if outcome is None:
                self._stops.append(numbered)
            else:
                self._answer(numbered, *outcome)
        if self._control.take_save():
            self._saver.save("requested")

    def settle_stops(self, done: bool, message: str) -> None:
        """Answer who asked to stop, now that it is known whether the step could be saved."""
        self._advice.settle_stop(done)
        for numbered in self._stops:
            self._answer(numbered, done, message)
        self._stops.clear()

    def _answer(self, numbered: Numbered, done: bool, message: str) -> None:
        name = command_name(numbered.command)
        self._journal.emit(CommandAnswered(numbered.id, name, done, message, self._state.step))

    def _obey(self, command: Command) -> Outcome | None:
        """The outcome; None for a stop, which is answered when it is known whether the step could be saved."""
        match command:
            case Stop():
                self._control.stop("cancelled")
                return None
            case Save():
                saved = self._saver.save("requested")
                return saved is not None, f"saved {saved.path}" if saved else "not saved: see the alert"
            case Preview():
                self._preview()
                return True, "previews of this step are being made"
            case Mark(note):
                self._journal.emit(NoteAdded(self._state.step, note))
                return True, "noted"
            case Set(key, value):
                return self._set(key, value)
            case Apply(alert, remedy):
                return self._advice.apply(alert, remedy)
            case Undo(advice):
                return self._advice.undo(advice)

    def _set(self, key: str, value: float) -> Outcome:
        """Take over a live value from the next step on; the same value again changes nothing and saves nothing."""
        try:
            change = self._changes.planned(key, value)
        except ConfigError as error:
            return False, str(error)
        if change.is_none:
            return True, f"{key} is {change.after:g} already"
        unsaved = "" if self._changes.make(change) else "; it is not saved: see the alert"
        return True, f"{key} is {change.after:g} from step {self._state.step + 1} on{unsaved}"
