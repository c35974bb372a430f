"""The process that the shell waits for while another one trains, so that the shell is free when the screen goes.

The program divides at its very start, before torch, threads and the screen (CUDA does not survive a fork): what is in
front passes signals on, stops and goes on with the one behind it, and ends as that one ends, or at once when told to.
Both are in one process group, so that the terminal treats them as one.
"""

import os
import resource
import signal
import sys
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from distill_tui.terminal import LEAVE_SCREEN

PASSED_ON = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP)
AWAITED = (*PASSED_ON, signal.SIGCHLD, signal.SIGUSR1)
CONTINUED_TOGETHER_SECONDS = 0.05  # in which both have felt a SIGCONT that went to both
FIRST_PROCESS = 1  # of a container, which ends with it


class Front:
    """What the process that trains knows of the one in front of it."""

    def __init__(self, pid: int, pipe: int) -> None:
        self._pid, self._pipe = pid, pipe

    @property
    def stays(self) -> bool:
        """Whether it cannot end before the training does."""
        return self._pid == FIRST_PROCESS

    @property
    def gone(self) -> bool:
        """Whether it has ended, or was killed: the terminal is then somebody else's."""
        return os.getppid() != self._pid

    def let_go(self) -> None:
        """The terminal is as it was before, and free, or has gone: the one in front ends, with status 0."""
        if not self.gone and not self.stays:
            with suppress(OSError):
                os.write(self._pipe, b"free")
                os.kill(self._pid, signal.SIGUSR1)
        os.close(self._pipe)


def behind_front(run: Callable[[Front | None], int]) -> int:
    """What `run` returns, called in a process of its own behind this one; None where the system has no room for it.

    Call it before there are threads, with a terminal on descriptor 0. It returns in both processes.
    """
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    reading, writing = os.pipe()
    os.set_blocking(reading, False)
    waiting = _Waiting(reading)
    front = os.getpid()
    try:
        child = os.fork()
    except OSError:
        waiting.undo()
        return run(None)
    if child == 0:
        waiting.undo()
        os.close(reading)
        return run(Front(front, writing))
    os.close(writing)
    _be_told_apart()
    return waiting.wait_for(child)


class _Waiting:
    """Waits for signals instead of being interrupted by them, from the moment it is made."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe
        self._settings = termios.tcgetattr(0)
        self._former = signal.signal(signal.SIGCHLD, lambda *_: None)  # one that is ignored is not waited for
        self._mask = signal.pthread_sigmask(signal.SIG_BLOCK, AWAITED)

    def undo(self) -> None:
        """Be interrupted by signals again."""
        signal.signal(signal.SIGCHLD, self._former or signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)

    def wait_for(self, child: int) -> int:
        """The exit status of `child`, or 0 when it has said that the terminal is free."""
        while True:
            number, typed = _next_signal()
            if number == signal.SIGCHLD:
                status = self._looked_at(child)
                if status is not None:
                    return status
            elif number == signal.SIGUSR1 and self._told():
                return 0
            elif not typed:  # what is typed at a terminal goes to both by itself
                os.kill(child, number)

    def _told(self) -> bool:
        try:
            return bool(os.read(self._pipe, 16))
        except BlockingIOError:
            return False

    def _looked_at(self, child: int) -> int | None:
        """The exit status if it has ended. While it is stopped, so are we."""
        while True:
            pid, status = os.waitpid(child, os.WNOHANG | os.WUNTRACED)
            if pid == 0:
                return None
            if not os.WIFSTOPPED(status):
                return self._ended(os.waitstatus_to_exitcode(status))
            self._stop()
            time.sleep(CONTINUED_TOGETHER_SECONDS)
            pid, status = os.waitpid(child, os.WNOHANG | os.WCONTINUED)
            if pid == 0:  # we alone were told to go on, or nobody could have woken us: no shell, no job control
                os.kill(child, signal.SIGCONT)
            elif not os.WIFCONTINUED(status):
                return self._ended(os.waitstatus_to_exitcode(status))

    def _stop(self) -> None:
        """As ctrl+z does: us, and with us a script that waits for us."""
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (signal.SIGTSTP,))
        os.killpg(0, signal.SIGTSTP)
        signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTSTP,))

    def _ended(self, status: int) -> int:
        if status >= 0:
            return status
        # A signal ended it: nobody has tidied the terminal. End as it did.
        with suppress(OSError, termios.error):
            os.set_blocking(1, False)
            os.write(1, LEAVE_SCREEN.encode())
            os.set_blocking(1, True)
            termios.tcsetattr(0, termios.TCSANOW, self._settings)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError):  # SIGKILL has no handler
            signal.signal(-status, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask)
        os.kill(os.getpid(), -status)
        return 128 - status


def _be_told_apart() -> None:
    """By `ps` and `top`, which show two processes with one command line else."""
    with suppress(OSError):  # Linux has it
        Path("/proc/self/comm").write_text("distill-front")


def _next_signal() -> tuple[signal.Signals, bool]:
    """The next signal, and whether a key at the terminal has sent it, as far as the system tells."""
    if sys.platform == "darwin":
        number = signal.sigwait(AWAITED)
        return signal.Signals(number), number == signal.SIGINT
    told = signal.sigwaitinfo(AWAITED)
    number = signal.Signals(told.si_signo)
    return number, number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP) and told.si_pid == 0
