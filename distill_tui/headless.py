"""Training, and following a run, without a screen."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import TYPE_CHECKING

from core.run.command_lines import command_line, quoted, resume_line
from core.run.events import StepMetrics, Stored
from core.run.link import LinkError, RunLink
from core.run.state import RunState, fold
from distill_tui.alerting_options import Alerting
from distill_tui.errors import FAILED, FINISHED, PREEMPTED, complain
from distill_tui.outage import TroubleLines
from distill_tui.reports import PlainReport, Report, choose_report
from distill_tui.terminal import OnHangup, let_go_of_output

if TYPE_CHECKING:
    from core.run.folder import RunFolder
    from core.training.metrics import MetricsCallback
    from core.training.runner import TrainingRunner

POLL_SECONDS = 0.1  # so a step is told at most ten times a second
LAST_WORDS_SECONDS = 3.0


class Signals:
    """While `handled`, SIGINT, SIGTERM and SIGHUP ask the runner to save and end; `caught` names the first.

    The handler only sets flags: it may run while any lock is held. A signal that the parent had ignored (nohup, a
    shell's background job) stays ignored.
    """

    def __init__(self, runner: "TrainingRunner") -> None:
        self._runner = runner
        self.caught = ""

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self._runner.preempt()
        self.caught = self.caught or signal.Signals(number).name

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signals inside the `with` block and put the former handlers back after it."""
        numbers = [number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
                   if signal.getsignal(number) is not signal.SIG_IGN]  # fmt: skip
        former = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in former.items():
                signal.signal(number, handler)


class Teller(threading.Thread):
    """Tells the run's events after sequence number `after`, in a thread of its own.

    So neither a reader of our output that has gone nor one that has stopped reading holds up the training or its end.
    """

    def __init__(self, link: RunLink, report: Report, after: int, over: Callable[[], bool], signals: Signals) -> None:
        super().__init__(name="teller", daemon=True)
        self._link, self._report, self._after, self._over, self._signals = link, report, after, over, signals

    def run(self) -> None:
        """Tell until the run is over; fall silent when nobody can read it."""
        try:
            follow(self._link, self._after, self._report.show, self._over_or_asked)
            self._report.close()
        except LinkError as error:
            complain(f"{error}; training goes on")
        except OSError:  # a closed pipe, a terminal that hung up: training is not for the reader's sake
            let_go_of_output()

    def _over_or_asked(self) -> bool:
        if self._signals.caught:
            complain(f"{self._signals.caught}: saving, then ending; a second one changes nothing")
            self._signals.caught = ""
        return self._over()


def train_headless(
    begin: "Callable[[TrainingRunner, MetricsCallback | None], RunFolder]",
    *,
    as_json: bool,
    after: int = 0,
    on_hangup: OnHangup = "stop",
    alerting: Alerting | None = None,
) -> int:
    """Train until the end, telling on stdout what comes after sequence number `after`. Returns the exit status.

    `begin` starts or resumes with the runner and the callback that it is given. A hang-up is ignored where
    `on_hangup` is "continue".
    """
    from core.errors import one_line
    from core.run.links.thread import ThreadLink
    from core.training.runner import TrainingRunner

    if on_hangup == "continue":
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    runner = TrainingRunner()
    signals = Signals(runner)
    with signals.handled():
        notifier = alerting.notifier(complain) if alerting is not None else None
        folder = begin(runner, notifier)
        if notifier is not None:
            notifier.about(folder.name, str(folder.path))
        report = choose_report(as_json)
        report.begin(str(folder.path))
        teller = Teller(ThreadLink(folder, runner), report, after, lambda: not runner.alive, signals)
        teller.start()
        while runner.alive:
            runner.wait(POLL_SECONDS)
        teller.join(LAST_WORDS_SECONDS)
        status = runner.exit_status
        if notifier is not None:
            notifier.close(runner.complete)
        if teller.is_alive():
            # It waits for a reader of our output that has stopped reading. The interpreter's own end would wait for
            # it too, for good; the trainer has closed everything, so nothing is lost by leaving at once.
            os._exit(status)
    if runner.error is not None:
        complain(one_line(runner.error), hint="" if status != FAILED else f"cat {quoted(str(folder.log_path))}")
    elif status == PREEMPTED:
        complain("saved and ended before the run was finished", hint=command_line("resume", folder.path))
    return status


def watch_headless(link: RunLink) -> int:
    """Print how a run stands, then follow it while a trainer holds it. 1 when it failed or broke off, else 0."""
    report = PlainReport(fold(RunState(), link.read()))
    info = link.info()
    where = info.location
    report.begin(where)
    report.summarize()
    troubles = TroubleLines(where, complain)
    held, free = info.live, 0  # by a trainer; looks in a row at which it was not

    def over() -> bool:
        nonlocal held, free
        live = link.info().live
        if live:  # how a run without a trainer stands is said at the end
            troubles.look(link.trouble)
        held, free = held or live, 0 if live else free + 1
        return free >= (2 if held else 1)  # a folder that is moved about may seem free for a moment

    follow(link, report.state.seq, report.show, over)
    report.close()
    end = report.state.complete
    if end is None:
        complain("no trainer holds this run, and it did not end by itself", hint=resume_line(link.info()))
    return FAILED if end is None or end.reason == "failed" else FINISHED


def follow(link: RunLink, after: int, show: Callable[[Stored], None], over: Callable[[], bool]) -> None:
    """Show the events after sequence number `after` until `over` says that no more will come.

    A step before the first of them is of an earlier session, and not shown.
    """
    begun = False
    while True:
        last_look = over()  # asked before the reading: what came before the end is still read
        for stored in in_time(link.read(after), after):
            begun = begun or not isinstance(stored.event, StepMetrics)
            if begun:
                show(stored)
            after = max(after, stored.seq)
        if last_look:
            return
        time.sleep(POLL_SECONDS)


def in_time(batch: list[Stored], after: int) -> list[Stored]:
    """What `RunLink.read(after)` gave, with the newest step where it happened rather than at the end."""
    if not batch or not isinstance(batch[-1].event, StepMetrics):
        return batch
    *events, step = batch
    place = sum(stored.time <= step.time for stored in events)
    seq = events[place - 1].seq if place else after
    return [*events[:place], replace(step, seq=seq), *events[place:]]
