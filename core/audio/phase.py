"""Short-time Fourier transforms of any length of sound, and the phase that turns magnitudes back into sound."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

MOMENTUM = 0.99
# Rounded to what float32 holds too, to which the exporter of ONNX rounds constants.
LAG = round(MOMENTUM / (1 + MOMENTUM) * 2**20) / 2**20
# Where a hop is over a third of the window the last samples are hardly covered by any frame: rather than blow up what
# is inconsistent between frames, they fade.
SMALLEST_OVERLAP = 0.01
SMALLEST_SQUARE = 1e-24  # of a magnitude: what is smaller has no phase
FRAMES_AT_A_TIME = 256  # what a processor's cache holds of them; a long sound takes three times as long in one go
PEAK_SURROUNDINGS = 17  # bins: a peak's main lobe of 4 and what lies between it and the next partials


def stft(waveform: Tensor, window: Tensor, hop: int) -> Tensor:
    """[batch, samples] to [batch, window // 2 + 1, 1 + samples // hop], complex, with zeros around the sound."""
    return torch.stft(
        waveform, len(window), hop, window=window, center=True, pad_mode="constant", return_complex=True
    )  # fmt: skip


def istft(spectrum: Tensor, window: Tensor, hop: int, samples: int) -> Tensor:
    """The [batch, samples] whose transform is nearest to `spectrum` (least squares; Griffin and Lim 1984).

    Unlike torch.istft this needs no complete overlap at the end and never waits for the device.
    """
    return _inverted([spectrum.mT], window, hop, samples, _weight(window, hop, spectrum.shape[-1]))


def _inverted(groups: Sequence[Tensor], window: Tensor, hop: int, samples: int, weight: Tensor) -> Tensor:
    """`istft` of frames [batch, frames, bins] in groups, with what depends on their number alone worked out."""
    size = len(window)
    pieces = (torch.fft.irfft(group, n=size) * window for group in groups)
    total = _overlap_add(pieces, sum(group.shape[1] for group in groups), hop)
    waveform = (total / weight)[:, size // 2 : size // 2 + samples]
    return functional.pad(waveform, (0, samples - waveform.shape[-1]))


def _weight(window: Tensor, hop: int, frames: int) -> Tensor:
    """How much of each sample [1, samples] the windows over it let through in all, going there and coming back."""
    squares = window.square()
    total = _overlap_add([squares.expand(1, frames, len(window))], frames, hop)
    return total.clamp(min=SMALLEST_OVERLAP * squares.max())


def _overlap_add(groups: Iterable[Tensor], frames: int, hop: int) -> Tensor:
    """The sum [batch, samples] of `frames` pieces [batch, frames, size], in groups, each a hop after the one before."""
    total: Tensor | None = None
    start = 0
    for pieces in groups:
        batch, count, size = pieces.shape
        strides = -(-size // hop)
        blocks = functional.pad(pieces, (0, strides * hop - size)).view(batch, count, strides, hop)
        total = blocks.new_zeros(batch, frames + strides - 1, hop) if total is None else total
        # Block by block within the pieces: a few long additions, where `fold` makes many short ones.
        for number in range(strides):
            total[:, start + number : start + number + count] += blocks[:, :, number]
        start += count
    assert total is not None
    return total.flatten(1)


def wrapped(phase: Tensor) -> Tensor:
    """The phase within [-pi, pi)."""
    return torch.remainder(phase + torch.pi, 2 * torch.pi) - torch.pi


def demodulated_phase(spectrum: Tensor, audible: Tensor, hop: int) -> Tensor:
    """Phases [batch, bins, frames] less each bin's own advance; where not `audible`, the last audible one, or 0.

    Constant for a sine in the middle of a bin.
    """
    bins, frames = spectrum.shape[-2:]
    angle = spectrum.angle()
    phase = angle - _own_advance(bins, frames, hop, angle.device, angle.dtype)
    number = torch.arange(frames, device=spectrum.device).expand(audible.shape)
    last_audible = torch.where(audible, number, -1).cummax(dim=-1).values
    return phase.gather(-1, last_audible.clamp(min=0)).where(last_audible >= 0, 0)


def integrated_phase(frequency: Tensor, hop: int) -> Tensor:
    """Phases [batch, bins, frames] from instantaneous frequencies beyond each bin's own advance, the first frame's
    being its phase: the inverse of the difference of `demodulated_phase`."""
    bins, frames = frequency.shape[-2:]
    return frequency.cumsum(dim=-1) + _own_advance(bins, frames, hop, frequency.device, frequency.dtype)


def diffused(frequency: Tensor, magnitude: Tensor, chance: Tensor) -> Tensor:
    """Guessed instantaneous frequencies [batch, bins, frames], kept at peaks and left to chance elsewhere.

    What has no pitch has no frequency to predict, and a model then answers with the middle, 0: every bin at its own
    centre, all in step, is a pulse every n_fft samples, which is heard as a buzz. So where a bin does not rise above
    those around it, and in the first frame, which holds a phase, `chance` [bins, frames] in [-pi, pi) takes over.
    """
    around = functional.avg_pool1d(magnitude.mT, PEAK_SURROUNDINGS, 1, PEAK_SURROUNDINGS // 2, count_include_pad=False)
    rise = (magnitude / around.mT.clamp(min=1e-9) - 1).clamp(0, 1)
    tonal = functional.max_pool1d(rise.mT, 3, 1, 1).mT
    tonal = functional.pad(tonal[..., 1:], (1, 0))
    return frequency + (1 - tonal) * chance


def griffin_lim(magnitude: Tensor, phase: Tensor, window: Tensor, hop: int, samples: int, iterations: int) -> Tensor:
    """The spectrum [batch, bins, frames] of `magnitude` with a phase that is more consistent than the given one.

    Fast Griffin-Lim (Perraudin, Balazs and Sondergaard 2013). A consistent start stays where it is. 32 rounds magnify
    rounding a thousandfold: magnitudes, phases and window in float64 give the same sound everywhere.
    """
    size, frames = len(window), magnitude.shape[-1]
    weight = _weight(window, hop, frames)
    phase = phase.expand_as(magnitude)
    # Frame by frame in memory, as the transforms have it.
    magnitudes = [part.mT.contiguous() for part in torch.split(magnitude, FRAMES_AT_A_TIME, dim=2)]
    phases = [part.mT.contiguous() for part in torch.split(phase, FRAMES_AT_A_TIME, dim=2)]
    spectra = [torch.polar(*both) for both in zip(magnitudes, phases, strict=True)]
    previous: Tensor | None = None
    for _ in range(iterations):
        waveform = _inverted(spectra, window, hop, samples, weight)
        # The sum of a projection and its change, up to a factor that the magnitude takes out again.
        ahead = waveform if previous is None else waveform - LAG * previous
        cut = functional.pad(ahead, (size // 2, size // 2)).unfold(1, size, hop)
        pieces = zip(magnitudes, torch.split(cut, FRAMES_AT_A_TIME, dim=1), strict=True)
        spectra = [_with_magnitude(part, torch.fft.rfft(piece * window)) for part, piece in pieces]
        previous = waveform
    return torch.cat(spectra, dim=1).mT


def _with_magnitude(magnitude: Tensor, spectrum: Tensor) -> Tensor:
    # Products of complex numbers and their squares take a fifth of the time of abs() and quotients.
    square = (spectrum * spectrum.conj()).real.clamp(min=SMALLEST_SQUARE)
    return spectrum * (magnitude * square.rsqrt())


def _own_advance(bins: int, frames: int, hop: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """2 pi k hop t / n_fft [bins, frames], reduced in integers: exact however late the frame."""
    size = 2 * (bins - 1)
    steps = torch.arange(bins, device=device)[:, None] * hop % size * torch.arange(frames, device=device) % size
    return steps.to(dtype) * (2 * torch.pi / size)
