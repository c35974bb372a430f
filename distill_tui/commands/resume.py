"""`distill-tui resume RUN`: train on where a run stopped."""

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from core.run.command_lines import command_line
from distill_tui.alerting_options import alerting
from distill_tui.commands.train import add_screen_arguments, wants_screen, with_front
from distill_tui.errors import FINISHED, CommandError, RequestError, complain
from distill_tui.targets import find_run

if TYPE_CHECKING:
    from core.run.folder import RunFolder
    from distill_tui.front import Front


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `resume`."""
    parser.add_argument("run", metavar="RUN", help="a run folder, or a run's name")
    parser.add_argument("--from", dest="from_", default="latest", metavar="CHECKPOINT",
                        help="latest, best, or a checkpoint's file (default: latest)")  # fmt: skip
    add_screen_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Train on, on the screen where there is one. Returns the exit status."""
    return with_front(args, lambda front: _run(args, front))


def _run(args: argparse.Namespace, front: "Front | None") -> int:
    folder = find_run(args.run)
    if folder.is_live():
        raise RequestError(f"{folder.name}: is being trained now; see it with: {command_line('watch', folder.path)}")
    if args.from_ == "latest" and (steps := _all_done(folder)):
        complain(f"{folder.name}: already finished, all of its {steps:,} steps are done; to train on, raise epochs "
                 f"(and steps, where it is set) in {folder.config_path}")  # fmt: skip
        return FINISHED
    if args.auto is not None:
        _help_itself(folder, args.auto)
    if not wants_screen(args.headless, args.json):
        from core.run.links.folder import FolderLink
        from distill_tui.headless import train_headless

        told = max((stored.seq for stored in FolderLink(folder).read()), default=0)
        return train_headless(
            lambda runner, callback: runner.resume(folder, args.from_, callback),
            as_json=args.json, after=told, on_hangup=args.on_hangup or "stop", alerting=alerting(args),
        )  # fmt: skip
    from distill_tui.app import run_app
    from distill_tui.session import Resume

    return run_app(Resume(folder, args.from_, alerting(args)), on_hangup=args.on_hangup or "continue", front=front)


def _help_itself(folder: "RunFolder", auto: Literal["off", "conservative"]) -> None:
    """Say so in the run's config, which the trainer is about to read. Raises ConfigError for one it cannot read."""
    from core.run.folder import atomic_write
    from core.training.config_file import dump_config, read_config

    config, given = read_config(folder.config_path)
    try:
        atomic_write(folder.config_path, dump_config(replace(config, auto=auto), given | {"auto"}).encode())
    except OSError as error:
        raise CommandError(
            f"{folder.config_path}: cannot be written ({error.strerror or error}); --auto stands there: leave it out"
        ) from error


def _all_done(folder: "RunFolder") -> int:
    """How many steps a finished run has, where its config gives it no more to do; else 0."""
    from distill_tui.resuming import resume_facts

    facts = resume_facts(folder)
    return facts.latest.step if facts.status == "finished" and facts.problem and facts.latest else 0
