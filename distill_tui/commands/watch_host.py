"""`distill-tui watch HOST:PATH`: a run of another host, or the home screen on its runs; without a terminal a list."""

import sys
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from core.run.command_lines import command_line
from distill_tui.errors import CommandError
from distill_tui.format import clean
from distill_tui.terminal import no_screen

if TYPE_CHECKING:
    from core.run.link import RunLink
    from core.run.remote_target import Remote

LEAVE_SECONDS = 2.0


def watch_remote(remote: "Remote", show: Callable[["RunLink"], int], *, only_run: bool = False) -> int:
    """Show the run that is named, or the runs of a folder there; with `only_run`, a folder is an error."""
    from core.run.links.ssh import FolderOfRunsError, SshLink

    if remote.path:
        if sys.stderr.isatty():
            sys.stderr.write(f"reaching {clean(remote.host)} through ssh\n")
        try:
            link = SshLink(remote.host, remote.path)
        except FolderOfRunsError:
            pass
        else:
            return show(link)
    if only_run:
        raise CommandError(f"{remote} is a folder of runs; name one of them", hint=command_line("watch", remote))
    return list_runs(remote) if no_screen() else show_runs(remote)


def show_runs(remote: "Remote") -> int:
    """The home screen on the runs there; it says itself how reaching them goes."""
    from distill_tui.commands import home
    from distill_tui.run_source import HostSource

    for thread in threading.enumerate():  # the home screen forks, so those of a line that has just been closed must go
        if thread is not threading.current_thread():
            thread.join(LEAVE_SECONDS)
    return home.run(HostSource(remote))


def list_runs(remote: "Remote") -> int:
    """Print the runs there, and how to watch each."""
    from core.run.remote_runs import remote_runs
    from distill_tui.commands.runs import print_table

    found = remote_runs(remote.host, remote.path)
    shown = [run for run in found.runs if not run.archived]
    if not shown:
        print(f"no runs in {clean(remote.at(found.folder))}")  # noqa: T201 - what was asked for
        return 0
    print_table(shown, (), time.time())
    for run in shown:
        print(command_line("watch", remote.at(str(run.path))))  # noqa: T201 - what was asked for
    return 0
