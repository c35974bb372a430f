"""The map of the validation material: right, steady from one epoch to the next, and harmless to the training."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.insight.latent import active_units, mutual_information
from core.insight.projection import project
from core.losses.kl import kl_per_dimension
from core.midi.demo import make_demo_tunes
from core.run.events import EpochMetrics, LatentMap
from core.training.config import TrainingConfig
from core.training.config_file import load_config
from core.training.latent_map import MOST_ITEMS, LatentMaps
from core.training.optimize import unwrapped
from core.training.recipe import Recipe, load_recipe
from core.training.state import TrainingState
from core.training.validation import Validation, epoch_metrics, validate
from tests.midi.test_midi_runs import TINY as TINY_TUNES


def cloud(items: int, dimensions: int, seed: int = 0) -> Tensor:
    """Points that differ most along two directions, less along the rest."""
    generator = torch.Generator().manual_seed(seed)
    sizes = torch.cat([torch.tensor([5.0, 3.0]), torch.full((dimensions,), 0.1)])[:dimensions]
    turn = torch.linalg.qr(torch.randn(dimensions, dimensions, generator=generator)).Q
    points: Tensor = (torch.randn(items, dimensions, generator=generator) * sizes) @ turn
    return points


@pytest.mark.parametrize(("items", "dimensions"), [(40, 6), (12, 64)])
def test_it_shows_what_differs_most(items: int, dimensions: int) -> None:
    vectors = cloud(items, dimensions)
    found = project(vectors)
    assert found is not None
    centred = (vectors - vectors.mean(0)).double()
    sizes = torch.linalg.svdvals(centred)
    torch.testing.assert_close(found.points.norm(dim=0), sizes[:2])
    shares = sizes.square()[:2] / sizes.square().sum()
    torch.testing.assert_close(torch.tensor(found.explained, dtype=torch.float64), shares)


@given(seed=st.integers(0, 10_000), items=st.integers(3, 30), dimensions=st.integers(2, 40))
def test_a_latent_that_only_turns_leaves_the_map_where_it_was(seed: int, items: int, dimensions: int) -> None:
    vectors = cloud(items, dimensions, seed)
    generator = torch.Generator().manual_seed(seed + 1)
    turn = torch.linalg.qr(torch.randn(dimensions, dimensions, generator=generator)).Q
    before = project(vectors)
    assert before is not None
    after = project(vectors @ turn, before.points)
    assert after is not None
    torch.testing.assert_close(after.points, before.points, atol=2e-4, rtol=1e-4)


def test_what_is_not_a_number_has_no_place_and_moves_nobody() -> None:
    vectors = cloud(10, 5)
    broken = torch.cat([vectors, torch.full((1, 5), torch.nan), torch.tensor([[math.inf, 0, 0, 0, 0]])])
    whole, found = project(vectors), project(broken)
    assert whole is not None
    assert found is not None
    torch.testing.assert_close(found.points[:10], whole.points)
    assert found.points[10:].isnan().all()
    again = project(cloud(12, 5), found.points)  # on a map that lacks two of its items
    assert again is not None
    assert again.points.isfinite().all()


def test_a_collapsed_latent_lies_on_one_spot_and_too_few_items_on_none() -> None:
    found = project(torch.ones(8, 4))
    assert found is not None
    assert found.explained == (0.0, 0.0)
    assert not found.points.any()
    assert project(torch.ones(1, 4)) is None
    assert project(torch.full((5, 4), torch.nan)) is None
    one = project(torch.tensor([[1.0], [2.0], [4.0]]))  # a latent of one dimension
    assert one is not None
    assert not one.points[:, 1].any()


def test_it_draws_no_random_numbers() -> None:
    before = torch.get_rng_state()
    project(cloud(20, 8))
    assert torch.equal(before, torch.get_rng_state())


class Named:
    """Enough of a recipe: the names of its validation items."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.validation_names = names


