"""A full disk costs nothing that was trained: an alert says so, training goes on, and the end waits for room."""

import contextlib
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.run.events import AlertEnded, AlertStarted, CheckpointSaved, Event, StepMetrics, TrainingCompleteEvent
from core.run.folder import RunFolder
from core.training.checkpoint_files import list_checkpoints
from core.training.checkpoints import load_checkpoint
from core.training.train import train


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 4 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or not shutil.which("mount"):
        pytest.skip("only root can mount a small file system to fill")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(place)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def test_training_outlives_a_full_disk_and_saves_once_there_is_room(tiny: Callable[..., Any], small_disk: Path) -> None:
    folder = RunFolder.create(small_disk, "run")
    ballast = small_disk / "ballast"
    events: list[Event] = []

    def callback(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepMetrics) and event.step == 2:
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while file.write(bytes(1024)):
                    pass
        if isinstance(event, StepMetrics) and event.step == event.total_steps:
            threading.Timer(1.0, ballast.unlink).start()

    config, given = tiny(epochs=3)
    complete = train(folder, config=config, given=given, callback=callback)
    (started,) = [event for event in events if isinstance(event, AlertStarted) and event.kind == "disk"]
    assert "MB" in started.explanation or "space" in started.explanation
    assert any(isinstance(event, AlertEnded) and event.id == started.id for event in events)
    assert complete.reason == "finished"
    last = list_checkpoints(folder)[-1]
    assert load_checkpoint(last.path)["step"] == complete.step == last.step
    saved = [event.step for event in events if isinstance(event, CheckpointSaved) and event.reason != "best"]
    assert saved == [0, complete.step]
    assert isinstance(events[-1], TrainingCompleteEvent)
