"""`--notify` and `--alert` with real runs: trained without and with a screen, and watched from another process."""

import fcntl
import json
import os
import pty
import shlex
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from core.run.folder import RunFolder
from distill_tui.alerting_terminal import GONE_SECONDS
from distill_tui.cli import main
from tests.cli.waiting import wait_until

PYTHON = [sys.executable, "-m", "distill_tui"]
FAKE_TRAINER = Path(__file__).parents[1] / "run" / "fake_trainer.py"
GONE = ("gone", "bells: its trainer is gone")


def news_in(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def into(file: Path) -> str:
    return f"cat >> {shlex.quote(str(file))}"


def environ(folder: Path) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("DISTILL_") and key != "TMUX"}
    return {**kept, "XDG_CONFIG_HOME": str(folder), "TERM": "xterm-256color", "LANG": "C.UTF-8"}


def test_without_a_screen_the_end_is_told_before_the_program_ends(tiny_training: list[str], tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    assert main([*tiny_training, "--epochs", "2", "--headless", "--runs", str(tmp_path), "--notify", into(heard)]) == 0
    (news,) = news_in(heard)
    assert (news["kind"], news["run"], news["title"]) == ("complete", "tones", "tones finished")
    assert news["location"] == str(tmp_path / "tones")


def test_a_run_that_cannot_begin_is_told_of_and_a_command_that_fails_changes_nothing(
    tiny_training: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    heard = tmp_path / "heard"
    words = [*tiny_training, "--headless", "--runs", str(tmp_path), "--device", "cuda:99"]
    assert main([*words, "--notify", f"{into(heard)}; echo no route >&2; exit 4"]) == 2
    assert [news["data"]["reason"] for news in news_in(heard)] == ["failed"]
    assert "cuda:99" in news_in(heard)[0]["text"]
    assert capsys.readouterr().err.count("--notify: no route") == 1


class Screen:
    """A command in a terminal of its own, 120 by 40; `shown` is all that it has written there."""

    def __init__(self, words: list[str], folder: Path) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
        self.process = subprocess.Popen(
            [*PYTHON, *words], stdin=slave, stdout=slave, stderr=slave, env=environ(folder), start_new_session=True
        )
        os.close(slave)
        self.shown = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with suppress(OSError):  # the terminal's other side is closed
            while data := os.read(self._master, 65536):
                self.shown += data

    def until(self, words: bytes, seconds: float = 60) -> None:
        """Wait until `words` have been written."""
        wait_until(lambda: words in self.shown, seconds)

    def leave(self) -> int:
        """Type q; the exit status."""
        os.write(self._master, b"q")
        return self.process.wait(20)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._thread.join(5)
        os.close(self._master)


@pytest.fixture
def open_screen(tmp_path: Path) -> Iterator[Callable[[list[str]], Screen]]:
    """`open_screen(words)`: distill-tui with these words in a terminal."""
    opened: list[Screen] = []

    def start(words: list[str]) -> Screen:
        opened.append(Screen(words, tmp_path))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.mark.parametrize("command", ["train", "demo"])
def test_with_a_screen_both_the_command_and_the_terminal_tell(
    command: str, open_screen: Callable[[list[str]], Screen], tiny_training: list[str], tones: Path, tmp_path: Path
) -> None:
    heard = tmp_path / "heard"
    words = {"train": [*tiny_training, "--epochs", "6"], "demo": ["demo", "--sounds", str(tones), "--epochs", "1"]}
    name, epoch = {"train": ("tones", b"6"), "demo": ("demo", b"1")}[command]
    told = ["--runs", str(tmp_path / "runs"), "--notify", into(heard), "--alert", "bell,osc9"]
    screen = open_screen([*words[command], *told])
    screen.until(b"\x1b]9;distill-tui: %s finished. At epoch %s" % (name.encode(), epoch))
    screen.until(b"\x1b\\\a")
    assert screen.leave() == 0
    assert [news["title"] for news in news_in(heard)] == [f"{name} finished"]


def test_who_watches_a_trainer_that_is_killed_is_told_once(
    open_screen: Callable[[list[str]], Screen], tmp_path: Path
) -> None:
    run, heard = RunFolder.create(tmp_path, "bells"), [tmp_path / name for name in ("screen", "plain", "later")]
    run.config_path.write_text('recipe = "audio"\n')
    watching = [["watch", str(run.path), "--notify", into(file), "--alert", "bell,osc9"] for file in heard]
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([sys.executable, str(FAKE_TRAINER), str(run.path)]) as trainer:
        wait_until(lambda: run.store_path.exists() and run.is_live())
        screen = open_screen(watching[0])
        screen.until(b"training")
        with subprocess.Popen([*PYTHON, *watching[1]], env=environ(tmp_path), **quiet) as plain:
            assert plain.stdout is not None
            plain.stdout.readline()  # what has happened so far is history
            trainer.send_signal(signal.SIGKILL)
            plain.communicate(timeout=20)
    assert plain.returncode == 1
    told = b"\x1b]9;distill-tui: bells: its trainer is gone. It ended without a word, resume the run to go on.\x1b\\\a"
    screen.until(told, 20)
    later = open_screen(watching[2])
    later.until(b"stopped without notice")
    time.sleep(GONE_SECONDS + 0.5)
    assert [screen.leave(), later.leave()] == [0, 0]
    assert (screen.shown.count(b"\x1b]9;"), later.shown.count(b"\x1b]9;")) == (1, 0)
    assert [[(news["kind"], news["title"]) for news in news_in(file)] for file in heard] == [[GONE], [GONE], []]
