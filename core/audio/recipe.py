"""The audio recipe: a ConvVAE on spectrograms of a folder of sounds."""

from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.audio.bank import SoundBank, training_batch, validation_batches
from core.audio.building import build_model
from core.audio.files import find_sounds
from core.audio.objective import SoundObjective
from core.audio.segments import same_segments
from core.audio.spectrogram import AudioSpectrogram
from core.audio.split import split_files
from core.folders import relative_name
from core.losses.audible import audible
from core.losses.game import HingeGame
from core.losses.spectral import create_stft_loss
from core.losses.stabilizer import AdversarialStabilizer
from core.models.conv_vae import ConvVAE
from core.models.density import MAX_POINTS
from core.models.discriminators import MultiScaleSTFTDiscriminator
from core.training.annealing import KLWeight
from core.training.config import LatentKind, TrainingConfig
from core.training.opponent import Opponent
from core.training.presets import resolve, steps_in_epoch, total_steps
from core.training.recipe import DataSummary, Heard, Losses, PreviewDraft, Progress
from core.training.split import sides

# Augmented chunks that principal components are fitted to: for patches a few seconds' worth of each sound, for whole
# chunks many more, since each of them is a single sample.
FIT_CHUNKS: dict[LatentKind, int] = {"sequence": 192, "global": 2048}
VIEWS_OF_A_CHUNK = 20
FEWEST_POINTS = 64  # that the density of the training latents is fitted to
MIN_FIT_BATCHES = 8


