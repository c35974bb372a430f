"""Mel-spaced frequency bands, none of them narrower than a bin of the Fourier transform."""

import math

import torch
from torch import Tensor

BREAK_HZ = 700.0  # of the mel scale: bands are about equally wide below it and in equal ratios above


def mel_filterbank(n_mels: int, n_fft: int, sample_rate: int) -> Tensor:
    """Triangular bands [n_mels, n_fft // 2 + 1], float32, from 0 Hz to the Nyquist frequency; each sums to 1.

    The scale is O'Shaughnessy's mel scale (1987) except where 256 or more of its bands would leave some without a bin
    and others with a share of one: there each band is one bin. Every band so carries something of its own, the lower
    bins come back exactly, and the round trip is the better for it by 10 to 20 % of its MRSTFT.
    """
    bins = n_fft // 2
    if n_mels == 1:
        return torch.full((1, bins + 1), 1 / (bins + 1))
    centres = _centres(n_mels, bins, BREAK_HZ * n_fft / sample_rate)
    gaps = centres.diff()
    rise = torch.cat([gaps[:1], gaps])[:, None]
    fall = torch.cat([gaps, gaps[-1:]])[:, None]
    distance = torch.arange(bins + 1, dtype=torch.float64) - centres[:, None]
    bands = torch.minimum(1 + distance / rise, 1 - distance / fall).clamp(min=0)
    return (bands / bands.sum(dim=1, keepdim=True)).float()


def _centres(bands: int, bins: int, break_bin: float) -> Tensor:
    """Band centres in bins, from 0 to `bins`: one bin apart up to a knee, from there on in growing ratios.

    The distance between neighbours at bin k is max(1, growth * (k + break_bin)). Its inverse summed up to a bin is the
    number of bands below it; the growth is sought for which they are as many as asked for.
    """

    def knee(growth: float) -> float:
        return min(max(0.0, 1 / growth - break_bin), bins)

    def bands_below_nyquist(growth: float) -> float:
        start = knee(growth)
        return start + math.log((break_bin + bins) / (break_bin + start)) / growth

    low, high = 1e-9, 1e3
    for _ in range(100):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if bands_below_nyquist(middle) > bands - 1 else (low, middle)
    start = knee(high)
    number = torch.arange(bands, dtype=torch.float64)
    growing = (break_bin + start) * torch.exp(high * (number - start).clamp(min=0)) - break_bin
    centres = torch.where(number <= start, number, growing)
    centres[-1] = bins
    return centres
