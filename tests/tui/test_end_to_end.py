"""The main job in a real terminal: train on a folder of sounds, ask things by keys, stop, resume, finish."""

import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.run.events import CommandAnswered, TrainingCompleteEvent
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink
from core.training.checkpoint_files import list_checkpoints
from tests.training.conftest import TINY, write_tones
from tests.tui.terminals import Tmux, tmux_at

PROGRAM = Path(sys.executable).with_name("distill-tui")


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    terminal = tmux_at(tmp_path / "tmux")
    yield terminal
    terminal.kill()


def test_train_ask_stop_resume_and_finish(tmux: Tmux, tmp_path: Path) -> None:
    data = write_tones(tmp_path / "tones")
    settings = {**TINY, "epochs": 100_000, "preview.every": 100_000, "checkpoint.every": 100_000}
    values = [f"--set={key}={value}" for key, value in settings.items()]
    tmux.start([str(PROGRAM), "train", str(data), *values], tmp_path)
    tmux.wait_for("tones", "● training", "stft", "magnitude", "Config", "Previews")
    tmux.keys("p")
    tmux.wait_for("reconstruction", "original", "MRSTFT")
    tmux.keys("s")
    tmux.wait_for("checkpoint")
    tmux.keys("q")
    tmux.wait_for("Save and stop")
    tmux.keys("s")
    tmux.wait_for("status=0", "cancelled")
    folder = RunFolder.open(tmp_path / "runs" / "tones")
    stored = [stored.event for stored in FolderLink(folder).read()]
    asked = {event.command for event in stored if isinstance(event, CommandAnswered) and event.done}
    ended = [event for event in stored if isinstance(event, TrainingCompleteEvent)]
    assert {"preview", "save"} <= asked
    assert [event.reason for event in ended] == ["cancelled"]
    assert list_checkpoints(folder)[-1].step == ended[0].step

    tmux.run("kill-server")
    time.sleep(0.5)
    tmux.start([str(PROGRAM), "resume", "tones"], tmp_path)
    tmux.wait_for("● training")
    tmux.keys("c")
    tmux.wait_for("Cancel training")
    tmux.keys("y")
    tmux.wait_for("■ cancelled  epoch")
    again = [s.event for s in FolderLink(folder).read() if isinstance(s.event, TrainingCompleteEvent)]
    assert len(again) == 2
    assert again[1].step > ended[0].step
    tmux.keys("q")
    tmux.wait_for("status=0")
