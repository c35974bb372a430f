"""`distill-tui serve RUN`: answers a monitor on another host; `watch HOST:RUN` starts it there through ssh."""

import argparse
import sys

from distill_tui.errors import CommandError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `serve`."""
    parser.add_argument(
        "target", nargs="?", default="", metavar="RUN",
        help="a run folder, a run's name, or a folder of runs (default: $DISTILL_RUNS or ./runs)",
    )  # fmt: skip
    parser.add_argument("--encoded", action="store_true", help="RUN is percent-encoded, as in an address of the web")


def run(args: argparse.Namespace) -> int:
    """Answer on stdout what is asked on stdin, until it ends. Raises CommandError where a person would read that."""
    if sys.stdout.isatty():
        raise CommandError("serve speaks with another distill-tui, not with a person", hint="distill-tui watch RUN")
    from core.run.remote_target import decoded
    from core.run.serve import serve
    from distill_tui.targets import find_run_or_runs

    target = decoded(args.target) if args.encoded else args.target
    return serve(lambda: find_run_or_runs(target))
