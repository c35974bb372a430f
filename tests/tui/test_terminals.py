"""The monitor in real terminals of all kinds: each is tried, none may break it."""

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from core.run.folder import RunFolder
from tests.tui.terminals import Tmux, tmux_at

PROGRAM = Path(sys.executable).with_name("distill-tui")
MADE_RUN = Path(__file__).parent.parent.parent / "benchmarks" / "made_run.py"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A run that another process goes on writing."""
    folder = tmp_path_factory.mktemp("runs")
    argv = [sys.executable, str(MADE_RUN), str(folder), "--rate", "20", "--terms", "8"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        yield Path(json.loads(writer.stdout.readline()))
        writer.terminate()


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    terminal = tmux_at(tmp_path / "tmux")
    yield terminal
    terminal.kill()


@contextmanager
def attached(socket: Path) -> Iterator[None]:
    """A tmux client in a terminal of its own, until it has been detached."""
    client, terminal = pty.fork()
    if client == 0:
        os.environ["TERM"] = "xterm-256color"
        os.execvp("tmux", ["tmux", "-S", str(socket), "attach"])
    drain = threading.Thread(target=_drain, args=(terminal,), daemon=True)
    drain.start()
    try:
        yield
        drain.join(10)
    finally:
        os.kill(client, signal.SIGKILL)
        os.waitpid(client, 0)
        os.close(terminal)


def _drain(terminal: int) -> None:
    with suppress(OSError):  # its other end was closed: the client has gone
        while os.read(terminal, 65536):
            pass


@pytest.mark.parametrize(
    "environ",
    [
        {"TERM": "vt100"}, {"TERM": "linux"}, {"TERM": "xterm-16color"}, {"TERM": "xterm-256color"},
        {"TERM": "screen-256color", "COLORTERM": "truecolor"}, {"NO_COLOR": "1"}, {"LANG": "C", "LC_ALL": "C"},
        {"LANG": "POSIX", "PYTHONUTF8": "0", "LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0"},
        {"COLORFGBG": "0;15"}, {"TEXTUAL_DISABLE_MOUSE": "1"},
    ],
    ids=lambda environ: "-".join(environ.values()),
)  # fmt: skip
def test_any_terminal_shows_the_run_and_obeys(tmux: Tmux, tmp_path: Path, live: Path, environ: dict[str, str]) -> None:
    tmux.start([str(PROGRAM), "watch", str(live)], tmp_path, environ=environ)
    screen = tmux.wait_for("training", "term 0", "term 7", "Previews", "steps/s")
    assert "Traceback" not in screen
    plain = environ.get("TERM") in ("vt100", "linux") or "PYTHONUTF8" in environ  # else Python takes C for UTF-8
    assert screen.isascii() == plain, screen
    if "NO_COLOR" in environ:
        assert "\x1b[38;" not in tmux.screen(colours=True)
    tmux.keys("1")
    tmux.wait_for("term 0", "validation")
    tmux.keys("?")
    tmux.wait_for("What it shows", "Keys here")
    tmux.keys("?")
    tmux.wait_for("term 0", "validation", "palette")
    tmux.keys("q")
    tmux.wait_for("status=0")


def test_a_window_of_any_size_at_any_time(tmux: Tmux, tmp_path: Path, live: Path) -> None:
    tmux.start([str(PROGRAM), "watch", str(live)], tmp_path)
    tmux.wait_for("training", "term 7")
    for width, height in ((40, 10), (200, 60), (80, 24), (10, 3), (120, 40)):
        tmux.run("resize-window", "-x", str(width), "-y", str(height))
        if width >= 80:
            tmux.wait_for("training", "term 0", "Previews")
    tmux.keys("C-l")
    tmux.wait_for("training", "term 7")
    tmux.keys("q")
    tmux.wait_for("status=0")


def test_it_is_there_again_after_a_detach_and_attach(tmux: Tmux, tmp_path: Path, live: Path) -> None:
    tmux.start([str(PROGRAM), "watch", str(live)], tmp_path)
    tmux.wait_for("training", "term 7")
    for _ in range(2):
        with attached(tmp_path / "tmux"):
            while not tmux.run("list-clients"):
                time.sleep(0.05)
            tmux.wait_for("training", "term 0", "Previews", seconds=20)  # in a window of the client's size
            tmux.run("detach-client")
        tmux.wait_for("training", "term 0", "Previews", seconds=20)
    tmux.keys("q")
    tmux.wait_for("status=0")


def test_ctrl_z_and_fg(tmux: Tmux, tmp_path: Path, live: Path) -> None:
    tmux.start_shell(tmp_path)
    tmux.keys(f"{PROGRAM} watch '{live}'", "Enter")
    tmux.wait_for("training", "term 7")
    tmux.keys("C-z")
    assert "term 7" not in tmux.wait_for("Stopped", seconds=10)
    tmux.keys("fg", "Enter")
    tmux.wait_for("training", "term 7", "Previews", "palette")
    tmux.keys("q")
    tmux.wait_for("goes on in its own process")
    tmux.keys("echo status=$?", "Enter")
    tmux.wait_for("status=0")


def test_a_finished_run_is_read_in_a_small_window(tmux: Tmux, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(MADE_RUN), str(tmp_path), "--steps", "20000"], capture_output=True, text=True, check=True
    )
    folder = RunFolder.open(Path(done.stdout.strip()))
    tmux.start([str(PROGRAM), "watch", str(folder.path)], tmp_path, size=(80, 24))
    tmux.wait_for("finished", "epoch 20 / 20", "term 0")
    tmux.keys("q")
    tmux.wait_for("status=0")
