"""The voice of a MIDI run: a checkpoint's model that plays tunes again and writes new ones, as MIDI files."""

import io
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from core.midi.bank import fixed_windows
from core.midi.files import Tune, UnreadableTune, midi_bytes, read_score, read_tune, written_by_us
from core.midi.recipe import build_model
from core.midi.render import Renderer
from core.midi.tokens import decode, encode
from core.midi.vocabulary import MAX_SHIFT, STEP_SECONDS, STEPS_PER_SECOND, Note, shift_token
from core.midi.written import joined, steps_of
from core.models.token_vae import TokenVAE
from core.training.checkpoints import load_weights
from core.training.config import TrainingConfig
from core.training.latents import Material, between, numbered_seed
from core.training.voice import Origin, Rendering, SourceError, WishError

NEAR = 0.25
MOST_SECONDS = 600.0
TOP_P = 0.95  # of each token's probability: what is unlikelier still is seldom meant (Holtzman et al. 2020)


class MidiVoice:
    """See `core.training.voice.Voice`. Files are Standard MIDI Files of one part, on the grid of 64 steps a second.

    A latent stands for a window of tokens; a longer tune is played again window by window, and a new one is written on
    with the last half of what was written before it.
    """

    suffix = ".mid"

    def __init__(self, model: TokenVAE, config: TrainingConfig) -> None:
        self._model = model
        self._length, self._soundfont = config.tunes.window_tokens, config.tunes.soundfont

    @classmethod
    def load(cls, config: TrainingConfig, weights: dict[str, Tensor], path: Path) -> "MidiVoice":
        model = build_model(config)
        load_weights(model, weights, path)
        return cls(model.eval(), config)

    @torch.inference_mode()
    def reconstruct(self, source: Path) -> Rendering:
        """Window by window, each written as the model thinks likeliest and as long as in the source."""
        tune = self._read(source)
        end = max(note.end for note in tune.notes)
        starts, windows = fixed_windows(tune, self._length)
        pieces = []
        for start, border, tokens in zip(starts, [*starts[1:], end], windows, strict=True):
            mu, _ = self._model.encode(tokens[None])
            pieces.append((start, self._written(mu, 0, 0.0, border - start)))
        return _rendered(joined(pieces, end), end)

    @torch.inference_mode()
    def samples(self, count: int, seed: int, temperature: float, seconds: float | None) -> Iterator[Rendering]:
        """At `temperature` 0 all are the middle of the material, written as the model thinks likeliest."""
        if seconds is not None and not 0 < seconds <= MOST_SECONDS:
            raise WishError(f"{seconds:g} seconds: up to {MOST_SECONDS:g} seconds can be written in one go")
        steps = None if seconds is None else max(1, round(seconds * STEPS_PER_SECOND))
        for number in range(count):
            drawn = numbered_seed(seed, number)
            latent = self._model.sample(1, torch.Generator().manual_seed(drawn), temperature)
            yield _rendered(self._written(latent, drawn, temperature, steps), steps)

    @torch.inference_mode()
    def variations(self, source: Path, count: int, seed: int, temperature: float) -> Iterator[Rendering]:
        """The distance at temperature 1 is a quarter of that between two new tunes."""
        place = self._place_of(source)
        for number in range(count):
            drawn = numbered_seed(seed, number)
            pair = self._model.sample(2, torch.Generator().manual_seed(drawn))
            yield _rendered(self._written(place + NEAR * temperature * (pair[:1] - pair[1:]), drawn, temperature))

    @torch.inference_mode()
    def between(self, first: Path, last: Path, steps: int) -> Iterator[Rendering]:
        """Along the great circle between the two latents; see `core.training.latents.between`."""
        ends = self._place_of(first), self._place_of(last)
        for share in torch.linspace(0, 1, steps).tolist():
            yield _rendered(self._written(between(*ends, share), 0, 0.0))

    @property
    def spread(self) -> tuple[float, ...]:
        return tuple(self._material.spread.tolist())

    @torch.inference_mode()
    def origin(self, source: Path | None = None, seed: int | None = None) -> Origin:
        if source is not None:
            latent = self._place_of(source)
        elif seed is not None:
            latent = self._model.sample(1, torch.Generator().manual_seed(numbered_seed(seed, 0)))
        else:
            latent = self._material.middle[None, :, 0]
        return Origin(latent, self._material.standing(latent))

    @torch.inference_mode()
    def turned(self, origin: Origin, to: Mapping[int, float]) -> Rendering:
        """Written as the model thinks likeliest."""
        return _rendered(self._written(self._material.turned(origin.latent, to), 0, 0.0))

    def waveform(self, rendering: Rendering) -> bytes:
        import soundfile

        try:
            notes: tuple[Note, ...] = read_score(rendering.data)
        except UnreadableTune:  # without a note there is nothing to hear
            notes = ()
        encoded = io.BytesIO()
        heard = self._renderer.waveform(notes)
        soundfile.write(encoded, heard, self._renderer.sample_rate, subtype="PCM_16", format="WAV")
        return encoded.getvalue()

    def made(self, path: Path) -> bool:
        return written_by_us(path)

    @cached_property
    def _material(self) -> Material:
        return Material.of(self._model.density, self._model.latent_dim)

    @cached_property
    def _renderer(self) -> Renderer:
        return Renderer(self._soundfont)

    def _read(self, source: Path) -> Tune:
        try:
            return read_tune(source)
        except UnreadableTune as error:
            raise SourceError(f"{source}: {error}") from error

    def _place_of(self, source: Path) -> Tensor:
        """The mean latent [1, latent_dim] of a file's first window."""
        _, windows = fixed_windows(self._read(source), self._length)
        return self._model.encode(windows[:1])[0]

    def _written(self, latent: Tensor, seed: int, temperature: float, steps: int | None = None) -> list[Note]:
        """A window of what the model writes to a latent, or so many grid steps of it."""
        generator = torch.Generator().manual_seed(seed)
        notes: list[Note] = []
        now = 0
        while True:
            primer = self._primer(notes, now)
            left = None if steps is None else steps - now
            (row,) = self._model.write(
                latent, self._length - len(primer), generator=generator, temperature=temperature, top_p=TOP_P,
                steps=left, primer=torch.tensor([primer], dtype=torch.long),
            )  # fmt: skip
            tokens = row.tolist()
            notes += [note._replace(start=now + note.start, end=now + note.end) for note in decode(tokens)]
            passed = steps_of(tokens)
            now += passed
            if left is None or passed == 0 or passed >= left:
                return notes

    def _primer(self, notes: list[Note], now: int) -> list[int]:
        """The latest of what was written, as half a window of tokens that end at step `now`; none before the start."""
        if not notes:
            return []
        recent = sorted(notes)[-self._length // 4 :]  # a note is two tokens and part of a shift
        while recent:
            begin = recent[0].start
            tokens = encode([note._replace(start=note.start - begin, end=note.end - begin) for note in recent])
            gap = now - begin - steps_of(tokens)
            tokens += [shift_token(MAX_SHIFT)] * (gap // MAX_SHIFT)
            tokens += [shift_token(gap % MAX_SHIFT)] if gap % MAX_SHIFT else []
            if len(tokens) <= self._length // 2:
                return tokens
            recent = recent[len(recent) // 4 + 1 :]
        return []  # a rest so long that nothing before it fits


def _rendered(notes: list[Note], steps: int | None = None) -> Rendering:
    """A file that lasts so many steps, rests at its end included; None: as long as its notes."""
    last = max((note.end for note in notes), default=0)
    seconds = (last if steps is None else max(last, steps)) * STEP_SECONDS
    return Rendering(midi_bytes(notes, seconds), seconds)
