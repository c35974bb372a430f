"""The transforms without complex numbers are those that the sounds are made with."""

import pytest
import torch

from core.audio.phase import griffin_lim, istft, stft
from core.export.fourier import FixedFourier

SIZES = [(64, 16, 500), (64, 32, 512), (50, 17, 333), (256, 64, 255), (64, 16, 1), (64, 1, 40)]
ROUNDS = 32


def scaled_window(size: int) -> torch.Tensor:
    window = torch.hann_window(size)
    return window * (2 / window.sum())


@pytest.mark.parametrize(("size", "hop", "samples"), SIZES)
def test_they_agree_for_any_window_hop_and_length(size: int, hop: int, samples: int) -> None:
    generator = torch.Generator().manual_seed(0)
    window = scaled_window(size)
    sound = torch.rand(2, samples, generator=generator, dtype=torch.float64) - 0.5
    expected = stft(sound, window.double(), hop)
    fixed = FixedFourier(window, hop, expected.shape[-1], samples)

    real, imaginary = fixed.spectrum(sound)
    torch.testing.assert_close(torch.complex(real, imaginary).mT, expected, atol=1e-13, rtol=1e-12)

    changed = expected * torch.rand(expected.shape, generator=generator)
    back = fixed.sound((changed.real.mT, changed.imag.mT))
    torch.testing.assert_close(back, istft(changed, window.double(), hop, samples), atol=1e-12, rtol=1e-11)


@pytest.mark.parametrize(("size", "hop"), [(64, 16), (50, 17)])
def test_griffin_lim_agrees_after_all_its_rounds(size: int, hop: int) -> None:
    window = scaled_window(size)
    sound = torch.sin(torch.arange(600, dtype=torch.float64) * 0.3)[None]
    magnitude = stft(sound, window.double(), hop).abs()
    phase = torch.rand(magnitude.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 6
    expected = griffin_lim(magnitude, phase, window.double(), hop, 600, ROUNDS)
    real, imaginary = FixedFourier(window, hop, magnitude.shape[-1], 600).griffin_lim(magnitude, phase, ROUNDS)
    torch.testing.assert_close(torch.complex(real, imaginary).mT, expected, atol=1e-9, rtol=1e-8)
