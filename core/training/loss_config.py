"""The part of the config tree that says what is learned: every loss term, and the adversary."""

from dataclasses import dataclass, field
from typing import Literal

from core.training.config_check import check
from core.training.tunes_config import ConstraintLossConfig, TokenLossConfig

STFTTarget = Literal["waveform", "magnitude"]
Balance = Literal["manual", "uncertainty", "gradient"]
KLSchedule = Literal["linear", "cyclical_linear", "adaptive", "cosine"]


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
        check(self.weight >= 0, "loss.stft.weight", self.weight, "0 or more")
        check(
            len(self.fft_sizes) == len(self.hop_sizes) == len(self.win_lengths) > 0,
            "loss.stft.fft_sizes",
            self.fft_sizes,
            "as many fft_sizes as hop_sizes and win_lengths",
        )
        for fft, hop, win in zip(self.fft_sizes, self.hop_sizes, self.win_lengths, strict=True):
            check(0 < hop <= win <= fft, "loss.stft.win_lengths", win, f"hop {hop} <= window <= fft {fft}")


@dataclass(frozen=True)
class ReconLossConfig:
    """Per-channel L1 between spectrograms; IF is weighted by the target's energy (mean weight 1)."""

    weight: float = 0.1
    magnitude_weight: float = 1.0
    if_weight: float = 0.5

    def __post_init__(self) -> None:
        for name in ("weight", "magnitude_weight", "if_weight"):
            check(getattr(self, name) >= 0, f"loss.reconstruction.{name}", getattr(self, name), "0 or more")


@dataclass(frozen=True)
class LogMagnitudeLossConfig:
    """L1 between log magnitudes, in nepers (1 is 8.7 dB), of what is less than `floor_db` under a sound's level."""

    weight: float = 1.0
    floor_db: float = 60.0

    def __post_init__(self) -> None:
        check(self.weight >= 0, "loss.log_magnitude.weight", self.weight, "0 or more")
        check(0 < self.floor_db <= 120, "loss.log_magnitude.floor_db", self.floor_db, "above 0, to 120 dB")


@dataclass(frozen=True)
class KLLossConfig:
    """KL to the standard normal prior: annealing to `weight_max`, `free_bits` nats floor per dimension.

    `schedule` "linear" and "cosine" rise over `warmup_fraction` of the epochs; "cyclical_linear" does so anew every
    `cycle_epochs` (Fu et al. 2019); "adaptive" steers the KL, free bits aside, towards `target` nats with any weight up
    to `weight_max` (ControlVAE, Shao et al. 2020).
    """

    weight_max: float = 0.01
    warmup_fraction: float = 0.3
    free_bits: float = 0.5
    schedule: KLSchedule = "linear"
    cycle_epochs: int = 20
    target: float = 10.0

    def __post_init__(self) -> None:
        check(self.weight_max >= 0, "loss.kl.weight_max", self.weight_max, "0 or more")
        check(0 <= self.warmup_fraction <= 1, "loss.kl.warmup_fraction", self.warmup_fraction, "0 to 1")
        check(self.free_bits >= 0, "loss.kl.free_bits", self.free_bits, "0 or more")
        check(self.cycle_epochs >= 1, "loss.kl.cycle_epochs", self.cycle_epochs, "1 or more")
        check(self.target > 0, "loss.kl.target", self.target, "above 0 nats")


@dataclass(frozen=True)
class LossConfig:
    """All loss terms. Spectral quality first: STFT 1.0 against reconstruction 0.1 (specification 2).

    `balance` says who sets the weights of all terms but the KL: "manual" takes them as they stand; "uncertainty" learns
    them beside the model (Kendall et al. 2018), times those that stand; "gradient" takes those that stand as shares of
    the gradient at the model's output (Defossez et al. 2022).

    For the first half of `warmup_fraction` of the steps a sound's STFT, a tune's onsets and its constraints count
    nothing, then more and more until its end. No discriminator joins before.
    """

    stft: STFTLossConfig = field(default_factory=STFTLossConfig)
    reconstruction: ReconLossConfig = field(default_factory=ReconLossConfig)
    log_magnitude: LogMagnitudeLossConfig = field(default_factory=LogMagnitudeLossConfig)
    kl: KLLossConfig = field(default_factory=KLLossConfig)
    tokens: TokenLossConfig = field(default_factory=TokenLossConfig)
    constraints: ConstraintLossConfig = field(default_factory=ConstraintLossConfig)
    balance: Balance = "manual"
    warmup_fraction: float = 0.0

    def __post_init__(self) -> None:
        check(0 <= self.warmup_fraction <= 1, "loss.warmup_fraction", self.warmup_fraction, "0 to 1")


@dataclass(frozen=True)
class AdversarialConfig:
    """A discriminator that joins late and sharpens what the other terms leave blurred.

    `mode` "auto" is settled by the seconds of training sound. It joins at `start`, a share of all steps or "plateau"
    (of the validation total), and is faded in over `warmup_steps`. `weight` is its gradient's size as a multiple of
    that of all other terms, where the discriminator is always right; where it guesses, it counts nothing.
    `feature_matching_weight` is against the hinge loss. R1 (gamma = `r1_weight`) is measured at every `r1_every`-th
    step. The discriminator sees `segment_seconds` of each sound (0: all), and rests while it is right more often than
    1 - `balance_threshold`.
    """

    mode: Literal["off", "auto", "on"] = "auto"
    start: float | str = 0.5
    warmup_steps: int = 200
    weight: float = 0.5
    feature_matching_weight: float = 2.0
    r1_weight: float = 0.01
    r1_every: int = 16
    learning_rate: float = 1e-3
    fft_sizes: tuple[int, ...] = (512, 1024, 2048)
    channels: int = 16
    segment_seconds: float = 0.25
    balance_threshold: float = 0.1

    def __post_init__(self) -> None:
        check(self.start == "plateau" or (isinstance(self.start, int | float) and 0 <= self.start <= 1),
               "adversarial.start", self.start, "a share of all steps from 0 to 1, or plateau")  # fmt: skip
        for name in ("weight", "feature_matching_weight", "segment_seconds", "warmup_steps"):
            check(getattr(self, name) >= 0, f"adversarial.{name}", getattr(self, name), "0 or more")
        for name in ("r1_weight", "learning_rate"):
            check(getattr(self, name) > 0, f"adversarial.{name}", getattr(self, name), "above 0")
        for name in ("r1_every", "channels"):
            check(getattr(self, name) >= 1, f"adversarial.{name}", getattr(self, name), "1 or more")
        check(0 < len(self.fft_sizes) <= 8, "adversarial.fft_sizes", self.fft_sizes, "1 to 8 sizes")
        for size in self.fft_sizes:
            check(32 <= size <= 16384 and size % 4 == 0, "adversarial.fft_sizes", size,
                   "multiples of 4 from 32 to 16384")  # fmt: skip
        check(0 <= self.balance_threshold <= 0.5, "adversarial.balance_threshold", self.balance_threshold, "0 to 0.5")
