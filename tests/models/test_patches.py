"""Patches cover every frame with the same weight, and join to what they were cut from."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.models.patches import LappedPatches


@settings(max_examples=60, deadline=None)
@given(stride=st.integers(1, 20), frames=st.integers(1, 90))
def test_faded_patches_join_to_the_whole(stride: int, frames: int) -> None:
    x = torch.randn(2, 2, 3, frames, generator=torch.Generator().manual_seed(frames))
    cut = LappedPatches(stride)

    patches = cut(x)

    assert patches.shape == (2, -(-frames // stride), 2, 3, cut.reach)
    torch.testing.assert_close(cut.join(patches * cut.window, frames), x, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2, 4, 8])
def test_every_frame_weighs_the_same(stride: int) -> None:
    """So that a sum of squares over faded patches is the same wherever in a patch an onset falls."""
    cut = LappedPatches(stride)
    window, begun = cut.window, 2 * cut.margin
    covered = torch.zeros(stride * 3 + len(window))
    for number in range(3):
        covered[stride * number : stride * number + len(window)] += window

    torch.testing.assert_close(covered[begun : stride * 3], torch.ones(stride * 3 - begun))
    assert window.sum() == pytest.approx(stride)


def test_errors_of_neighbours_meet_without_a_step() -> None:
    """Two patches that disagree by 1: side by side the step between them would be 1."""
    cut = LappedPatches(4)
    patches = torch.stack([torch.zeros(1, 1, 6), torch.ones(1, 1, 6)])[None]

    joined = cut.join(patches * cut.window, 8).flatten()

    assert joined.diff().max() <= 0.51
    assert joined[0] == 0
    assert joined[-1] == pytest.approx(1)
