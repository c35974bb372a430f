"""A run's store written by hand, so that what should come out is known number by number."""

import math
from pathlib import Path

from core.run.events import EpochMetrics, NoteAdded, PreviewEvent, RunStarted, StepMetrics, TermInfo
from core.run.folder import RunFolder
from core.run.store import RunWriter

TERMS = (TermInfo("stft_loss", "STFT", "reconstruction"), TermInfo("kl_loss", "KL", "kl", judged=False))
EXTRAS = ("weight/kl_loss", "gradient/stft_loss")


def value(step: int) -> float:
    """What a step's STFT loss was; some are no numbers."""
    return {3: math.nan, 4: math.inf, 5: -math.inf}.get(step, 1 / step)


def step_metrics(step: int, session: int) -> StepMetrics:
    """A step of 10 ms, its gradients measured at even steps alone."""
    extras = {"weight/kl_loss": 0.25} | ({"gradient/stft_loss": 0.5 + session} if step % 2 == 0 else {})
    return StepMetrics(
        epoch=step // 10, step=step, total_steps=1000, train_loss=value(step), learning_rate=1e-4, kl_weight=0.125,
        elapsed_s=step * 0.01, terms={"stft_loss": value(step), "kl_loss": float(step)}, extras=extras,
    )  # fmt: skip


def started(session: int, start_step: int) -> RunStarted:
    return RunStarted(
        session=session, recipe="audio", representation="log_mel", terms=TERMS, device="cpu", host="here", pid=1,
        start_step=start_step, total_steps=1000, total_epochs=100, steps_per_epoch=10, parameters=1, preset="balanced",
        train_files=3, val_files=2, train_seconds=4.5, extras=EXTRAS,
    )  # fmt: skip


def epoch(step: int, val_loss: float) -> EpochMetrics:
    return EpochMetrics(
        epoch=step // 10, total_epochs=100, train_loss=1.0, val_loss=val_loss, step=step, is_best=True,
        train_terms={"stft_loss": 1.5}, val_terms={"stft_loss": val_loss}, kl_per_dimension=(0.5, math.nan),
    )  # fmt: skip


def log_session(folder: RunFolder, start: int, stop: int) -> None:
    """Steps start + 1 to stop, an epoch at every tenth, and at the end a note and a preview."""
    writer = RunWriter(folder.store_path)
    session = writer.next_session
    writer.begin(started(session, start))
    for step in range(start + 1, stop + 1):
        writer.step(step_metrics(step, session))
        if step % 10 == 0:
            writer.event(epoch(step, 100 * session + step))
    writer.event(NoteAdded(stop, f"a *note* of session {session}"))
    writer.event(PreviewEvent(1, f"previews/{session}.wav", 8000, step=stop, kind="sample", name="fixed-1"))
    writer.close()


def resumed_run(runs: Path) -> RunFolder:
    """A run of 150 steps, resumed from step 100 to 220: 50 steps of the first session are off the path."""
    folder = RunFolder.create(runs, "bells")
    folder.config_path.write_text('recipe = "audio"\n[loss.stft]\nfft_sizes = [64, 128]\n', encoding="utf-8")
    log_session(folder, 0, 150)
    log_session(folder, 100, 220)
    return folder
