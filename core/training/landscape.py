"""A checkpoint of a run with a loss that can be asked again and again: what its landscape is made of."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from core.run.events import TermInfo
from core.training.checkpoint_files import CheckpointError
from core.training.checkpoints import check_fits, config_of, load_checkpoint, load_weights
from core.training.config import ConfigError, TrainingConfig, flatten, to_dict
from core.training.config_file import from_dict
from core.training.recipe import Losses, Progress, Recipe, load_recipe
from core.training.voice import AVERAGED_MODEL

MOST_ITEMS = 6  # 441 points of them take 40 s on one core for the demo; more would show nothing that is new
TOTAL = "total_loss"


class TermError(ConfigError):
    """A term that the run does not have, or does not measure in validation."""


@dataclass(frozen=True)
class Place:
    """A checkpoint's averaged weights, on the CPU: those that validation, previews and renders use."""

    path: Path
    step: int
    epoch: int
    weights: dict[str, Tensor]


class LandscapeMaterial:
    """The model of a checkpoint and `loss`, a fixed function of its weights, on held-out material of the run.

    The material is at most 6 chunks (of tunes: windows), evenly chosen from all that validation uses. The model is in
    evaluation mode, as in validation: no dropout, and the latent is its mean. Reads the checkpoint and the data folder
    and nothing else of the run, and writes nothing.
    """

    def __init__(self, recipe: Recipe, place: Place, term: str = TOTAL) -> None:
        self.recipe, self.place = recipe, place
        self.model = recipe.model
        load_weights(self.model, place.weights, place.path)
        self.model.eval()
        self._batch = _evenly(recipe, MOST_ITEMS)
        self._term = self._known(term)

    @classmethod
    def load(cls, path: Path, term: str, progress: Progress = lambda done, total, what: None) -> "LandscapeMaterial":
        """The material of the checkpoint at `path`, which says itself what it was trained on.

        `progress` tells of the reading of the data. Raises CheckpointError, DataError where the data folder has gone,
        and TermError.
        """
        contents = load_checkpoint(path)
        config = _config(contents, path)
        place = _place(contents, path)
        held_out = frozenset(contents.get("held_out", ()))
        # All keys count as given: the config was settled when the run began, by files that may be more by now.
        given = frozenset(flatten(to_dict(config)))
        recipe = load_recipe(cast(Any, config.recipe)).prepare(
            config, given, torch.device("cpu"), progress, held_out, resumed=True
        )
        try:
            recipe.restore(contents.get("recipe", {}))
            return cls(recipe, place, term)
        except BaseException:
            recipe.close()
            raise

    @property
    def items(self) -> int:
        """How many chunks the loss is taken on."""
        return len(self._batch)

    @property
    def term(self) -> TermInfo:
        """What the loss is."""
        return self._term

    def loss(self, model: nn.Module) -> Tensor:
        """The term at the model's weights, a scalar; the total is that at the run's final weights of its terms."""
        losses = self._losses(model)
        if self._term.name != TOTAL:
            return losses[self._term.name]
        # The objective is arithmetic on the terms, which tensors know as well as numbers do: so it has a gradient.
        terms = cast(Mapping[str, float], losses)
        return cast(Tensor, self.recipe.objective(terms, self._kl_weight))

    def other(self, path: Path) -> Place:
        """The place of another checkpoint, of this run or of one like it. Raises CheckpointError."""
        contents = load_checkpoint(path)
        check_fits(contents, self.recipe.config, path)
        return _place(contents, path)

    def close(self) -> None:
        """Let go of the data."""
        self.recipe.close()

    @property
    def _kl_weight(self) -> float:
        return self.recipe.config.loss.kl.weight_max

    def _losses(self, model: nn.Module) -> Losses:
        return self.recipe.losses(model, self._batch, self._kl_weight)

    def _known(self, name: str) -> TermInfo:
        with torch.no_grad():
            measured = self._losses(self.model)
        terms = {term.name: term for term in self.recipe.terms if term.name in measured}
        if name not in terms:
            raise TermError(f"{name}: not a term that this run's validation measures; there are {', '.join(terms)}")
        return terms[name]


def _evenly(recipe: Recipe, most: int) -> Tensor:
    """At most so many validation items, evenly chosen over all files: the beginning would be of one sound alone."""
    total = len(recipe.validation_names)
    wanted = sorted({round(place * (total - 1) / max(1, most - 1)) for place in range(most)})
    chosen: list[Tensor] = []
    before = 0
    for batch in recipe.validation_batches():
        chosen += [batch[number - before] for number in wanted if before <= number < before + len(batch)]
        before += len(batch)
    return torch.stack(chosen)


def _config(contents: dict[str, Any], path: Path) -> TrainingConfig:
    try:
        return from_dict(config_of(contents, path))
    except ConfigError as error:
        raise CheckpointError(f"{path}: was made by another version of this program ({error}); train anew") from error


def _place(contents: dict[str, Any], path: Path) -> Place:
    average = contents.get("average")
    if not isinstance(average, dict):
        raise CheckpointError(f"{path}: holds no averaged weights; use another checkpoint")
    weights = {
        key.removeprefix(AVERAGED_MODEL): value for key, value in average.items() if key.startswith(AVERAGED_MODEL)
    }
    return Place(path, int(contents.get("step", 0)), int(contents.get("epoch", 0)), weights)
