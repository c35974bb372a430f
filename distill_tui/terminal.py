"""The terminal that the command was started from: whether a screen can be shown, and what if it goes away."""

import os
import sys
from collections.abc import Mapping


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
