"""A tiny trainer without a model: everything that a real one does to a run folder, at 200 steps a second.

Run as a program (`python fake_trainer.py FOLDER`) it trains until it is told to stop.
"""

import math
import os
import sys
import threading
import time
from pathlib import Path

from core.run.commands import Mark, Preview, Save, Stop, kind_of
from core.run.events import (
    CheckpointSaved,
    CommandAnswered,
    EpochMetrics,
    NoteAdded,
    PhaseChanged,
    PreviewEvent,
    RunStarted,
    StepMetrics,
    TermInfo,
    TrainingCompleteEvent,
)
from core.run.folder import RunFolder, atomic_write
from core.run.store import RunWriter

TERMS = (TermInfo("stft_loss", "STFT", "reconstruction"), TermInfo("kl_loss", "KL", "kl", judged=False))
EPOCH_STEPS = 10
PREVIEW = b"RIFF, or near enough"


def started(session: int = 0, start_step: int = 0, terms: tuple[TermInfo, ...] = TERMS) -> RunStarted:
    return RunStarted(
        session=session, recipe="audio", representation="log_mel", terms=terms, device="cpu", host="here",
        pid=os.getpid(), start_step=start_step, total_steps=1_000_000, total_epochs=100_000,
        steps_per_epoch=EPOCH_STEPS, parameters=1, preset="balanced", train_files=3, val_files=2, train_seconds=4.5,
    )  # fmt: skip


def step_metrics(step: int, value: float | None = None) -> StepMetrics:
    stft = 1 / step if value is None else value
    terms = {"stft_loss": stft, "kl_loss": math.log(step)}
    return StepMetrics(
        epoch=step // EPOCH_STEPS, step=step, total_steps=1_000_000, train_loss=stft, stft_loss=stft,
        kl_loss=terms["kl_loss"], elapsed_s=step * 0.005, terms=terms,
    )  # fmt: skip


def epoch_metrics(step: int) -> EpochMetrics:
    terms = {"stft_loss": 2 / step, "kl_loss": 1.0}
    return EpochMetrics(
        epoch=step // EPOCH_STEPS, total_epochs=100_000, train_loss=1 / step, val_loss=2 / step, step=step,
        is_best=True, train_terms=terms, val_terms=terms,
    )  # fmt: skip


class FakeTrainer:
    """Trains in a thread; satisfies `Engine`."""

    def __init__(self, folder: RunFolder, start_step: int = 0) -> None:
        self.folder, self.step = folder, start_step
        self._poked = threading.Event()
        self._thread = threading.Thread(target=self.run, daemon=True)
        self.trouble: str | None = None

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def join(self) -> None:
        self._thread.join(10)

    def poke(self) -> None:
        self._poked.set()

    def run(self) -> None:
        with self.folder.lock():
            writer = RunWriter(self.folder.store_path)
            writer.event(PhaseChanged("loading"))
            writer.begin(started(writer.next_session, self.step))
            writer.event(PhaseChanged("training"))
            while not self._obey(writer):
                self._poked.wait(0.005)
                self.step += 1
                writer.step(step_metrics(self.step))
                if self.step % EPOCH_STEPS == 0:
                    writer.event(epoch_metrics(self.step))
            writer.event(TrainingCompleteEvent("cancelled", self.step // EPOCH_STEPS, self.step))
            writer.close()

    def _obey(self, writer: RunWriter) -> bool:
        poked = self._poked.is_set()
        self._poked.clear()
        stop = False
        for numbered in writer.commands(force=poked):
            match numbered.command:
                case Stop():
                    stop = True
                case Save():
                    writer.event(CheckpointSaved(self.step, 0, "checkpoints/x.pt", "requested"))
                case Preview():
                    atomic_write(self.folder.previews / "a.wav", PREVIEW)
                    writer.event(PreviewEvent(0, "previews/a.wav", 48_000, step=self.step))
                case Mark(note):
                    writer.event(NoteAdded(self.step, note))
            writer.event(CommandAnswered(numbered.id, kind_of(numbered.command), True, step=self.step))
        return stop


def wait_until(condition, seconds: float = 10.0):  # type: ignore[no-untyped-def]
    """The first true value of `condition()`; fails when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError("nothing came of it in time")


if __name__ == "__main__":
    FakeTrainer(RunFolder(Path(sys.argv[1]))).run()
