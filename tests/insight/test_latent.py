"""Measures of the latent against channels whose answer is known."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from core.insight.latent import active_units, chosen, mutual_information


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_a_latent_that_is_the_same_for_all_says_nothing() -> None:
    means = torch.full((50, 6), 1.5)
    assert mutual_information(means, torch.full((50, 6), -3.0)) == pytest.approx(0.0, abs=1e-9)
    assert active_units(means) == 0


def test_one_place_for_each_item_says_which_item_it_is() -> None:
    assert mutual_information(torch.eye(20), torch.full((20, 20), -9.0)) == pytest.approx(math.log(20))
    pairs = torch.eye(10).repeat_interleave(2, dim=0)  # of every two items nothing tells which
    assert mutual_information(pairs, torch.full((20, 10), -9.0)) == pytest.approx(math.log(10))


@pytest.mark.parametrize("ratio", [0.25, 1.0, 4.0])
def test_a_gaussian_channel_has_its_capacity(ratio: float) -> None:
    noise = 0.3
    means = normal(1200, 2) * math.sqrt(ratio * noise)
    means = means / means.std(dim=0, correction=0) * math.sqrt(ratio * noise)
    found = mutual_information(means, torch.full_like(means, math.log(noise)))
    assert found == pytest.approx(2 * 0.5 * math.log(1 + ratio), rel=0.05)


def test_units_are_active_whose_mean_moves_whatever_their_noise() -> None:
    means = torch.zeros(200, 4)
    means[:, 1] = 0.2 * normal(200)
    means[:, 2] = 0.05 * normal(200)
    means[:, 3] = 7.0  # far off the prior for everyone: nats, and no word about the item
    assert active_units(means) == 1
    assert active_units(means[:0]) == 0


@given(st.integers(1, 40), st.integers(1, 8), st.floats(-10, 10), st.floats(0, 50))
def test_it_keeps_within_its_bounds(items: int, dimensions: int, log_variance: float, size: float) -> None:
    means = size * normal(items, dimensions)
    found = mutual_information(means, torch.full_like(means, log_variance))
    assert 0 <= found <= math.log(items) + 1e-12


def test_what_is_not_finite_does_not_count_and_the_generator_is_left_alone() -> None:
    before = torch.get_rng_state()
    means = torch.eye(8)
    broken = torch.cat([means, torch.full((3, 8), math.nan)])
    assert mutual_information(broken, torch.full((11, 8), -9.0)) == pytest.approx(math.log(8))
    assert math.isnan(mutual_information(broken[8:], torch.zeros(3, 8)))
    assert torch.equal(before, torch.get_rng_state())


def test_a_choice_of_many_is_the_same_every_time_in_order_and_spread_out() -> None:
    rows = torch.arange(4096)[:, None]
    kept = chosen(rows)[:, 0]
    assert kept.tolist() == sorted({*chosen(rows)[:, 0].tolist()})
    assert len(kept) == 256
    assert len(set((kept % 16).tolist())) == 16  # of items of 16 moments each no moment is left out
    assert torch.equal(chosen(rows[:9]), rows[:9])
