"""What "best" means after a resume from an earlier checkpoint and after other loss weights: nothing better is lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from core.run.commands import Set
from core.run.events import CommandAnswered, EpochMetrics, Event, StepMetrics
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink
from core.training.checkpoint_files import (
    find_checkpoint,
    list_checkpoints,
    prune_checkpoints,
    read_summary,
    way_back,
)
from core.training.checkpoints import load_checkpoint, save_checkpoint
from core.training.config import ConfigError, TrainingConfig
from core.training.config_file import load_config
from core.training.control import Control
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
    link, control, events = FolderLink(folder), Control(), list[Event]()

    def callback(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepMetrics) and event.step == 8:
            link.send(Set("loss.stft.weight", 50))
        if isinstance(event, EpochMetrics) and any(isinstance(former, CommandAnswered) for former in events[:-8]):
            control.stop("cancelled")  # an epoch or more after the answer

    config, given = tiny(epochs=30, preview__every=100, checkpoint__every=100)
    train(folder, config=config, given=given, callback=callback, control=control)
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


def saved(folder: RunFolder, step: int, name: str = "", **summary: object) -> None:
    path = folder.checkpoints / f"{name or f'step-{step:08d}'}.pt"
    save_checkpoint(path, {}, {"step": step, "reason": "requested", **summary})


def test_one_goes_back_to_before_the_trouble_best_first(folder: RunFolder) -> None:
    assert way_back(folder, 100) is None
    for step, good in ((10, True), (20, True), (30, False), (40, True)):
        saved(folder, step, good=good)

    def steps(*troubles: int) -> list[int]:
        return [found.step for trouble in troubles if (found := way_back(folder, trouble))]

    assert steps(20, 35, 45, 70) == [40, 10, 20, 40]  # from 20 none is surely from before: the newest
    saved(folder, 24, "best")
    assert steps(20, 35, 45, 70) == [24, 10, 24, 24]


def test_saving_often_in_between_costs_no_way_back(folder: RunFolder) -> None:
    for step, good in enumerate((True, True, True, True, *(False,) * 9), start=20):
        saved(folder, step, good=good)
    prune_checkpoints(folder, 2, {40})
    assert [found.step for found in list_checkpoints(folder)] == [20, 22, 23, 31, 32]
