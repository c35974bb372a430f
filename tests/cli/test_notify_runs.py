"""`--notify` and `--alert` with real runs: trained without and with a screen, and watched from another process."""

import fcntl
import json
import os
import pty
import select
import shlex
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from distill_tui.cli import main
from tests.cli.waiting import wait_until


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


def test_who_watches_from_another_process_is_told_as_well(tiny_training: list[str], tmp_path: Path) -> None:
    heard = tmp_path / "heard"
    python = [sys.executable, "-m", "distill_tui"]
    words = [*tiny_training, "--epochs", "100000", "--headless", "--runs", str(tmp_path)]
    quiet = {"stdin": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environ(tmp_path)}
    with subprocess.Popen([*python, *words], stdout=subprocess.DEVNULL, **quiet) as trainer:
        wait_until((tmp_path / "tones" / "run.sqlite").exists, 60)
        watching = [*python, "watch", str(tmp_path / "tones"), "--notify", into(heard)]
        with subprocess.Popen(watching, stdout=subprocess.PIPE, **quiet) as watcher:
            watcher.stdout.readline()  # what has happened so far is history
            trainer.kill()
            watcher.communicate(timeout=20)
    assert watcher.returncode == 1
    assert [(news["kind"], news["title"]) for news in news_in(heard)] == [("gone", "tones: its trainer is gone")]


def test_with_a_screen_both_the_command_and_the_terminal_tell(tiny_training: list[str], tmp_path: Path) -> None:
    heard, (ours, theirs) = tmp_path / "heard", pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    words = [*tiny_training, "--epochs", "6", "--runs", str(tmp_path), "--notify", into(heard), "--alert", "bell,osc9"]
    process = subprocess.Popen(
        [sys.executable, "-m", "distill_tui", *words], stdin=theirs, stdout=theirs, stderr=theirs,
        env=environ(tmp_path), start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    drawn, deadline = b"", time.monotonic() + 60
    try:
        while b"\x1b]9;distill-tui: tones finished. At epoch 6" not in drawn:
            assert time.monotonic() < deadline, drawn[-2000:]
            if select.select([ours], [], [], 0.2)[0]:
                drawn += os.read(ours, 65536)
        assert b"\x1b\\\a" in drawn
        os.write(ours, b"q")
        while process.poll() is None:
            assert time.monotonic() < deadline
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    os.read(ours, 65536)
                except OSError:  # the terminal's other side is closed
                    break
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert [news["title"] for news in news_in(heard)] == ["tones finished"]
