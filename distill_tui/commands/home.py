"""`distill-tui` without a command: the home screen."""

from pathlib import Path
from typing import TYPE_CHECKING

from distill_tui.errors import CommandError
from distill_tui.terminal import OnHangup, no_screen

if TYPE_CHECKING:
    from distill_tui.front import Front
    from distill_tui.run_source import RunSource


def run(runs: "Path | RunSource | None" = None, on_hangup: OnHangup = "continue") -> int:
    """Show the home screen on the runs of a folder or another source (default: $DISTILL_RUNS or ./runs)."""
    reason = no_screen()
    if reason:
        raise CommandError(f"the home screen needs a terminal ({reason})", hint="distill-tui --help")
    from distill_tui.front import behind_front

    return behind_front(lambda front: _run(runs, on_hangup, front))


def _run(runs: "Path | RunSource | None", on_hangup: OnHangup, front: "Front | None") -> int:
    from core.run.folder import default_runs_dir
    from distill_tui.app import run_app
    from distill_tui.session import Home

    return run_app(Home(runs or default_runs_dir()), on_hangup=on_hangup, front=front)
