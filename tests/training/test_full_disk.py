"""A full disk costs nothing that was trained: an alert says so, training goes on, and the end waits for room."""

import contextlib
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.run.commands import Mark, Stop
from core.run.events import (
    AlertEnded,
    AlertStarted,
    CheckpointSaved,
    CommandAnswered,
    Event,
    NoteAdded,
    PhaseChanged,
    PreviewEvent,
    StepMetrics,
    TrainingCompleteEvent,
)
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink
from core.training.checkpoint_files import list_checkpoints
from core.training.checkpoints import load_checkpoint
from core.training.failures import NotSavedError
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


def test_the_end_that_waits_for_room_writes_next_to_nothing_and_hears_a_stop_at_once(
    tiny: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry is not told, the waiting is, once; and what is asked in between is answered within a second or two."""
    folder = RunFolder.create(tmp_path, "run")
    link, events, asked = FolderLink(folder), list[Event](), list[float]()
    tries: list[float] = []

    def refused(*_: object) -> None:
        tries.append(time.monotonic())
        raise OSError(28, "No space left on device")

    def callback(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepMetrics) and event.step == event.total_steps:
            monkeypatch.setattr("core.training.checkpoints.atomic_write", refused)
        if isinstance(event, PhaseChanged) and event.phase == "saving" and event.detail:
            asked.append(time.monotonic())
            threading.Timer(0.6, link.send, (Mark("still here"),)).start()
            threading.Timer(6.0, link.send, (Stop(),)).start()

    config, given = tiny(epochs=30, steps=4, preview__every=1000, checkpoint__every=1000)
    with pytest.raises(NotSavedError, match="step 4 could not be saved"):
        train(folder, config=config, given=given, callback=callback)
    seconds = time.monotonic() - asked[0]
    waiting = events.index(PhaseChanged("saving", "waiting for room on the disk"))
    told = [type(event) for event in events[waiting + 1 :] if not isinstance(event, PreviewEvent)]
    assert told == [NoteAdded, CommandAnswered, CommandAnswered, TrainingCompleteEvent]
    assert seconds < 8.5, "the stop is not left until the next try"
    at_the_wait = [at - asked[0] for at in tries if at > asked[0]]
    assert len(at_the_wait) == 2, "one retry after 5 s, one for the stop"
