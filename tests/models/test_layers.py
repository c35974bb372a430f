"""The upsampling convolution is what it says, and leaves no checkerboard."""

import pytest
import torch
from torch.nn import functional

from core.models.layers import UpsamplingConv, norm_and_activation


@pytest.mark.parametrize(("inputs", "outputs", "height", "width"), [(3, 5, 6, 7), (1, 1, 1, 1), (4, 2, 2, 9)])
def test_equals_nearest_upsampling_and_a_3x3_convolution(inputs: int, outputs: int, height: int, width: int) -> None:
    torch.manual_seed(0)
    layer = UpsamplingConv(inputs, outputs)
    x = torch.randn(2, inputs, height, width)

    larger = functional.interpolate(x, scale_factor=2, mode="nearest")
    expected = functional.conv2d(larger, layer.conv.weight, layer.conv.bias, padding=1)

    torch.testing.assert_close(layer(x), expected)


def test_a_flat_input_stays_flat_away_from_the_edges() -> None:
    torch.manual_seed(0)
    inside = UpsamplingConv(4, 3)(torch.ones(1, 4, 8, 8))[..., 1:-1, 1:-1]

    assert inside.std(dim=(2, 3)).max() < 1e-6


@pytest.mark.parametrize("channels", [1, 2, 7, 12, 32, 256])
def test_any_number_of_channels_can_be_normalised(channels: int) -> None:
    norm, activation = norm_and_activation(channels)

    assert activation(norm(torch.randn(2, channels, 3, 3))).shape == (2, channels, 3, 3)
