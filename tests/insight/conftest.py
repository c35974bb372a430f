"""Real small runs with a fault planted in them, told by their events."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.midi.demo import make_demo_tunes
from core.run.events import AlertStarted, Event
from core.run.folder import RunFolder
from core.training import stability_gauge
from core.training.config_file import load_config
from core.training.train import train
from tests.midi.test_midi_runs import TINY as TINY_TUNES
from tests.training.conftest import TINY as TINY_SOUNDS
from tests.training.conftest import write_tones

SHARE_OF_TIME = 0.2  # steps of milliseconds, and few of them: measured more often than in a run of hours
# Long epochs: each ends with a validation and, where it is the best, a checkpoint.
BASE = {
    "preview.every": 1000, "checkpoint.every": 1000, "adversarial.mode": "off",
    "regularization.augmentation_expansion": 20,
}  # fmt: skip

Trained = Callable[..., list[Event]]


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tones(tmp_path_factory.mktemp("tones"), 8)


@pytest.fixture(scope="session")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo_tunes(tmp_path_factory.mktemp("tunes"), 8)[0].parent


@pytest.fixture
def run_folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path / "runs", "run")


@pytest.fixture
def trained(run_folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> Trained:
    """trained(data, **changes): the events of a small run; `checkpoint` goes on from one."""
    monkeypatch.setattr(stability_gauge, "SHARE_OF_TIME", SHARE_OF_TIME)
    torch.set_num_threads(1)

    def run(data: Path, checkpoint: str | None = None, **changes: Any) -> list[Event]:
        base = TINY_TUNES if any(data.glob("*.mid")) else TINY_SOUNDS
        overrides = {key.replace("__", "."): value for key, value in changes.items()}
        config, given = load_config(None, [], {**base, **BASE, "data.path": str(data), "epochs": 400, **overrides})
        events: list[Event] = []
        train(run_folder, config=config, given=given, checkpoint=checkpoint, callback=events.append)
        return events

    return run


def alerts(events: list[Event]) -> dict[str, AlertStarted]:
    """The first alert of each kind."""
    return {event.kind: event for event in reversed(events) if isinstance(event, AlertStarted)}
