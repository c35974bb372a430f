"""`distill-tui save RUN`: ask a live run to save a checkpoint now."""

import argparse

from core.run.commands import Save
from core.run.links.folder import FolderLink
from distill_tui.asking import ask
from distill_tui.format import clean
from distill_tui.targets import find_run

TIMEOUT_SECONDS = 60.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `save`."""
    parser.add_argument("run", metavar="RUN", help="a run folder, or a run's name")
    parser.add_argument("--timeout", type=float, default=TIMEOUT_SECONDS, metavar="SECONDS",
                        help="how long to wait for the trainer's answer (default: 60)")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Ask, and wait for the trainer to say that the checkpoint is whole on disk."""
    folder = find_run(args.run)
    link = FolderLink(folder)
    try:
        answer, _ = ask(link, Save(), args.timeout)
    finally:
        link.close()
    print(f"{clean(folder.name)}: {clean(answer.message)} (step {answer.step:,})")  # noqa: T201
    return 0
