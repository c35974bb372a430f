"""Which values may change while a run is live, and what is refused before it is ever sent."""

from pathlib import Path
from typing import Any

import pytest

from core.training.config import ConfigError, TrainingConfig, check_keys, to_dict
from core.training.config_file import load_config
from core.training.live import LIVE, LIVE_KEYS, changed, live_values, value_of, with_value
from core.training.presets import resolve


def config_of(recipe: str, **changes: Any) -> TrainingConfig:
    overrides = {key.replace("__", "."): value for key, value in {"recipe": recipe, **changes}.items()}
    config, given = load_config(None, [], overrides)
    return resolve(config, 63, 120, given)


def keys(config: TrainingConfig) -> set[str]:
    return {value.key for value, _ in live_values(to_dict(config))}


def test_a_run_has_the_values_that_it_uses() -> None:
    sounds, tunes = keys(config_of("audio")), keys(config_of("midi", adversarial__mode="on"))
    assert "loss.stft.weight" in sounds - tunes
    assert "loss.constraints.weight" in tunes - sounds
    assert {"learning_rate", "preview.every", "checkpoint.every", "loss.kl.weight_max"} <= sounds & tunes
    assert not any(key.startswith("adversarial.") for key in sounds)  # no discriminator plays
    assert "adversarial.weight" in tunes
    flat = config_of("audio", spectrogram__representation="log_mel", spectrogram__n_mels=64)
    assert sounds - keys(flat) == {"loss.reconstruction.if_weight"}


def test_values_are_what_they_are_now() -> None:
    now = {value.key: number for value, number in live_values(to_dict(config_of("audio", learning_rate=2e-3)))}
    assert now["learning_rate"] == 2e-3
    assert now["preview.every"] == 5


def test_a_config_of_another_version_has_the_values_that_can_be_read() -> None:
    found = live_values({"learning_rate": "fast", "preview": {"every": True}, "loss": {"stft": {"weight": 2}}})
    assert [(value.key, number) for value, number in found] == [("loss.stft.weight", 2.0)]


@pytest.mark.parametrize("recipe", ["audio", "midi"])
def test_no_change_makes_a_config_that_cannot_be_resumed(recipe: Any, tmp_path: Path) -> None:
    config = config_of(recipe, adversarial__mode="on")
    for value in LIVE:
        if value.key in keys(config):
            after = changed(config, value.key, 1.0)
            check_keys(after, recipe)
            assert value_of(after, value.key) == 1
        else:  # it would be written to config.toml, and refused there at the next start
            with pytest.raises(ConfigError, match="this run does not use it; live are learning_rate"):
                changed(config, value.key, 1.0)


@pytest.mark.parametrize(
    ("key", "value", "why"),
    [("learning_rate", 0, "above 0, at most 1"), ("learning_rate", 20, "at most 1"),
     ("loss.stft.weight", 1e30, "0 to 1,000,000"), ("loss.stft.weight", float("nan"), "0 to 1,000,000"),
     ("preview.every", 1.5, "a whole number from 1"), ("checkpoint.every", float("inf"), "a whole number"),
     ("model.latent_dim", 8, "cannot change while training"), ("", 1, "cannot change while training")],
)  # fmt: skip
def test_what_is_out_of_range_is_refused_with_the_reason(key: str, value: float, why: str) -> None:
    with pytest.raises(ConfigError, match=why):
        changed(config_of("audio"), key, value)


def test_whole_numbers_stay_whole() -> None:
    every = changed(config_of("audio"), "preview.every", 3.0).preview.every
    assert (every, type(every)) == (3, int)


def test_every_live_key_is_a_key_of_the_config() -> None:
    for key in LIVE_KEYS:
        assert value_of(with_value(TrainingConfig(), key, 1), key) == 1
