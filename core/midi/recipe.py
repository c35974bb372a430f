"""The MIDI recipe: a token VAE-GAN on windows of a folder of tunes, trained by the comprehensive loss framework."""

from collections.abc import Iterator, Mapping
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from core.folders import relative_name
from core.losses.framework import ComprehensiveLossFramework
from core.losses.framework_game import FrameworkGame
from core.losses.framework_weights import model_weights, weighted
from core.losses.gradient_balance import GradientBalancer
from core.losses.kl_schedule import AdaptiveKLScheduler
from core.losses.music_constraints import MusicalConstraintLoss
from core.losses.perceptual import PerceptualReconstructionLoss
from core.losses.stabilizer import AdversarialStabilizer
from core.midi.bank import TuneBank, fixed_windows, training_batch, validation_batches
from core.midi.files import find_tunes, midi_bytes
from core.midi.likeness import note_f1
from core.midi.render import Renderer
from core.midi.split import split_tunes
from core.midi.tokens import decode
from core.midi.vocabulary import Note
from core.midi.written import steps_of
from core.models.density import MAX_POINTS
from core.models.token_discriminator import MultiScaleDiscriminator, one_hot, soft_tokens
from core.models.token_vae import TokenVAE
from core.training.annealing import KLWeight, LossWarmup
from core.training.config import TrainingConfig
from core.training.opponent import Opponent
from core.training.presets import resolve, steps_in_epoch, total_steps
from core.training.recipe import DataSummary, Heard, Losses, PreviewDraft, Progress
from core.training.split import sides

VALIDATION_BATCH = 16
SAMPLE_RATE = 32_000  # Hz, of previews
FULL_CHANNELS = 16  # adversarial.channels at which the discriminator has its 9 million parameters


