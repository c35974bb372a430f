"""A program that may do anything is ended when its time is over, whether or not we are still there."""

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from distill_tui.bounded_call import bounded_call
from tests.cli.waiting import wait_until

ROOT = Path(__file__).parents[2]


def call(line: str, limit: float = 10.0, body: bytes = b"") -> str:
    return bounded_call(["/bin/sh", "-c", line], body, os.environ, limit)


def numbers(file: Path, how_many: int) -> list[int]:
    wait_until(lambda: file.exists() and len(file.read_text().split()) == how_many)
    return [int(word) for word in file.read_text().split()]


def test_a_call_that_hangs_is_ended_though_we_have_ended_before(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    line = f"trap '' TERM HUP INT; sleep 60 & echo $$ $! > {shlex.quote(str(pids))}; wait"
    program = f"import os; from distill_tui.bounded_call import bounded_call; bounded_call(['sh', '-c', {line!r}], " \
        "b'', os.environ, 1.5)"  # fmt: skip
    us = subprocess.Popen([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": str(ROOT)})
    its = numbers(pids, 2)
    us.kill()
    us.wait()
    assert all(map(psutil.pid_exists, its))
    wait_until(lambda: not any(map(psutil.pid_exists, its)), 5)


def test_what_it_leaves_behind_when_it_ends_in_time_is_left_alone(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    assert call(f"sleep 60 & echo $! > {shlex.quote(str(pids))}", 0.5) == ""
    (child,) = numbers(pids, 1)
    time.sleep(0.8)
    try:
        assert psutil.Process(child).status() != psutil.STATUS_ZOMBIE
    finally:
        psutil.Process(child).kill()


def test_it_is_told_what_there_is_to_tell_however_much(tmp_path: Path) -> None:
    body = bytes(range(256)) * 4096
    assert call(f"cat > {shlex.quote(str(tmp_path / 'heard'))}", body=body) == ""
    assert (tmp_path / "heard").read_bytes() == body


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        ("exit 0", ""),
        ("exit 7", "ended with status 7"),
        ("kill -9 $$", "ended with status 137"),
        ("kill -PIPE $$; exit 3", "ended with status 141"),  # as in a shell, and not ignored as Python has it
        ("echo no >&2; false", "no"),
    ],
)
def test_how_it_ended_is_known(line: str, answer: str) -> None:
    assert call(line) == answer


def test_a_program_that_is_not_there_is_named() -> None:
    assert bounded_call(["/no/such", "-x"], b"", os.environ, 5) == "/no/such: No such file or directory"
    assert "null" in bounded_call(["a\0b"], b"", os.environ, 5)
