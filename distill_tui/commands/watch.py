"""`distill-tui watch TARGET`: the dashboard of a run that another process trains, or the home screen of a folder."""

import argparse
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from distill_tui.terminal import no_screen

if TYPE_CHECKING:
    from core.run.link import RunLink
    from core.run.remote_target import Remote


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `watch`."""
    parser.add_argument(
        "target", metavar="TARGET", help="a run folder, a run's name, a folder of runs, or HOST:RUN through ssh"
    )


def run(args: argparse.Namespace) -> int:
    """Show the target until the person leaves; without a terminal, print it and follow until the run ends."""
    from core.run.links.folder import FolderLink
    from distill_tui.targets import find_remote, find_run_or_runs

    remote = find_remote(args.target)
    if remote is not None:
        return _watch_remote(remote)
    found = find_run_or_runs(args.target)
    return _watch_folder_of_runs(found) if isinstance(found, Path) else _watch_run(FolderLink(found))


def _watch_folder_of_runs(path: Path) -> int:
    if no_screen():
        from distill_tui.commands import runs

        return runs.show(path, as_json=False)
    from distill_tui.commands import home

    return home.run(path)


def _watch_remote(remote: "Remote") -> int:
    from core.run.links.ssh import FolderOfRunsError, SshLink

    if not remote.path:
        return _list_runs(remote)
    if sys.stderr.isatty():
        from distill_tui.format import clean

        sys.stderr.write(f"reaching {clean(remote.host)} through ssh\n")
    try:
        return _watch_run(SshLink(remote.host, remote.path))
    except FolderOfRunsError:
        return _list_runs(remote)


def _list_runs(remote: "Remote") -> int:
    import time

    from core.run.remote_runs import remote_runs
    from distill_tui.commands.runs import print_table
    from distill_tui.format import clean

    found = remote_runs(remote.host, remote.path)
    shown = [run for run in found.runs if not run.archived]
    if not shown:
        print(f"no runs in {clean(remote.at(found.folder))}")  # noqa: T201 - what was asked for
        return 0
    print_table(shown, (), time.time())
    for run in shown:
        print(f"distill-tui watch {clean(shlex.quote(remote.at(str(run.path))))}")  # noqa: T201 - what was asked for
    return 0


def _watch_run(link: "RunLink") -> int:
    if no_screen():
        from distill_tui.headless import watch_headless

        return watch_headless(link)
    from distill_tui.app import run_app
    from distill_tui.session import Watch

    return run_app(Watch(link))
