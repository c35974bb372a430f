"""The config tree: validated dataclasses with every default, importable without torch.

Names and defaults follow the specification (documents 1, 2 and 5). A value of "auto", 0 or None where the comment says
so is settled by `core.training.presets.resolve` from what the data folder holds; a resolved config has none left.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from core.training.config_check import ConfigError as ConfigError
from core.training.config_check import check
from core.training.loss_config import AdversarialConfig as AdversarialConfig
from core.training.loss_config import KLLossConfig as KLLossConfig
from core.training.loss_config import LogMagnitudeLossConfig as LogMagnitudeLossConfig
from core.training.loss_config import LossConfig as LossConfig
from core.training.loss_config import ReconLossConfig as ReconLossConfig
from core.training.loss_config import STFTLossConfig as STFTLossConfig
from core.training.tunes_config import ConstraintLossConfig as ConstraintLossConfig
from core.training.tunes_config import TokenLossConfig as TokenLossConfig
from core.training.tunes_config import TokenModelConfig as TokenModelConfig
from core.training.tunes_config import TunesConfig as TunesConfig

LatentKind = Literal["global", "sequence"]
RecipeName = Literal["auto", "audio", "midi"]

# What only one kind of recipe reads. A config leaves out what is another kind's, unless somebody set it.
OWN_KEYS = {
    "audio": (
        "data.chunk_seconds", "data.min_seconds", "data.silence_db", "data.memory_mb", "spectrogram.", "augment.",
        "model.", "loss.stft.", "loss.reconstruction.", "loss.log_magnitude.",
        "adversarial.fft_sizes", "adversarial.segment_seconds",
    ),
    "midi": ("tunes.", "token_model.", "loss.tokens.", "loss.constraints."),
}  # fmt: skip


@dataclass(frozen=True)
class RegularizationConfig:
    """What holds overfitting back. The preset fills these in (specification 5, preset table)."""

    dropout: float = 0.2
    weight_decay: float = 0.01
    augmentation_expansion: int = 10
    gradient_clip_norm: float = 1.0

    def __post_init__(self) -> None:
        check(0 <= self.dropout < 1, "regularization.dropout", self.dropout, "0 up to, not including, 1")
        check(self.weight_decay >= 0, "regularization.weight_decay", self.weight_decay, "0 or more")
        check(self.augmentation_expansion >= 1, "regularization.augmentation_expansion",
               self.augmentation_expansion, "1 or more")  # fmt: skip
        check(self.gradient_clip_norm > 0, "regularization.gradient_clip_norm", self.gradient_clip_norm, "above 0")


@dataclass(frozen=True)
class SpectrogramConfig:
    """The representation. "magnitude_if" is log magnitude and instantaneous frequency; `n_mels` 0 keeps linear bins."""

    representation: Literal["log_mel", "magnitude_if"] = "magnitude_if"
    sample_rate: int = 48_000
    n_fft: int = 1024
    hop_length: int = 256
    n_mels: int = 0
    griffin_lim_iterations: int = 32

    def __post_init__(self) -> None:
        check(8_000 <= self.sample_rate <= 192_000, "spectrogram.sample_rate", self.sample_rate, "8000 to 192000 Hz")
        check(self.n_fft >= 64 and self.n_fft % 2 == 0, "spectrogram.n_fft", self.n_fft, "an even number from 64 on")
        check(0 < self.hop_length <= self.n_fft // 2, "spectrogram.hop_length", self.hop_length, "1 to n_fft / 2")
        check(0 <= self.n_mels <= self.n_fft // 2, "spectrogram.n_mels", self.n_mels, "0 (linear bins) to n_fft / 2")
        check(self.representation != "log_mel" or self.n_mels > 0, "spectrogram.n_mels", self.n_mels,
               "1 or more mel bands with log_mel")  # fmt: skip
        check(self.griffin_lim_iterations >= 0, "spectrogram.griffin_lim_iterations", self.griffin_lim_iterations,
               "0 or more")  # fmt: skip

    @property
    def channels(self) -> int:
        """Channels of the representation: 1 for log_mel, 2 for magnitude and IF."""
        return 1 if self.representation == "log_mel" else 2

    @property
    def bands(self) -> int:
        """Frequency bands of the representation."""
        return self.n_mels or self.n_fft // 2 + 1


@dataclass(frozen=True)
class AugmentConfig:
    """Augmentation of training batches, on the fly; each with a probability of its own (0 turns it off)."""

    gain_probability: float = 0.8
    gain_db: float = 12.0
    noise_probability: float = 0.2
    noise_snr_db: float = 35.0
    speed_probability: float = 0.6
    speed_percent: float = 8.0
    pitch_probability: float = 0.8
    pitch_semitones: float = 9.0
    polarity_probability: float = 0.5

    def __post_init__(self) -> None:
        for name in ("gain", "noise", "speed", "pitch", "polarity"):
            value = getattr(self, f"{name}_probability")
            check(0 <= value <= 1, f"augment.{name}_probability", value, "0 to 1")
        check(0 <= self.gain_db <= 60, "augment.gain_db", self.gain_db, "0 to 60 dB")
        check(0 <= self.speed_percent <= 50, "augment.speed_percent", self.speed_percent, "0 to 50 %")
        check(0 <= self.pitch_semitones <= 12, "augment.pitch_semitones", self.pitch_semitones, "0 to 12 semitones")


@dataclass(frozen=True)
class DataConfig:
    """Which sounds, and how they are cut. `memory_mb` is the ceiling above which the bank is memory-mapped."""

    path: str = ""
    chunk_seconds: float = 1.0
    min_seconds: float = 0.05
    silence_db: float = -70.0
    validation_fraction: float | None = None  # None: by the number of files
    memory_mb: int = 2048

    def __post_init__(self) -> None:
        check(0.25 <= self.chunk_seconds <= 10, "data.chunk_seconds", self.chunk_seconds, "0.25 to 10 seconds")
        check(self.min_seconds >= 0, "data.min_seconds", self.min_seconds, "0 or more seconds")
        check(self.memory_mb >= 0, "data.memory_mb", self.memory_mb, "0 or more")
        if self.validation_fraction is not None:
            check(0 < self.validation_fraction < 1, "data.validation_fraction", self.validation_fraction,
                   "between 0 and 1")  # fmt: skip


@dataclass(frozen=True)
class ModelConfig:
    """The VAE. `latent` "global" is one vector for a whole chunk, "sequence" one for every `patch_frames` frames.

    A patch is first seen through its `components` principal components; `blocks` residual blocks of `width` channels
    in encoder and decoder learn the rest.
    """

    latent: LatentKind = "global"
    latent_dim: int = 64
    patch_frames: int = 4
    components: int = 192
    width: int = 256
    blocks: int = 2

    def __post_init__(self) -> None:
        check(1 <= self.latent_dim <= 4096, "model.latent_dim", self.latent_dim, "1 to 4096")
        check(1 <= self.patch_frames <= 64, "model.patch_frames", self.patch_frames, "1 to 64 frames")
        check(1 <= self.components <= 4096, "model.components", self.components, "1 to 4096")
        check(1 <= self.width <= 4096, "model.width", self.width, "1 to 4096")
        check(0 <= self.blocks <= 32, "model.blocks", self.blocks, "0 to 32")


@dataclass(frozen=True)
class PreviewConfig:
    """Previews every `every` epochs (0: every 5, or every 2 in runs under 50 epochs), of `sounds` validation files."""

    every: int = 0
    sounds: int = 2
    samples: int = 1

    def __post_init__(self) -> None:
        for name in ("every", "sounds", "samples"):
            check(getattr(self, name) >= 0, f"preview.{name}", getattr(self, name), "0 or more")


@dataclass(frozen=True)
class CheckpointConfig:
    """A checkpoint every `every` epochs (0: every 5, or every epoch in runs under 10); `keep` recent ones and best.

    Beside them what may be gone back to is kept: see `core.training.checkpoint_files.prune_checkpoints`.
    """

    every: int = 0
    keep: int = 3

    def __post_init__(self) -> None:
        check(self.every >= 0, "checkpoint.every", self.every, "0 or more")
        check(self.keep >= 1, "checkpoint.keep", self.keep, "1 or more")


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that a run is made from. `epochs` 0, `batch_size` 0, `learning_rate` 0 and `warmup_steps` -1 are auto.

    `recipe` "auto" goes by what most files in the data folder are.

    `steps` (0: no limit) ends a run earlier than its epochs would. `auto` "conservative" lets the trainer take safe
    advice of an alert by itself (`core.training.advice`). `threads` 0 lets torch use all
    cores but one, up to eight. `device` "auto" takes cuda, then mps, then cpu.
    """

    recipe: RecipeName = "auto"
    name: str = ""
    preset: Literal["auto", "conservative", "balanced", "aggressive"] = "auto"
    epochs: int = 0
    steps: int = 0
    batch_size: int = 0
    learning_rate: float = 0.0
    warmup_steps: int = -1
    ema_decay: float = 0.995
    seed: int = 0
    device: str = "auto"
    threads: int = 0
    auto: Literal["off", "conservative"] = "off"
    data: DataConfig = field(default_factory=DataConfig)
    spectrogram: SpectrogramConfig = field(default_factory=SpectrogramConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    regularization: RegularizationConfig = field(default_factory=RegularizationConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)
    preview: PreviewConfig = field(default_factory=PreviewConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)
    tunes: TunesConfig = field(default_factory=TunesConfig)
    token_model: TokenModelConfig = field(default_factory=TokenModelConfig)

    def __post_init__(self) -> None:
        for name in ("epochs", "steps", "batch_size", "seed", "threads"):
            check(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        check(self.learning_rate >= 0, "learning_rate", self.learning_rate, "0 (auto) or above")
        check(self.warmup_steps >= -1, "warmup_steps", self.warmup_steps, "-1 (auto), 0 or more")
        stft, spectral = self.loss.stft, self.loss.reconstruction
        if_weight = spectral.if_weight if self.spectrogram.channels == 2 else 0.0
        weight = stft.weight + spectral.weight * (spectral.magnitude_weight + if_weight)
        weight += self.loss.log_magnitude.weight
        check(weight > 0, "loss.stft.weight", stft.weight,
               "above 0 while loss.reconstruction has no weight: something must be learned")  # fmt: skip
        check(0 <= self.ema_decay < 1, "ema_decay", self.ema_decay, "0 up to, not including, 1")


def check_keys(config: TrainingConfig, recipe: str) -> None:
    """Raise ConfigError for a value that was changed and that only another kind of recipe than `recipe` reads."""
    flat, defaults = flatten(_plain(config)), flatten(_plain(TrainingConfig()))
    for name, keys in OWN_KEYS.items():
        for key, value in flat.items() if name != recipe else ():
            if key.startswith(keys) and value != defaults.get(key):
                raise ConfigError(f"{key}: is read by the {name} recipe alone, and this run is {recipe}; leave it out")


def to_dict(config: TrainingConfig) -> dict[str, Any]:
    """The config as nested plain values, ready for TOML or JSON; None values are left out, as TOML has none.

    Keys that only another recipe reads are left out where they stand at their defaults.
    """
    flat, defaults = flatten(_plain(config)), flatten(_plain(TrainingConfig()))
    others = [keys for name, keys in OWN_KEYS.items() if config.recipe not in ("auto", name)]
    foreign = tuple(key for keys in others for key in keys)
    kept = {key: value for key, value in flat.items() if not key.startswith(foreign) or value != defaults.get(key)}
    return nested(kept)


def _plain(section: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {}
    for item in fields(section):
        value = getattr(section, item.name)
        if is_dataclass(value):
            plain[item.name] = _plain(value)
        elif isinstance(value, tuple):
            plain[item.name] = list(value)
        elif value is not None:
            plain[item.name] = value
    return plain


def nested(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Dotted keys as nested values: the inverse of `flatten`."""
    tree: dict[str, Any] = {}
    for key, value in flat.items():
        *sections, name = key.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[name] = value
    return tree


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested plain values as dotted keys, in order: {"loss.stft.weight": 1.0, ...}."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
