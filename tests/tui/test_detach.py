"""The screen closes and the training goes on: by key, by dialog, from a script, over a line that drops."""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.run.events import TrainingCompleteEvent
from core.run.folder import RunFolder
from core.run.link import LinkError
from core.run.links.folder import FolderLink
from core.training.config_file import load_config
from distill_tui.session import Session, Train
from tests.cli.waiting import wait_until
from tests.run.sshd import HOST, Sshd
from tests.training.conftest import TINY, write_tones
from tests.tui.made_up_training import Terminal
from tests.tui.terminals import Tmux, tmux_at

PROGRAM = Path(sys.executable).with_name("distill-tui")
FOREVER = {**TINY, "epochs": 100_000, "preview.every": 100_000, "checkpoint.every": 100_000}

Start = Callable[..., Terminal]


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    terminal = tmux_at(tmp_path / "tmux")
    yield terminal
    terminal.kill()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start(through=...)`: a monitor on a training that is made up, which has drawn its screen."""
    opened: list[Terminal] = []

    def start(what: str = "training", through: Callable[[list[str]], list[str]] = list) -> Terminal:
        opened.append(Terminal(what, tmp_path, through=through))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def endings(folder: RunFolder) -> list[str]:
    link = FolderLink(folder)
    ends = [stored.event.reason for stored in link.read() if isinstance(stored.event, TrainingCompleteEvent)]
    link.close()
    return ends


def test_the_shell_is_free_and_the_run_is_seen_and_stopped_from_there(tmux: Tmux, tmp_path: Path) -> None:
    data = write_tones(tmp_path / "tones")
    values = " ".join(shlex.quote(f"--set={key}={value}") for key, value in FOREVER.items())
    (tmp_path / "run.sh").write_text(f"exec {PROGRAM} train {data} {values}\n")
    tmux.start_shell(tmp_path)
    tmux.keys(f"cd {tmp_path}; export DISTILL_ASCII= DISTILL_RUNS=runs; alias distill-tui={PROGRAM}; clear", "Enter")

    tmux.keys("sh run.sh", "Enter")
    tmux.wait_for("● training", "stft")
    tmux.keys("C-z")
    tmux.wait_for("Stopped", "training is paused as well")
    tmux.keys("fg", "Enter")
    tmux.wait_for("● training", "stft")
    tmux.keys("d")
    tmux.wait_for("tones trains on as process", "distill-tui watch runs/tones")
    tmux.keys("echo status=$? jobs=$(jobs | wc -l)", "Enter")
    tmux.wait_for("status=0 jobs=0", seconds=3)
    folder = RunFolder.open(tmp_path / "runs" / "tones")
    listed = subprocess.run([PROGRAM, "runs", folder.path.parent, "--json"], capture_output=True, check=True)
    assert [run["live"] for run in json.loads(listed.stdout)] == [True]
    tmux.keys("distill-tui watch runs/tones", "Enter")
    tmux.wait_for("● training", "stft")
    tmux.keys("d")
    tmux.wait_for("Nothing trains in this window")
    tmux.keys("q")
    tmux.wait_for("goes on in its own process")
    tmux.keys("clear; distill-tui stop runs/tones", "Enter")
    tmux.wait_for("tones: cancelled at step")
    assert "tones: cancelled at epoch" in folder.log_path.read_text()

    tmux.keys("clear; distill-tui resume runs/tones", "Enter")
    tmux.wait_for("● training", "stft")
    tmux.keys("q")
    tmux.wait_for("Keep it going", "Save and stop")
    tmux.keys("k")
    tmux.wait_for("tones trains on as process")
    holder = folder.holder()
    assert holder is not None
    tmux.run("kill-server")  # the terminal goes: nothing to the run
    time.sleep(0.5)
    assert folder.is_live()
    os.kill(holder[0], signal.SIGTERM)
    wait_until(lambda: not folder.is_live(), 10)
    assert endings(folder) == ["cancelled", "preempted"]


def test_by_dialog_with_the_exit_status_of_success(start: Start) -> None:
    shown = start()
    shown.press(b"q")
    shown.until(b"Keep it going")
    shown.press(b"\r")
    assert shown.status(reading=True) == 0
    left = shown.shown.rpartition(b"\x1b[?1049l")[2]
    assert left.count(b"trains on as process %d" % shown.trainer.pid) == 1
    wait_until(lambda: shown.trains_alone, 5)
    assert shown.seconds_of(1) < 0.02
    os.write(shown.master, b"\x03")  # nobody at this terminal can reach it any more
    shown.hang_up()
    time.sleep(0.3)
    assert shown.trains_alone


def test_a_script_goes_on_and_its_end_is_not_the_trainings(start: Start) -> None:
    shown = start(through=lambda words: ["sh", "-c", f"{shlex.join(words)}; echo after=$?"])
    shown.press(b"d")
    assert shown.status(reading=True) == 0  # the script led the session: its end is a hang-up
    assert b"after=0" in shown.shown
    wait_until(lambda: shown.trains_alone, 5)


def test_without_a_front_the_shell_waits_and_ctrl_c_saves(start: Start) -> None:
    shown = start("alone")
    shown.press(b"d")
    shown.until(b"This terminal waits for its end; ctrl+c saves and stops")
    time.sleep(0.3)
    shown.press(b"\x03")
    assert shown.status(reading=True) == 75
    assert "preempted at epoch" in (shown.folder / "run.log").read_text()


def test_what_is_asked_to_end_before_it_has_begun_does_not_begin(tmp_path: Path) -> None:
    session = Session(Train(*load_config(overrides={"data.path": str(tmp_path)}), tmp_path / "runs"))
    assert session.preempt()
    with pytest.raises(LinkError):
        session.open()
    assert session.exit_status == 75
    assert not (tmp_path / "runs").exists()


@pytest.fixture(scope="module")
def ssh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[list[str]], list[str]]]:
    """Makes the command that runs some words on a terminal behind a real ssh server."""
    server = Sshd.at(tmp_path_factory.mktemp("sshd"))
    yield lambda words: ["ssh", "-F", str(server.folder / "ssh_config"), "-tt", HOST, shlex.join(words)]
    server.stop()


def test_d_ends_an_ssh_line_and_not_the_training(start: Start, ssh: Callable[[list[str]], list[str]]) -> None:
    shown = start(through=ssh)
    shown.press(b"d")
    assert shown.status(reading=True) == 0
    assert b"trains on as process" in shown.shown
    time.sleep(0.3)
    assert shown.trains_alone


def test_an_ssh_line_that_drops_does_not_end_the_training(start: Start, ssh: Callable[[list[str]], list[str]]) -> None:
    shown = start(through=ssh)
    shown.process.kill()
    wait_until(lambda: shown.trains_alone, 10)
    assert shown.seconds_of(1) < 0.02
