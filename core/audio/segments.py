"""Short pieces of long waveforms, cut at the same places of several."""

import torch
from torch import Tensor


def same_segments(waveforms: tuple[Tensor, ...], samples: int) -> tuple[Tensor, ...]:
    """A piece of `samples` of every item of waveforms [batch, channels, length], each item's at a random place.

    The places are the same in all of the waveforms, and drawn from torch's global generator on the CPU, which a
    checkpoint keeps. What is no longer than a piece comes back whole. Differentiable.
    """
    batch, _, length = waveforms[0].shape
    if length <= samples:
        return waveforms
    device = waveforms[0].device
    starts = torch.randint(length - samples + 1, (batch, 1, 1))
    places = starts.to(device) + torch.arange(samples, device=device)  # only the starts are sent there
    return tuple(waveform.gather(2, places.expand(-1, waveform.shape[1], -1)) for waveform in waveforms)
