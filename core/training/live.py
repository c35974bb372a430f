"""The values that may change while a run is live, and the config with one of them changed. No torch."""

import math
from dataclasses import replace
from typing import Any

from core.training.config import ConfigError, TrainingConfig

LIVE_KEYS = (
    "learning_rate",
    "loss.stft.weight",
    "loss.reconstruction.weight",
    "loss.reconstruction.magnitude_weight",
    "loss.reconstruction.if_weight",
    "loss.log_magnitude.weight",
    "loss.kl.weight_max",
    "loss.constraints.weight",
    "adversarial.weight",
    "adversarial.feature_matching_weight",
    "preview.every",
    "checkpoint.every",
)
_WHOLE = ("preview.every", "checkpoint.every")


def changed(config: TrainingConfig, key: str, value: float) -> TrainingConfig:
    """The config with `key` at `value`. Raises ConfigError for a key that is not live or a value out of range."""
    if key not in LIVE_KEYS:
        raise ConfigError(f"{key}: cannot change while training; live are {', '.join(LIVE_KEYS)}")
    if not math.isfinite(value) or (key == "learning_rate" and value <= 0):
        raise ConfigError(f"{key} = {value:g}: expected a finite number above 0")
    if key in _WHOLE and (value != int(value) or value < 1):
        raise ConfigError(f"{key} = {value:g}: expected a whole number from 1 on")
    result: TrainingConfig = _replaced(config, key.split("."), int(value) if key in _WHOLE else float(value))
    return result


def _replaced(node: Any, path: list[str], value: float) -> Any:
    head, *rest = path
    return replace(node, **{head: _replaced(getattr(node, head), rest, value) if rest else value})
