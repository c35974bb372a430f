"""What is compared: named settings as config overrides, and figures that were measured elsewhere."""

from typing import Any

ALWAYS: dict[str, Any] = {
    "threads": 1, "epochs": 100_000, "preview.sounds": 0, "preview.samples": 0, "preview.every": 1_000_000,
    "checkpoint.every": 1_000_000, "checkpoint.keep": 1,
}  # fmt: skip

SEQUENCE = {"model.latent": "sequence"}
NO_AUGMENTATION = {f"augment.{name}_probability": 0 for name in ("gain", "noise", "speed", "pitch", "polarity")}

# Every name may be asked for with --settings. Each is the defaults with these values.
SETTINGS: dict[str, dict[str, Any]] = {
    "global": {},
    "sequence": SEQUENCE,
    "global-magnitude-stft": {"loss.stft.target": "magnitude"},
    "sequence-magnitude-stft": {**SEQUENCE, "loss.stft.target": "magnitude"},
    "global-no-log-magnitude": {"loss.log_magnitude.weight": 0},
    "sequence-no-log-magnitude": {**SEQUENCE, "loss.log_magnitude.weight": 0},
    "global-perceptual": {"loss.stft.perceptual_weighting": True},
    "sequence-perceptual": {**SEQUENCE, "loss.stft.perceptual_weighting": True},
    "global-no-augmentation": NO_AUGMENTATION,
    "sequence-no-augmentation": {**SEQUENCE, **NO_AUGMENTATION},
    "global-adversarial": {"adversarial.mode": "on"},
    "sequence-adversarial": {**SEQUENCE, "adversarial.mode": "on"},
    "sequence-log-mel": {**SEQUENCE, "spectrogram.representation": "log_mel", "spectrogram.n_mels": 128,
                         "spectrogram.n_fft": 2048, "spectrogram.hop_length": 512, "model.patch_frames": 2},
}  # fmt: skip
DEFAULT = ("global", "sequence")

# Held-out MRSTFT of the design that the specification describes, at the same compute, on other files of the same
# source as the project's sounds: not measured by this script, and not on these files.
ELSEWHERE = [
    {"what": "reference design as it is (measured elsewhere)", "mrstft": 3.23},
    {"what": "reference design, mended (measured elsewhere)", "mrstft": 2.63},
]
