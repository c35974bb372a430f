"""What is compared: named settings as config overrides, and figures that were measured elsewhere."""

from typing import Any

SEQUENCE = {"model.latent": "sequence"}
ABLATIONS: dict[str, dict[str, Any]] = {
    "magnitude-stft": {"loss.stft.target": "magnitude"},
    "perceptual": {"loss.stft.perceptual_weighting": True},
    "no-log-magnitude": {"loss.log_magnitude.weight": 0},
    "no-frequency": {"loss.reconstruction.if_weight": 0},
    "no-augmentation": {f"augment.{name}_probability": 0 for name in ("gain", "noise", "speed", "pitch", "polarity")},
    "mild-augmentation": {"augment.gain_probability": 0.5, "augment.gain_db": 6, "augment.speed_probability": 0.3,
                          "augment.pitch_probability": 0.3, "augment.pitch_semitones": 2},
    "low-kl": {"loss.kl.weight_max": 0.001},
    "high-kl": {"loss.kl.weight_max": 0.01},
    "no-free-bits": {"loss.kl.free_bits": 0},
    "adversarial": {"adversarial.mode": "on"},
    "uncertainty": {"loss.balance": "uncertainty"},
    "gradient": {"loss.balance": "gradient"},
    "log-mel": {"spectrogram.representation": "log_mel", "spectrogram.n_mels": 128, "spectrogram.n_fft": 2048,
                "spectrogram.hop_length": 512, "model.patch_frames": 2},
    "mel-256": {"spectrogram.n_mels": 256},
    "43-ms": {"model.patch_frames": 8},
}  # fmt: skip

# Every name may be asked for with --settings. Each is the defaults with these values.
SETTINGS: dict[str, dict[str, Any]] = {
    "global": {},
    "sequence": SEQUENCE,
    **{f"global-{name}": values for name, values in ABLATIONS.items()},
    **{f"sequence-{name}": {**SEQUENCE, **values} for name, values in ABLATIONS.items()},
}
DEFAULT = ("global", "sequence")

# Held-out MRSTFT of the design that the specification describes, at the same compute, on other files of the same
# source as the project's sounds: not measured by this script, and not on these files.
ELSEWHERE = [
    {"what": "reference design as it is (measured elsewhere)", "mrstft": 3.23},
    {"what": "reference design, mended (measured elsewhere)", "mrstft": 2.63},
]
