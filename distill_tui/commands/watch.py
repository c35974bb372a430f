"""`distill-tui watch TARGET`: the dashboard of a run that another process trains, or the home screen of a folder."""

import argparse
from pathlib import Path

from distill_tui.terminal import no_screen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `watch`."""
    parser.add_argument("target", metavar="TARGET", help="a run folder, a run's name, or a folder of runs")


def run(args: argparse.Namespace) -> int:
    """Show the target until the person leaves; without a terminal, print it and follow until the run ends."""
    from core.run.folder import RunFolder, RunFolderError, list_runs

    path = Path(args.target).expanduser()
    if path.is_dir():
        try:
            RunFolder.open(path)
        except RunFolderError:
            if list_runs(path):
                return _watch_folder_of_runs(path)
    return _watch_run(args.target)


def _watch_folder_of_runs(path: Path) -> int:
    if no_screen():
        from distill_tui.commands import runs

        return runs.show(path, as_json=False)
    from distill_tui.commands import home

    return home.run(path)


def _watch_run(target: str) -> int:
    if ":" in target and not Path(target).exists():
        from core.run.links import open_link

        link = open_link(target)
    else:
        from core.run.links.folder import FolderLink
        from distill_tui.targets import find_run

        link = FolderLink(find_run(target))
    if no_screen():
        from distill_tui.headless import watch_headless

        return watch_headless(link)
    from distill_tui.app import run_app
    from distill_tui.session import Watch

    return run_app(Watch(link))
