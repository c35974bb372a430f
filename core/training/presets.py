"""Presets, and how what was found in the data folder settles the config's open values."""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from core.training.config import LatentKind, TrainingConfig
from core.training.kinds import KINDS

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

MAX_BATCH_SECONDS = 64
# Numbers of a latent: for a whole chunk as specified; for every 21 ms three times as many. Held-out MRSTFT after 230
# CPU-seconds, 64, 128 and 192 of them: 1.25, 1.14 and 1.10.
LATENT_DIMS: dict[LatentKind, int] = {"global": 64, "sequence": 192}
# What `resolve` settles: everything else of a config is as its dataclass or a person has it.
SETTLED = (
    "recipe", "preset", "epochs", "batch_size", "learning_rate", "warmup_steps", "data.validation_fraction",
    "model.latent_dim", "regularization.dropout", "regularization.weight_decay",
    "regularization.augmentation_expansion", "regularization.gradient_clip_norm", "loss.kl.warmup_fraction",
    "loss.kl.weight_max", "loss.kl.target", "loss.kl.free_bits", "adversarial.mode", "preview.every",
    "checkpoint.every",
)  # fmt: skip


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


def batch_size_for(train_chunks: int, chunk_seconds: float = 1.0, most: int = 32) -> int:
    """min(32, chunks / 4), never under 1 (specification 5, open question 4), nor over what memory holds of long chunks.

    A second of sound takes 25 MB in a training step.
    """
    return max(1, min(most, train_chunks // 4, int(MAX_BATCH_SECONDS / chunk_seconds)))


def resolve(config: TrainingConfig, file_count: int, train_chunks: int, given: AbstractSet[str]) -> TrainingConfig:
    """The config with every open value settled; a key in `given` (dotted) was set by the person and stays as it is.

    `train_chunks` counts the training chunks before augmentation. Resolving a resolved config with all of its keys
    in `given` changes nothing, so that a run folder's config.toml is enough to run again.
    """
    preset = preset_for(file_count) if config.preset == "auto" else PRESETS[config.preset]
    kind = KINDS["audio" if config.recipe == "auto" else config.recipe]

    def pick(key: str, current: T, chosen: T) -> T:
        return current if key in given else chosen

    chosen = {
        "dropout": preset.dropout if kind.dropout is None else kind.dropout,
        "weight_decay": preset.weight_decay,
        "augmentation_expansion": preset.augmentation_expansion,
        "gradient_clip_norm": preset.gradient_clip_norm,
    }
    given_now = config.regularization
    regularization = replace(
        given_now,
        **{name: pick(f"regularization.{name}", getattr(given_now, name), value) for name, value in chosen.items()},
    )
    weight, target = kind.kl_weight, config.loss.kl.target
    free_bits = config.loss.kl.free_bits if kind.free_bits is None else kind.free_bits
    if config.loss.kl.schedule == "adaptive":  # it has a target instead, which a floor may stand above
        free_bits = 0.0
        weight, target = kind.steered_kl or (weight, target)
    kl = replace(
        config.loss.kl,
        warmup_fraction=pick("loss.kl.warmup_fraction", config.loss.kl.warmup_fraction, preset.kl_warmup_fraction),
        weight_max=pick("loss.kl.weight_max", config.loss.kl.weight_max, weight),
        target=pick("loss.kl.target", config.loss.kl.target, target),
        free_bits=pick("loss.kl.free_bits", config.loss.kl.free_bits, free_bits),
    )
    batch_size = config.batch_size or batch_size_for(train_chunks, config.data.chunk_seconds, kind.max_batch)
    epochs = config.epochs or kind.epochs or preset.max_epochs
    mode = config.adversarial.mode
    if mode == "auto":
        mode = "on" if train_chunks * config.data.chunk_seconds >= kind.adversarial_seconds else "off"
    planned = replace(config, epochs=epochs)
    steps = total_steps(planned, steps_in_epoch(train_chunks, regularization.augmentation_expansion, batch_size))
    return replace(
        config,
        recipe=kind.name,
        preset=preset.name,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=config.learning_rate or kind.learning_rate or preset.learning_rate,
        warmup_steps=config.warmup_steps if config.warmup_steps >= 0 else min(200, max(1, steps // 20)),
        data=replace(
            config.data, validation_fraction=config.data.validation_fraction or validation_fraction(file_count)
        ),
        model=replace(
            config.model, latent_dim=pick("model.latent_dim", config.model.latent_dim, LATENT_DIMS[config.model.latent])
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
    return resolve(TrainingConfig(recipe="audio"), file_count, train_files, frozenset())


def steps_in_epoch(train_chunks: int, expansion: int, batch_size: int) -> int:
    """Optimizer steps in one epoch: every chunk `expansion` times, in batches; the last may be smaller."""
    return max(1, -(-train_chunks * expansion // batch_size))


def total_steps(config: TrainingConfig, steps_per_epoch: int) -> int:
    """The steps of a whole run: all epochs, or `steps` where that is fewer."""
    planned = config.epochs * steps_per_epoch
    return min(planned, config.steps) if config.steps else planned


def planned_epochs(config: TrainingConfig, steps_per_epoch: int) -> int:
    """The epochs of a whole run, the last one perhaps cut short by `steps`."""
    return -(-total_steps(config, steps_per_epoch) // steps_per_epoch)
