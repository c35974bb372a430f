"""The seam between the training loop and what is trained on: sounds or tunes.

A recipe knows its material, model, losses and previews. The trainer, the store and the screens know only this
protocol, so that no `if` on the kind of material stands anywhere in them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn

from core.run.events import PreviewKind, SkippedFile, TermInfo
from core.training.config import TrainingConfig
from core.training.kinds import KINDS, KindName, load
from core.training.opponent import Opponent

Progress = Callable[[int, int, str], None]  # so many done, of so many, of what
Losses = dict[str, Tensor]


@dataclass(frozen=True)
class DataSummary:
    """What the data folder turned out to hold. `train_seconds` is before augmentation.

    `held_out` names the validation files, relative to the data folder: a resumed run holds out the same ones.
    `train_chunks` counts what a training epoch is made of before augmentation: chunks of sound, windows of a tune.
    """

    train_files: int
    val_files: int
    train_seconds: float
    skipped: tuple[SkippedFile, ...] = ()
    held_out: tuple[str, ...] = ()
    train_chunks: int = 0


@dataclass(frozen=True)
class PreviewDraft:
    """A preview before it is sound: what the model put out, cheap to make, for `Recipe.render` to finish elsewhere.

    `output` is in the model's own representation, on the CPU. Drafts that share `pair` show the same material.
    """

    kind: PreviewKind
    name: str
    pair: str
    output: Tensor


@dataclass(frozen=True)
class Heard:
    """A preview as it is heard: a waveform [samples], float32, and the MIDI file that it was played from, if any.

    Of a reconstruction, `likeness` says in a word or two how near it is to its original where the two are not compared
    as sounds.
    """

    waveform: Tensor
    score: bytes = b""
    likeness: str = ""


class Recipe(Protocol):
    """One kind of material, loaded and ready: built by `Recipe.prepare`, in the trainer's thread."""

    name: str
    representation: str
    terms: tuple[TermInfo, ...]
    weighted: tuple[str, ...]  # the names of the terms that the model learns from; see `weights`
    config: TrainingConfig
    data: DataSummary
    steps_per_epoch: int
    model: nn.Module
    opponent: Opponent | None
    learned: nn.Module | None  # weights of the losses that are trained beside the model, by the same optimizer
    sample_rate: int

    @classmethod
    def prepare(
        cls,
        config: TrainingConfig,
        given: frozenset[str],
        device: torch.device,
        progress: Progress,
        held_out: frozenset[str] = frozenset(),
        resumed: bool = False,
    ) -> "Recipe":
        """Load the data, settle the config's open values and build the model on `device`.

        `held_out` are the validation files of the run that is resumed: they stay held out even where files were added
        to the folder since, and what was trained on never becomes validation. Empty: the split is drawn anew.
        With `resumed` the model is about to take a checkpoint's weights, and is not fitted to the material first.
        The global torch seed is set by the caller. Raises DataError where the folder holds too little to train on.
        """

    def batch(self, generator: torch.Generator) -> Tensor:
        """A training batch on the device: a pure function of the generator's state."""

    def validation_batches(self) -> Iterable[Tensor]:
        """The fixed validation batches, on the device, never augmented; made one at a time."""

    def kl_weight(self, step: int) -> float:
        """The annealed KL weight of the next step, after so many."""

    def after_step(self, terms: Mapping[str, float]) -> None:
        """Take what a step that changed the weights measured: for schedules that steer by it."""

    def losses(self, model: nn.Module, batch: Tensor, kl_weight: float) -> Losses:
        """Every term by name, unweighted, and `total_loss`: what is to be minimised at this step.

        While `model` is in training mode and the `opponent`, if there is one, is playing, it is also handed the real
        and the generated material (`Opponent.meet`), and adds its own terms. None of them is in `total_loss`.
        """

    @property
    def validation_names(self) -> tuple[str, ...]:
        """Which file each item of `validation_batches` is of, in their order, named as its previews are."""

    def posterior(self, model: nn.Module, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the batch's latents: [batch, latent] each, or [batch, latent, positions]."""

    def weights(self, terms: Mapping[str, float], kl_weight: float) -> Mapping[str, float]:
        """What each of `weighted` counts at the step that measured `terms`; names that it did not measure are absent.

        The model follows the gradient of sum(weights[name] * term). Without the adversary's terms that sum is the
        step's `total_loss`, but for what learned weights cost by themselves: no gradient of the model is in that.
        """

    def objective(self, terms: Mapping[str, float], kl_weight: float) -> float:
        """The total at constant weights: comparable over a whole run, whatever the annealing does."""

    def configure(self, config: TrainingConfig) -> None:
        """Take over live changes of loss weights."""

    def fit_density(self, model: nn.Module) -> None:
        """Let `model` learn where the latents of the training material lie, for it to draw new ones from there."""

    def draft_previews(self, model: nn.Module) -> Iterator[PreviewDraft]:
        """What there is to hear now: reconstructions of fixed validation material, samples from fixed latents."""

    def render(self, draft: PreviewDraft) -> Heard:
        """The draft as it is heard. Safe to call in another thread while training goes on."""

    def original(self, pair: str) -> Heard | None:
        """The validation material that a reconstruction belongs to; None for a sample. As safe as `render`."""

    def state(self) -> dict[str, Any]:
        """What later steps depend on beside model, opponent and step: tensors and plain values, for the checkpoint."""

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`; an empty one, of an older checkpoint, changes nothing."""

    def close(self) -> None:
        """Let go of files and memory."""


def load_recipe(kind: KindName) -> type[Recipe]:
    """The recipe class of a kind of material."""
    return cast(type[Recipe], load(KINDS[kind].recipe))
