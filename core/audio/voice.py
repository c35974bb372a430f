"""The voice of an audio run: a checkpoint's model that remakes sounds and makes new ones, as WAV files."""

import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from core.audio.building import build_model
from core.audio.files import UnreadableSound, read_sound
from core.audio.remake import Place, Remaker
from core.training.checkpoints import load_weights
from core.training.config import TrainingConfig
from core.training.latents import Material, between, numbered_seed
from core.training.voice import Origin, Rendering, SourceError, WishError

PROGRAM = "distill-tui"  # written into each file, so that an earlier render may be replaced and nothing else
PEAK_DB = -1.0
ORIGIN_DB = -9.0  # the peak of what is turned: what it becomes may be louder
SILENT_PEAK = 1e-3  # -60 dBFS: below it there is nothing to bring up
CEILING = 0.999
NEAR = 0.25
MOST_SECONDS = 120.0  # of one new sound, which is made in one go
SOURCE_SECONDS = 30.0  # of a file whose latent is taken


class AudioVoice:
    """See `core.training.voice.Voice`. Files are mono, 24 bits, at the run's sample rate.

    Sources are read as in training: any readable format and rate, channels averaged. Reconstructions keep the model's
    level, turned down only where they would clip; new sounds peak at -1 dBFS. `material` is what `origin` and what
    follows from it take to know where the middle is.
    """

    suffix = ".wav"

    def __init__(self, remaker: Remaker, material: Material | None = None) -> None:
        self._remaker, self._known = remaker, material
        self._rate = remaker.sample_rate

    @classmethod
    def load(cls, config: TrainingConfig, weights: dict[str, Tensor], path: Path) -> "AudioVoice":
        model = build_model(config)
        load_weights(model, weights, path)
        return cls(Remaker(model.eval(), config), Material.of(model.density, model.latent_dim))

    def reconstruct(self, source: Path) -> Rendering:
        return self._rendered(self._remaker.remade(self._read(source)))

    def samples(self, count: int, seed: int, temperature: float, seconds: float | None) -> Iterator[Rendering]:
        samples = self._length(seconds)
        for number in range(count):
            latent = self._remaker.drawn(numbered_seed(seed, number), samples, temperature)
            yield self._normalised(Place(latent, samples))

    def variations(self, source: Path, count: int, seed: int, temperature: float) -> Iterator[Rendering]:
        """The distance at temperature 1 is a quarter of that between two new sounds."""
        place, note = self._place_of(source)
        for number in range(count):
            draws = [self._remaker.drawn(numbered_seed(seed, 2 * number + side), place.samples) for side in (0, 1)]
            latent = place.latent + NEAR * temperature * (draws[0] - draws[1])
            yield self._normalised(Place(latent, place.samples), note)

    def between(self, first: Path, last: Path, steps: int) -> Iterator[Rendering]:
        """Along the great circle between the two latents; see `core.training.latents.between`.

        Sequences of different lengths are stretched to the length on the way from the one to the other.
        """
        (start, first_note), (end, last_note) = self._place_of(first), self._place_of(last)
        for share in torch.linspace(0, 1, steps).tolist():
            note = first_note if share == 0 else last_note if share == 1 else ""
            yield self._normalised(self._on_the_way(start, end, share), note)

    @property
    def spread(self) -> tuple[float, ...]:
        return tuple(self._material.spread.tolist())

    def origin(self, source: Path | None = None, seed: int | None = None) -> Origin:
        note, samples = "", self._remaker.chunk_samples
        if source is not None:
            place, note = self._place_of(source)
        elif seed is not None:
            place = Place(self._remaker.drawn(numbered_seed(seed, 0), samples), samples)
        else:
            middle = self._material.middle
            place = Place(middle[None, :, 0] if self._remaker.is_global else middle[None], samples)
        peak = float(self._remaker.sound_of(place).abs().max())
        gain = 10 ** (ORIGIN_DB / 20) / peak if peak > SILENT_PEAK else 1.0
        return Origin(place.latent, self._material.standing(place.latent), place.samples, gain, note)

    def turned(self, origin: Origin, to: Mapping[int, float]) -> Rendering:
        latent = self._material.turned(origin.latent, to)
        return self._rendered(origin.gain * self._remaker.sound_of(Place(latent, origin.samples)), origin.note)

    def waveform(self, rendering: Rendering) -> bytes:
        return rendering.data

    def made(self, path: Path) -> bool:
        import soundfile

        try:
            with soundfile.SoundFile(os.fsencode(path)) as sound:
                return str(sound.software).startswith(PROGRAM)
        except (soundfile.LibsndfileError, OSError):
            return False

    @property
    def _material(self) -> Material:
        if self._known is None:
            raise RuntimeError("this voice was made without the material that its latents lie among")
        return self._known

    def _read(self, source: Path) -> Tensor:
        try:
            return read_sound(source, self._rate)[0]
        except UnreadableSound as error:
            raise SourceError(f"{source}: {error}") from error

    def _place_of(self, source: Path) -> tuple[Place, str]:
        """Where a file lies, and a note where that is only of its beginning."""
        waveform, most = self._read(source), round(SOURCE_SECONDS * self._rate)
        if self._remaker.is_global:
            most = min(most, self._remaker.chunk_samples)
        note = ""
        if len(waveform) > most:
            note = f"{source}: {len(waveform) / self._rate:.4g} s long; only its first {most / self._rate:g} s count"
        return self._remaker.place_of(waveform[:most]), note

    def _length(self, seconds: float | None) -> int:
        if seconds is None or abs(seconds * self._rate - self._remaker.chunk_samples) <= 0.5:
            return self._remaker.chunk_samples
        if self._remaker.is_global:
            chunk = self._remaker.chunk_samples / self._rate
            raise WishError(
                f"{seconds:g} seconds: this run's latent stands for {chunk:g} seconds and no other length; "
                "leave the length out, or train with --set model.latent=sequence"
            )
        if not 0 < seconds <= MOST_SECONDS:
            raise WishError(f"{seconds:g} seconds: up to {MOST_SECONDS:g} seconds can be made in one go")
        return max(1, round(seconds * self._rate))

    def _on_the_way(self, start: Place, end: Place, share: float) -> Place:
        """The place that lies `share` (0 to 1) of the way from one to another; the ends are the places themselves."""
        samples = round(start.samples + share * (end.samples - start.samples))
        latents = start.latent, end.latent
        if not self._remaker.is_global:
            positions = self._remaker.positions(samples)
            latents = _stretched(start.latent, positions), _stretched(end.latent, positions)
        return Place(between(*latents, share), samples)

    def _normalised(self, place: Place, note: str = "") -> Rendering:
        waveform = self._remaker.sound_of(place)
        peak = float(waveform.abs().max())
        return self._rendered(waveform * (10 ** (PEAK_DB / 20) / peak if peak > SILENT_PEAK else 1.0), note)

    def _rendered(self, waveform: Tensor, note: str = "") -> Rendering:
        import soundfile

        waveform = waveform * (CEILING / waveform.abs().max().clamp(min=CEILING))
        encoded = io.BytesIO()
        with soundfile.SoundFile(encoded, "w", self._rate, 1, subtype="PCM_24", format="WAV") as file:
            file.software = PROGRAM
            file.write(waveform.numpy())
        return Rendering(encoded.getvalue(), len(waveform) / self._rate, note)


def _stretched(latent: Tensor, positions: int) -> Tensor:
    """A sequence latent [1, latent_dim, positions] at another number of positions."""
    if latent.shape[2] == positions:
        return latent
    return functional.interpolate(latent, size=positions, mode="linear", align_corners=True)
