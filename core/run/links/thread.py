"""The link to a run that trains in a thread of this process: read as any other, its engine asked directly."""

from typing import Protocol

from core.run.commands import Command
from core.run.folder import RunFolder
from core.run.link import LinkError
from core.run.links.folder import FolderLink


class Engine(Protocol):
    """What trains in this process, as far as the link needs it; `core.training.runner.TrainingRunner` is one."""

    @property
    def alive(self) -> bool:
        """Whether it is at work."""

    @property
    def trouble(self) -> str | None:
        """One line while it cannot store what it logs."""

    def poke(self) -> None:
        """A command waits in the run store."""


class ThreadLink(FolderLink):
    """A `RunLink` to the run that `engine` trains in `folder`."""

    def __init__(self, folder: RunFolder, engine: Engine) -> None:
        super().__init__(folder)
        self._engine = engine

    @property
    def trouble(self) -> str | None:
        """As `RunLink.trouble`: the engine's own while it is at work, then the folder's."""
        return self._engine.trouble if self._engine.alive else super().trouble

    def send(self, command: Command) -> int:
        """As `RunLink.send`; the engine looks for it at once."""
        if self._engine.alive and not self._folder.is_live():
            raise LinkError(f"{self._folder.name}: the trainer is still starting; ask again in a moment")
        number = super().send(command)
        self._engine.poke()
        return number
