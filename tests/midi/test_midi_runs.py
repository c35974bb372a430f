"""Real runs on real tunes: every term there is, resume to the same bits, and previews that are MIDI and sound."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from core.errors import DataError
from core.losses.framework_terms import TERMS
from core.midi.files import read_score
from core.models.token_discriminator import one_hot, soft_tokens
from core.run.events import EpochMetrics, PreviewEvent, RunStarted, StepMetrics
from core.run.folder import RunFolder
from core.training.checkpoint_files import find_checkpoint
from core.training.checkpoints import load_checkpoint
from core.training.config import TrainingConfig
from core.training.config_file import load_config, read_config
from core.training.recipe import load_recipe
from core.training.train import train
from tests.training.test_resume import Stopper, metrics, run, same

TINY = {
    "epochs": 2,
    "batch_size": 2,
    "warmup_steps": 2,
    "threads": 1,
    "device": "cpu",
    "tunes.window_tokens": 48,
    "token_model.width": 32,
    "token_model.latent_dim": 8,
    "token_model.encoder_layers": 1,
    "token_model.decoder_layers": 1,
    "token_model.heads": 2,
    "regularization.augmentation_expansion": 1,
    "preview.every": 1,
    "checkpoint.every": 1,
    "adversarial.channels": 1,
    "adversarial.start": 0.3,
    "adversarial.r1_every": 2,
}

Setup = tuple[TrainingConfig, frozenset[str]]


@pytest.fixture
def tiny(demo_tunes: list[Path]) -> Callable[..., Setup]:
    """A function from config overrides (dotted keys) to a small config on the demo's tunes, and the keys given."""

    def make(**changes: object) -> Setup:
        overrides = {key.replace("__", "."): value for key, value in changes.items()}
        return load_config(None, [], {"data.path": str(demo_tunes[0].parent), **TINY, **overrides})

    return make


def trained(folder: RunFolder, setup: Setup) -> list[Any]:
    collector = Stopper()
    run(folder, collector, None, setup)
    return collector.events


@pytest.mark.parametrize("balance", ["manual", "uncertainty"])
def test_a_run_reports_every_term_of_the_framework(balance: str, tiny: Callable[..., Setup], tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "run")
    events = trained(folder, tiny(loss__balance=balance, steps=12))

    (started,) = [event for event in events if isinstance(event, RunStarted)]
    assert started.recipe == "midi"  # found out from the folder
    assert started.terms == TERMS
    steps = [event for event in events if isinstance(event, StepMetrics)]
    names = {name for step in steps for name in step.terms}
    assert names == {term.name for term in TERMS}
    assert not [name for name in steps[0].terms if name.startswith(("gen_", "disc_"))]  # the adversary joins later
    assert any(step.terms.get("disc_regularization", 0.0) > 0 for step in steps)  # a penalty that is real
    assert all(step.grad_norm > 0 and not step.skipped for step in steps)


def test_its_config_says_nothing_of_sounds_and_trains_the_same_again(
    tiny: Callable[..., Setup], tmp_path: Path
) -> None:
    folder = RunFolder.create(tmp_path, "run")
    trained(folder, tiny(steps=2, adversarial__mode="off"))
    text = folder.config_path.read_text()
    assert "[tunes]" in text
    assert not any(section in text for section in ("[spectrogram]", "[augment]", "[model]", "[loss.stft]"))
    again = RunFolder.create(tmp_path, "again")
    trained(again, read_config(folder.config_path))
    assert again.config_path.read_text() == text
    ends = [load_checkpoint(find_checkpoint(each, "latest")) for each in (folder, again)]
    same(ends[0]["model"], ends[1]["model"])


@pytest.mark.parametrize(
    "changes",
    [
        {"loss__balance": "uncertainty"},
        {"loss__balance": "gradient", "loss__warmup_fraction": 0.6, "loss__kl__schedule": "adaptive"},
    ],
    ids=["adversary and learned weights", "shares of the gradient after a warm-up, adaptive KL"],
)
@pytest.mark.parametrize("stop", [3, 8])
def test_stopped_and_resumed_it_ends_in_the_same_bits(
    changes: dict[str, Any], stop: int, tiny: Callable[..., Setup], tmp_path: Path
) -> None:
    setup = tiny(steps=10, **changes)
    whole, parts = RunFolder.create(tmp_path, "whole"), RunFolder.create(tmp_path, "parts")
    straight = Stopper()
    run(whole, straight, None, setup)
    first = Stopper(lambda event: isinstance(event, StepMetrics) and event.step == stop)
    run(parts, first, None, setup)
    second = Stopper()
    run(parts, second, "latest")

    ends = [load_checkpoint(find_checkpoint(folder, "latest")) for folder in (whole, parts)]
    for key in ("model", "average", "optimizer", "recipe", "rng", "step"):
        same(ends[0][key], ends[1][key], key)
    if "opponent" in ends[0]:
        same(ends[0]["opponent"], ends[1]["opponent"], "opponent")
    steps = [found for found in metrics(straight.events) if "train_terms" not in found]
    resumed = [found for found in metrics(first.events) + metrics(second.events) if "train_terms" not in found]
    assert resumed == steps


