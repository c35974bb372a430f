"""Signals and hang-ups on a real terminal: the run is saved or goes on, and the exit status says which."""

import shlex
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from distill_tui.outlet import Outlet
from distill_tui.signals import guarded
from tests.cli.waiting import wait_until
from tests.tui.made_up_training import Terminal

Start = Callable[..., Terminal]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """`start("training")` or `start("watching")`: a monitor that has drawn its screen."""
    opened: list[Terminal] = []

    def start(what: str, on_hangup: str = "continue", **how: Any) -> Terminal:
        opened.append(Terminal(what, tmp_path, on_hangup, **how))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_exits_75(start: Start, sent: signal.Signals) -> None:
    shown = start("training")
    shown.process.send_signal(sent)
    assert shown.status(reading=True) == 75
    assert b"preempted at epoch" in shown.shown
    assert b"Resume with: distill-tui resume runs/bells-03" in shown.shown
    assert b"\x1b[?1049l" in shown.shown, "the terminal is left as it was"


def test_sigterm_ends_even_when_the_terminal_takes_nothing_more(start: Start) -> None:
    shown = start("training")
    shown.stall()
    shown.shown = b""
    shown.process.send_signal(signal.SIGTERM)
    assert shown.status(reading=False) == 75
    shown.read(0.5)
    screen, _, after = shown.shown.rpartition(b"\x1b[?1049l")
    assert screen
    assert b"Resume with: distill-tui resume" in after, "a terminal that reads again is as it was"


def test_a_terminal_that_takes_nothing_more_costs_nothing(start: Start) -> None:
    shown = start("training")
    shown.stall()
    assert shown.seconds_of(3) < 0.025 * 3  # goal 2 %; the clock ticks in hundredths
    shown.read(1)
    shown.shown = b""
    shown.press(b"\x0c")
    shown.until(b"bells-03")
    shown.process.send_signal(signal.SIGTERM)
    assert shown.status(reading=True) == 75


def test_a_terminal_that_takes_nothing_more_stops_the_training_where_that_was_asked_for(start: Start) -> None:
    shown = start("training", "stop")
    shown.stall()
    assert shown.status(reading=False) == 75


def test_after_a_hang_up_training_goes_on_without_a_screen(start: Start) -> None:
    shown = start("training")
    shown.hang_up()
    wait_until(lambda: shown.trains_alone, 5)
    assert shown.seconds_of(3) < 0.025 * 3  # goal 2 %; the clock ticks in hundredths
    assert shown.status(reading=False) == 0, "nothing is left in front of it"
    shown.trainer.send_signal(signal.SIGHUP)
    time.sleep(0.2)
    shown.trainer.terminate()
    wait_until(lambda: not shown.trainer.is_running(), 10)
    assert "preempted at epoch" in (shown.folder / "run.log").read_text()


def test_a_hang_up_saves_and_exits_75_where_that_was_asked_for(start: Start) -> None:
    shown = start("training", "stop")
    shown.hang_up()
    assert shown.status(reading=False) == 75


def test_a_hang_up_that_is_no_signal_is_felt_all_the_same(start: Start) -> None:
    shown = start("training", deaf=True)
    shown.hang_up()
    wait_until(lambda: shown.trains_alone, 5)
    shown.trainer.terminate()
    wait_until(lambda: not shown.trainer.is_running(), 10)
    assert "preempted at epoch" in (shown.folder / "run.log").read_text()


def test_sighup_on_a_terminal_that_is_there_gives_it_back(start: Start) -> None:
    shown = start("training")
    shown.process.send_signal(signal.SIGHUP)
    assert shown.status(reading=True) == 0, "the shell is free"
    assert f"bells-03 trains on as process {shown.trainer.pid}".encode() in shown.shown
    wait_until(lambda: shown.trains_alone, 5)
    shown.trainer.terminate()
    shown.trainer.wait(10)


def test_a_watcher_just_goes(start: Start) -> None:
    shown = start("watching")
    shown.process.send_signal(signal.SIGTERM)
    assert shown.status(reading=True) == 0
    assert b"goes on in its own process" in shown.shown


