"""What people ask of a live run, carried out between two steps and answered with an event each."""

from collections.abc import Callable

from core.run.commands import Mark, Numbered, Preview, Save, Set, Stop
from core.run.commands import kind_of as command_name
from core.run.events import CommandAnswered, NoteAdded, ValueSet
from core.run.store import RunWriter
from core.training.config import ConfigError, TrainingConfig
from core.training.control import Control
from core.training.journal import Journal
from core.training.live import BY_KEY, changed, value_of
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
        configure: Callable[[TrainingConfig], None],
    ) -> None:
        self._state, self._writer, self._journal = state, writer, journal
        self._control, self._saver = control, saver
        self._preview, self._configure = preview, configure
        self._stops: list[Numbered] = []

    def attend(self) -> None:
        """Carry out what has come in since the last call."""
        for numbered in self._writer.commands(force=self._control.take_poke()):
            if isinstance(numbered.command, Stop):
                self._stops.append(numbered)
                self._control.stop("cancelled")
            else:
                self._answer(numbered, *self._obey(numbered.command))
        if self._control.take_save():
            self._saver.save("requested")

    def settle_stops(self, done: bool, message: str) -> None:
        """Answer who asked to stop, now that it is known whether the step could be saved."""
        for numbered in self._stops:
            self._answer(numbered, done, message)
        self._stops.clear()

    def _answer(self, numbered: Numbered, done: bool, message: str) -> None:
        name = command_name(numbered.command)
        self._journal.emit(CommandAnswered(numbered.id, name, done, message, self._state.step))

    def _obey(self, command: Save | Preview | Mark | Set) -> tuple[bool, str]:
        match command:
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

    def _set(self, key: str, value: float) -> tuple[bool, str]:
        """Take over a live value from the next step on; the same value again changes nothing and saves nothing."""
        state = self._state
        try:
            config = changed(state.config, key, value)
        except ConfigError as error:
            return False, str(error)
        before, after = value_of(state.config, key), value_of(config, key)
        if after == before:
            return True, f"{key} is {after:g} already"
        state.config = config
        self._configure(config)
        if BY_KEY[key].judges:
            self._saver.forget_best()
        # The checkpoint comes first: a run that is killed before the config is written goes on from this step without
        # the change, rather than over older steps with it. From here on the two agree.
        saved = self._saver.save("requested")
        self._saver.write_config()
        self._journal.emit(ValueSet(state.step, key, float(before), float(after)))
        unsaved = "" if saved else "; it is not saved: see the alert"
        return True, f"{key} is {after:g} from step {state.step + 1} on{unsaved}"
