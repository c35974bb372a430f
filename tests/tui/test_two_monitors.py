"""Two people watch one run that a third process trains: what one asks for the other sees, and both see the same."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.run.events import TrainingCompleteEvent
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink
from tests.cli.waiting import wait_until
from tests.training.conftest import TINY, write_tones
from tests.tui.terminals import Tmux, tmux_at

PROGRAM = Path(sys.executable).with_name("distill-tui")
FOREVER = {**TINY, "epochs": 100_000, "preview.every": 100_000, "checkpoint.every": 100_000,
           "regularization.augmentation_expansion": 200}  # fmt: skip


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunFolder]:
    """A run that another process trains without a screen until it is told to stop."""
    values = [f"--set={key}={value}" for key, value in FOREVER.items()]
    words = ["train", str(write_tones(tmp_path / "tones")), *values, "--headless", "--runs", str(tmp_path / "runs")]
    folder = RunFolder(tmp_path / "runs" / "tones")
    with subprocess.Popen([str(PROGRAM), *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as trainer:
        wait_until(lambda: folder.store_path.exists() and folder.is_live())
        yield folder
        trainer.kill()


@pytest.fixture
def monitors(run: RunFolder, tmp_path: Path) -> Iterator[tuple[Tmux, Tmux]]:
    """Two screens on the run, each in a terminal of its own, once both show it training."""
    both = tmux_at(tmp_path / "a"), tmux_at(tmp_path / "b")
    for each in both:
        each.start([str(PROGRAM), "watch", str(run.path)], tmp_path)
    for each in both:
        each.wait_for("● training", "steps/s", "Events", "Config", seconds=20)
    yield both
    for each in both:
        each.kill()


def step_shown(monitor: Tmux) -> int:
    found = re.search(r"^ step ([\d,]+)", monitor.screen(), re.MULTILINE)
    return int(found[1].replace(",", "")) if found else 0


def test_what_is_asked_in_one_is_seen_in_both(run: RunFolder, monitors: tuple[Tmux, Tmux]) -> None:
    a, b = monitors
    end = time.monotonic() + 3
    while time.monotonic() < end:  # a step that one of them shows, the other shows within a second
        for one, other in ((a, b), (b, a)):
            step = step_shown(one)
            wait_until(lambda other=other, step=step: step_shown(other) >= step > 0, 1.0)

    a.keys("s")
    a.wait_for("✓ save: saved", seconds=10)
    b.wait_for("✓ save: saved", seconds=2)

    a.keys("=")
    a.wait_for("Set a value while it trains", seconds=5)
    a.keys("-")  # half of the first, which is the learning rate
    a.wait_for("0.0005 becomes 0.00025", seconds=5)
    a.keys("Enter")
    a.wait_for("⚙ learning rate  0.00025", "rate 2.5e-4", seconds=10)  # among the settings, and in force
    b.wait_for("⚙ learning rate  0.00025", "rate 2.5e-4", seconds=2)

    b.keys("N")
    b.wait_for("Stands on the chart and among the events", seconds=5)
    b.keys("-l", "the bell rings now")
    b.keys("Enter")
    b.wait_for("✎ the bell rings now", seconds=10)
    a.wait_for("✎ the bell rings now", seconds=2)

    b.keys("c")
    b.wait_for("Cancel training", seconds=5)
    b.keys("y")
    for each in monitors:
        each.wait_for("■ cancelled", seconds=10)
    (end,) = (s.event for s in FolderLink(run).read() if isinstance(s.event, TrainingCompleteEvent))
    assert end.reason == "cancelled"
    wait_until(lambda: [step_shown(each) for each in monitors] == [end.step, end.step], 2)
    for each in monitors:
        each.keys("q")
        each.wait_for("status=0", seconds=5)
