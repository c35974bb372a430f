"""The values that may change while a run is live, and the config with one of them changed. No torch."""

from dataclasses import replace
from typing import Any

from core.training.config import ConfigError, TrainingConfig

LIVE_KEYS = (
    "learning_rate",
    "loss.stft.weight",
    "loss.reconstruction.weight",
    "loss.reconstruction.magnitude_weight",
    "loss.reconstruction.if_weight",
    "loss.kl.weight_max",
    "preview.every",
    "checkpoint.every",
)
_WHOLE = ("preview.every", "checkpoint.every")


def changed(config: TrainingConfig, key: str, value: float) -> TrainingConfig:
    """The config with `key` at `value`. Raises ConfigError for a key that is not live or a value out of range."""
    if key not in LIVE_KEYS:
        raise ConfigError(f"{key}: cannot change while training; live are {', '.join(LIVE_KEYS)}")
    if key in ("learning_rate", *_WHOLE) and not value > 0:
        raise ConfigError(f"{key} = {value:g}: expected above 0")
    result: TrainingConfig = _replaced(config, key.split("."), int(value) if key in _WHOLE else float(value))
    return result


def _replaced(node: Any, path: list[str], value: float) -> Any:
    head, *rest = path
    return replace(node, **{head: _replaced(getattr(node, head), rest, value) if rest else value})
