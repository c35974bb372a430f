"""The exit statuses, and how a command says on stderr what is wrong."""

import sys

from core.errors import UsageError
from distill_tui.format import clean

FINISHED = 0
FAILED = 1
BAD_USAGE = 2
PREEMPTED = 75  # EX_TEMPFAIL: a job scheduler may run the command again


class CommandError(UsageError):
    """The command line, or what it points at, is wrong: exit status 2. `hint` is a command that helps."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class RequestError(Exception):
    """What was asked for is understood but could not be done: exit status 1. The message is one line."""


def complain(message: object, hint: str = "") -> None:
    """Say on stderr what is wrong, in one line, and in a second one which command helps."""
    encoding = sys.stderr.encoding or "utf-8"
    lines = f"distill-tui: {clean(str(message))}\n" + (f"  try: {clean(hint)}\n" if hint else "")
    sys.stderr.write(lines.encode(encoding, "backslashreplace").decode(encoding))
