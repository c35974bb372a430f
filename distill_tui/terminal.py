"""The terminal that the command was started from: whether a screen can be shown, and what if it goes away."""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal

OnHangup = Literal["continue", "stop"]

# What takes back all that the screen asks of a terminal. The first cancels what may have been cut off half-way.
LEAVE_SCREEN = (
    "\x18\x1b[?2026l\x1b[?2004l\x1b[?7h\x1b[?2048l\x1b[?1000l\x1b[?1003l\x1b[?1015l\x1b[?1006l\x1b[?1016l"
    "\x1b[<u\x1b[0m\x1b[?1049l\x1b[?25h\x1b[?1004l"
)


def no_screen(environ: Mapping[str, str] = os.environ) -> str | None:
    """Why no full screen can be shown here, in a few words; None where one can."""
    for name, stream in (("input", sys.stdin), ("output", sys.stdout), ("error output", sys.stderr)):
        if stream is None or not stream.isatty():
            return f"the {name} is not a terminal"
    if environ.get("TERM") == "dumb":
        return "TERM is dumb"
    return None


def let_go_of_output() -> None:
    """Point stdout to nowhere, so that neither a later line nor the interpreter's last flush fails."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def let_go_of_terminal(log: str | os.PathLike[str], noise: bytes = b"", *, own_session: bool = True) -> None:
    """Have nothing to read, and write to the end of `log`: first `noise`, then what this process prints from now on.

    In a session of its own no terminal's signals reach it; a leader of a group of processes cannot have one.
    """
    nothing = os.open(os.devnull, os.O_RDWR)
    try:
        written = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    except OSError:  # a full disk, say: training is worth more than what is told of it
        written = os.dup(nothing)
    for descriptor, target in ((nothing, 0), (written, 1), (written, 2)):
        os.dup2(descriptor, target)
    os.close(nothing)
    os.close(written)
    with suppress(OSError):
        os.write(2, noise)
    if own_session:
        with suppress(PermissionError):
            os.setsid()
