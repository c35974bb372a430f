"""Presets, and how what was found in the data folder settles the config's open values."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from core.training.config import TrainingConfig

T = TypeVar("T")
PresetName = Literal["conservative", "balanced", "aggressive"]


@dataclass(frozen=True)
class OverfittingPreset:
    """One column of the specification's preset table (document 5)."""

    name: PresetName
    dropout: float
    weight_decay: float
    augmentation_expansion: int
    max_epochs: int
    learning_rate: float
    kl_warmup_fraction: float
    gradient_clip_norm: float


CONSERVATIVE = OverfittingPreset("conservative", 0.4, 0.05, 15, 100, 5e-4, 0.5, 0.5)
BALANCED = OverfittingPreset("balanced", 0.2, 0.01, 10, 200, 1e-3, 0.3, 1.0)
AGGRESSIVE = OverfittingPreset("aggressive", 0.1, 0.001, 5, 500, 2e-3, 0.2, 5.0)
PRESETS = {preset.name: preset for preset in (CONSERVATIVE, BALANCED, AGGRESSIVE)}

MAX_BATCH = 32
MAX_BATCH_SECONDS = 64
# A tenth of the specification's, which was set against losses many times as large. At the whole of it a model forgets
# what its principal components began with (a vector every 21 ms: held-out MRSTFT 1.12 before training, 1.13 after 100
# CPU-seconds; at a tenth 1.10), and all of its 64 dimensions are in use at either.
KL_WEIGHT = 0.001

# No gain was measured on 63 sounds, at twice the cost of a step; those who report one train on an hour and more.
MIN_ADVERSARIAL_SECONDS = 3600


def preset_for(file_count: int) -> OverfittingPreset:
    """The preset of the specification's table for so many files: under 50, 50 to 199, 200 and more."""
    if file_count < 50:
        return CONSERVATIVE
    return BALANCED if file_count < 200 else AGGRESSIVE


def validation_fraction(file_count: int) -> float:
    """The share of files held out: .5 under 10 files, .3 under 50, .2 under 200, .1 from there on."""
    if file_count < 10:
        return 0.5
    if file_count < 50:
        return 0.3
    return 0.2 if file_count < 200 else 0.1


def batch_size_for(train_chunks: int, chunk_seconds: float = 1.0) -> int:
    """min(32, chunks / 4), never under 1 (specification 5, open question 4), nor over what memory holds of long chunks.

    A second of sound takes 25 MB in a training step.
    """
    return max(1, min(MAX_BATCH, train_chunks // 4, int(MAX_BATCH_SECONDS / chunk_seconds)))


def adversarial_mode_for(train_seconds: float) -> Literal["off", "on"]:
    """Whether a discriminator joins where that is left open: from an hour of training sounds on."""
    return "on" if train_seconds >= MIN_ADVERSARIAL_SECONDS else "off"


def resolve(config: TrainingConfig, file_count: int, train_chunks: int, given: AbstractSet[str]) -> TrainingConfig:
    """The config with every open value settled; a key in `given` (dotted) was set by the person and stays as it is.

    `train_chunks` counts the training chunks before augmentation. Resolving a resolved config with all of its keys
    in `given` changes nothing, so that a run folder's config.toml is enough to run again.
    """
    preset = preset_for(file_count) if config.preset == "auto" else PRESETS[config.preset]

    def pick(key: str, current: T, chosen: T) -> T:
        return current if key in given else chosen

    regularization = replace(
        config.regularization,
        **{
            name: pick(f"regularization.{name}", getattr(config.regularization, name), getattr(preset, name))
            for name in ("dropout", "weight_decay", "augmentation_expansion", "gradient_clip_norm")
        },
    )
    kl = replace(
        config.loss.kl,
        warmup_fraction=pick("loss.kl.warmup_fraction", config.loss.kl.warmup_fraction, preset.kl_warmup_fraction),
        weight_max=pick("loss.kl.weight_max", config.loss.kl.weight_max, KL_WEIGHT),
    )
    batch_size = config.batch_size or batch_size_for(train_chunks, config.data.chunk_seconds)
    epochs = config.epochs or preset.max_epochs
    mode = config.adversarial.mode
    if mode == "auto":
        mode = adversarial_mode_for(train_chunks * config.data.chunk_seconds)
    planned = replace(config, epochs=epochs)
    steps = total_steps(planned, steps_in_epoch(train_chunks, regularization.augmentation_expansion, batch_size))
    return replace(
        config,
        preset=preset.name,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=config.learning_rate or preset.learning_rate,
        warmup_steps=config.warmup_steps if config.warmup_steps >= 0 else min(200, max(1, steps // 20)),
        data=replace(
            config.data, validation_fraction=config.data.validation_fraction or validation_fraction(file_count)
        ),
        regularization=regularization,
        loss=replace(config.loss, kl=kl),
        adversarial=replace(config.adversarial, mode=mode),
        preview=replace(config.preview, every=config.preview.every or (2 if epochs < 50 else 5)),
        checkpoint=replace(config.checkpoint, every=config.checkpoint.every or (1 if epochs < 10 else 5)),
    )


def get_adaptive_config(file_count: int) -> TrainingConfig:
    """The config that so many files get by themselves, counting one chunk a file."""
    train_files = max(1, round(file_count * (1 - validation_fraction(file_count))))
    return resolve(TrainingConfig(), file_count, train_files, frozenset())


def steps_in_epoch(train_chunks: int, expansion: int, batch_size: int) -> int:
    """Optimizer steps in one epoch: every chunk `expansion` times, in batches; the last may be smaller."""
    return max(1, -(-train_chunks * expansion // batch_size))


def total_steps(config: TrainingConfig, steps_per_epoch: int) -> int:
    """The steps of a whole run: all epochs, or `steps` where that is fewer."""
    planned = config.epochs * steps_per_epoch
    return min(planned, config.steps) if config.steps else planned
