"""A program of its own: `python deadline.py SECONDS COMMAND...` runs the command and ends it, and all that it started.

It is a process of its own because whoever asked may end before the command does. It ends as the command ends, with
128 and more for a signal. SIGTERM has it end the command at once. Nothing but the standard library is at hand here.
"""

import os
import signal
import sys

NOT_FOUND = 127


def main(seconds: float, words: list[str]) -> int:
    """Run `words` for at most `seconds`; returns the exit status."""
    ending = (signal.SIGALRM, signal.SIGTERM)
    signal.pthread_sigmask(signal.SIG_BLOCK, ending)  # until there is something to end
    child = os.fork()
    if child == 0:
        os.setpgid(0, 0)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ending)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # which Python ignores, and a shell's commands do not
            signal.signal(number, signal.SIG_DFL)
        try:
            os.execvp(words[0], words)
        except OSError as error:
            os.write(2, f"{words[0]}: {error.strerror}".encode())
        os._exit(NOT_FOUND)

    def end(*_: object) -> None:
        for kill in (os.killpg, os.kill):  # it may not lead its group yet
            try:
                kill(child, signal.SIGKILL)
            except ProcessLookupError:
                continue

    for number in ending:
        signal.signal(number, end)
    let_go()
    signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ending)
    if hasattr(os, "waitid"):  # its number is not given to another while the time may still run out
        os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        signal.pthread_sigmask(signal.SIG_BLOCK, ending)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status if status >= 0 else 128 - status


def let_go() -> None:
    """Hold no end of the command's pipes: whoever gives and takes there is to see when it has closed them."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
