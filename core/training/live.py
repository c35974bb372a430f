"""The values that may change while a run is live, and the config with one of them changed. No torch."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from core.training.config import ConfigError, TrainingConfig, flatten, to_dict

MOST = 1e6  # of a weight: what is far beyond it overflows float32 sooner or later


@dataclass(frozen=True)
class LiveValue:
    """A value that a running trainer takes over between two steps; `label` is what a person calls it.

    It may be `least` to `most`; one that is `positive` may not be `least` itself, one that is `whole` has no fraction.
    `judges` says that it is part of the validation total: a best from before a change cannot be compared with what
    comes after it. What would change the meaning of a curve (what a token counts) is no live value; the floor of free
    bits, which holds a KL up that runs away, is one all the same.
    """

    key: str
    label: str
    least: float = 0.0
    most: float = MOST
    positive: bool = False
    whole: bool = False
    judges: bool = False

    @property
    def expected(self) -> str:
        """What it may be, in words."""
        most = f"{self.most:,.0f}"
        if self.whole:
            return f"a whole number from {self.least:g} to {most}"
        return f"above {self.least:g}, at most {most}" if self.positive else f"{self.least:g} to {most}"

    def problem(self, value: float) -> str | None:
        """Why it may not be `value`, in one line; None where it may."""
        fits = math.isfinite(value) and self.least <= value <= self.most
        fits = fits and not (self.positive and value == self.least) and not (self.whole and value != int(value))
        return None if fits else f"{self.key} = {value:g}: expected {self.expected}"


LIVE = (
    LiveValue("learning_rate", "learning rate", most=1.0, positive=True),
    LiveValue("loss.stft.weight", "weight of the STFT", judges=True),
    LiveValue("loss.reconstruction.weight", "weight of the reconstruction", judges=True),
    LiveValue("loss.reconstruction.magnitude_weight", "magnitude in the reconstruction", judges=True),
    LiveValue("loss.reconstruction.if_weight", "IF in the reconstruction", judges=True),
    LiveValue("loss.log_magnitude.weight", "weight of the log magnitude", judges=True),
    LiveValue("loss.kl.weight_max", "final weight of the KL", judges=True),
    LiveValue("loss.kl.free_bits", "free bits", most=100.0, judges=True),
    LiveValue("loss.constraints.weight", "weight of the constraints"),
    LiveValue("adversarial.weight", "weight of the discriminator"),
    LiveValue("adversarial.feature_matching_weight", "weight of its features"),
    LiveValue("adversarial.learning_rate", "the discriminator's rate", most=1.0, positive=True),
    LiveValue("regularization.gradient_clip_norm", "limit of the gradient", positive=True),
    LiveValue("preview.every", "epochs between previews", least=1, whole=True),
    LiveValue("checkpoint.every", "epochs between checkpoints", least=1, whole=True),
)
BY_KEY = {value.key: value for value in LIVE}
LIVE_KEYS = tuple(BY_KEY)


def live_values(config: Mapping[str, Any]) -> tuple[tuple[LiveValue, float], ...]:
    """The live values that a run of this config (nested plain values) uses, each with what it is now."""
    flat = flatten(dict(config))
    return tuple((value, float(flat[value.key])) for value in LIVE if _is_used(value.key, flat))


def changed(config: TrainingConfig, key: str, value: float) -> TrainingConfig:
    """The config with `key` at `value`.

    Raises ConfigError for a key that is not live or not used by this run, and for a value out of range.
    """
    flat = flatten(to_dict(config))
    if key not in BY_KEY or not _is_used(key, flat):
        why = "this run does not use it" if key in BY_KEY else "cannot change while training"
        used = ", ".join(live for live in LIVE_KEYS if _is_used(live, flat))
        raise ConfigError(f"{key}: {why}; live are {used}")
    if problem := BY_KEY[key].problem(value):
        raise ConfigError(problem)
    return with_value(config, key, int(value) if BY_KEY[key].whole else float(value))


def with_value(config: TrainingConfig, key: str, value: Any) -> TrainingConfig:
    """The config with the dotted `key` at `value`. Raises ConfigError where the tree cannot hold it."""
    result: TrainingConfig = _replaced(config, key.split("."), value)
    return result


def value_of(config: TrainingConfig, key: str) -> Any:
    """What stands at the dotted `key`."""
    node: Any = config
    for name in key.split("."):
        node = getattr(node, name)
    return node


def _is_used(key: str, flat: Mapping[str, Any]) -> bool:
    """Whether the value is there and does something in a run of this flat config."""
    value = flat.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    if key.startswith("adversarial."):
        return flat.get("adversarial.mode") != "off"
    return key != "loss.reconstruction.if_weight" or flat.get("spectrogram.representation") != "log_mel"


def _replaced(node: Any, path: list[str], value: Any) -> Any:
    head, *rest = path
    return replace(node, **{head: _replaced(getattr(node, head), rest, value) if rest else value})
