"""Discriminators: what tells real sound from the model's, at several resolutions."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from core.losses.adversarial import Judgement

SLOPE = 0.2
GAIN = 20.0  # brings sound at an RMS of 0.1, whose spectra are at a hundredth or two, to a spread of a few tenths
QUIET = 1e-3  # -60 dBFS in a bin: below it compression gives way to a straight line, so that its slope stays finite


class Discriminator(nn.Module):
    """What an opponent plays with: `judge(views(x))`, in two halves.

    The views of real material are needed several times a step, and the R1 penalty takes its gradient there. A
    discriminator of other material (token distributions) says what its views are.
    """

    def views(self, x: Tensor) -> list[Tensor]:
        """What each scale looks at, [batch, ...] each; without parameters of its own, differentiable in `x`."""
        raise NotImplementedError

    def judge(self, views: Sequence[Tensor]) -> list[Judgement]:
        """What each scale says of its view."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> list[Judgement]:
        return self.judge(self.views(x))


class SpectrumDiscriminator(nn.Module):
    """Complex spectra [batch, 2, bins, frames] to a logit for each patch [batch, 1, bins / 32, frames].

    Five convolutions over frequency and time with weight norm and LeakyReLU 0.2, as a scale of EnCodec's MS-STFT
    discriminator (Defossez et al. 2022), but strided in frequency from the first on and with fewer channels.
    """

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        # (in, out, kernel, stride in frequency, dilation in time)
        plan = [
            (2, channels, (9, 3), 4, 1),
            (channels, channels, (5, 3), 2, 1),
            (channels, 2 * channels, (5, 3), 2, 2),
            (2 * channels, 2 * channels, (5, 3), 2, 4),
            (2 * channels, 2 * channels, (3, 3), 1, 1),
        ]
        self.layers = nn.ModuleList(_convolution(*layer) for layer in plan)
        self.out = _convolution(2 * channels, 1, (3, 3), 1, 1)

    def forward(self, spectrum: Tensor) -> Judgement:
        features = []
        x = spectrum
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), SLOPE)
            features.append(x)
        return Judgement(self.out(x), tuple(features))


class MultiScaleSTFTDiscriminator(Discriminator):
    """Waveforms [batch, 1, samples] to one judgement for each FFT size (MS-STFT; Defossez et al. 2022).

    Each scale sees real and imaginary part of its own STFT (Hann window, hop of a quarter). `compression` raises the
    magnitudes to a power, so that decays, 40 dB below the peak, still count; 1 leaves them linear. All are multiplied
    by a constant: R1 on values of a hundredth would be ten thousand times as strict, and nothing would be learned.

    With 16 channels and three FFT sizes: 113 thousand parameters, 0.59 G multiply-adds for a second of 48 kHz audio.
    """

    def __init__(
        self, fft_sizes: Sequence[int] = (512, 1024, 2048), channels: int = 16, compression: float = 0.6
    ) -> None:
        super().__init__()
        self.fft_sizes, self.compression = tuple(fft_sizes), compression
        for size in self.fft_sizes:
            window = torch.hann_window(size)
            # Scaled so that a full-scale sine has magnitude 1 at every size.
            self.register_buffer(f"window_{size}", window * (2 / window.sum()), persistent=False)
        self.scales = nn.ModuleList(SpectrumDiscriminator(channels) for _ in self.fft_sizes)

    def views(self, x: Tensor) -> list[Tensor]:
        """The spectra [batch, 2, bins, frames] of each scale, of any number of samples. Raises ValueError for none."""
        if x.ndim != 3 or x.shape[1] != 1 or x.shape[2] == 0:
            raise ValueError(f"waveform of shape {tuple(x.shape)}: expected [batch, 1, samples]")
        return [self._spectrum(x[:, 0].float(), size) for size in self.fft_sizes]

    def judge(self, views: Sequence[Tensor]) -> list[Judgement]:
        return [scale(view) for scale, view in zip(self.scales, views, strict=True)]

    def _spectrum(self, waveform: Tensor, size: int) -> Tensor:
        window = self.get_buffer(f"window_{size}")
        spectrum = torch.stft(waveform, size, size // 4, window=window, pad_mode="constant", return_complex=True)
        parts = torch.view_as_real(spectrum).permute(0, 3, 1, 2)
        if self.compression == 1:
            return GAIN * parts
        energy = parts.square().sum(dim=1, keepdim=True)
        return parts * (GAIN * (energy + QUIET**2) ** ((self.compression - 1) / 2))


def _convolution(in_channels: int, out_channels: int, kernel: tuple[int, int], stride: int, dilation: int) -> nn.Module:
    """A convolution over (frequency, time) that keeps the number of frames and divides that of bins by `stride`."""
    padding = (kernel[0] // 2, dilation * (kernel[1] // 2))
    conv = nn.Conv2d(in_channels, out_channels, kernel, (stride, 1), padding, (1, dilation))
    # Torch's default halves the signal at every layer, and the first logits would all be the same.
    nn.init.kaiming_normal_(conv.weight, a=SLOPE)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    normed: nn.Module = weight_norm(conv)
    return normed
