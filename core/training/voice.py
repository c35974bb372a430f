"""What a trained model can do from a checkpoint alone, when what it was trained on may be gone: remake and make anew.

The counterpart of `core.training.recipe.Recipe`: commands know only this protocol, so that none asks what kind of
material a run is about.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor

from core.errors import UsageError
from core.training.checkpoint_files import CheckpointError
from core.training.checkpoints import config_of, load_checkpoint
from core.training.config import ConfigError, TrainingConfig
from core.training.config_file import from_dict
from core.training.devices import choose_threads
from core.training.kinds import KINDS, KindName, load

AVERAGED_MODEL = "module."  # where torch's AveragedModel keeps the averaged weights, beside its counter


class SourceError(UsageError):
    """A file that was to be remade, or to start from, cannot be used; one line: which, and why."""


class WishError(UsageError):
    """What was asked for is not what this model can do; one line: what, and what it can."""


@dataclass(frozen=True)
class Rendering:
    """A whole file as its bytes, and for how many seconds it plays.

    `note` is one line that a person should know of how it came about, such as what of a source was left out.
    """

    data: bytes
    seconds: float
    note: str = ""


@dataclass(frozen=True)
class Origin:
    """A point of the latent space from which dimensions are turned: a latent [1, latent(, positions)].

    `standing` says of each dimension how many of its `Voice.spread` it lies from the middle of the training material;
    `samples` is the length of a sound and `gain` what brings this one to a level that is well heard; what has a length
    and a level of its own does without. `note` is as in `Rendering`.
    """

    latent: Tensor
    standing: tuple[float, ...]
    samples: int = 0
    gain: float = 1.0
    note: str = ""


class Voice(Protocol):
    """A model of one kind of material, with its averaged weights, on the CPU. What it makes are whole files.

    The same checkpoint, arguments and files give the same bytes. Sources are of any length; a model whose latent
    stands for a piece of a fixed length takes the beginning where one latent is wanted.
    """

    suffix: str  # of the files it makes, ".wav"

    @classmethod
    def load(cls, config: TrainingConfig, weights: dict[str, Tensor], path: Path) -> "Voice":
        """The voice of a checkpoint's config and averaged weights. Raises CheckpointError, naming `path`."""

    def reconstruct(self, source: Path) -> Rendering:
        """What the model makes of a file: as long, and as loud as the model has it. Raises SourceError."""

    def samples(self, count: int, seed: int, temperature: float, seconds: float | None) -> Iterator[Rendering]:
        """New ones from where the training material lies; the i-th depends on `seed` and i alone.

        `temperature` scales their distance from the middle of it; `seconds` None is the length of the training
        chunks. Raises WishError for a length that the model does not have.
        """

    def variations(self, source: Path, count: int, seed: int, temperature: float) -> Iterator[Rendering]:
        """New ones around a file's latent; 0 is the file as the model has it. Raises SourceError."""

    def between(self, first: Path, last: Path, steps: int) -> Iterator[Rendering]:
        """On the way from one file to another, both included; `steps` is 2 or more. Raises SourceError."""

    @property
    def spread(self) -> tuple[float, ...]:
        """The standard deviation of the training material's latents in each dimension."""

    def origin(self, source: Path | None = None, seed: int | None = None) -> Origin:
        """A file's latent, or the first new one of a seed, or without either the middle of the training material.

        Raises SourceError.
        """

    def turned(self, origin: Origin, to: Mapping[int, float]) -> Rendering:
        """What lies at `origin` with these dimensions, counted from 0, at so many spreads from the material's middle.

        Nothing is drawn for it, and all from one origin have one gain, turned down only where they would clip:
        neighbours differ by what was turned, and no more.
        """

    def waveform(self, rendering: Rendering) -> bytes:
        """What one hears of a rendering of this voice: a WAV file."""

    def made(self, path: Path) -> bool:
        """Whether an existing file was written by this program, and may be replaced by a newer one."""


def load_voice(path: Path, threads: int = 0) -> Voice:
    """The voice of the checkpoint at `path`, which says itself what kind it is of; on so many threads (0: as the
    run's config says).

    Raises CheckpointError for a missing, damaged or foreign file, and for one of another version's model.
    """
    contents = load_checkpoint(path)
    try:
        config = from_dict(config_of(contents, path))
        average = contents["average"]
        weights = {key.removeprefix(AVERAGED_MODEL): value for key, value in _tensors(average).items()
                   if key.startswith(AVERAGED_MODEL)}  # fmt: skip
    except ConfigError as error:
        raise CheckpointError(f"{path}: was made by another version of this program ({error}); train anew") from error
    except (KeyError, AttributeError) as error:
        raise CheckpointError(f"{path}: holds no averaged weights; use another checkpoint") from error
    if not all(value.isfinite().all() for value in weights.values()):
        raise CheckpointError(f"{path}: holds weights that are not finite; use an earlier checkpoint")
    torch.set_num_threads(choose_threads(threads or config.threads))
    return cast(type[Voice], load(KINDS[cast(KindName, config.recipe)].voice)).load(config, weights, path)


def _tensors(average: dict[str, Any]) -> dict[str, Tensor]:
    return {key: value for key, value in average.items() if isinstance(value, Tensor)}