class MidiRecipe:
    """See `core.training.recipe.Recipe`. Batches are tokens [batch, window_tokens], ABSENT after a tune's end."""

    name = "midi"
    representation = "tokens, 64 steps a second"
    sample_rate = SAMPLE_RATE

    def __init__(
        self, config: TrainingConfig, train: TuneBank, val: TuneBank, data: DataSummary, device: torch.device
    ) -> None:
        self.config, self.data = config, data
        self._train, self._val, self._device = train, val, device
        self._length = config.tunes.window_tokens
        self.steps_per_epoch = steps_in_epoch(
            train.windows(self._length), config.regularization.augmentation_expansion, config.batch_size
        )
        self._renderer = Renderer(config.tunes.soundfont, SAMPLE_RATE)
        self._annealing = KLWeight(config, self.steps_per_epoch)
        self._warmup = LossWarmup(config, self.steps_per_epoch)
        self._framework = build_framework(config, self._annealing.scheduler).to(device)
        self.model: nn.Module = build_model(config).to(device)
        self._framework.late = self._warmup.share
        self.learned: nn.Module | None = self._framework.balancer
        self.opponent = self._make_opponent()
        self.terms = self._framework.terms(adversarial=self.opponent is not None)
        self.weighted = weighted(self._framework) + (self.opponent.game.weighted if self.opponent is not None else ())

    @classmethod
    def prepare(
        cls,
        config: TrainingConfig,
        given: frozenset[str],
        device: torch.device,
        progress: Progress,
        held_out: frozenset[str] = frozenset(),
        resumed: bool = False,
    ) -> "MidiRecipe":
        folder = Path(config.data.path).expanduser()
        bank = TuneBank.load(
            find_tunes(folder), config.tunes, lambda done, total: progress(done, total, "files"), root=folder
        )
        draw = partial(split_tunes, list(zip(bank.files, bank.tunes, strict=True)), seed=config.seed)
        train_files, val_files = sides(
            bank.files, bank.skipped, folder, "tune", held_out, config.data.validation_fraction, draw
        )
        train, val = bank.subset(train_files), bank.subset(val_files)
        names = tuple(relative_name(path, folder) for path in val_files)
        windows = train.windows(config.tunes.window_tokens)
        data = DataSummary(len(train.files), len(val.files), train.seconds, tuple(bank.skipped), names, windows)
        resolved = resolve(config, len(bank.files), windows, given)
        bank.close()
        return cls(resolved, train, val, data, device)

    def batch(self, generator: torch.Generator) -> Tensor:
        return training_batch(self._train, self.config.tunes, self.config.batch_size, generator).to(self._device)

    def validation_batches(self) -> Iterator[Tensor]:
        for batch in validation_batches(self._val, self.config.tunes, VALIDATION_BATCH):
            yield batch.to(self._device)

    def kl_weight(self, step: int) -> float:
        return self._annealing.at(step)

    def after_step(self, terms: Mapping[str, float]) -> None:
        self._annealing.after_step(terms["kl_raw"])
        self._warmup.after_step()
        self._framework.late = self._warmup.share
        if self._framework.gradient_balancer is not None:
            self._framework.gradient_balancer.update()

    def losses(self, model: nn.Module, batch: Tensor, kl_weight: float) -> Losses:
        assert isinstance(model, TokenVAE)
        output = model(batch)
        if model.training and self.opponent is not None and self.opponent.playing:
            # The draws are torch's global generator's, which a checkpoint keeps.
            drawn = soft_tokens(output.logits, batch, torch.default_generator)
            self.opponent.meet(one_hot(batch), drawn, output.logits)
        return self._framework.model_side(output.logits, batch, output.mu, output.logvar, kl_weight)

    def weights(self, terms: Mapping[str, float], kl_weight: float) -> Mapping[str, float]:
        adversary = self.opponent.weights(terms) if self.opponent is not None else {}
        return {**model_weights(self._framework, terms), **adversary}

    @cached_property
    def validation_names(self) -> tuple[str, ...]:
        least = self.config.tunes.min_notes
        counts = [len(fixed_windows(tune, self._length, least)[0]) for tune in self._val.tunes]
        files = zip(self._val.files, counts, strict=True)
        return tuple(name for path, count in files for name in [self._shown(path)] * count)

    def posterior(self, model: nn.Module, batch: Tensor) -> tuple[Tensor, Tensor]:
        assert isinstance(model, TokenVAE)
        mu, logvar = model.encode(batch)
        return mu, logvar

    def objective(self, terms: Mapping[str, float], kl_weight: float) -> float:
        """Nats a token of the bound on the likelihood, its KL at the final weight: no weight that learns is in it."""
        kl = self.config.loss.kl.weight_max * terms["kl_raw"] / self._tokens_a_window
        return terms["recon_base_reconstruction"] + kl

    def configure(self, config: TrainingConfig) -> None:
        total_changed = config.loss.kl != self.config.loss.kl
        self.config = config
        self._annealing.configure(config)
        self._framework.constraint_weight = config.loss.constraints.weight
        if self.opponent is not None:
            self.opponent.configure(config.adversarial, total_changed)

    def fit_density(self, model: nn.Module) -> None:
        assert isinstance(model, TokenVAE)
        batches = validation_batches(self._train, self.config.tunes, VALIDATION_BATCH, MAX_POINTS)
        model.fit_density(batch.to(self._device) for batch in batches)

    def draft_previews(self, model: nn.Module) -> Iterator[PreviewDraft]:
        assert isinstance(model, TokenVAE)
        generator = torch.Generator().manual_seed(self.config.seed + 7)
        for name, tokens in self._preview_tunes:
            mu, _ = model.encode(tokens[None].to(self._device))
            steps = steps_of(tokens.tolist())
            written = model.write(mu, self._length, generator=generator, temperature=0.0, steps=steps)
            yield PreviewDraft("reconstruction", name, name, written[0].cpu())
        for number in range(self.config.preview.samples):
            latent = model.sample(1, generator).to(self._device)
            written = model.write(latent, self._length, generator=generator)
            yield PreviewDraft("sample", f"fixed-{number + 1}", f"sample-{number + 1}", written[0].cpu())

    def render(self, draft: PreviewDraft) -> Heard:
        notes = decode(draft.output.tolist())
        original = self._preview_notes.get(draft.pair)
        likeness = f"notes {note_f1(notes, original):.2f}" if original is not None else ""
        return self._heard(notes, likeness)

    def original(self, pair: str) -> Heard | None:
        notes = self._preview_notes.get(pair)
        return self._heard(notes) if notes is not None else None

    def state(self) -> dict[str, Any]:
        balancer = self._framework.gradient_balancer
        return {
            "annealing": self._annealing.state(),
            "framework": self._framework.state_dict(),
            "warmup": self._warmup.state(),
            "gradients": balancer.state() if balancer is not None else {},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        if state:
            self._annealing.restore(state["annealing"])
            self._framework.load_state_dict(state["framework"])
            self._warmup.restore(state.get("warmup", 0))  # an older checkpoint has neither of the two
            self._framework.late = self._warmup.share
            if self._framework.gradient_balancer is not None and state.get("gradients"):
                self._framework.gradient_balancer.restore(state["gradients"])

    def close(self) -> None:
        self._train.close()
        self._val.close()

    def _heard(self, notes: list[Note], likeness: str = "") -> Heard:
        return Heard(torch.from_numpy(self._renderer.waveform(notes)), midi_bytes(notes), likeness)

    def _make_opponent(self) -> Opponent | None:
        if self.config.adversarial.mode != "on":
            return None
        with torch.random.fork_rng(devices=[]):  # the model's own random numbers are the same with and without it
            torch.default_generator.manual_seed(self.config.seed)
            discriminator = MultiScaleDiscriminator(self.config.adversarial.channels / FULL_CHANNELS).to(self._device)
        steps = total_steps(self.config, self.steps_per_epoch)
        return Opponent(discriminator, FrameworkGame(self._framework), self.config.adversarial, steps, self._warmup)

    @cached_property
    def _tokens_a_window(self) -> float:
        """Of the validation windows, on average: short tunes do not fill theirs."""
        batches = list(validation_batches(self._val, self.config.tunes, VALIDATION_BATCH))
        return sum(int((batch >= 0).sum()) for batch in batches) / sum(map(len, batches))

    @cached_property
    def _preview_tunes(self) -> list[tuple[str, Tensor]]:
        """The first window of the first few validation tunes, by name: the same for the whole run."""
        shown = self._val.files[: self.config.preview.sounds]
        names = [self._shown(path) for path in shown]
        firsts = [next(iter(validation_batches(self._val.subset([path]), self.config.tunes, 1)))[0] for path in shown]
        return list(zip(names, firsts, strict=True))

    def _shown(self, path: Path) -> str:
        """A file's name in lists: where it lies in the data folder, without its ending."""
        return str(Path(relative_name(path, Path(self.config.data.path).expanduser())).with_suffix(""))

    @cached_property
    def _preview_notes(self) -> dict[str, list[Note]]:
        return {name: decode(tokens.tolist()) for name, tokens in self._preview_tunes}


def build_model(config: TrainingConfig) -> TokenVAE:
    """The model that a resolved config describes."""
    model = config.token_model
    return TokenVAE(
        latent_dim=model.latent_dim,
        width=model.width,
        encoder_layers=model.encoder_layers,
        decoder_layers=model.decoder_layers,
        heads=model.heads,
        dropout=config.regularization.dropout,
        token_dropout=model.token_dropout,
    )


def build_framework(config: TrainingConfig, scheduler: AdaptiveKLScheduler) -> ComprehensiveLossFramework:
    """All losses that a resolved config describes, with learned weights where it asks for them."""
    tokens, constraints, adversarial = config.loss.tokens, config.loss.constraints, config.adversarial
    return ComprehensiveLossFramework(
        feature_matching_weight=adversarial.feature_matching_weight,
        constraint_weight=constraints.weight,
        use_automatic_balancing=config.loss.balance == "uncertainty",
        gradient_balancer=GradientBalancer() if config.loss.balance == "gradient" else None,
        reconstruction=PerceptualReconstructionLoss(
            musical_weighting=tokens.musical_weighting,
            perceptual_emphasis=tokens.emphasis,
            note_weight=tokens.note_weight,
            time_weight=tokens.time_weight,
            velocity_weight=tokens.velocity_weight,
        ),
        scheduler=scheduler,
        stabilizer=AdversarialStabilizer(
            generator_loss_scale=adversarial.weight,
            gradient_penalty_weight=adversarial.r1_weight,
            balance_threshold=adversarial.balance_threshold,
        ),
        constraints=MusicalConstraintLoss(
            rhythm_weight=constraints.rhythm_weight,
            harmony_weight=constraints.harmony_weight,
            voice_leading_weight=constraints.voice_leading_weight,
            style=constraints.style or None,
        ),
    )
