"""`distill-tui stop RUN`: ask a live run to save at its very step and end."""

import argparse

from core.run.command_lines import command_line
from core.run.commands import Stop
from core.run.links.folder import FolderLink
from distill_tui.asking import ask, wait_for_end
from distill_tui.errors import FAILED
from distill_tui.format import clean
from distill_tui.targets import find_run

TIMEOUT_SECONDS = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `stop`."""
    parser.add_argument("run", metavar="RUN", help="a run folder, or a run's name")
    parser.add_argument("--timeout", type=float, default=TIMEOUT_SECONDS, metavar="SECONDS",
                        help="how long to wait for the trainer's answer (default: 60)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Ask, and wait until the run has saved and ended."""
    folder = find_run(args.run)
    link = FolderLink(folder)
    try:
        _, seen = ask(link, Stop(), args.timeout)
        end = wait_for_end(link, seen, args.timeout)
    finally:
        link.close()
    saved = f"; saved {end.checkpoint}" if end.checkpoint else ""
    ended = f"{end.reason} at step {end.step:,}{saved}" + (f"; {end.error}" if end.error else "")
    print(f"{clean(folder.name)}: {clean(ended)}; go on with: {command_line('resume', folder.path)}")  # noqa: T201
    return FAILED if end.reason == "failed" else 0
