"""What the loop does when a step, a subscriber or the disk fails, and what it answers to people."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.audio.recipe import AudioRecipe
from core.run.commands import Command, Mark, Preview, Save, Set, Stop
from core.run.events import (
    AlertEnded,
    AlertStarted,
    CheckpointSaved,
    CommandAnswered,
    EpochMetrics,
    Event,
    NoteAdded,
    PhaseChanged,
    PreviewEvent,
    Reported,
    RolledBack,
    RunStarted,
    StepMetrics,
    TrainingCompleteEvent,
)
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink
from core.training.checkpoint_files import list_checkpoints
from core.training.config_file import read_config
from core.training.control import Control
from core.training.failures import NotFiniteError
from core.training.train import train

Tiny = Callable[..., Any]


def trained(folder: RunFolder, setup: Any, hook: Callable[[Event], None] = lambda _: None) -> list[Event]:
    events: list[Event] = []

    def callback(event: Event) -> None:
        events.append(event)
        hook(event)

    config, given = setup
    train(folder, config=config, given=given, callback=callback)
    return events


def of(kind: type[Any], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "run")


def test_it_learns(tiny: Tiny, folder: RunFolder) -> None:
    changes = {"learning_rate": 1e-2, "regularization__dropout": 0, "preview__every": 40, "checkpoint__every": 40}
    weights = {"loss__stft__weight": 0.1, "loss__reconstruction__weight": 1}
    epochs = of(EpochMetrics, trained(folder, tiny(epochs=40, **changes, **weights)))
    assert epochs[-1].train_terms["mag_recon_loss"] < 0.8 * epochs[0].train_terms["mag_recon_loss"]
    assert epochs[-1].val_loss < epochs[0].val_loss


def test_a_subscriber_sees_the_start_first_and_the_end_last(tiny: Tiny, folder: RunFolder) -> None:
    events = [event for event in trained(folder, tiny(epochs=1)) if not isinstance(event, PhaseChanged)]
    assert isinstance(events[0], RunStarted)
    assert isinstance(events[-1], TrainingCompleteEvent)


def test_clip_and_warmup_of_the_preset_reach_the_loop(tiny: Tiny, folder: RunFolder, monkeypatch: Any) -> None:
    clips: list[float] = []
    clip = torch.nn.utils.clip_grad_norm_

    def recorded(parameters: Any, max_norm: float) -> torch.Tensor:
        clips.append(max_norm)
        return clip(parameters, max_norm)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", recorded)
    events = trained(folder, tiny(preset="aggressive", epochs=1, warmup_steps=3))
    rates = [step.learning_rate for step in of(StepMetrics, events)]
    assert set(clips) == {5.0}
    assert rates[0] == pytest.approx(2e-3 / 3)
    assert rates[2] == pytest.approx(2e-3)
    kl = read_config(folder.config_path)[0].loss.kl
    assert kl.warmup_fraction == 0.2


def poisoned(monkeypatch: Any, steps: set[int]) -> None:
    """Make the STFT term NaN at these calls of the training loss."""
    original, calls = AudioRecipe.losses, []

    def losses(self: Any, model: Any, batch: Any, kl_weight: float) -> Any:
        result = original(self, model, batch, kl_weight)
        if model.training:
            calls.append(1)
            if len(calls) in steps:
                result["stft_loss"] = result["stft_loss"] * float("nan")
                result["total_loss"] = result["total_loss"] + result["stft_loss"]
        return result

    monkeypatch.setattr(AudioRecipe, "losses", losses)


def test_a_step_that_is_not_finite_changes_nothing_and_is_counted(
    tiny: Tiny, folder: RunFolder, monkeypatch: Any
) -> None:
    poisoned(monkeypatch, {3})
    events = trained(folder, tiny(epochs=22, preview__every=100, checkpoint__every=100))
    steps = of(StepMetrics, events)
    assert [step.skipped for step in steps[:4]] == [False, False, True, False]
    alert = next(alert for alert in of(AlertStarted, events) if alert.kind == "nonfinite")
    assert "stft" in (alert.title + alert.explanation).lower()
    assert any(ended.id == alert.id for ended in of(AlertEnded, events))
    assert not of(RolledBack, events)
    assert all(torch.isfinite(torch.tensor(epoch.train_loss)) for epoch in of(EpochMetrics, events))


def test_three_in_a_row_go_back_to_the_last_good_state_at_half_the_rate(
    tiny: Tiny, folder: RunFolder, monkeypatch: Any
) -> None:
    poisoned(monkeypatch, {5, 6, 7})
    events = trained(folder, tiny(epochs=4, warmup_steps=0))
    (back,) = of(RolledBack, events)
    assert (back.step, back.learning_rate_scale) == (7, 0.5)
    assert back.restored_step < 5
    rates = {step.step: step.learning_rate for step in of(StepMetrics, events)}
    assert rates[8] < 0.55 * rates[7]
    assert of(TrainingCompleteEvent, events)[0].reason == "finished"


def test_a_loss_that_stays_not_finite_ends_in_one_clear_line(tiny: Tiny, folder: RunFolder, monkeypatch: Any) -> None:
    poisoned(monkeypatch, set(range(3, 1000)))
    with pytest.raises(NotFiniteError, match="learning_rate"):
        trained(folder, tiny(epochs=40))
    stored = [stored.event for stored in FolderLink(folder).read()]
    assert len(of(RolledBack, stored)) == 3
    assert of(TrainingCompleteEvent, stored)[-1].reason == "failed"


def test_a_subscriber_that_raises_is_reported_once_and_dropped(tiny: Tiny, folder: RunFolder) -> None:
    def broken(event: Event) -> None:
        if isinstance(event, StepMetrics):
            raise RuntimeError("the screen is gone")

    events = trained(folder, tiny(epochs=1), broken)
    assert len(of(StepMetrics, events)) == 1
    stored = [stored.event for stored in FolderLink(folder).read()]
    assert len([e for e in of(Reported, stored) if "the screen is gone" in e.message]) == 1
    assert of(TrainingCompleteEvent, stored)[0].reason == "finished"


def asked(folder: RunFolder, tiny: Tiny, at: int, *commands: Command, **changes: object) -> list[Event]:
    """Events of a run in which these commands are sent by another connection at step `at`; it ends when all are
    answered."""
    link, control, events = FolderLink(folder), Control(), list[Event]()

    def hook(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepMetrics) and event.step == at:
            for command in commands:
                link.send(command)
        if isinstance(event, CommandAnswered) and len(of(CommandAnswered, events)) == len(commands):
            control.stop("cancelled")

    config, given = tiny(**changes)
    train(folder, config=config, given=given, callback=hook, control=control)
    return events


def test_stop_saves_at_that_very_step_and_is_not_called_finished(tiny: Tiny, folder: RunFolder) -> None:
    events = asked(folder, tiny, 2, Stop(), epochs=200, preview__every=100)
    (complete,) = of(TrainingCompleteEvent, events)
    assert complete.reason == "cancelled"
    assert complete.checkpoint == f"checkpoints/step-{complete.step:08d}.pt"
    assert list_checkpoints(folder)[-1].step == complete.step == of(StepMetrics, events)[-1].step
    assert of(CommandAnswered, events)[0].done


def test_save_preview_and_mark_are_answered_and_done(tiny: Tiny, folder: RunFolder) -> None:
    events = asked(folder, tiny, 2, Save(), Preview(), Mark("listen [b]here[/b]"), epochs=30, preview__every=1000)
    answers = {answer.command: answer for answer in of(CommandAnswered, events)}
    assert {name: answer.done for name, answer in answers.items()} == {"save": True, "preview": True, "mark": True}
    assert any(saved.reason == "requested" for saved in of(CheckpointSaved, events))
    assert of(NoteAdded, events)[0].text == "listen [b]here[/b]"
    asked_for = [p for p in of(PreviewEvent, events) if p.step == answers["preview"].step]
    assert {p.kind for p in asked_for} == {"original", "reconstruction", "sample"}


def test_set_changes_safe_values_only_and_keeps_the_config_true(tiny: Tiny, folder: RunFolder) -> None:
    commands = (Set("loss.stft.weight", 0.25), Set("model.latent_dim", 8), Set("learning_rate", -1))
    events = asked(folder, tiny, 2, *commands, epochs=30, preview__every=1000, checkpoint__every=100)
    assert [answer.done for answer in of(CommandAnswered, events)] == [True, False, False]
    assert "latent_dim" in of(CommandAnswered, events)[1].message
    assert read_config(folder.config_path)[0].loss.stft.weight == 0.25


def test_previews_come_as_pairs_at_the_same_step_at_matched_level(tiny: Tiny, folder: RunFolder) -> None:
    import soundfile

    previews = of(PreviewEvent, trained(folder, tiny(epochs=2, preview__every=2)))
    reconstructions = [p for p in previews if p.kind == "reconstruction"]
    assert len(reconstructions) == 2
    for reconstruction in reconstructions:
        (original,) = [p for p in previews if p.kind == "original" and p.pair == reconstruction.pair]
        assert original.step == reconstruction.step
        assert reconstruction.mrstft is not None
        assert reconstruction.mrstft > 0
        a, b = (soundfile.read(folder.path / p.audio_path) for p in (original, reconstruction))
        assert soundfile.info(folder.path / original.audio_path).subtype == "PCM_16"
        assert a[0].shape == b[0].shape
        assert b[0].std() == pytest.approx(a[0].std(), rel=0.02) or abs(b[0]).max() == pytest.approx(0.98, rel=0.01)
        assert 0 < len(reconstruction.peaks) <= 64


@pytest.mark.parametrize(("every", "kept"), [(4, [60, 80, 100]), (1, [80, 85, 90, 95, 100])])
def test_checkpoints_kept_are_three_recent_and_best(tiny: Tiny, folder: RunFolder, every: int, kept: list[int]) -> None:
    """And, where three epochs are soon over, up to two of steps before those."""
    trained(folder, tiny(epochs=20, preview__every=100, checkpoint__every=every))
    assert [checkpoint.step for checkpoint in list_checkpoints(folder)] == kept
    assert (folder.checkpoints / "best.pt").exists()
    for path in folder.checkpoints.glob("*.pt"):
        assert path.with_suffix(".json").exists()
