"""`distill-tui watch TARGET`: the dashboard of a run that another process trains, or the home screen of a folder."""

import argparse
import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from core.run.command_lines import command_line
from distill_tui.alerting_options import Alerting, add_alert_arguments, alerting, usual
from distill_tui.errors import CommandError, complain
from distill_tui.terminal import no_screen

if TYPE_CHECKING:
    from core.run.link import RunLink


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `watch`."""
    parser.add_argument(
        "target",
        metavar="TARGET",
        help="a run folder, a run's name, a folder of runs, HOST:RUN through ssh, or the runs of HOST:",
    )
    parser.add_argument(
        "--web", action="store_true", help="the monitor, and its previews to be heard, as pages for a browser"
    )
    parser.add_argument(
        "--port", type=int, metavar="N", help="with --web: the port on 127.0.0.1 (default: 8437, else a free one)"
    )
    parser.add_argument(
        "--replay", action="store_true", help="of a run that is over: begin with a replay of how it went"
    )
    parser.add_argument(
        "--speed", type=float, metavar="N", help="with --replay: so many times real time (default: all in a minute)"
    )
    add_alert_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Show the target until the person leaves; without a terminal, print it and follow until the run ends."""
    from core.run.links.folder import FolderLink
    from distill_tui.targets import find_remote, find_run_or_runs

    _check(args)
    news = alerting(args)
    if args.replay:
        show = _replayed(news, args.target, args.speed)
    else:
        show = _served(args.target, args.port) if args.web else _shown(news)
    remote = find_remote(args.target)
    if remote is not None:
        from distill_tui.commands.watch_host import watch_remote

        return watch_remote(remote, show, only_run=args.web or args.replay)
    found = find_run_or_runs(args.target)
    if not isinstance(found, Path):
        return show(FolderLink(found))
    if args.web or args.replay:
        raise CommandError(f"{found}: a folder of runs; name one of them", hint=command_line("runs", found))
    return _watch_folder_of_runs(found)


def _check(args: argparse.Namespace) -> None:
    """Raise CommandError for options that do not go together."""
    if args.port is not None and not args.web:
        raise CommandError("--port is for --web")
    if args.port is not None and not 0 <= args.port <= 65535:
        raise CommandError(f"--port {args.port}: not a port; 1 to 65535, or 0 for any that is free")
    if args.speed is not None and not args.replay:
        raise CommandError("--speed is for --replay")
    if args.speed is not None and not 0 < args.speed < math.inf:
        raise CommandError(f"--speed {args.speed:g}: not a speed; 1 is as fast as it went, 20 twenty times that")
    if args.web and alerting(args) != usual():
        raise CommandError("--notify and --alert go with a screen or a printed run, not with --web: several pages "
                           "would each tell of everything")  # fmt: skip
    if args.replay and args.web:
        raise CommandError("--replay is for a terminal, not for --web")
    if args.replay and (reason := no_screen()) is not None:
        raise CommandError(f"--replay needs a terminal, and {reason}")


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


def _shown(news: Alerting) -> Callable[["RunLink"], int]:
    def show(link: "RunLink") -> int:
        if no_screen():
            return _followed(link, news)
        from distill_tui.app import run_app
        from distill_tui.session import Watch

        return run_app(Watch(link) if news == usual() else Watch(link, news))

    return show


def _replayed(news: Alerting, target: str, speed: float | None) -> Callable[["RunLink"], int]:
    def show(link: "RunLink") -> int:
        from distill_tui.app import run_app
        from distill_tui.session import Watch

        if link.info().live:
            link.close()
            raise CommandError(f"{target}: still training; it can be replayed once it is over",
                               hint=command_line("watch", target))  # fmt: skip
        quiet = Alerting(news.command)  # the terminal would ring for what has long happened
        return run_app(Watch(link, quiet, replay=True, speed=speed))

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
