"""The config tree: validated dataclasses with every default, importable without torch.

Names and defaults follow the specification (documents 1, 2 and 5). A value of "auto", 0 or None where the comment says
so is settled by `core.training.presets.resolve` from what the data folder holds; a resolved config has none left.
"""

from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from core.errors import UsageError


class ConfigError(UsageError, ValueError):
    """A value or key of the config is wrong; the message is one line: what, where, what to do."""


def _check(condition: bool, key: str, value: object, expected: str) -> None:
    if not condition:
        raise ConfigError(f"{key} = {value!r}: expected {expected}")


STFTTarget = Literal["waveform", "magnitude"]
LatentKind = Literal["global", "sequence"]


@dataclass(frozen=True)
class STFTLossConfig:
    """Multi-resolution STFT loss (auraloss; Yamamoto 2020). One hop and window length (samples) per FFT size.

    `target` "waveform" compares sound, "magnitude" the spectrogram's values laid out in a row (specification 2).
    `perceptual_weighting` (waveform only) counts frequencies as the ear does (A-weighting).
    """

    weight: float = 1.0
    fft_sizes: tuple[int, ...] = (512, 1024, 2048)
    hop_sizes: tuple[int, ...] = (128, 256, 512)
    win_lengths: tuple[int, ...] = (512, 1024, 2048)
    target: STFTTarget = "waveform"
    perceptual_weighting: bool = False

    def __post_init__(self) -> None:
        _check(self.weight >= 0, "loss.stft.weight", self.weight, "0 or more")
        _check(
            len(self.fft_sizes) == len(self.hop_sizes) == len(self.win_lengths) > 0,
            "loss.stft.fft_sizes",
            self.fft_sizes,
            "as many fft_sizes as hop_sizes and win_lengths",
        )
        for fft, hop, win in zip(self.fft_sizes, self.hop_sizes, self.win_lengths, strict=True):
            _check(0 < hop <= win <= fft, "loss.stft.win_lengths", win, f"hop {hop} <= window <= fft {fft}")


@dataclass(frozen=True)
class ReconLossConfig:
    """Per-channel L1 between spectrograms; IF is weighted by the target's energy (mean weight 1)."""

    weight: float = 0.1
    magnitude_weight: float = 1.0
    if_weight: float = 0.5

    def __post_init__(self) -> None:
        for name in ("weight", "magnitude_weight", "if_weight"):
            _check(getattr(self, name) >= 0, f"loss.reconstruction.{name}", getattr(self, name), "0 or more")


@dataclass(frozen=True)
class LogMagnitudeLossConfig:
    """L1 between log magnitudes, in nepers (1 is 8.7 dB), of what is less than `floor_db` under a sound's level."""

    weight: float = 1.0
    floor_db: float = 60.0

    def __post_init__(self) -> None:
        _check(self.weight >= 0, "loss.log_magnitude.weight", self.weight, "0 or more")
        _check(0 < self.floor_db <= 120, "loss.log_magnitude.floor_db", self.floor_db, "above 0, to 120 dB")


@dataclass(frozen=True)
class KLLossConfig:
    """KL to the standard normal prior: linear annealing to `weight_max`, `free_bits` nats floor per dimension."""

    weight_max: float = 0.01
    warmup_fraction: float = 0.3
    free_bits: float = 0.5

    def __post_init__(self) -> None:
        _check(self.weight_max >= 0, "loss.kl.weight_max", self.weight_max, "0 or more")
        _check(0 <= self.warmup_fraction <= 1, "loss.kl.warmup_fraction", self.warmup_fraction, "0 to 1")
        _check(self.free_bits >= 0, "loss.kl.free_bits", self.free_bits, "0 or more")


@dataclass(frozen=True)
class LossConfig:
    """All loss terms. Spectral quality first: STFT 1.0 against reconstruction 0.1 (specification 2)."""

    stft: STFTLossConfig = field(default_factory=STFTLossConfig)
    reconstruction: ReconLossConfig = field(default_factory=ReconLossConfig)
    log_magnitude: LogMagnitudeLossConfig = field(default_factory=LogMagnitudeLossConfig)
    kl: KLLossConfig = field(default_factory=KLLossConfig)


