"""A voice comes from a checkpoint alone, with the averaged weights; what is no such checkpoint is refused in a line."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.training.checkpoint_files import CheckpointError
from core.training.checkpoints import load_checkpoint, save_checkpoint
from core.training.recipe import load_recipe
from core.training.state import TrainingState
from core.training.voice import load_voice


@pytest.fixture
def contents(tiny: Callable[..., Any]) -> dict[str, Any]:
    """A checkpoint's contents whose averaged weights are not its latest ones."""
    config, given = tiny()
    recipe = load_recipe("audio").prepare(config, given, torch.device("cpu"), lambda done, total, what: None)
    state = TrainingState(recipe, torch.device("cpu"))
    with torch.no_grad():
        for weight in [*state.model.parameters(), *state.average.parameters()]:
            weight.add_(0.1 * torch.randn_like(weight))
    return state.contents()


def saved(contents: dict[str, Any], path: Path) -> Path:
    save_checkpoint(path, contents, {})
    return path


def test_what_is_heard_are_the_averaged_weights(contents: dict[str, Any], tones: Path, tmp_path: Path) -> None:
    path = saved(contents, tmp_path / "whole.pt")
    source = tones / "tone-1.wav"
    heard = load_voice(path).reconstruct(source)

    contents["model"] = {name: torch.zeros_like(value) for name, value in contents["model"].items()}
    assert load_voice(saved(contents, tmp_path / "latest-gone.pt")).reconstruct(source) == heard
    assert heard.seconds == 0.6


def test_what_is_random_in_training_is_not_when_it_speaks(
    contents: dict[str, Any], tones: Path, tmp_path: Path
) -> None:
    assert contents["config"]["regularization"]["dropout"] > 0
    path = saved(contents, tmp_path / "whole.pt")

    once, again = (load_voice(path).reconstruct(tones / "tone-1.wav") for _ in range(2))

    assert once == again


@pytest.mark.parametrize(("asked", "used"), [(0, 3), (2, 2)])
def test_it_takes_as_many_threads_as_its_run_unless_told_otherwise(
    asked: int, used: int, contents: dict[str, Any], tmp_path: Path
) -> None:
    contents["config"]["threads"] = 3
    before = torch.get_num_threads()
    try:
        load_voice(saved(contents, tmp_path / "whole.pt"), asked)
        assert torch.get_num_threads() == used
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda c: c.pop("average"), "no averaged weights"),
        (lambda c: c.pop("config"), "holds no config"),
        (lambda c: c.update(config="audio"), "holds no config"),
        (lambda c: c["config"]["model"].update(colour="red"), "another version"),
        (lambda c: c["config"].update(recipe="tapestry"), "another version"),
        (lambda c: c["config"]["model"].update(width=17), "(encoder.scores.weight is 16 x 16 and should be 17 x 16)"),
        (lambda c: c["average"].pop("module.encoder.mean.weight"), "(encoder.mean.weight is missing)"),
        (lambda c: c["average"].update({"module.more": torch.ones(2)}), "(more has no place in it)"),
        (lambda c: c["average"]["module.encoder.mean.weight"].fill_(torch.nan), "not finite"),
        (lambda c: c.update(average=["no", "weights"]), "no averaged weights"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(
    change: Callable[[dict[str, Any]], object], said: str, contents: dict[str, Any], tmp_path: Path
) -> None:
    change(contents)
    path = saved(contents, tmp_path / "odd.pt")
    assert load_checkpoint(path)

    with pytest.raises(CheckpointError) as refused:
        load_voice(path)

    assert said in str(refused.value)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
