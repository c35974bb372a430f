"""What a model is fitted to is all of the material, whatever the order and the batches that it comes in."""

import torch

from core.models import ConvVAE


def test_what_only_the_last_batch_has_is_heard_too() -> None:
    """The first sounds stand still and the last go up and down: patches of the same kinds, chunks of another."""
    generator = torch.Generator().manual_seed(0)
    shape = torch.randn(2, 6, generator=generator)
    still, moving = (torch.randn(1700, 2, generator=generator) for _ in range(2))
    up_and_down = torch.tensor([1.0, -1.0, 1.0, -1.0])
    first = torch.einsum("nk,kb,t->nbt", still, shape, torch.ones(4))[:, None]
    last = torch.einsum("nk,kb,t->nbt", moving, shape, up_and_down)[:, None]
    model = ConvVAE(1, 6, 4, latent="global", latent_dim=4, patch_frames=1, components=6, width=8, blocks=1).eval()

    model.fit([first, last])

    for x in (first, last):
        wanted = model.normalize(x)
        assert (model(wanted)[0] - wanted).abs().mean() < 0.05 * wanted.abs().mean()
