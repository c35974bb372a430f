"""Statistics of spectrograms: the same however they come in, and never more than the sounds justify."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models.normalization import ChannelNormalization


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(1, 39), max_size=6, unique=True), offset=st.sampled_from([0.0, -50.0, 1e4]))
def test_any_batching_gives_the_statistics_of_the_whole(cuts: list[int], offset: float) -> None:
    spec = torch.randn(40, 2, 5, 7, generator=torch.Generator().manual_seed(1)) + offset
    normalization = ChannelNormalization(2, 5)

    normalization.fit(spec.tensor_split(sorted(cuts)))

    mean = spec.double().mean((0, 3), keepdim=True)
    torch.testing.assert_close(normalization.mean, mean.float())
    spread = (spec.double() - mean).square().mean((0, 2, 3)).sqrt()
    torch.testing.assert_close(normalization.std.flatten(), spread.float())


def test_an_error_costs_the_same_in_every_band_and_comes_back_exactly() -> None:
    spec = torch.randn(30, 2, 5, 7) * torch.tensor([0.1, 1, 2, 5, 9])[:, None] - 20
    normalization = ChannelNormalization(2, 5)
    normalization.fit([spec])

    z = normalization(spec)

    torch.testing.assert_close(z.mean((0, 3)), torch.zeros(2, 5), atol=1e-4, rtol=0)
    torch.testing.assert_close(z.square().mean((0, 2, 3)), torch.ones(2), atol=1e-3, rtol=0)
    torch.testing.assert_close(normalization.inverse(z), spec)
    step = normalization(spec + 1) - z
    torch.testing.assert_close(step, step[:, :, :1].expand_as(step), atol=1e-4, rtol=0)


def test_a_band_that_never_changed_does_not_blow_up_a_new_sound() -> None:
    spec = torch.randn(8, 1, 4, 6)
    spec[:, :, 3] = -11.5
    normalization = ChannelNormalization(1, 4)
    normalization.fit([spec])

    assert normalization(torch.zeros(1, 1, 4, 6)).abs().max() < 20

    normalization.fit([torch.full((2, 1, 4, 6), 5.0)])
    assert normalization(torch.full((2, 1, 4, 6), 5.0)).abs().max() == 0


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_cannot_be_fitted_is_refused(value: float) -> None:
    normalization = ChannelNormalization(1, 4)
    with pytest.raises(ValueError, match="NaN or infinity"):
        normalization.fit([torch.full((1, 1, 4, 6), value)])
    with pytest.raises(ValueError, match="no spectrograms"):
        normalization.fit([])
    with pytest.raises(ValueError, match=r"takes \[batch, 1, 4, frames\]"):
        normalization.fit([torch.zeros(1, 2, 4, 6)])
