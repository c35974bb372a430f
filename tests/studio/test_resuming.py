"""What is told of a run before it is resumed, from real run folders."""

import json
from pathlib import Path

import pytest

from core.run.events import EpochMetrics, RunStarted, StepMetrics, TermInfo, TrainingCompleteEvent
from core.run.folder import RunFolder
from core.run.store import RunWriter
from distill_tui.resuming import resume_facts


def started(total_steps: int = 400) -> RunStarted:
    return RunStarted(
        session=0, recipe="audio", representation="log_mel", terms=(TermInfo("stft", "STFT", "reconstruction"),),
        device="cpu", host="box", pid=1, start_step=0, total_steps=total_steps, total_epochs=10, steps_per_epoch=40,
        parameters=1, preset="balanced", train_files=4, val_files=1, train_seconds=5.0,
    )  # fmt: skip


def checkpoint(folder: RunFolder, name: str, step: int, epoch: int) -> None:
    (folder.checkpoints / f"{name}.pt").write_bytes(b"weights")
    (folder.checkpoints / f"{name}.json").write_text(json.dumps({"step": step, "epoch": epoch}))


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    """A run that was cancelled in its third epoch."""
    folder = RunFolder.create(tmp_path, "bells")
    folder.config_path.write_text('recipe = "audio"\n')
    writer = RunWriter(folder.store_path)
    writer.begin(started())
    for step in range(1, 101):
        writer.step(StepMetrics(epoch=step // 40 + 1, step=step, total_steps=400, train_loss=1 / step, elapsed_s=step))
    writer.event(EpochMetrics(1, 10, 0.9, 0.8, step=40, is_best=True))
    writer.event(EpochMetrics(2, 10, 0.7, 0.9, step=80))
    writer.event(TrainingCompleteEvent("cancelled", 3, 100, 100.0))
    writer.close()
    checkpoint(folder, "step-00000080", 80, 2)
    checkpoint(folder, "step-00000100", 100, 3)
    checkpoint(folder, "best", 40, 1)
    return folder


def test_it_says_how_far_the_run_is_and_what_it_can_go_on_from(folder: RunFolder) -> None:
    facts = resume_facts(folder)
    assert (facts.name, facts.status, facts.problem) == ("bells", "cancelled", "")
    assert (facts.epoch, facts.total_epochs, facts.step, facts.total_steps) == (3, 10, 100, 400)
    assert (facts.best_val_loss, facts.best_epoch) == (0.8, 1)
    assert facts.elapsed_seconds == pytest.approx(100)
    assert facts.latest is not None
    assert facts.best is not None
    assert (facts.latest.step, facts.best.step) == (100, 40)
    assert facts.ended_seconds_ago is not None
    assert facts.ended_seconds_ago < 60


def test_a_checkpoint_without_its_summary_is_not_offered(folder: RunFolder) -> None:
    (folder.checkpoints / "step-00000100.json").write_text("{")
    (folder.checkpoints / "best.json").unlink()
    facts = resume_facts(folder)
    assert facts.latest is not None
    assert facts.latest.step == 80
    assert facts.best is None


def test_a_live_run_cannot_be_resumed(folder: RunFolder) -> None:
    with folder.lock():
        assert "trained now" in resume_facts(folder).problem


def test_a_run_without_a_checkpoint_cannot_be_resumed(folder: RunFolder) -> None:
    for path in folder.checkpoints.iterdir():
        path.unlink()
    assert "no checkpoint" in resume_facts(folder).problem


def test_a_run_that_is_done_says_so(folder: RunFolder) -> None:
    checkpoint(folder, "step-00000400", 400, 10)
    assert "400 steps are done" in resume_facts(folder).problem


def test_a_trainer_that_vanished_left_an_interrupted_run(tmp_path: Path) -> None:
    folder = RunFolder.create(tmp_path, "cut")
    folder.config_path.write_text('recipe = "audio"\n')
    writer = RunWriter(folder.store_path)
    writer.begin(started())
    writer.step(StepMetrics(1, 1, 400, 1.0))
    writer.close()
    checkpoint(folder, "step-00000001", 1, 1)
    facts = resume_facts(folder)
    assert (facts.status, facts.problem) == ("interrupted", "")
