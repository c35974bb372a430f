"""Short-time Fourier transforms of any length of sound, and the phase that turns magnitudes back into sound."""

import torch
from torch import Tensor
from torch.nn import functional

MOMENTUM = 0.99
# Where a hop is over a third of the window the last samples are hardly covered by any frame: rather than blow up what
# is inconsistent between frames, they fade.
SMALLEST_OVERLAP = 0.01
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
    size, frames = len(window), spectrum.shape[-1]
    pieces = torch.fft.irfft(spectrum.mT, n=size) * window
    overlap = _overlap_add(window.square().expand(1, frames, size), hop)
    smallest = SMALLEST_OVERLAP * window.square().max()
    waveform = (_overlap_add(pieces, hop) / overlap.clamp(min=smallest))[:, size // 2 : size // 2 + samples]
    return functional.pad(waveform, (0, samples - waveform.shape[-1]))


def _overlap_add(pieces: Tensor, hop: int) -> Tensor:
    """[batch, frames, size] to [batch, samples]: the sum of pieces that each start a hop after the one before."""
    batch, frames, size = pieces.shape
    strides = -(-size // hop)
    blocks = functional.pad(pieces, (0, strides * hop - size)).view(batch, frames, strides, hop)
    # Block by block within the pieces: a few long additions, where `fold` makes many short ones.
    total = blocks.new_zeros(batch, frames + strides - 1, hop)
    for number in range(strides):
        total[:, number : number + frames] += blocks[:, :, number]
    return total.flatten(1)


def wrapped(phase: Tensor) -> Tensor:
    """The phase within [-pi, pi)."""
    return torch.remainder(phase + torch.pi, 2 * torch.pi) - torch.pi


def demodulated_phase(spectrum: Tensor, audible: Tensor, hop: int) -> Tensor:
    """Phases [batch, bins, frames] less each bin's own advance; where not `audible`, the last audible one, or 0.

    Constant for a sine in the middle of a bin.
    """
    bins, frames = spectrum.shape[-2:]
    phase = spectrum.angle() - _own_advance(bins, frames, hop, spectrum.device)
    number = torch.arange(frames, device=spectrum.device).expand(audible.shape)
    last_audible = torch.where(audible, number, -1).cummax(dim=-1).values
    return phase.gather(-1, last_audible.clamp(min=0)).where(last_audible >= 0, 0)


def integrated_phase(frequency: Tensor, hop: int) -> Tensor:
    """Phases [batch, bins, frames] from instantaneous frequencies beyond each bin's own advance, the first frame's
    being its phase: the inverse of the difference of `demodulated_phase`."""
    bins, frames = frequency.shape[-2:]
    return frequency.cumsum(dim=-1) + _own_advance(bins, frames, hop, frequency.device)


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

    Fast Griffin-Lim (Perraudin, Balazs and Sondergaard 2013). A consistent start stays where it is.
    """
    spectrum = torch.polar(magnitude, phase.expand_as(magnitude))
    previous: Tensor | None = None
    for _ in range(iterations):
        projected = stft(istft(spectrum, window, hop, samples), window, hop)
        # The sum of a projection and its change, up to a factor that the magnitude takes out again.
        ahead = projected if previous is None else projected - MOMENTUM / (1 + MOMENTUM) * previous
        spectrum = magnitude * ahead / ahead.abs().clamp(min=1e-12)
        previous = projected
    return spectrum


def _own_advance(bins: int, frames: int, hop: int, device: torch.device) -> Tensor:
    """2 pi k hop t / n_fft [bins, frames], reduced in integers: exact however late the frame."""
    size = 2 * (bins - 1)
    steps = torch.arange(bins, device=device)[:, None] * hop % size * torch.arange(frames, device=device) % size
    return steps * (2 * torch.pi / size)
