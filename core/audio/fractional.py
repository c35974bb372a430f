"""Reading a batch of waveforms at a rate of its own for each row: what speed and pitch augmentation are made of.

The spectrum is cut at the lower of the two Nyquist frequencies and interpolated by four through an FFT; between those
samples a polynomial is exact enough (Niemitalo 2001, "Polynomial interpolators for high-quality resampling of
oversampled audio"): images stay 80 dB below the sound up to 0.6 of the Nyquist frequency.
"""

import torch
from torch import Tensor

OVERSAMPLING = 4
POINTS = 6
MARGIN = 1024  # samples of real context on each side at rate 1, where the FFT's wrap-around rings out
ROLLOFF = 0.94  # of the lower Nyquist frequency: where the cut begins


def source_span(samples: int, rates: Tensor) -> tuple[int, int]:
    """(before, length): the context before the first sample and the source samples needed to read a batch at `rates`.

    With every rate 1 that is (0, samples): nothing but the crop itself.
    """
    if bool((rates == 1).all()):
        return 0, samples
    fastest = max(1.0, float(rates.max()))
    before = round(MARGIN * fastest)
    return before, _fft_length(round(samples * fastest) + 2 * before)


def read_at_rates(source: Tensor, rates: Tensor, before: int, samples: int) -> Tensor:
    """[batch, samples]: row b read at before, before + rate_b, before + 2 rate_b ... of `source` [batch, length].

    A rate of 2 plays twice as fast, an octave up. Rows of rate exactly 1 come out bit for bit as they went in. `rates`
    [batch] float64 on the CPU; the source, on any device, spans what `source_span` asks for.
    """
    changed = torch.nonzero(rates != 1)[:, 0]
    plain = source[:, before : before + samples]
    if not len(changed):
        return plain
    waveform = plain.clone()
    rows = changed.to(source.device)
    waveform[rows] = _interpolate(_oversample(source[rows], rates[changed]), rates[changed], before, samples)
    return waveform


def _fft_length(samples: int) -> int:
    """The next length of the form 2^a, 3 * 2^a or 5 * 2^a, for which transforms are fast."""
    return min(factor << max(0, (-(-samples // factor) - 1).bit_length()) for factor in (1, 3, 5))


def _oversample(source: Tensor, rates: Tensor) -> Tensor:
    """Band-limited below the Nyquist frequency after reading at `rates`, at four times the sample rate."""
    length = source.shape[-1]
    spectrum = torch.fft.rfft(source)
    cutoff = (1 / rates.clamp(min=1)).to(source.device, source.dtype)[:, None]
    frequency = torch.linspace(0, 1, spectrum.shape[-1], device=source.device, dtype=source.dtype)
    slope = ((frequency / cutoff - ROLLOFF) / (1 - ROLLOFF)).clamp(0, 1)
    spectrum = spectrum * torch.cos(slope * torch.pi / 2).square()
    oversampled: Tensor = torch.fft.irfft(spectrum * OVERSAMPLING, n=length * OVERSAMPLING)
    return oversampled


def _interpolate(oversampled: Tensor, rates: Tensor, before: int, samples: int) -> Tensor:
    """Six-point Lagrange interpolation at before + n * rate, in source samples."""
    # Positions in float64 on the CPU: float32 has no fractional digits left after a few seconds, and MPS no float64.
    position = (before + torch.arange(samples, dtype=torch.float64) * rates[:, None]) * OVERSAMPLING
    whole = position.floor()
    first = (whole.long() - (POINTS // 2 - 1)).to(oversampled.device)
    x = (position - whole).float().to(oversampled.device) + (POINTS // 2 - 1)
    result = torch.zeros_like(x)
    for point in range(POINTS):
        weight = torch.ones_like(x)
        for other in range(POINTS):
            if other != point:
                weight *= (x - other) / (point - other)
        result += weight * oversampled.gather(1, first + point)
    return result
