"""The main job in a real terminal: train on a folder of sounds, ask things by keys, stop, resume, finish."""

import os
import shutil
import subprocess
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

PROGRAM = Path(sys.executable).with_name("distill-tui")


class Tmux:
    """A tmux server of its own with one window of 120 by 40."""

    def __init__(self, socket: Path) -> None:
        self._base = ["tmux", "-S", str(socket), "-f", "/dev/null"]

    def run(self, *arguments: str) -> str:
        return subprocess.run([*self._base, *arguments], check=True, capture_output=True, text=True).stdout

    def start(self, command: list[str], folder: Path) -> None:
        environ = {"DISTILL_RUNS": str(folder / "runs"), "XDG_CONFIG_HOME": str(folder), "LANG": "C.UTF-8"}
        settings = [part for name, value in environ.items() for part in ("-e", f"{name}={value}")]
        line = " ".join(f"'{part}'" for part in command)
        self.run(
            "new-session",
            "-d",
            "-x",
            "120",
            "-y",
            "40",
            *settings,
            f"unset COLUMNS LINES; {line}; echo status=$?; exec cat",
        )

    def keys(self, *keys: str) -> None:
        self.run("send-keys", *keys)

    def screen(self) -> str:
        return self.run("capture-pane", "-p")

    def wait_for(self, *texts: str, seconds: float = 60) -> str:
        deadline = time.monotonic() + seconds
        while True:
            screen = self.screen()
            if all(text in screen for text in texts):
                return screen
            assert time.monotonic() < deadline, f"{texts} not on the screen:\n{screen}"
            time.sleep(0.1)


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        if os.environ.get("CI"):
            pytest.fail("tmux is missing, and .ci/run should have installed it")
        pytest.skip("tmux is not installed")
    terminal = Tmux(tmp_path / "tmux")
    yield terminal
    subprocess.run([*terminal._base, "kill-server"], check=False, capture_output=True)


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
