"""What is compared is what can be heard: waveforms at equal level, with the same faint noise under both."""

from functools import lru_cache

import torch
from torch import Tensor

LEVEL = 0.1
FAINT_DB = -60.0
QUIETEST = 1e-2
SEED = 0


def audible(waveform: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Both [batch, 1, samples], scaled alike so that the reference has an RMS of 0.1, over noise 60 dB below that.

    Logarithmic distances count the silence between two drum hits as much as the hits. The noise covers what nobody
    hears there, and the level makes a quiet sound count as much as a loud one. What lies below -40 dBFS throughout is
    brought up by 20 dB and no more: the rests within a sound would otherwise count as much as the sound. The noise is
    the same at every call, so that equal waveforms stay equal.
    """
    gain = LEVEL / reference.square().mean(dim=(1, 2), keepdim=True).sqrt().clamp(min=QUIETEST)
    noise = _faint_noise(waveform.shape[-1], waveform.device)
    return waveform * gain + noise, reference * gain + noise


@lru_cache(maxsize=2)  # drawn and sent to the device once a run rather than once a step
def _faint_noise(samples: int, device: torch.device) -> Tensor:
    noise = torch.randn(samples, generator=torch.Generator().manual_seed(SEED))
    return (noise * LEVEL * 10 ** (FAINT_DB / 20)).to(device)
