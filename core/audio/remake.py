"""Sounds of any length through a trained model: to latents, from latents, and from sound to sound."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from core.audio.seams import JOINT_WINDOWS, chunk_starts, joined_sound, joined_spectrogram
from core.audio.spectrogram import AudioSpectrogram
from core.models.conv_vae import ConvVAE
from core.training.config import TrainingConfig

SECTION_SECONDS = (
    30.0  # what is worked off at a time, so that the model's memory does not grow with the sound: some 300 MB
)
SHARED_SECONDS = 1.0
CHUNKS_AT_A_TIME = 16


@dataclass(frozen=True)
class Place:
    """A sound as its model knows it: a latent [1, latent_dim(, positions)] and a length in samples."""

    latent: Tensor
    samples: int


class Remaker:
    """A model in evaluation mode with the transform that it was trained on; works on the CPU, without gradients.

    What is no longer than a chunk stands at the start of one, followed by silence, as in training. `section_seconds`
    bounds the memory that the model takes: a longer sound is made in sections that share a second.
    """

    def __init__(self, model: ConvVAE, config: TrainingConfig, section_seconds: float = SECTION_SECONDS) -> None:
        self.sample_rate = config.spectrogram.sample_rate
        self.chunk_samples = round(config.data.chunk_seconds * self.sample_rate)
        self._model = model
        # In float64, as the sound is made: Griffin-Lim magnifies rounding, and exported decoders give the same sound.
        self._decoder = copy.deepcopy(model).double()
        self._spectrogram = AudioSpectrogram(config.spectrogram)
        self._shared = max(round(SHARED_SECONDS * self.sample_rate), 2 * JOINT_WINDOWS * config.spectrogram.n_fft)
        self._section = max(round(section_seconds * self.sample_rate), 4 * self._shared, 2 * self.chunk_samples)

    @torch.inference_mode()
    def remade(self, waveform: Tensor) -> Tensor:
        """What the model makes of a waveform [samples], as long as that and at the model's own level."""
        hop, window = self._spectrogram.config.hop_length, self._spectrogram.window
        finished: list[Tensor] = []
        last, last_end = waveform[:0], 0  # the stretch that the next one is joined to
        for start, end in self._sections(len(waveform)):
            section = self._section_remade(waveform[start:end])
            if overlap := last_end - start:
                finished.append(last[:-overlap])
                section = joined_sound(last[-overlap:], section, overlap, window, hop)
            last, last_end = section, end
        return torch.cat([*finished, last])

    @torch.inference_mode()
    def place_of(self, waveform: Tensor) -> Place:
        """The mean latent of a waveform [samples]; of one for whole chunks, that of the first chunk."""
        samples = self.chunk_samples if self.is_global else len(waveform)
        spec = self._model.normalize(self._spectrogram_of(waveform[:samples]))
        latent, _ = self._model.encode(spec[..., : self.frames(self.chunk_samples)] if self.is_global else spec)
        if not self.is_global:
            latent = latent[..., : self.positions(samples)]
        return Place(latent, samples)

    @torch.inference_mode()
    def sound_of(self, place: Place) -> Tensor:
        """The waveform [samples] of a latent."""
        spec = self._decoder.denormalize(self._decoder.decode(place.latent.double(), self.frames(place.samples)))
        return self._inverted(spec, place.samples)

    @torch.inference_mode()
    def drawn(self, seed: int, samples: int, temperature: float = 1.0) -> Tensor:
        """A latent for so many samples from where the training material lies; the same for the same seed.

        Its distance from the middle of the material is scaled by `temperature`.
        """
        generator = torch.Generator().manual_seed(seed)
        return self._model.sample(1, generator, self.frames(samples), temperature)

    @property
    def is_global(self) -> bool:
        """Whether one latent stands for a whole chunk, rather than a sequence for any length."""
        return self._model.latent == "global"

    def frames(self, samples: int) -> int:
        """How many frames a spectrogram of so many samples has."""
        return 1 + samples // self._spectrogram.config.hop_length

    def positions(self, samples: int) -> int:
        """How many positions a sequence latent of so many samples has."""
        return -(-self.frames(samples) // self._model.patch_frames)

    def _sections(self, samples: int) -> list[tuple[int, int]]:
        """Start and end of each, about equally long and in whole hops, so that frames lie on the sound's own."""
        hop = self._spectrogram.config.hop_length
        count = max(1, -(-(samples - self._shared) // (self._section - self._shared)))
        starts = [(samples - self._shared) * number // count // hop * hop for number in range(count)]
        ends = [start + self._shared for start in starts[1:]]
        return list(zip(starts, [*ends, samples], strict=True)) if count > 1 else [(0, samples)]

    def _section_remade(self, waveform: Tensor) -> Tensor:
        if not self.is_global:
            return self.sound_of(self.place_of(waveform))
        hop, size = self._spectrogram.config.hop_length, self.frames(self.chunk_samples)
        starts = chunk_starts(self.frames(len(waveform)), size)
        padded = functional.pad(waveform, (0, max(0, starts[-1] * hop + self.chunk_samples - len(waveform))))
        chunks = torch.stack([padded[start * hop : start * hop + self.chunk_samples] for start in starts])
        outputs = torch.cat([self._chunks_remade(part) for part in torch.split(chunks, CHUNKS_AT_A_TIME)])
        edge = -(-self._spectrogram.config.n_fft // (2 * hop))
        spec = joined_spectrogram(outputs, starts, edge)
        return self._inverted(spec, max(len(waveform), self.chunk_samples))[: len(waveform)]

    def _chunks_remade(self, chunks: Tensor) -> Tensor:
        """Spectrograms that the model makes of chunks [count, samples], each cut out alone as in training."""
        spec = self._spectrogram(chunks[:, None])
        latent, _ = self._model.encode(self._model.normalize(spec))
        return self._model.denormalize(self._model.decode(latent, spec.shape[-1]))

    def _spectrogram_of(self, waveform: Tensor) -> Tensor:
        """[1, channels, bands, frames] of a waveform [samples], of at least a chunk: after a short sound is silence."""
        padded = functional.pad(waveform, (0, max(0, self.chunk_samples - len(waveform))))
        spectrogram: Tensor = self._spectrogram(padded[None, None])
        return spectrogram

    def _inverted(self, spec: Tensor, samples: int) -> Tensor:
        return self._spectrogram.inverse(spec, samples, guessed=True)[0, 0].nan_to_num()
