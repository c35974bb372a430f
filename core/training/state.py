"""Everything about a run that a checkpoint holds, so that the next step is the same with or without a stop."""

from pathlib import Path
from typing import Any

import torch

from core.insight.detectors import Detectors
from core.training.checkpoints import check_fits, check_optimizer, check_weights, load_weights, restore_rng, rng_state
from core.training.config import to_dict
from core.training.live import value_of
from core.training.optimize import Means, averaged, make_optimizer
from core.training.progress import TrainingProgress
from core.training.recipe import Recipe


class TrainingState:
    """Model, averaged weights, optimizer, opponent, counts, running means and detectors of one run.

    The schedules, batches and augmentations need no state of their own: they follow from the step and the seed.
    """

    def __init__(self, recipe: Recipe, device: torch.device) -> None:
        self.config, self.device = recipe.config, device
        self.steps_per_epoch = recipe.steps_per_epoch
        self.held_out = recipe.data.held_out
        self.model = recipe.model
        self.opponent = recipe.opponent
        self.recipe = recipe
        self.average = averaged(self.model, self.config.ema_decay)
        self.optimizer = make_optimizer(self.model, self.config.learning_rate, self.config.regularization.weight_decay,
                                        recipe.learned)  # fmt: skip
        self.progress = TrainingProgress()
        self.means = Means()
        self.detectors = Detectors(recipe.terms, lambda key: value_of(self.config, key))  # live changes included

    @property
    def step(self) -> int:
        """Optimizer steps done."""
        return self.progress.step

    @property
    def epoch(self) -> int:
        """The epoch under way, from 1; right after an epoch's last step still that epoch."""
        return max(0, self.progress.step - 1) // self.steps_per_epoch + 1

    def contents(self) -> dict[str, Any]:
        """What goes into a checkpoint: tensors and plain values only."""
        self.progress.means = self.means.state
        self.progress.detectors = self.detectors.state()
        contents = {
            "step": self.step,
            "epoch": self.epoch,
            "config": to_dict(self.config),
            "held_out": list(self.held_out),
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "recipe": self.recipe.state(),
            "rng": rng_state(self.device),
            "progress": self.progress.to_dict(),
        }
        if self.opponent is not None:
            contents["opponent"] = self.opponent.state()
        return contents

    def restore(self, contents: dict[str, Any], path: Path) -> None:
        """Take everything up where the checkpoint `path` left it. Raises CheckpointError if it is of another kind."""
        self.restore_weights(contents, path)
        self.progress = TrainingProgress.from_dict(contents["progress"])
        self.means = Means(self.progress.means)
        self.detectors.restore(self.progress.detectors)
        restore_rng(contents["rng"], self.device)

    def check(self, contents: dict[str, Any], path: Path) -> None:
        """Raise CheckpointError where the checkpoint's weights, optimizer or opponent are not of this run's kind."""
        check_fits(contents, self.config, path)
        check_weights(self.model, contents.get("model"), path)
        check_weights(self.average, contents.get("average"), path)
        check_optimizer(self.optimizer, contents.get("optimizer"), path)
        if self.opponent is not None and "opponent" in contents:
            self.opponent.check(contents["opponent"], path)

    def restore_weights(self, contents: dict[str, Any], path: Path) -> None:
        """Only the weights, their averages and the optimizer, and the opponent. Raises what `check` does, all or none.

        An opponent that the checkpoint does not have, since it was made without one, begins as it is.
        """
        self.check(contents, path)
        load_weights(self.model, contents["model"], path)
        load_weights(self.average, contents["average"], path)
        self.optimizer.load_state_dict(contents["optimizer"])
        # What the optimizer keeps beside its averages is the config's, which may have been edited since.
        self.optimizer.param_groups[0]["weight_decay"] = self.config.regularization.weight_decay
        self.recipe.restore(contents.get("recipe", {}))
        if self.opponent is not None and "opponent" in contents:
            self.opponent.restore(contents["opponent"])
