"""A live value taken over between two steps: by the model's terms, by the newest checkpoint and by config.toml."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from core.run.events import ValueSet
from core.training.config import TrainingConfig
from core.training.journal import Journal
from core.training.live import BY_KEY, changed, value_of
from core.training.saving import Saver
from core.training.state import TrainingState


@dataclass(frozen=True)
class Change:
    """The live value `key` from `before` to `after`, and the config that has it."""

    key: str
    before: Any
    after: Any
    config: TrainingConfig

    @property
    def is_none(self) -> bool:
        """Whether it stands so already."""
        return bool(self.before == self.after)


class Changes:
    """Checks and makes changes of a run's live values; `configure` hands the recipe its new config."""

    def __init__(
        self, state: TrainingState, journal: Journal, saver: Saver, configure: Callable[[TrainingConfig], None]
    ) -> None:
        self._state, self._journal, self._saver, self._configure = state, journal, saver, configure

    def planned(self, key: str, value: float) -> Change:
        """What setting `key` to `value` would come to. Raises ConfigError where it may not be."""
        config = changed(self._state.config, key, value)
        return Change(key, value_of(self._state.config, key), value_of(config, key), config)

    def make(self, change: Change) -> bool:
        """Take the change over from the next step on; whether a checkpoint of this step holds it.

        The checkpoint comes first: a run that is killed before the config is written goes on from this step without
        the change, rather than over older steps with it. From here on the two agree.
        """
        state = self._state
        # A copy: a validation that is under way sees by the config's identity that it has to begin again.
        state.config = replace(change.config)
        self._configure(state.config)
        if not change.is_none and BY_KEY[change.key].judges:
            self._saver.forget_best()
        saved = self._saver.save("requested")
        self._saver.write_config()
        if not change.is_none:
            self._journal.emit(ValueSet(state.step, change.key, float(change.before), float(change.after)))
        return saved is not None
