"""The residual block: nothing at first, and the same whatever stands beside it."""

import torch

from core.models.layers import ResidualBlock


def test_a_new_block_passes_its_input_on() -> None:
    x = torch.randn(2, 7, 16)

    assert torch.equal(ResidualBlock(16)(x), x)


def test_a_position_depends_on_its_neighbours_only() -> None:
    torch.manual_seed(0)
    block = ResidualBlock(16)
    torch.nn.init.normal_(block.out.weight)
    x = torch.randn(2, 20, 16)

    changed = x.clone()
    changed[0, 10] = torch.randn(16)
    moved = (block(changed) - block(x)).abs().amax(dim=2)

    assert (moved[0, 9:12] > 1e-3).all()
    assert max(moved[0, :9].max(), moved[0, 12:].max(), moved[1].max()) < 1e-5