class AudioRecipe:
    """See `core.training.recipe.Recipe`. Batches are waveforms [batch, 1, samples]; spectrograms follow on the fly."""

    name = "audio"

    def __init__(
        self, config: TrainingConfig, train: SoundBank, val: SoundBank, data: DataSummary, device: torch.device
    ) -> None:
        self.config = config
        self.data = data
        self.sample_rate = config.spectrogram.sample_rate
        self._train, self._val, self._device = train, val, device
        self._samples = round(config.data.chunk_seconds * self.sample_rate)
        self._segment = round(config.adversarial.segment_seconds * self.sample_rate) or self._samples
        self.steps_per_epoch = steps_in_epoch(
            train.chunks(self._samples), config.regularization.augmentation_expansion, config.batch_size
        )
        self._annealing = KLWeight(config, self.steps_per_epoch)
        self._objective = SoundObjective(config, self.steps_per_epoch, device)
        self.learned: nn.Module | None = self._objective.learned
        self.terms, self.weighted = self._objective.terms, self._objective.weighted
        self._spectrogram = AudioSpectrogram(config.spectrogram).to(device)
        # Rendering happens in a thread of its own, on the CPU, where it takes no memory from the training.
        self._renderer = AudioSpectrogram(config.spectrogram)
        self._stft_loss = create_stft_loss(config.loss.stft, self.sample_rate).to(device)
        self.model = build_model(config).to(device)
        self.opponent = self._make_opponent()
        if self.opponent is not None:
            self.terms += self.opponent.terms
            self.weighted += self.opponent.game.weighted

    @classmethod
    def prepare(
        cls,
        config: TrainingConfig,
        given: frozenset[str],
        device: torch.device,
        progress: Progress,
        held_out: frozenset[str] = frozenset(),
        resumed: bool = False,
    ) -> "AudioRecipe":
        folder = Path(config.data.path).expanduser()
        sample_rate = config.spectrogram.sample_rate
        bank = SoundBank.load(
            find_sounds(folder), config.data, sample_rate, partial(_of, progress, "files"), root=folder
        )
        draw = partial(split_files, bank.files, seed=config.seed)
        train_files, val_files = sides(
            bank.files, bank.skipped, folder, "sound", held_out, config.data.validation_fraction, draw
        )
        train, val = bank.subset(train_files), bank.subset(val_files)
        chunks = train.chunks(round(config.data.chunk_seconds * sample_rate))
        names = tuple(relative_name(path, folder) for path in val_files)
        data = DataSummary(len(train.files), len(val.files), train.seconds, tuple(bank.skipped), names, chunks)
        bank.close()
        recipe = cls(resolve(config, len(train.files) + len(val.files), chunks, given), train, val, data, device)
        if not resumed:
            recipe._fit(progress)
        return recipe

    @property
    def representation(self) -> str:
        spec = self.config.spectrogram
        bands = f"{spec.n_mels} mel" if spec.n_mels else "linear"
        return f"log-mel, {bands}" if spec.channels == 1 else f"magnitude + IF, {bands}"

    def batch(self, generator: torch.Generator) -> Tensor:
        return training_batch(self._train, self.config, self.config.batch_size, generator, self._device)

    def validation_batches(self) -> Iterator[Tensor]:
        for batch in validation_batches(self._val, self.config, max(8, self.config.batch_size)):
            yield batch.to(self._device)

    def kl_weight(self, step: int) -> float:
        return self._annealing.at(step)

    def after_step(self, terms: Mapping[str, float]) -> None:
        self._annealing.after_step(terms["kl_raw"])
        self._objective.after_step()

    def losses(self, model: nn.Module, batch: Tensor, kl_weight: float) -> Losses:
        assert isinstance(model, ConvVAE)
        spec, target = self._normalised(model, batch)
        reconstruction, mu, logvar = model(target)
        heard = model.denormalize(reconstruction.float())
        compared = self.config.loss.stft.target == "waveform"
        opponent = self.opponent if model.training and self.opponent is not None and self.opponent.playing else None
        waveforms = audible(self._waveform_of(heard, batch), batch) if compared or opponent is not None else None
        if opponent is not None and waveforms is not None:
            fake, real = same_segments(waveforms, self._segment)
            opponent.meet(real, fake, reconstruction)
        energy = self._spectrogram.energy(spec)
        return self._objective.losses(
            reconstruction, target, mu, logvar, kl_weight, stft_loss_fn=self._stft_loss, if_weights=energy,
            waveforms=waveforms if compared else None, magnitudes=(self._spectrogram.energy(heard), energy),
        )  # fmt: skip

    def fit_density(self, model: nn.Module) -> None:
        assert isinstance(model, ConvVAE)
        model.fit_density(self._normalised(model, batch.to(self._device))[1] for batch in self._spread_chunks())

    def weights(self, terms: Mapping[str, float], kl_weight: float) -> Mapping[str, float]:
        adversary = self.opponent.weights(terms) if self.opponent is not None else {}
        return {**self._objective.weights(kl_weight), **adversary}

    @cached_property
    def validation_names(self) -> tuple[str, ...]:
        counts = zip(self._val.files, self._val.chunk_counts(self._samples), strict=True)
        return tuple(name for path, count in counts for name in [self._shown(path)] * count)

    def posterior(self, model: nn.Module, batch: Tensor) -> tuple[Tensor, Tensor]:
        assert isinstance(model, ConvVAE)
        mu, logvar = model.encode(self._normalised(model, batch)[1])
        return mu, logvar

    def objective(self, terms: Mapping[str, float], kl_weight: float) -> float:
        return self._objective.at_final_weights(terms)

    def configure(self, config: TrainingConfig) -> None:
        total_changed = config.loss != self.config.loss
        self.config = config
        self._annealing.configure(config)
        self._objective.loss = config.loss
        if self.opponent is not None:
            self.opponent.configure(config.adversarial, total_changed)

    def draft_previews(self, model: nn.Module) -> Iterator[PreviewDraft]:
        assert isinstance(model, ConvVAE)
        if self._preview_sounds:
            batch = torch.stack([chunk for _, chunk in self._preview_sounds]).to(self._device)
            _, target = self._normalised(model, batch)
            mu, _ = model.encode(target)
            outputs = model.denormalize(model.decode(mu, target.shape[3])).cpu()
            for (name, _), output in zip(self._preview_sounds, outputs, strict=True):
                yield PreviewDraft("reconstruction", name, name, output)
        generator = torch.Generator().manual_seed(self.config.seed + 7)
        frames = 1 + self._samples // self.config.spectrogram.hop_length
        for number in range(self.config.preview.samples):
            latent = model.sample(1, generator, frames).to(self._device)
            output = model.denormalize(model.decode(latent, frames))[0].cpu()
            yield PreviewDraft("sample", f"fixed-{number + 1}", f"sample-{number + 1}", output)

    def render(self, draft: PreviewDraft) -> Heard:
        with torch.inference_mode():
            return Heard(self._renderer.inverse(draft.output[None], self._samples, guessed=True)[0, 0])

    def original(self, pair: str) -> Heard | None:
        return next((Heard(chunk[0]) for name, chunk in self._preview_sounds if name == pair), None)

    def state(self) -> dict[str, Any]:
        return {"annealing": self._annealing.state(), "objective": self._objective.state()}

    def restore(self, state: Mapping[str, Any]) -> None:
        if state:
            self._annealing.restore(state["annealing"])
            self._objective.restore(state["objective"])

    def close(self) -> None:
        self._train.close()
        self._val.close()

    def _make_opponent(self) -> Opponent | None:
        adversarial = self.config.adversarial
        if adversarial.mode != "on":
            return None
        with torch.random.fork_rng(devices=[]):  # the model's own random numbers are the same with and without it
            torch.default_generator.manual_seed(self.config.seed)
            discriminator = MultiScaleSTFTDiscriminator(adversarial.fft_sizes, adversarial.channels).to(self._device)
        stabilizer = AdversarialStabilizer(
            generator_loss_scale=adversarial.weight,
            gradient_penalty_weight=adversarial.r1_weight,
            balance_threshold=adversarial.balance_threshold,
        )
        game = HingeGame(stabilizer, adversarial.feature_matching_weight)
        steps = total_steps(self.config, self.steps_per_epoch)
        return Opponent(discriminator, game, adversarial, steps, self._objective.warmup)

    def _fit(self, progress: Progress) -> None:
        """Let the model find its principal components, and where the training sounds lie among them."""
        model = self.model
        model.fit_parts(self._heard("sequence", progress))
        if model.latent == "global":
            model.fit_whole(self._heard("global", progress))
        # Before the first preview, so that a run which was stopped early can still make new sounds.
        self.fit_density(model.eval())
        model.train()

    def _heard(self, kind: LatentKind, progress: Progress) -> Iterator[Tensor]:
        """Spectrograms of augmented training batches, the same every time."""
        chunks = min(FIT_CHUNKS[kind], VIEWS_OF_A_CHUNK * self._train.chunks(self._samples))
        batches = max(MIN_FIT_BATCHES, -(-chunks // self.config.batch_size))
        generator = torch.Generator().manual_seed(self.config.seed)
        for number in range(batches):
            progress(number, batches, "batches heard for the first time")
            yield self._spectrogram(self.batch(generator))

    def _spread_chunks(self) -> Iterator[Tensor]:
        """The training chunks as they are; where they are few, augmented ones too, or all new sounds would be alike."""
        chunks = 0
        for batch in validation_batches(self._train, self.config, max(8, self.config.batch_size), MAX_POINTS):
            chunks += len(batch)
            yield batch
        generator = torch.Generator().manual_seed(self.config.seed)
        while chunks < FEWEST_POINTS:
            batch = self.batch(generator)
            chunks += len(batch)
            yield batch

    def _waveform_of(self, heard: Tensor, batch: Tensor) -> Tensor:
        """Waveforms [batch, 1, samples] of spectrograms as the model put them out, differentiable in their magnitudes.

        Their phases are those of `batch`: a discriminator that heard the model's own would listen to nothing else.
        """
        return self._spectrogram.with_phase_of(batch, heard)

    def _normalised(self, model: nn.Module, batch: Tensor) -> tuple[Tensor, Tensor]:
        assert isinstance(model, ConvVAE)
        with torch.no_grad():
            spec = self._spectrogram(batch)
            return spec, model.normalize(spec)

    @cached_property
    def _preview_sounds(self) -> list[tuple[str, Tensor]]:
        """The first chunk of the first few validation files, by name: the same for the whole run."""
        shown = self._val.files[: self.config.preview.sounds]
        chunks = self._val.crop(range(len(shown)), [0] * len(shown), self._samples)[:, None]
        return [(self._shown(path), chunk) for path, chunk in zip(shown, chunks, strict=True)]

    def _shown(self, path: Path) -> str:
        """A file's name in lists: where it lies in the data folder, without its ending."""
        return str(Path(relative_name(path, Path(self.config.data.path).expanduser())).with_suffix(""))


def _of(progress: Progress, what: str, done: int, total: int) -> None:
    progress(done, total, what)
