"""Runs that are over, with the times at which everything in them happened."""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from fake_trainer import PREVIEW, epoch_metrics, started, step_metrics

from core.run.events import (
    AlertEnded,
    AlertStarted,
    CheckpointSaved,
    Event,
    NoteAdded,
    PhaseChanged,
    PreviewEvent,
    StepMetrics,
    TrainingCompleteEvent,
)
from core.run.folder import RunFolder, atomic_write
from core.run.store import RunWriter

NOON = 1_760_000_400.0
Told = tuple[float, Event | StepMetrics]


def recorded(runs: Path, told: Sequence[Told], name: str = "bells") -> RunFolder:
    """A run in which `told` happened, each at so many seconds since noon; a `RunStarted` opens its session."""
    folder = RunFolder.create(runs, name)
    folder.config_path.write_text('recipe = "audio"\n')
    times: list[float] = []
    writer = RunWriter(folder.store_path)
    for second, event in told:
        if isinstance(event, StepMetrics):
            writer.step(event)
            continue
        times.append(NOON + second)
        if hasattr(event, "session"):
            writer.begin(event)  # type: ignore[arg-type]
        else:
            writer.event(event)
    writer.close()
    made = {event.step: NOON + second for second, event in told if isinstance(event, StepMetrics)}
    with closing(sqlite3.connect(folder.store_path)) as store, store:
        store.executemany("UPDATE events SET time = ? WHERE seq = ?", [(t, seq) for seq, t in enumerate(times, 1)])
        for first, session in store.execute("SELECT first_step, session FROM blocks").fetchall():
            newest = max((step for step in made if step < first + 64), default=0)
            store.execute("UPDATE blocks SET time = ? WHERE first_step = ? AND session = ?",
                          (made.get(newest, NOON), first, session))  # fmt: skip
    atomic_write(folder.previews / "a.wav", PREVIEW)
    return folder


def resumed(runs: Path) -> RunFolder:
    """A step a second to 56, killed; an hour later resumed from 40, to its end at 90. An epoch is ten steps."""
    told: list[Told] = [(0, PhaseChanged("loading")), (1, started()), (2, PhaseChanged("training"))]
    for step in range(1, 57):
        told.append((2 + step, step_metrics(step, 5.0)))
        if step % 10 == 0:
            told.append((2 + step, epoch_metrics(step)))
        if step == 40:
            told.append((2 + step, CheckpointSaved(step, 4, "checkpoints/step-00000040.pt", "interval")))
    told += [(3660, PhaseChanged("loading")), (3661, started(1, 40)), (3662, PhaseChanged("training"))]
    for step in range(41, 91):
        at = 3662 + step - 40 + (5 if step > 70 else 0)  # validating takes its time at step 70
        told.append((at, step_metrics(step)))
        if step == 70:
            told.append((at, PhaseChanged("validating")))
            told.append((at + 5, epoch_metrics(step)))
            told.append((at + 5, PhaseChanged("training")))
        elif step % 10 == 0:
            told.append((at, epoch_metrics(step)))
        if step == 64:
            told.append((at, AlertStarted("a-1", "overfitting", "warning", "Overfitting", "", "", 60, 6)))
            told.append((at, NoteAdded(step, "here [b]it[/b] turns")))
        if step == 66:
            told.append((at, AlertEnded("a-1", step, 6)))
        if step == 80:
            told.append((at, PreviewEvent(8, "previews/a.wav", 48_000, step)))
    told.append((3718, TrainingCompleteEvent("finished", 9, 90, 90.0)))
    return recorded(runs, told)