def test_previews_are_midi_and_sound(tiny: Callable[..., Setup], tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "run")
    events = trained(folder, tiny(steps=4, adversarial__mode="off"))
    previews = [event for event in events if isinstance(event, PreviewEvent)]
    assert {event.kind for event in previews} == {"original", "reconstruction", "sample"}
    for event in previews:
        assert event.mrstft is None
        assert (event.likeness != "") == (event.kind == "reconstruction")
        sound = soundfile.info(folder.path / event.audio_path)
        assert sound.samplerate == 32_000
        score = (folder.path / event.score_path).read_bytes()
        assert score.startswith(b"MThd")
        if event.kind == "original":
            notes = read_score(score)
            assert len(notes) > 4
            assert sound.duration >= max(note.end for note in notes) / 64
            assert max(event.peaks) > 0.1


def test_it_learns(tiny: Callable[..., Setup], tmp_path: Path) -> None:
    """A minute model, seconds of training: held-out tokens are far from a guess, and better than at first."""
    once = {"preview__sounds": 0, "preview__samples": 0, "preview__every": 99, "checkpoint__every": 99}
    setup = tiny(epochs=12, learning_rate=5e-3, batch_size=8, adversarial__mode="off", **once)
    epochs = [event for event in trained(RunFolder.create(tmp_path, "run"), setup) if isinstance(event, EpochMetrics)]
    assert epochs[-1].val_terms["perplexity"] < 0.5 * epochs[0].val_terms["perplexity"]
    assert epochs[-1].val_terms["reconstruction_accuracy"] > 0.25


def test_a_folder_with_one_tune_is_refused_in_one_line(
    demo_tunes: list[Path], tmp_path: Path, tiny: Callable[..., Setup]
) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "one" / "a.mid").write_bytes(demo_tunes[0].read_bytes())
    (tmp_path / "one" / "b.mid").write_bytes(b"RIFF")
    config, given = tiny(data__path=str(tmp_path / "one"))
    with pytest.raises(DataError, match=r"1 usable tune, and 2 are the least.*skipped b.mid: not MIDI"):
        load_recipe("midi").prepare(config, given, torch.device("cpu"), lambda done, total, what: None)


def test_a_batch_follows_from_seed_and_step_alone(tiny: Callable[..., Setup]) -> None:
    config, given = tiny()
    recipe = load_recipe("midi").prepare(config, given, torch.device("cpu"), lambda done, total, what: None)
    one, two, other = (recipe.batch(torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, two)
    assert not torch.equal(one, other)


def test_training_on_the_same_tunes_holds_out_the_same_ones(tiny: Callable[..., Setup], tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "run")
    trained(folder, tiny(steps=1, adversarial__mode="off"))
    contents = load_checkpoint(find_checkpoint(folder, "latest"))
    config, given = tiny(seed=5)
    kept = load_recipe("midi").prepare(
        config, given, torch.device("cpu"), lambda done, total, what: None, frozenset(contents["held_out"])
    )
    assert sorted(kept.data.held_out) == sorted(contents["held_out"])


def test_train_is_called_by_name(tiny: Callable[..., Setup], tmp_path: Path) -> None:
    config, given = tiny(recipe="midi", steps=1, adversarial__mode="off")
    complete = train(RunFolder.create(tmp_path, "run"), config=config, given=given)
    assert complete.reason == "finished"


MODEL_TERMS = (
    "recon_base_reconstruction", "recon_perceptual_reconstruction", "recon_structure_emphasis", "recon_total",
    "kl_loss", "kl_raw", "constraint_rhythm_constraint", "constraint_harmony_constraint",
    "constraint_voice_leading_constraint", "constraint_total", "total_loss",
)  # fmt: skip
ADVERSARY_TERMS = ("gen_adversarial", "gen_feature_matching", "gen_perceptual", "gen_total", "gen_balanced")


@pytest.mark.parametrize("name", [*MODEL_TERMS, *ADVERSARY_TERMS])
def test_each_term_reaches_the_generator_s_weights(name: str, tiny: Callable[..., Setup]) -> None:
    """Through the softmax and the straight-through draws, as in training, to the encoder's or the decoder's weights."""
    torch.manual_seed(0)
    config, given = tiny(adversarial__mode="on", loss__kl__free_bits=0.0)
    recipe: Any = load_recipe("midi").prepare(config, given, torch.device("cpu"), lambda done, total, what: None)
    tokens = recipe.batch(torch.Generator().manual_seed(1))
    output = recipe.model.train()(tokens)
    terms = recipe._framework.model_side(output.logits, tokens, output.mu, output.logvar, 1.0)
    discriminator = recipe.opponent.discriminator
    real = discriminator(one_hot(tokens))
    fake = discriminator(soft_tokens(output.logits, tokens, torch.default_generator))
    terms |= recipe._framework.generator_side(real, fake)
    terms[name].backward()
    slopes = [weight.grad for weight in recipe.model.parameters() if weight.grad is not None]
    assert sum(float(slope.abs().sum()) for slope in slopes) > 0
    assert all(slope.isfinite().all() for slope in slopes)
