"""What a checkpoint holds that others can use: its config and its averaged weights, the ones that are heard."""

from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from core.training.checkpoint_files import CheckpointError
from core.training.checkpoints import config_of, load_checkpoint, load_weights
from core.training.config import ConfigError, TrainingConfig, to_dict
from core.training.config_file import from_dict
from core.training.voice import AVERAGED_MODEL


@dataclass(frozen=True)
class Trained:
    """A checkpoint's config and averaged weights, by the names that they have in the model's state dict."""

    path: Path
    step: int
    config: TrainingConfig
    weights: dict[str, Tensor]

    @classmethod
    def load(cls, path: Path) -> "Trained":
        """Of the checkpoint at `path`. Raises CheckpointError, as `core.training.voice.load_voice` does."""
        contents = load_checkpoint(path)
        try:
            config = from_dict(config_of(contents, path))
            average = contents["average"].items()
        except ConfigError as error:
            raise CheckpointError(
                f"{path}: was made by another version of this program ({error}); train anew"
            ) from error
        except (KeyError, AttributeError) as error:
            raise CheckpointError(f"{path}: holds no averaged weights; use another checkpoint") from error
        weights = {
            name.removeprefix(AVERAGED_MODEL): value.detach().contiguous()
            for name, value in average
            if isinstance(value, Tensor) and name.startswith(AVERAGED_MODEL)
        }
        if not all(value.isfinite().all() for value in weights.values()):
            raise CheckpointError(f"{path}: holds weights that are not finite; use an earlier checkpoint")
        return cls(path, int(contents.get("step") or 0), config, weights)

    def into(self, model: nn.Module) -> None:
        """Give `model` the weights, and put it into evaluation mode. Raises CheckpointError where they do not fit."""
        load_weights(model, self.weights, self.path)
        model.eval()

    def about(self) -> dict[str, object]:
        """Where the weights come from, as JSON-ready values."""
        return {
            "checkpoint": self.path.name,
            "step": self.step,
            "recipe": self.config.recipe,
            "sample_rate": self.config.spectrogram.sample_rate if self.config.recipe == "audio" else None,
            "config": to_dict(self.config),
        }
