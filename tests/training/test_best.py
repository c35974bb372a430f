"""What "best" means after a resume from an earlier checkpoint and after other loss weights: nothing better is lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.run.commands import Set
from core.run.events import CommandAnswered, EpochMetrics, Event, StepMetrics
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink
from core.training.checkpoint_files import find_checkpoint, list_checkpoints, prune_checkpoints, read_summary
from core.training.checkpoints import load_checkpoint, save_checkpoint
from core.training.config import ConfigError, TrainingConfig
from core.training.config_file import load_config
from core.training.live import changed
from core.training.train import train

Tiny = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "run")


def test_a_better_best_of_a_path_that_was_left_is_kept_under_its_own_name(tiny: Tiny, folder: RunFolder) -> None:
    config, given = tiny(epochs=3)
    train(folder, config=config, given=given)
    best = folder.checkpoints / "best.pt"
    summary = {**read_summary(best), "best_val_loss": 0.001, "step": 12345}
    save_checkpoint(best, load_checkpoint(best), summary)
    train(folder, checkpoint=list_checkpoints(folder)[0].path.stem)
    assert read_summary(best)["best_val_loss"] > 0.001
    assert read_summary(folder.checkpoints / "best-step-00012345.pt")["best_val_loss"] == 0.001


def test_other_loss_weights_begin_a_new_best_and_are_saved_with_the_step(tiny: Tiny, folder: RunFolder) -> None:
    link, events = FolderLink(folder), list[Event]()

    def callback(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepMetrics) and event.step == 8:
            link.send(Set("loss.stft.weight", 50))

    config, given = tiny(epochs=30, preview__every=100, checkpoint__every=100)
    train(folder, config=config, given=given, callback=callback)
    (answer,) = [event for event in events if isinstance(event, CommandAnswered)]
    after = [event for event in events if isinstance(event, EpochMetrics) and event.step > answer.step]
    assert after[0].is_best
    assert after[0].val_loss > 10
    assert list(folder.checkpoints.glob("best-step-*.pt"))
    assert any(c.step == answer.step and c.summary["reason"] == "requested" for c in list_checkpoints(folder))


@pytest.mark.parametrize(
    ("key", "value"),
    [("preview.every", 0.5), ("preview.every", float("inf")), ("learning_rate", float("inf")), ("learning_rate", 0),
     ("loss.stft.weight", float("nan")), ("loss.stft.weight", -1), ("checkpoint.every", 0)],
)  # fmt: skip
def test_live_values_out_of_range_are_refused(key: str, value: float) -> None:
    with pytest.raises(ConfigError, match=key):
        changed(TrainingConfig(), key, value)


def test_the_last_weight_cannot_be_taken_away() -> None:
    without_stft = changed(changed(TrainingConfig(), "loss.stft.weight", 0), "loss.log_magnitude.weight", 0)
    with pytest.raises(ConfigError, match="something must be learned"):
        changed(without_stft, "loss.reconstruction.weight", 0)


def test_instantaneous_frequency_is_nothing_to_learn_where_there_is_none() -> None:
    only_frequency = ["loss.stft.weight=0", "loss.log_magnitude.weight=0", "loss.reconstruction.magnitude_weight=0"]
    load_config(None, only_frequency)
    with pytest.raises(ConfigError, match="something must be learned"):
        load_config(None, [*only_frequency, "spectrogram.representation=log_mel", "spectrogram.n_mels=64"])


def test_a_clock_that_is_behind_does_not_make_a_new_checkpoint_old(folder: RunFolder, monkeypatch: Any) -> None:
    for step in (1, 2, 3):
        save_checkpoint(folder.checkpoints / f"step-{step:08d}.pt", {}, {"step": step})
    monkeypatch.setattr("core.training.checkpoints.time.time", lambda: 1000.0)
    save_checkpoint(folder.checkpoints / "step-00000004.pt", {}, {"step": 4})
    prune_checkpoints(folder, 3)
    assert find_checkpoint(folder, "latest").stem == "step-00000004"
