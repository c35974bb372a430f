"""`distill-tui watch TARGET`: the dashboard of a run that another process trains, or the home screen of a folder."""

import argparse
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from distill_tui.alerting_options import Alerting, add_alert_arguments, alerting, usual
from distill_tui.errors import CommandError, complain
from distill_tui.terminal import no_screen

if TYPE_CHECKING:
    from core.run.link import RunLink
    from core.run.remote_target import Remote


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `watch`."""
    parser.add_argument(
        "target", metavar="TARGET", help="a run folder, a run's name, a folder of runs, or HOST:RUN through ssh"
    )
    parser.add_argument(
        "--web", action="store_true", help="the monitor, and its previews to be heard, as pages for a browser"
    )
    parser.add_argument(
        "--port", type=int, metavar="N", help="with --web: the port on 127.0.0.1 (default: 8437, else a free one)"
    )
    add_alert_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Show the target until the person leaves; without a terminal, print it and follow until the run ends."""
    from core.run.links.folder import FolderLink
    from distill_tui.targets import find_remote, find_run_or_runs

    _check(args)
    show = _served(args.target, args.port) if args.web else _shown(alerting(args))
    remote = find_remote(args.target)
    if remote is not None:
        return _watch_remote(remote, show)
    found = find_run_or_runs(args.target)
    if not isinstance(found, Path):
        return show(FolderLink(found))
    if args.web:
        raise CommandError(f"{found}: a folder of runs; name one of them", hint=f"distill-tui runs {found}")
    return _watch_folder_of_runs(found)


def _check(args: argparse.Namespace) -> None:
    """Raise CommandError for options that do not go together."""
    if args.port is not None and not args.web:
        raise CommandError("--port is for --web")
    if args.port is not None and not 0 <= args.port <= 65535:
        raise CommandError(f"--port {args.port}: not a port; 1 to 65535, or 0 for any that is free")


def _served(target: str, port: int | None) -> Callable[["RunLink"], int]:
    def show(link: "RunLink") -> int:
        from distill_tui.web_command import serve_run

        return serve_run(link, target, port)

    return show


def _watch_folder_of_runs(path: Path) -> int:
    if no_screen():
        from distill_tui.commands import runs

        return runs.show(path, as_json=False)
    from distill_tui.commands import home

    return home.run(path)


def _watch_remote(remote: "Remote", show: Callable[["RunLink"], int]) -> int:
    from core.run.links.ssh import FolderOfRunsError, SshLink

    if not remote.path:
        return _list_runs(remote)
    if sys.stderr.isatty():
        from distill_tui.format import clean

        sys.stderr.write(f"reaching {clean(remote.host)} through ssh\n")
    try:
        return show(SshLink(remote.host, remote.path))
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


def _shown(news: Alerting) -> Callable[["RunLink"], int]:
    def show(link: "RunLink") -> int:
        if no_screen():
            return _followed(link, news)
        from distill_tui.app import run_app
        from distill_tui.session import Watch

        return run_app(Watch(link) if news == usual() else Watch(link, news))

    return show


def _followed(link: "RunLink", news: Alerting) -> int:
    """Print the run and follow it; what happens meanwhile is told to the person's command, too."""
    from distill_tui.headless import watch_headless

    notifier = news.notifier(complain)
    if notifier is None:
        return watch_headless(link)
    from distill_tui.alerting_link import AlertingLink

    info = link.info()
    notifier.about(info.name, info.location)
    try:
        return watch_headless(AlertingLink(link, notifier.tell))
    finally:
        notifier.close()
