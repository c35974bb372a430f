"""What becomes of a run when the screen goes: it trains on in this process without a terminal, or has been saved."""

import os
import signal
from typing import TYPE_CHECKING

from distill_tui.outlet import Outlet
from distill_tui.signals import guarded
from distill_tui.stderr import kept_off_the_screen
from distill_tui.terminal import OnHangup, let_go_of_terminal

if TYPE_CHECKING:
    from core.training.runner import TrainingRunner
    from distill_tui.app import DistillApp
    from distill_tui.front import Front

POLL_SECONDS = 1.0
OF_THE_SCREEN = (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)


def show(app: "DistillApp", on_hangup: OnHangup, front: "Front | None") -> int:
    """Show the app until it is left, and where a run trains on, wait for its end. Returns the exit status."""
    outlet, noise = Outlet(2), b""
    with guarded(app, outlet, on_hangup, front) as guard:
        status: int | None = None
        try:
            with kept_off_the_screen(outlet) as kept:
                status = app.run()
            noise = kept.text
        except OSError as error:  # a terminal that has hung up
            app.closing_line = f"the screen failed: {error.strerror}"
        except BaseException:
            _save(app)
            raise
        guard.left()
        session, gone = app.session, outlet.hung_up
        alone = app.detaching or guard.hung_up or (gone and on_hangup == "continue")
        if session is not None and session.runner is not None and session.trains:
            if alone and guard.status is None:
                return train_on(session.runner, outlet, front, noise)
            failed = _save(app)
            app.closing_line = app.closing_line if guard.status is not None else failed
        if guard.status is not None or gone:
            status = session.exit_status if session is not None else guard.status or 0
        _say_last(app.closing_line, outlet)
    outlet.close()
    return status if status is not None else app.return_code or 1


def train_on(runner: "TrainingRunner", outlet: Outlet, front: "Front | None", noise: bytes = b"") -> int:
    """Give the terminal back, and wait for the end of a run that trains here. Returns its exit status.

    From here on it is as without a screen: SIGTERM and SIGINT save and end, what is printed goes to run.log.
    """
    from distill_tui.closing import detached_line, ended_line, say
    from distill_tui.headless import Signals

    folder = runner.folder
    assert folder is not None
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    for number in OF_THE_SCREEN:
        signal.signal(number, signal.SIG_DFL)
    signals = Signals(runner)
    with signals.handled():
        free = _say_last(detached_line(folder, os.getpid(), free=front is not None and not front.stays), outlet)
        let_go_of_terminal(folder.log_path, noise, own_session=front is not None or not free)
        outlet.close()
        if front is not None:
            front.let_go()
        while runner.alive:
            runner.wait(POLL_SECONDS)
    if runner.complete is not None:
        say(ended_line(folder, runner.complete))
    return runner.exit_status


def _save(app: "DistillApp") -> str:
    """Only the screen has failed: the run must not be lost. What is to be said about it."""
    session = app.session
    if session is None or not session.trains:
        return app.closing_line
    session.preempt_and_wait()
    at = f" at step {session.ended.step}" if session.ended else ""
    return f"the screen failed; the run is saved{at}: resume it"


def _say_last(line: str, outlet: Outlet) -> bool:
    """Say it where the terminal still takes something; whether it does."""
    if outlet.given_up:
        return outlet.leave(line)
    if line and not outlet.hung_up:
        from distill_tui.closing import say

        say(line)
    return not outlet.hung_up
