"""The decoder of an audio run as one module without side paths: a latent in, a waveform as `generate` gives it out."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.audio.phase import diffused, griffin_lim, integrated_phase, istft
from core.audio.spectrogram import AudioSpectrogram
from core.audio.voice import CEILING, PEAK_DB, SILENT_PEAK
from core.export.fourier import FixedFourier
from core.export.port import Port
from core.models.conv_vae import ConvVAE
from core.training.config import TrainingConfig


class SoundDecoder(nn.Module):
    """Latents [batch, latent_dim(, positions)] to waveforms [batch, 1, samples] within [-1, 1], of a chunk's length.

    All that `AudioVoice.samples` does to a latent: decode, take the normalisation off, find phases (the integrated
    ones, then Griffin-Lim from them), invert, and bring the peak to -1 dBFS. What depends on the length alone, such as
    the chance phases, is worked out beforehand and fixed: a sequence latent has the positions of a training chunk.
    The batch is free. All is worked out in float64, as `generate` does: Griffin-Lim magnifies rounding a thousandfold,
    and runtimes round each in their own way. `model` is taken over.

    `complex_numbers` says that the format knows them, and the inverse FFT; else fixed sines and cosines do the work.
    """

    chance: Tensor
    advance: Tensor

    def __init__(self, model: ConvVAE, config: TrainingConfig, *, complex_numbers: bool) -> None:
        super().__init__()
        spec = config.spectrogram
        self.model, self.spectrogram = model.double(), AudioSpectrogram(spec).double()
        self.sample_rate, self.hop, self.iterations = spec.sample_rate, spec.hop_length, spec.griffin_lim_iterations
        self.samples = round(config.data.chunk_seconds * spec.sample_rate)
        self.frames = 1 + self.samples // self.hop
        covered = (self.frames - 1) * self.hop
        self.covered = min(max(self.samples, covered, 1), covered + max(1, self.hop - 1))
        flat = torch.zeros(1, spec.n_fft // 2 + 1, self.frames, dtype=torch.float64)
        self.register_buffer("chance", self.spectrogram._chance(flat[0]))
        self.register_buffer("advance", integrated_phase(flat, self.hop))
        self.fourier = (
            None if complex_numbers else FixedFourier(self.spectrogram.window, self.hop, self.frames, self.covered)
        )

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The latent."""
        one = (self.model.latent_dim,)
        shape = one if self.model.latent == "global" else (*one, self.model.positions)
        return (Port("latent", "float32", ("batch", *shape), "see density for how to draw one"),)

    @property
    def output(self) -> Port:
        """The waveform."""
        meaning = f"samples within -1 to 1, at {self.sample_rate} Hz"
        return Port("waveform", "float32", ("batch", 1, self.samples), meaning)

    @property
    def about(self) -> dict[str, Any]:
        """The sound's length, and what there is to know of how it comes about."""
        notes = ["The peak is brought to -1 dBFS, as distill-tui generate does it."]
        if self.model.latent == "sequence":
            notes.append("The number of positions is fixed: that of a training chunk.")
        if self.iterations:
            notes.append(
                f"{self.iterations} rounds of Griffin-Lim are in it, which magnify rounding. It counts in float64, so "
                "that samples are those of distill-tui generate within 0.0001, as a rule within 0.000001."
            )
        return {"seconds": self.samples / self.sample_rate, "notes": notes}

    def forward(self, latent: Tensor) -> Tensor:
        """The waveforms of latents."""
        return _leveled(self._sound(self.model.denormalize(self._decoded(latent.double()))).float().nan_to_num())

    def _decoded(self, z: Tensor) -> Tensor:
        """`ConvVAE.decode`, whose len() a tracer would take for a constant."""
        model = self.model
        if model.whole is not None:
            base = model.whole.synthesize(z).reshape(-1, model.positions, model.parts.components) / model.parts.scale
        else:
            base = z.mT
        linear = model._as_spectrograms(model.parts.synthesize(base)) / model.share
        details = model._as_spectrograms(model.decoder(z)) * model.cut.window
        joined: Tensor = model.cut.join(linear + details, self.frames)
        return joined

    def _sound(self, spectrogram: Tensor) -> Tensor:
        """`AudioSpectrogram.inverse` of a guessed spectrogram."""
        magnitude = self.spectrogram._from_bands(self.spectrogram.energy(spectrogram))
        phase = self.chance
        if self.spectrogram.config.channels == 2:
            frequency = spectrogram[:, 1][:, self.spectrogram.band_of_bin]
            phase = diffused(frequency, magnitude, self.chance).cumsum(dim=-1) + self.advance
        if self.fourier is not None:
            waveform = self.fourier.sound(self.fourier.griffin_lim(magnitude, phase, self.iterations))[:, None]
        else:
            window = self.spectrogram.window
            spectrum = griffin_lim(magnitude, phase, window, self.hop, self.covered, self.iterations)
            waveform = istft(spectrum, window, self.hop, self.covered)[:, None]
        waveform = waveform[..., : self.samples]
        return functional.pad(waveform, (0, max(0, self.samples - self.covered)))


def _leveled(waveform: Tensor) -> Tensor:
    """Peaks at -1 dBFS, but for near silence, which stays as it is."""
    peak = waveform.abs().amax(dim=(1, 2), keepdim=True)
    waveform = waveform * torch.where(peak > SILENT_PEAK, 10 ** (PEAK_DB / 20) / peak.clamp(min=SILENT_PEAK), 1.0)
    return waveform * (CEILING / waveform.abs().amax(dim=(1, 2), keepdim=True).clamp(min=CEILING))
