"""Without a screen: every event as JSON, calm lines, and no way to lose a run by a signal or a closed pipe."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import termios
import time
from array import array
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from core.run.event_json import from_plain
from core.run.folder import RunFolder
from tests.cli.waiting import wait_until
from tests.cli.warm import WarmPopen, WarmServer

FOREVER = ["--epochs", "100000"]


def settings(folder: Path) -> dict[str, Any]:
    environment = {key: value for key, value in os.environ.items() if key != "DISTILL_RUNS"}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return {**pipes, "cwd": folder, "env": environment, "text": True}


@pytest.fixture
def start(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """A function that starts distill-tui with the given words in a folder of its own."""
    return lambda *words: subprocess.Popen([sys.executable, "-m", "distill_tui", *words], **settings(tmp_path))


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmServer]:
    server = WarmServer()
    yield server
    server.close()


@pytest.fixture
def start_warm(warm: WarmServer, tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """As `start`, in seconds less; where it does not matter how the program was loaded."""
    return lambda *words, **options: WarmPopen(warm, list(words), **settings(tmp_path), **options)


def waiting_in(pipe: int) -> int:
    """How many bytes nobody has read yet."""
    waiting = array("i", [0])
    fcntl.ioctl(pipe, termios.FIONREAD, waiting)
    return waiting[0]


def wait_until_stalled(pipe: int) -> None:
    """Wait until something is in the pipe and nothing is added any more."""
    seen, since = 0, time.monotonic()

    def stalled() -> bool:
        nonlocal seen, since
        if waiting_in(pipe) != seen:
            seen, since = waiting_in(pipe), time.monotonic()
        return seen > 0 and time.monotonic() - since > 1.5

    wait_until(stalled, 30)


def until(process: subprocess.Popen[str], kind: str, times: int = 1) -> list[dict[str, Any]]:
    """The JSON events up to the `times`-th of `kind`."""
    assert process.stdout is not None
    events = []
    for line in process.stdout:
        events.append(json.loads(line))
        times -= events[-1]["kind"] == kind
        if times == 0:
            return events
    raise AssertionError(f"it ended without {kind}: {process.communicate()[1]}")


def test_json_tells_every_event_in_order_and_ends_with_status_0(
    start: Callable[..., subprocess.Popen[str]], tiny_training: list[str], tmp_path: Path
) -> None:
    said, complaints = start(*tiny_training, "--epochs", "3", "--json").communicate(timeout=60)
    events = [json.loads(line, parse_constant=pytest.fail) for line in said.splitlines()]
    assert (events[0]["kind"], events[0]["data"]["path"]) == ("folder", str(tmp_path / "runs" / "tones"))
    kinds = [event["kind"] for event in events]
    assert kinds.count("run") == 1
    assert kinds.count("epoch") == 3
    assert kinds[-1] == "complete"
    assert events[-1]["data"]["reason"] == "finished"
    stored = [event["seq"] for event in events if event["kind"] != "step"]
    assert stored == list(range(len(stored)))
    assert all(from_plain(event["kind"], event["data"]) is not None for event in events[1:])
    assert complaints == ""
    folder = RunFolder.open(tmp_path / "runs" / "tones")
    assert (folder.checkpoints / "best.pt").exists()
    assert not folder.is_live()


def test_without_a_terminal_it_says_so_and_prints_calm_lines(
    start: Callable[..., subprocess.Popen[str]], tiny_training: list[str]
) -> None:
    process = start(*tiny_training, "--epochs", "4")
    said, complaints = process.communicate(timeout=60)
    assert process.returncode == 0
    assert complaints.startswith("distill-tui: no screen (the input is not a terminal)")
    lines = said.splitlines()
    assert lines[0].startswith("run folder: ")
    assert [line.split("epoch ")[1][:3] for line in lines if "  epoch " in line] == ["1/4", "2/4", "3/4", "4/4"]
    assert "finished, epoch 4" in lines[-1]
    assert len(lines) < 30
    assert said.replace("\n", "").isprintable()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_saves_and_ends_with_75_and_resume_goes_on_at_that_step(
    start_warm: Callable[..., subprocess.Popen[str]], tiny_training: list[str], sent: signal.Signals, tmp_path: Path
) -> None:
    process = start_warm(
        *tiny_training, "--epochs", "12", "--set", "regularization.augmentation_expansion=40", "--json"
    )
    seen = until(process, "epoch")
    process.send_signal(sent)
    process.send_signal(sent)
    said, complaints = process.communicate(timeout=30)
    events = seen + [json.loads(line) for line in said.splitlines()]
    assert process.returncode == 75, complaints
    assert f"{sent.name}: saving" in complaints
    assert "distill-tui resume" in complaints
    end = events[-1]
    assert (end["kind"], end["data"]["reason"]) == ("complete", "preempted")
    if sent != signal.SIGTERM:
        return
    config = tmp_path / "runs" / "tones" / "config.toml"
    config.write_text(config.read_text().replace("epochs = 12", f"epochs = {end['data']['epoch'] + 1}"))
    again = start_warm("resume", "tones", "--json")
    said, complaints = again.communicate(timeout=60)
    assert again.returncode == 0, complaints
    told = [json.loads(line) for line in said.splitlines()]
    assert min(event["seq"] for event in told[1:]) > end["seq"]
    assert next(event for event in told if event["kind"] == "run")["data"]["start_step"] == end["data"]["step"]
    assert told[-1]["data"]["reason"] == "finished"


@pytest.mark.parametrize("nohup", [True, False], ids=["nohup", "on-hangup"])
def test_a_hangup_that_is_to_be_ignored_is_ignored(
    start_warm: Callable[..., subprocess.Popen[str]], tiny_training: list[str], nohup: bool
) -> None:
    process = start_warm(
        *tiny_training, "--epochs", "3", "--json", *([] if nohup else ["--on-hangup", "continue"]),
        hangup=signal.SIG_IGN if nohup else signal.SIG_DFL,
    )  # fmt: skip
    until(process, "run")
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=30)
    assert process.returncode == 0


def test_training_goes_on_when_nobody_reads_it_any_more(
    start_warm: Callable[..., subprocess.Popen[str]], tiny_training: list[str], tmp_path: Path
) -> None:
    process = start_warm(*tiny_training, "--epochs", "6", "--json")
    until(process, "run")
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    (best,) = (tmp_path / "runs" / "tones" / "checkpoints").glob("best.pt")
    assert best.stat().st_size > 0


def test_it_ends_in_time_though_its_output_is_stalled(tiny_training: list[str], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
    environment = {key: value for key, value in os.environ.items() if key != "DISTILL_RUNS"}
    process = subprocess.Popen(
        [sys.executable, "-m", "distill_tui", *tiny_training, *FOREVER, "--json"],
        stdout=writing, stderr=subprocess.DEVNULL, env=environment, cwd=tmp_path,
    )  # fmt: skip
    os.close(writing)
    wait_until_stalled(reading)
    process.terminate()
    assert process.wait(20) == 75
    os.close(reading)


def test_what_fails_in_the_trainer_is_one_line_and_status_2(
    start: Callable[..., subprocess.Popen[str]], tiny_training: list[str]
) -> None:
    process = start(*tiny_training, "--device", "cuda:99", "--json")
    said, complaints = process.communicate(timeout=30)
    assert process.returncode == 2
    assert len(complaints.splitlines()) == 1
    assert "cuda:99" in complaints
    assert json.loads(said.splitlines()[-1])["data"]["reason"] == "failed"


def test_stop_from_another_process_ends_with_0_and_a_run_config_trains_again(
    start_warm: Callable[..., subprocess.Popen[str]], tiny_training: list[str], tmp_path: Path
) -> None:
    process = start_warm(*tiny_training, *FOREVER, "--json")
    until(process, "epoch")
    asked = start_warm("stop", "tones")
    assert "cancelled at step" in asked.communicate(timeout=30)[0]
    said, _ = process.communicate(timeout=30)
    assert process.returncode == 0
    assert json.loads(said.splitlines()[-1])["data"]["reason"] == "cancelled"

    config = tmp_path / "runs" / "tones" / "config.toml"
    again = start_warm("train", "--config", str(config), "--epochs", "1", "--json")
    said, complaints = again.communicate(timeout=60)
    assert again.returncode == 0, complaints
    second = tmp_path / "runs" / "tones-02" / "config.toml"
    changed = set(config.read_text().splitlines()) ^ set(second.read_text().splitlines())
    assert {line.split(" ")[0] for line in changed} == {"epochs"}

    looked = start_warm("inspect", str(second.parent / "checkpoints" / "best.pt"), "--json")
    facts = json.loads(looked.communicate(timeout=30)[0])
    assert facts["parameters"] > 0
    assert facts["config"]["epochs"] == 1