@dataclass(frozen=True)
class RegularizationConfig:
    """What holds overfitting back. The preset fills these in (specification 5, preset table)."""

    dropout: float = 0.2
    weight_decay: float = 0.01
    augmentation_expansion: int = 10
    gradient_clip_norm: float = 1.0

    def __post_init__(self) -> None:
        _check(0 <= self.dropout < 1, "regularization.dropout", self.dropout, "0 up to, not including, 1")
        _check(self.weight_decay >= 0, "regularization.weight_decay", self.weight_decay, "0 or more")
        _check(self.augmentation_expansion >= 1, "regularization.augmentation_expansion",
               self.augmentation_expansion, "1 or more")  # fmt: skip
        _check(self.gradient_clip_norm > 0, "regularization.gradient_clip_norm", self.gradient_clip_norm, "above 0")


@dataclass(frozen=True)
class AdversarialConfig:
    """A discriminator that joins late and sharpens what the other terms leave blurred.

    `mode` "auto" is settled by the number of training chunks. It joins at `start`, a share of all steps or "plateau"
    (of the validation total), and counts fully `warmup_steps` later. `weight` is its gradient's size as a multiple of
    that of all other terms; `feature_matching_weight` is against the hinge loss. R1 (gamma = `r1_weight`) is measured
    at every `r1_every`-th step. The discriminator sees `segment_seconds` of each sound (0: all), and rests while it is
    right more often than 1 - `balance_threshold`.
    """

    mode: Literal["off", "auto", "on"] = "auto"
    start: float | str = 0.5
    warmup_steps: int = 200
    weight: float = 0.5
    feature_matching_weight: float = 2.0
    r1_weight: float = 1.0
    r1_every: int = 16
    learning_rate: float = 1e-3
    fft_sizes: tuple[int, ...] = (512, 1024, 2048)
    channels: int = 16
    segment_seconds: float = 0.25
    balance_threshold: float = 0.1

    def __post_init__(self) -> None:
        _check(self.start == "plateau" or (isinstance(self.start, int | float) and 0 <= self.start <= 1),
               "adversarial.start", self.start, "a share of all steps from 0 to 1, or plateau")  # fmt: skip
        for name in ("weight", "feature_matching_weight", "segment_seconds", "warmup_steps"):
            _check(getattr(self, name) >= 0, f"adversarial.{name}", getattr(self, name), "0 or more")
        for name in ("r1_weight", "learning_rate"):
            _check(getattr(self, name) > 0, f"adversarial.{name}", getattr(self, name), "above 0")
        for name in ("r1_every", "channels"):
            _check(getattr(self, name) >= 1, f"adversarial.{name}", getattr(self, name), "1 or more")
        _check(0 < len(self.fft_sizes) <= 8, "adversarial.fft_sizes", self.fft_sizes, "1 to 8 sizes")
        for size in self.fft_sizes:
            _check(32 <= size <= 16384 and size % 4 == 0, "adversarial.fft_sizes", size,
                   "multiples of 4 from 32 to 16384")  # fmt: skip
        _check(0 <= self.balance_threshold <= 0.5, "adversarial.balance_threshold", self.balance_threshold, "0 to 0.5")


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
        _check(8_000 <= self.sample_rate <= 192_000, "spectrogram.sample_rate", self.sample_rate, "8000 to 192000 Hz")
        _check(self.n_fft >= 64 and self.n_fft % 2 == 0, "spectrogram.n_fft", self.n_fft, "an even number from 64 on")
        _check(0 < self.hop_length <= self.n_fft // 2, "spectrogram.hop_length", self.hop_length, "1 to n_fft / 2")
        _check(0 <= self.n_mels <= self.n_fft // 2, "spectrogram.n_mels", self.n_mels, "0 (linear bins) to n_fft / 2")
        _check(self.representation != "log_mel" or self.n_mels > 0, "spectrogram.n_mels", self.n_mels,
               "1 or more mel bands with log_mel")  # fmt: skip
        _check(self.griffin_lim_iterations >= 0, "spectrogram.griffin_lim_iterations", self.griffin_lim_iterations,
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

    gain_probability: float = 0.5
    gain_db: float = 6.0
    noise_probability: float = 0.2
    noise_snr_db: float = 35.0
    speed_probability: float = 0.3
    speed_percent: float = 8.0
    pitch_probability: float = 0.3
    pitch_semitones: float = 2.0
    polarity_probability: float = 0.5

    def __post_init__(self) -> None:
        for name in ("gain", "noise", "speed", "pitch", "polarity"):
            value = getattr(self, f"{name}_probability")
            _check(0 <= value <= 1, f"augment.{name}_probability", value, "0 to 1")
        _check(0 <= self.gain_db <= 60, "augment.gain_db", self.gain_db, "0 to 60 dB")
        _check(0 <= self.speed_percent <= 50, "augment.speed_percent", self.speed_percent, "0 to 50 %")
        _check(0 <= self.pitch_semitones <= 12, "augment.pitch_semitones", self.pitch_semitones, "0 to 12 semitones")


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
        _check(0.25 <= self.chunk_seconds <= 10, "data.chunk_seconds", self.chunk_seconds, "0.25 to 10 seconds")
        _check(self.min_seconds >= 0, "data.min_seconds", self.min_seconds, "0 or more seconds")
        _check(self.memory_mb >= 0, "data.memory_mb", self.memory_mb, "0 or more")
        if self.validation_fraction is not None:
            _check(0 < self.validation_fraction < 1, "data.validation_fraction", self.validation_fraction,
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
        _check(1 <= self.latent_dim <= 4096, "model.latent_dim", self.latent_dim, "1 to 4096")
        _check(1 <= self.patch_frames <= 64, "model.patch_frames", self.patch_frames, "1 to 64 frames")
        _check(1 <= self.components <= 4096, "model.components", self.components, "1 to 4096")
        _check(1 <= self.width <= 4096, "model.width", self.width, "1 to 4096")
        _check(0 <= self.blocks <= 32, "model.blocks", self.blocks, "0 to 32")


@dataclass(frozen=True)
class PreviewConfig:
    """Previews every `every` epochs (0: every 5, or every 2 in runs under 50 epochs), of `sounds` validation files."""

    every: int = 0
    sounds: int = 2
    samples: int = 1

    def __post_init__(self) -> None:
        for name in ("every", "sounds", "samples"):
            _check(getattr(self, name) >= 0, f"preview.{name}", getattr(self, name), "0 or more")


@dataclass(frozen=True)
class CheckpointConfig:
    """A checkpoint every `every` epochs (0: every 5, or every epoch in runs under 10); `keep` recent ones and best."""

    every: int = 0
    keep: int = 3

    def __post_init__(self) -> None:
        _check(self.every >= 0, "checkpoint.every", self.every, "0 or more")
        _check(self.keep >= 1, "checkpoint.keep", self.keep, "1 or more")


@dataclass(frozen=True)
class TrainingConfig:
    """Everything that a run is made from. `epochs` 0, `batch_size` 0, `learning_rate` 0 and `warmup_steps` -1 are auto.

    `steps` (0: no limit) ends a run earlier than its epochs would. `threads` 0 lets torch use all
    cores but one, up to eight. `device` "auto" takes cuda, then mps, then cpu.
    """

    recipe: Literal["audio"] = "audio"
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
    data: DataConfig = field(default_factory=DataConfig)
    spectrogram: SpectrogramConfig = field(default_factory=SpectrogramConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    model: ModelConfig = field(default_factory=ModelConfig)
    regularization: RegularizationConfig = field(default_factory=RegularizationConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    adversarial: AdversarialConfig = field(default_factory=AdversarialConfig)
    preview: PreviewConfig = field(default_factory=PreviewConfig)
    checkpoint: CheckpointConfig = field(default_factory=CheckpointConfig)

    def __post_init__(self) -> None:
        for name in ("epochs", "steps", "batch_size", "seed", "threads"):
            _check(getattr(self, name) >= 0, name, getattr(self, name), "0 or more")
        _check(self.learning_rate >= 0, "learning_rate", self.learning_rate, "0 (auto) or above")
        _check(self.warmup_steps >= -1, "warmup_steps", self.warmup_steps, "-1 (auto), 0 or more")
        stft, spectral = self.loss.stft, self.loss.reconstruction
        weight = stft.weight + spectral.weight * (spectral.magnitude_weight + spectral.if_weight)
        weight += self.loss.log_magnitude.weight
        _check(weight > 0, "loss.stft.weight", stft.weight,
               "above 0 while loss.reconstruction has no weight: something must be learned")  # fmt: skip
        _check(0 <= self.ema_decay < 1, "ema_decay", self.ema_decay, "0 up to, not including, 1")


def to_dict(config: Any) -> dict[str, Any]:
    """The config as nested plain values, ready for TOML or JSON; None values are left out, as TOML has none."""
    plain: dict[str, Any] = {}
    for item in fields(config):
        value = getattr(config, item.name)
        if is_dataclass(value):
            plain[item.name] = to_dict(value)
        elif isinstance(value, tuple):
            plain[item.name] = list(value)
        elif value is not None:
            plain[item.name] = value
    return plain


def flatten(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested plain values as dotted keys, in order: {"loss.stft.weight": 1.0, ...}."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat
