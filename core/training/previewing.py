"""What a run does to be heard: previews of its averaged model are drafted, made, and told of in the journal."""

import math

import torch

from core.run.events import PreviewEvent, Reported
from core.run.folder import RunFolder
from core.training.journal import Journal
from core.training.optimize import unwrapped
from core.training.previews import PreviewMaker
from core.training.recipe import Recipe
from core.training.state import TrainingState


class Previewer:
    """Drafts previews on the trainer's thread and has them made on another. One that cannot be made costs no run.

    `close` ends that thread; whoever makes a Previewer calls it.
    """

    def __init__(self, recipe: Recipe, state: TrainingState, folder: RunFolder, journal: Journal) -> None:
        self._recipe, self._state, self._journal = recipe, state, journal
        self._maker = PreviewMaker(recipe, folder)
        self._trouble: type[Exception] | None = None

    def fit_density(self) -> None:
        """Let the averaged model know where its training material lies; what both share, both get."""
        model = unwrapped(self._state.average).eval()
        self._recipe.fit_density(model)
        for own, averaged in zip(self._state.model.buffers(), model.buffers(), strict=True):
            own.copy_(averaged)  # the average takes them over again at its next step

    @torch.no_grad()
    def draft(self) -> None:
        """Have previews of this step made; they are told of by a later `report`."""
        try:
            drafts = list(self._recipe.draft_previews(unwrapped(self._state.average).eval()))
        except RuntimeError as error:  # out of memory, most likely: a preview is not worth a run
            self._tell([error])
        else:
            self._maker.make(self._state.epoch, self._state.step, drafts)

    def report(self) -> None:
        """Tell of what has been made since the last call."""
        self._tell(self._maker.done())

    def close(self, within: float = math.inf) -> None:
        """Wait for what is still being made, and tell of it; what is not begun `within` seconds is left undone."""
        self._tell(self._maker.close(within))

    def _tell(self, done: list[PreviewEvent | Exception]) -> None:
        for result in done:
            if isinstance(result, Exception):
                if self._trouble is not type(result):  # a full disk refuses every one of them
                    self._trouble = type(result)
                    self._journal.emit(Reported(f"a preview could not be made: {result}", self._state.step))
            else:
                self._trouble = None
                self._journal.emit(result)
