"""The adversarial section: what may be set, and what follows from how much sound there is."""

from pathlib import Path

import pytest

from core.training.config import ConfigError, TrainingConfig
from core.training.config_file import dump_config, load_config, read_config
from core.training.live import changed
from core.training.presets import resolve


@pytest.mark.parametrize(("given", "start"), [("plateau", "plateau"), ("0.75", 0.75), ("1", 1.0)])
def test_it_starts_at_a_share_of_the_steps_or_at_a_plateau(given: str, start: float | str) -> None:
    config, _ = load_config(None, [f"adversarial.start={given}"])
    assert config.adversarial.start == start


def test_it_survives_the_run_folder_s_config(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    config, _ = load_config(None, ["adversarial.start=plateau", "adversarial.mode=on"])
    path.write_text(dump_config(config))
    assert read_config(path)[0] == config


@pytest.mark.parametrize(
    "wrong",
    ["start=1.5", "start=soon", "r1_weight=0", "r1_every=0", "fft_sizes=[30]", "fft_sizes=[]", "balance_threshold=0.7",
     "weight=-1", "mode=perhaps", "learning_rate=0"],
)  # fmt: skip
def test_a_wrong_value_is_refused_in_one_line_that_names_it(wrong: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(None, [f"adversarial.{wrong}"])
    assert f"adversarial.{wrong.partition('=')[0]}" in str(caught.value)
    assert "expected" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_it_is_off_under_an_hour_of_sounds_unless_asked_for() -> None:
    def mode(chunks: int, *assignments: str) -> str:
        config, given = load_config(None, assignments)
        return resolve(config, chunks, chunks, given).adversarial.mode

    assert [mode(chunks) for chunks in (3, 63, 500, 3599, 3600)] == ["off", "off", "off", "off", "on"]
    assert [mode(chunks, "data.chunk_seconds=0.25") for chunks in (14_399, 14_400)] == ["off", "on"]
    assert [mode(chunks, "data.chunk_seconds=10") for chunks in (359, 360)] == ["off", "on"]
    assert mode(3, "adversarial.mode=on") == "on"
    assert mode(500, "adversarial.mode=off") == "off"


def test_its_weight_may_change_while_training_but_not_its_shape() -> None:
    assert changed(TrainingConfig(), "adversarial.weight", 0.1).adversarial.weight == 0.1
    with pytest.raises(ConfigError, match=r"adversarial\.channels"):
        changed(TrainingConfig(), "adversarial.channels", 8)