def test_a_watcher_goes_when_its_terminal_does(start: Start) -> None:
    shown = start("watching")
    shown.hang_up()
    assert shown.status(reading=False) == 0


def test_q_asks_and_waits_until_the_run_is_saved(start: Start) -> None:
    shown = start("training")
    shown.press(b"q")
    shown.until(b"Save and stop")
    shown.press(b"s")
    assert shown.status(reading=True) == 0
    assert b"cancelled at epoch" in shown.shown


def test_a_trainer_that_is_killed_leaves_the_terminal_as_it_was(start: Start) -> None:
    shown = start("training")
    shown.trainer.send_signal(signal.SIGKILL)
    assert shown.status(reading=True) == -signal.SIGKILL
    assert b"\x1b[?1049l" in shown.shown


def test_a_front_that_is_killed_leaves_the_terminal_as_it_was_and_the_run_goes_on(start: Start) -> None:
    shown = start("training", through=lambda words: ["sh", "-c", f"{shlex.join(words)}; sleep 30"])
    shown.trainer.parent().kill()
    shown.until(b"bells-03 trains on as process %d" % shown.trainer.pid, 5)
    assert shown.shown.rpartition(b"\x1b[?1049l")[2].count(b"trains on") == 1
    wait_until(lambda: shown.trains_alone, 5)
    shown.shown = b""
    shown.read(1)
    assert shown.shown == b"", "nothing is drawn over what the shell shows"


def test_a_front_that_is_killed_stops_the_training_where_a_lost_terminal_does(start: Start) -> None:
    shown = start("training", "stop", through=lambda words: ["sh", "-c", f"{shlex.join(words)}; sleep 30"])
    shown.trainer.parent().kill()
    wait_until(lambda: not shown.trainer.is_running(), 10)
    shown.until(b"Resume with", 1)


def test_the_two_processes_are_told_apart(start: Start) -> None:
    shown = start("training")
    names = [psutil.Process(pid).name() for pid in (shown.process.pid, shown.trainer.pid)]
    assert names[0] == "distill-front"
    assert names[1] != names[0]


def test_a_signal_handler_waits_for_no_lock_of_threading() -> None:
    asked = threading.Event()
    session = SimpleNamespace(preempt=lambda: True, preempt_and_wait=lambda: asked.set() or 75)
    app = SimpleNamespace(session=session, leave=None, _running=True, _loop=SimpleNamespace(call_soon_threadsafe=print))
    outlet, taken, over = Outlet(2), threading.Event(), threading.Event()

    def hold() -> None:
        with threading._active_limbo_lock:  # needed for a start; a handler may interrupt whoever holds it
            taken.set()
            over.wait(3)

    with guarded(app, outlet, "continue") as guard:
        holder = threading.Thread(target=hold)
        holder.start()
        taken.wait()
        began = time.monotonic()
        signal.raise_signal(signal.SIGTERM)
        took = time.monotonic() - began
        over.set()
        assert asked.wait(5)
        guard.left()
    outlet.close()
    assert took < 1


@pytest.mark.parametrize("by_key", [True, False])
def test_a_pause_without_a_shell_is_over_at_once(start: Start, by_key: bool) -> None:
    shown = start("training")
    if by_key:
        shown.press(b"\x1a")
    else:
        shown.trainer.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    shown.shown = b""
    shown.press(b"q")
    shown.until(b"Save and stop")
    for process in (shown.trainer, psutil.Process(shown.process.pid)):
        assert process.status() != psutil.STATUS_STOPPED


def test_it_writes_little_while_it_watches(start: Start) -> None:
    """Under 3 kB a second at 120 by 40; this run makes ten steps a second."""
    shown = start("watching")
    shown.read(1)
    before = len(shown.shown)
    end = time.monotonic() + 2
    while time.monotonic() < end:
        shown.read(0.1)
    assert 0 < len(shown.shown) - before < 2 * 3000
