"""The representation: waveform to log magnitude and instantaneous frequency, and back to sound."""

import math

import torch
from torch import Tensor, nn

from core.audio.filterbank import mel_filterbank
from core.audio.phase import demodulated_phase, diffused, griffin_lim, integrated_phase, istft, stft, wrapped
from core.training.config import SpectrogramConfig

# Magnitudes are those of a sine: 1 is full scale. Below the first, -100 dBFS in one bin, the logarithm flattens out.
# Below the second a bin's phase counts as unknown: the dither of 16-bit audio lies at 7e-7 in a bin of 2048 samples,
# while a higher floor is heard to cost phase in faint high bins (-100 dBFS: MRSTFT 0.12 for linear bins, else exact).
FLOOR = 1e-5
PHASE_FLOOR = 2e-6
RANDOM_PHASE_SEED = 0
SMALLEST = 1e-30
LOUDEST = math.log(4)


class AudioSpectrogram(nn.Module):
    """Waveforms [batch, 1, samples] to spectrograms [batch, channels, bands, frames] and back.

    Channel 0 is log(magnitude + 1e-5), the magnitude averaged over each mel band. With "magnitude_if", channel 1 is
    the instantaneous frequency in radians per hop, within [-pi, pi]: by how much a bin's phase advanced beyond the
    2 pi k hop / n_fft of its own centre (as in GANSynth; Engel 2019), averaged over the band on the unit circle with
    the energies as weights. Frame 0 holds the first phase itself, from which the others are counted. Where a bin is
    silent its last phase is held, so that silence has no frequency and what follows it keeps its phase.

    There are 1 + samples // hop frames, centred on multiples of the hop, with zeros around the sound: any length from
    one sample on will do. Linear bins (`n_mels` 0) are inverted exactly. From mel bands the magnitude is the least-
    squares one, and the integrated phase is where `griffin_lim_iterations` of Griffin-Lim start; 0 takes it as it is.
    """

    window: Tensor
    filterbank: Tensor
    inverse_filterbank: Tensor
    band_of_bin: Tensor

    def __init__(self, config: SpectrogramConfig) -> None:
        super().__init__()
        self.config = config
        window = torch.hann_window(config.n_fft)
        # Scaled so that a full-scale sine has magnitude 1; the inverse divides by the same window.
        self.register_buffer("window", window * (2 / window.sum()), persistent=False)
        bins = config.n_fft // 2 + 1
        bands = (
            mel_filterbank(config.n_mels, config.n_fft, config.sample_rate) if config.n_mels else torch.empty(0, bins)
        )
        self.register_buffer("filterbank", bands, persistent=False)
        inverse = torch.linalg.pinv(bands.double()).float() if config.n_mels else torch.empty(bins, 0)
        self.register_buffer("inverse_filterbank", inverse, persistent=False)
        # A bin takes the frequency of the band in which it weighs most, against that band's other bins.
        nearest = (bands / bands.amax(dim=1, keepdim=True)).argmax(dim=0) if config.n_mels else torch.arange(bins)
        self.register_buffer("band_of_bin", nearest, persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """The spectrogram [batch, channels, bands, frames] of waveforms [batch, 1, samples]."""
        spectrum = stft(waveform[:, 0].float(), self.window, self.config.hop_length)
        magnitude = spectrum.abs()
        log_magnitude = torch.log(self._to_bands(magnitude) + FLOOR)
        if self.config.channels == 1:
            return log_magnitude[:, None]
        return torch.stack([log_magnitude, self._instantaneous_frequency(spectrum, magnitude)], dim=1)

    def inverse(self, spectrogram: Tensor, samples: int, guessed: bool = False) -> Tensor:
        """Waveforms [batch, 1, samples], float32, of spectrograms [batch, channels, bands, frames]; differentiable.

        Worked out in float64: Griffin-Lim magnifies rounding, and an exported decoder is to give the same sound.
        Always exactly `samples` long: what the frames do not reach is silent. `guessed` says that the spectrogram is a
        model's: its frequencies are then believed at spectral peaks only, see `core.audio.phase.diffused`.
        """
        spectrogram = spectrogram.to(_finest(spectrogram.device))
        magnitude = self._from_bands(self.energy(spectrogram))
        window, chance = self.window.to(magnitude.dtype), self._chance(magnitude[0])
        if self.config.channels == 2:
            frequency = spectrogram[:, 1][:, self.band_of_bin]
            frequency = diffused(frequency, magnitude, chance) if guessed else frequency
            phase = integrated_phase(frequency, self.config.hop_length)
        else:
            phase = chance
        hop, covered = self.config.hop_length, (magnitude.shape[-1] - 1) * self.config.hop_length
        length = min(max(samples, covered, 1), covered + max(1, hop - 1))
        spectrum = griffin_lim(magnitude, phase, window, hop, length, self.config.griffin_lim_iterations)
        waveform = istft(spectrum, window, hop, length)[:, None, :samples].float()
        return nn.functional.pad(waveform, (0, samples - waveform.shape[-1]))

    def with_phase_of(self, waveform: Tensor, spectrogram: Tensor) -> Tensor:
        """Waveforms [batch, 1, samples] with the magnitudes of `spectrogram` and the phases of `waveform`.

        Differentiable in the magnitudes, and exact for the waveform's own spectrogram: what it differs in is heard
        without the phases, which no latent can carry, being heard at the same time.
        """
        spectrum = stft(waveform[:, 0].float(), self.window, self.config.hop_length)
        # Digital silence has no phase, and what a model puts there must be heard all the same.
        chance = torch.polar(torch.ones_like(spectrum.real[0]), self._chance(spectrum[0]))
        direction = torch.where(spectrum == 0, chance, spectrum / spectrum.abs().clamp(min=SMALLEST))
        magnitude = self._from_bands(self.energy(spectrogram))
        return istft(magnitude * direction, self.window, self.config.hop_length, waveform.shape[-1])[:, None]

    def energy(self, spectrogram: Tensor) -> Tensor:
        """The magnitude [batch, bands, frames] of each band, not its logarithm: 0 or more, 1 for a full-scale sine.

        float32, or float64 of float64.
        A model's output may lie anywhere: what is below the floor is 0, and nothing is louder than 4, which no sound
        within full scale comes near. One bin that a model overshoots in would else drown all others (and the ears).
        """
        logarithm = spectrogram[:, 0]
        logarithm = logarithm if logarithm.dtype == torch.float64 else logarithm.float()
        return (torch.exp(logarithm.clamp(max=LOUDEST)) - FLOOR).clamp(min=0)

    def _instantaneous_frequency(self, spectrum: Tensor, magnitude: Tensor) -> Tensor:
        phase = demodulated_phase(spectrum, magnitude > PHASE_FLOOR, self.config.hop_length)
        advance = torch.diff(phase, dim=-1, prepend=torch.zeros_like(phase[..., :1]))
        if not self.config.n_mels:
            return wrapped(advance)
        energy = magnitude.square() * (magnitude > PHASE_FLOOR)
        return torch.atan2(self._to_bands(energy * advance.sin()), self._to_bands(energy * advance.cos()))

    def _chance(self, like: Tensor) -> Tensor:
        """Phases in [-pi, pi) of the shape of `like` and as fine as it, the same every time."""
        generator = torch.Generator().manual_seed(RANDOM_PHASE_SEED)
        phases = torch.pi * (2 * torch.rand(like.shape, generator=generator) - 1)
        return phases.to(like.device, like.real.dtype)

    def _to_bands(self, bins: Tensor) -> Tensor:
        return self.filterbank @ bins if self.config.n_mels else bins

    def _from_bands(self, bands: Tensor) -> Tensor:
        return (self.inverse_filterbank.to(bands.dtype) @ bands).clamp(min=0) if self.config.n_mels else bands


def _finest(device: torch.device) -> torch.dtype:
    """The most exact numbers that a device has."""
    return torch.float32 if device.type == "mps" else torch.float64
