"""How far a render is from its original: three measures at equal level, deaf to what nobody hears."""

from functools import cache
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from core.audio.transforms import resample, torchaudio

RATE = 48_000
LEVEL = 0.1
FAINT = 1e-4  # 60 dB below the level
SHORTEST = 4096  # samples: one window of the longest transform on either side
MEL_FLOOR = 1e-5


def compare(original: Tensor, render: Tensor) -> dict[str, float]:
    """The measures of two waveforms [samples] at 48 kHz, over the length that both have.

    `mrstft`: multi-resolution STFT distance (auraloss' defaults; Yamamoto 2020), 0 is identical. `mel_l1`: mean
    distance of log10 mel power. `si_sdr`: scale-invariant signal-to-distortion ratio in dB (Le Roux 2019), which hears
    phase. Both sides are brought to an RMS of 0.1, and get the same faint noise.
    """
    from auraloss.freq import MultiResolutionSTFTLoss

    samples = min(len(original), len(render))
    original, render = heard(original[:samples]), heard(render[:samples])
    scale = (original @ render) / render.square().sum().clamp(min=1e-12)
    target, rest = scale * render, original - scale * render
    ratio = target.square().sum().clamp(min=1e-12) / rest.square().sum().clamp(min=1e-12)
    return {
        "mrstft": float(MultiResolutionSTFTLoss()(render[None, None], original[None, None])),
        "mel_l1": float((log_mel(original) - log_mel(render)).abs().mean()),
        "si_sdr": float(10 * ratio.log10()),
    }


def heard(waveform: Tensor) -> Tensor:
    """A waveform [samples] at the common level, over noise that is always the same; at least 4096 samples long."""
    waveform = torch.nn.functional.pad(waveform, (0, max(0, SHORTEST - len(waveform))))
    faint = FAINT * torch.randn(len(waveform), generator=torch.Generator().manual_seed(0))
    return LEVEL * waveform / waveform.square().mean().sqrt().clamp(min=1e-8) + faint


def log_mel(waveform: Tensor) -> Tensor:
    """log10 of mel power [128, frames] at 48 kHz."""
    power: Tensor = _mel()(waveform)
    return power.clamp(min=MEL_FLOOR).log10()


def spread(waveforms: list[Tensor]) -> float:
    """The mean distance of any two of several waveforms of one length: how varied they are."""
    pictures = [log_mel(heard(waveform)) for waveform in waveforms]
    distances = [float((one - other).abs().mean()) for one, other in combinations(pictures, 2)]
    return sum(distances) / len(distances)


def means(rows: list[dict[str, float]]) -> dict[str, float]:
    """The mean of each measure over files."""
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}


def at_48k(waveform: Tensor, rate: int) -> Tensor:
    """A waveform [samples] at the rate that is compared at."""
    return resample(waveform, rate, RATE)


@cache
def _mel() -> Any:
    return torchaudio.transforms.MelSpectrogram(RATE, n_fft=2048, hop_length=512, n_mels=128)
