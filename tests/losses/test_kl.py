"""The KL divergence against torch.distributions, free bits, and the plain VAE loss."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from core.losses import compute_kl_divergence, get_kl_weight, kl_per_dimension, vae_loss


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), spread=st.floats(0.01, 3))
def test_kl_is_torch_s(seed: int, spread: float) -> None:
    generator = torch.Generator().manual_seed(seed)
    mu, logvar = (spread * torch.randn(5, 7, generator=generator) for _ in range(2))
    expected = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0))

    torch.testing.assert_close(compute_kl_divergence(mu, logvar), expected.sum(1).mean(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(kl_per_dimension(mu, logvar), expected.mean(0), rtol=1e-4, atol=1e-5)


def test_the_prior_itself_has_none() -> None:
    assert compute_kl_divergence(torch.zeros(4, 3), torch.zeros(4, 3)) == 0


def test_free_bits_are_a_floor_without_gradient() -> None:
    target = torch.zeros(2, 1, 4, 4)
    mu = torch.tensor([[0.0, 3.0], [0.1, 2.0]], requires_grad=True)

    _, _, kl = vae_loss(target, target, mu, torch.zeros(2, 2), free_bits=0.5)
    kl.backward()

    assert kl.item() == pytest.approx(0.5 + (4.5 + 2.0) / 2)
    assert (mu.grad[:, 0] == 0).all()
    assert (mu.grad[:, 1] > 0).all()


@pytest.mark.parametrize("weight", [0.0, 0.25, 1.0])
def test_vae_loss_is_squared_error_plus_weighted_kl(weight: float) -> None:
    recon, target = torch.full((2, 1, 4, 4), 3.0), torch.ones(2, 1, 4, 4)
    total, recon_loss, kl = vae_loss(recon, target, torch.ones(2, 5), torch.zeros(2, 5), weight, free_bits=0.0)

    assert recon_loss == 4
    assert kl == 2.5
    assert total == 4 + weight * 2.5


def test_a_kl_of_weight_zero_cannot_harm_the_total() -> None:
    recon = torch.ones(2, 1, 4, 4, requires_grad=True)
    logvar = torch.full((2, 5), 200.0, requires_grad=True)
    total, _, kl = vae_loss(recon, torch.zeros(2, 1, 4, 4), torch.zeros(2, 5), logvar, kl_weight=0.0)
    total.backward()

    assert kl == math.inf
    assert total == 1
    assert logvar.grad is None


class TestAnnealing:
    def test_both_ends(self) -> None:
        assert get_kl_weight(0, 100) == 0
        assert get_kl_weight(15, 100) == 0.5
        assert get_kl_weight(30, 100) == get_kl_weight(99, 100) == get_kl_weight(5000, 100) == 1
        assert get_kl_weight(30, 100, weight_max=0.01) == 0.01
        assert get_kl_weight(7.5, 100) == 0.25

    @pytest.mark.parametrize(("total", "fraction"), [(100, 0.0), (2, 0.3), (0, 0.5)])
    def test_without_a_whole_epoch_of_warmup_the_weight_is_full_at_once(self, total: int, fraction: float) -> None:
        assert get_kl_weight(0, total, fraction, 0.01) == 0.01

    @given(
        total=st.integers(1, 500),
        fraction=st.floats(0, 1),
        first=st.floats(0, 600),
        second=st.floats(0, 600),
        most=st.floats(0, 4),
    )
    def test_it_never_falls_and_never_leaves_its_bounds(
        self, total: int, fraction: float, first: float, second: float, most: float
    ) -> None:
        earlier, later = sorted((first, second))
        low, high = (get_kl_weight(epoch, total, fraction, most) for epoch in (earlier, later))

        assert 0 <= low <= high <= most
