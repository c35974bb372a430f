"""What is compared is what can be heard: waveforms at equal level, with the same faint noise under both."""

import torch
from torch import Tensor

LEVEL = 0.1
FAINT_DB = -60.0
SEED = 0


def audible(waveform: Tensor, reference: Tensor) -> tuple[Tensor, Tensor]:
    """Both [batch, 1, samples], scaled alike so that the reference has an RMS of 0.1, over noise 60 dB below that.

    Logarithmic distances count the silence between two drum hits as much as the hits. The noise covers what nobody
    hears there, and the level makes a quiet sound count as much as a loud one; in digital silence only noise is left.
    It is the same at every call, so that equal waveforms stay equal.
    """
    gain = LEVEL / reference.square().mean(dim=(1, 2), keepdim=True).sqrt().clamp(min=1e-6)
    generator = torch.Generator().manual_seed(SEED)
    noise = torch.randn(waveform.shape[-1], generator=generator).to(waveform) * (LEVEL * 10 ** (FAINT_DB / 20))
    return waveform * gain + noise, reference * gain + noise
