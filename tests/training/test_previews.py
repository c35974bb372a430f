"""Previews made by hand, and the names of their files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.run.folder import RunFolder
from core.training.checkpoint_files import find_checkpoint
from core.training.checkpoints import load_checkpoint
from core.training.previews import (
    generate_preview,
    generate_reconstruction_preview,
    level_matched,
    mrstft_distance,
    peaks,
)
from core.training.recipe import load_recipe
from core.training.train import train


@pytest.fixture
def recipe(tiny: Callable[..., Any]) -> Any:
    config, given = tiny()
    return load_recipe("audio").prepare(config, given, torch.device("cpu"), lambda done, total, what: None)


def test_samples_and_pairs_can_be_made_from_any_model(recipe: Any, tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "run")
    (sample,) = generate_preview(recipe, folder, recipe.model, 3, 40)
    pairs = generate_reconstruction_preview(recipe, folder, recipe.model, 3, 40)
    assert (sample.kind, sample.epoch, sample.step, sample.mrstft) == ("sample", 3, 40, None)
    assert [event.kind for event in pairs] == ["original", "reconstruction"] * 2
    assert all((folder.path / event.audio_path).stat().st_size > 1000 for event in [sample, *pairs])
    assert recipe.model.training


def test_a_step_gone_over_again_keeps_what_it_sounded_like_before(recipe: Any, tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "run")
    first, again = (generate_preview(recipe, folder, recipe.model, 1, 5)[0] for _ in range(2))
    assert first.audio_path != again.audio_path


def test_sounds_with_like_names_have_files_of_their_own(tmp_path: Path) -> None:
    from core.training.previews import _safe

    names = ["k 1", "k_1", "k-1", "a/k", "b/k", "caf\udce9", "x" * 200, "x" * 201, "...", ""]
    assert len({_safe(name) for name in names}) == len(names)
    assert all("/" not in _safe(name) and len(_safe(name)) < 80 for name in names)


def test_levels_are_matched_without_clipping() -> None:
    generator = torch.Generator().manual_seed(0)
    loud, quiet = torch.randn(4000, generator=generator), 0.1 * torch.randn(4000, generator=generator)
    assert level_matched(loud, quiet).square().mean() == pytest.approx(float(quiet.square().mean()), rel=1e-4)
    assert level_matched(quiet, loud).abs().max() <= 0.981


def test_distance_is_zero_for_the_same_sound_at_any_level_and_grows_with_noise() -> None:
    sound = torch.sin(torch.arange(9000) * 0.05)
    noise = torch.randn(9000, generator=torch.Generator().manual_seed(1))
    assert mrstft_distance(0.3 * sound, sound) == pytest.approx(0, abs=1e-3)
    assert 0 < mrstft_distance(sound + 0.01 * noise, sound) < mrstft_distance(sound + noise, sound)
    assert mrstft_distance(sound[:100], sound[:100]) == pytest.approx(0, abs=1e-3)


def test_peaks_of_any_length() -> None:
    assert peaks(torch.zeros(0)) == ()
    assert peaks(torch.tensor([0.5, -2.0])) == (0.5, 1.0)
    assert len(peaks(torch.rand(5000))) == 32


def test_every_checkpoint_knows_where_the_training_sounds_lie(tiny: Callable[..., Any], tmp_path: Path) -> None:
    """Fitted after training, and only to the average, it was lost at the average's next step."""
    config, given = tiny(**{"preview.every": 2})
    folder = RunFolder.create(tmp_path, "run")
    train(folder, config=config, given=given)

    for name in ("best", "latest"):
        contents = load_checkpoint(find_checkpoint(folder, name))
        assert int(contents["average"]["module.density.count"]) > 1
    points = "density.points"
    start = load_recipe("audio").prepare(config, given, torch.device("cpu"), lambda done, total, what: None)
    assert torch.equal(contents["average"][f"module.{points}"], contents["model"][points])
    assert not torch.equal(contents["model"][points], start.model.state_dict()[points])