def told(
    maps: LatentMaps, names: tuple[str, ...], latents: Tensor, elapsed: float, last: bool = False
) -> LatentMap | None:
    metrics = EpochMetrics(1, 9, 0.0, 0.0, step=4, elapsed_seconds=elapsed)
    return maps.of(Named(names), metrics, Validation({}, (), latents), last)  # type: ignore[arg-type]


def test_a_large_validation_set_is_thinned_evenly() -> None:
    names = tuple(f"{i:04d}" for i in range(1000))
    latent_map = told(LatentMaps(), names, cloud(1000, 4), 1.0)
    assert latent_map is not None
    assert len(latent_map.names) == len(latent_map.x) == len(latent_map.y) == MOST_ITEMS
    gaps = [int(b) - int(a) for a, b in zip(latent_map.names, latent_map.names[1:], strict=False)]
    assert set(gaps) <= {3, 4}


def test_thousands_of_short_epochs_leave_hundreds_of_maps() -> None:
    maps, latents = LatentMaps(), cloud(4, 3)
    count = sum(told(maps, tuple("abcd"), latents, epoch * 0.5) is not None for epoch in range(1, 4000))
    assert 100 < count < 400
    assert told(maps, tuple("abcd"), latents, 1999.7, last=True) is not None


def test_items_that_are_not_numbers_are_left_out_with_their_names() -> None:
    latents = cloud(5, 3)
    latents[2] = torch.nan
    latent_map = told(LatentMaps(), tuple("abcde"), latents, 1.0)
    assert latent_map is not None
    assert latent_map.names == ("a", "b", "d", "e")
    assert all(map(math.isfinite, latent_map.x + latent_map.y))


def test_names_that_do_not_match_end_no_training() -> None:
    assert told(LatentMaps(), ("a",), cloud(5, 3), 1.0) is None


def checked(setup: tuple[TrainingConfig, frozenset[str]], kind: str) -> None:
    """Every validation item of a real recipe has a name and a latent, and the KL is that of all of them."""
    torch.manual_seed(0)
    recipe: Recipe = load_recipe(kind).prepare(setup[0], setup[1], torch.device("cpu"), lambda *_: None)  # type: ignore[arg-type]
    state = TrainingState(recipe, torch.device("cpu"))
    validation = validate(recipe, state, 0.1, lambda: False)
    assert validation is not None
    assert validation.latents is not None
    assert len(recipe.validation_names) == len(validation.latents)
    assert {Path(name).with_suffix("").as_posix() for name in recipe.data.held_out} == set(recipe.validation_names)
    model = unwrapped(state.average).eval()
    with torch.no_grad():
        posteriors = [recipe.posterior(model, batch) for batch in recipe.validation_batches()]
    mu, logvar = (torch.cat(parts) for parts in zip(*posteriors, strict=True))
    torch.testing.assert_close(torch.tensor(validation.kl_per_dimension), kl_per_dimension(mu, logvar))
    if mu.ndim == 2:
        assert validation.active_units == active_units(mu)
        assert validation.mutual_information == pytest.approx(mutual_information(mu, logvar), abs=1e-6)
    assert 0 < validation.mutual_information <= math.log(256)
    state.progress.step = 1
    told = epoch_metrics(recipe, state, validation, 1, 1.0)
    assert told.active_units == validation.active_units
    assert told.mutual_information == pytest.approx(validation.mutual_information, abs=1e-5)
    shown = LatentMaps().of(recipe, EpochMetrics(1, 1, 0, 0), validation)
    assert shown is not None
    assert set(shown.names) == set(recipe.validation_names)
    recipe.close()


@pytest.mark.parametrize("latent", ["global", "sequence"])
def test_sounds_are_named_as_they_are_validated(
    tiny: Callable[..., tuple[TrainingConfig, frozenset[str]]], latent: str
) -> None:
    checked(tiny(model__latent=latent), "audio")


def test_tunes_are_named_as_they_are_validated(tmp_path: Path) -> None:
    make_demo_tunes(tmp_path, 8)
    checked(load_config(None, [], {"data.path": str(tmp_path), **TINY_TUNES}), "midi")
