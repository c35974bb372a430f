"""`distill-tui` without a command: the home screen."""

from pathlib import Path

from distill_tui.errors import CommandError
from distill_tui.terminal import no_screen


def run(runs_dir: Path | None = None) -> int:
    """Show the home screen on the runs in `runs_dir` (default: $DISTILL_RUNS or ./runs)."""
    reason = no_screen()
    if reason:
        raise CommandError(f"the home screen needs a terminal ({reason})", hint="distill-tui --help")
    from core.run.folder import default_runs_dir
    from distill_tui.app import run_app
    from distill_tui.session import Home

    return run_app(Home(runs_dir or default_runs_dir()))
