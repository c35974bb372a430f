"""New latents are like those that there were, and one joins the next without a step."""

import torch

from core.models import ConvVAE
from core.models.density import LatentDensity


def test_two_kinds_of_sounds_stay_two_kinds() -> None:
    """A single Gaussian would have a quarter of the new ones in between, where there is nothing."""
    generator = torch.Generator().manual_seed(0)
    density = LatentDensity(8)
    side = torch.tensor([-1.0, 1.0]).repeat(50)
    latents = 0.3 * torch.randn(100, 8, generator=generator)
    latents[:, 0] += 10 * side
    density.fit(latents)

    drawn = density.sample(1000, torch.Generator().manual_seed(1))[:, 0]

    assert (drawn.abs() < 3).float().mean() < 0.12
    assert 0.4 < (drawn > 0).float().mean() < 0.6


def test_draws_fade_into_one_another_over_a_quarter_of_a_chunk() -> None:
    """Material whose latents stand still: what moves in a longer draw is the way from one draw to the next."""
    model = ConvVAE(1, 16, 64, latent="sequence", latent_dim=4, components=8, width=8, blocks=1).eval()
    model.density.fit(torch.linspace(-1, 1, 40)[:, None].expand(-1, 4 * 16))

    for seed in range(8):
        drawn = model.sample(1, torch.Generator().manual_seed(seed), 28 * 4)[0]
        whole_way = (drawn[:, -1] - drawn[:, 0]).abs()
        assert drawn.shape == (4, 28)
        assert whole_way.min() > 1e-3
        assert (drawn.diff().abs().amax(dim=1) < 0.25 * whole_way).all()
