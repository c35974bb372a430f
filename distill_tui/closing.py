"""The line that is left in the terminal when the screen has gone: what happened, where, and how to go on."""

import os
import sys
from typing import TYPE_CHECKING

from core.run.command_lines import command_line, resume_line
from core.run.events import TrainingCompleteEvent
from distill_tui.format import clean, count, number
from distill_tui.reader import Snapshot
from distill_tui.session import Session

if TYPE_CHECKING:
    from core.run.folder import RunFolder


def closing_line(snapshot: Snapshot, session: Session) -> str:
    """How the run stands; empty when there is nothing to say about one."""
    info, state = snapshot.info, snapshot.state
    if info is None:
        return f"distill-tui: {snapshot.failure}" if snapshot.failure else ""
    complete = session.ended or state.complete
    if complete is None:
        if snapshot.failure:
            return f"{clean(info.name)}: failed: {clean(snapshot.failure)}"
        if info.live:
            watch = command_line("watch", info.location)
            return f"{clean(info.name)} goes on in its own process; watch it with: {clean(watch)}"
        how = "is not being trained" if state.started is None else "stopped without notice"
        return f"{clean(info.name)} {how}; resume it with: {clean(resume_line(info))}"
    return _ended(info.name, complete, info.location, resume_line(info))


def ended_line(folder: "RunFolder", complete: TrainingCompleteEvent) -> str:
    """How a run that trained without a screen has ended."""
    return _ended(folder.name, complete, str(folder.path), command_line("resume", folder.path))


def detached_line(folder: "RunFolder", pid: int, *, free: bool) -> str:
    """Which process trains on, and how to see, stop and resume the run. Not `free`: the shell waits for the end."""
    line = (
        f"{clean(folder.name)} trains on as process {pid}. See it: {command_line('watch', _short(str(folder.path)))}   "
        "(or save, stop, resume in place of watch)"
    )
    return line if free else f"{line}. This terminal waits for its end; ctrl+c saves and stops"


def say(line: str) -> None:
    """Print it; after a hang-up there may be nobody left to read."""
    try:
        sys.stdout.write(
            line.encode(sys.stdout.encoding or "utf-8", "replace").decode(sys.stdout.encoding or "utf-8") + "\n"
        )
        sys.stdout.flush()
    except OSError:
        sys.stdout = None  # so that the interpreter does not try again on its way out


def _ended(name: str, complete: TrainingCompleteEvent, location: str, resume: str) -> str:
    line = f"{clean(name)}: {complete.reason} at epoch {complete.epoch}, step {count(complete.step)}"
    if complete.error:
        line += f": {clean(complete.error)}"
    if complete.best_val_loss is not None:
        line += f"; best {number(complete.best_val_loss)} at epoch {complete.best_epoch}"
    if complete.reason == "finished":
        return f"{line}. It is in {clean(location)}"
    return f"{line}. Resume with: {clean(resume)}"


def _short(path: str) -> str:
    """As seen from the shell's folder, where that is shorter."""
    try:
        return min(os.path.relpath(path), path, key=len)
    except OSError:  # this folder has been deleted
        return path
