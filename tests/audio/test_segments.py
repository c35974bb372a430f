"""Pieces of several waveforms at the same, random, places."""

from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

from core.audio.segments import same_segments


def test_each_item_has_a_place_of_its_own_the_same_in_all_waveforms() -> None:
    torch.manual_seed(0)
    real = torch.arange(1000.0).expand(8, 1, 1000)
    a, b = same_segments((real, -real), 100)

    assert a.shape == (8, 1, 100)
    assert torch.equal(a, -b)
    assert torch.equal(a.diff(dim=2), torch.ones(8, 1, 99))
    assert len(a[:, 0, 0].unique()) > 1


def test_both_ends_are_reached() -> None:
    torch.manual_seed(0)
    (pieces,) = same_segments((torch.arange(4.0).expand(200, 1, 4),), 3)
    assert set(pieces[:, 0, 0].tolist()) == {0.0, 1.0}


def test_only_the_places_go_to_the_device() -> None:
    """The meta device stands for any other than the CPU."""

    class Sent(TorchDispatchMode):
        numbers = 0

        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            result = func(*args, **(kwargs or {}))
            if func is torch.ops.aten._to_copy.default and args[0].device.type == "cpu":
                Sent.numbers += args[0].numel()
            return result

    waveform = torch.zeros(8, 1, 1000, device="meta")
    with Sent():
        (pieces,) = same_segments((waveform,), 100)
    assert pieces.shape == (8, 1, 100)
    assert 0 < Sent.numbers <= 8


def test_what_is_short_comes_whole_and_draws_nothing() -> None:
    waveform = torch.randn(2, 1, 50)
    state = torch.get_rng_state()
    assert same_segments((waveform,), 50)[0] is waveform
    assert torch.equal(torch.get_rng_state(), state)


def test_the_gradient_goes_to_what_was_cut() -> None:
    torch.manual_seed(0)
    waveform = torch.zeros(3, 1, 50, requires_grad=True)
    same_segments((waveform,), 20)[0].sum().backward()
    assert waveform.grad is not None
    assert waveform.grad.sum(dim=2).flatten().tolist() == [20, 20, 20]
