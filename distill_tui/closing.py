"""The line that is left in the terminal when the screen has gone: what happened, where, and how to go on."""

import sys

from distill_tui.format import clean, count, number
from distill_tui.reader import Snapshot
from distill_tui.session import Session, resume_command


def closing_line(snapshot: Snapshot, session: Session) -> str:
    """How the run stands; empty when there is nothing to say about one."""
    info, state = snapshot.info, snapshot.state
    if info is None:
        return f"distill-tui: {snapshot.failure}" if snapshot.failure else ""
    complete = session.ended or state.complete
    if complete is None:
        if snapshot.failure:
            return f"{clean(info.name)}: failed: {clean(snapshot.failure)}"
        how = "goes on in its own process" if info.live else "is not being trained"
        return f"{clean(info.name)} {how}; watch it with: distill-tui watch {clean(info.location)}"
    line = f"{clean(info.name)}: {complete.reason} at epoch {complete.epoch}, step {count(complete.step)}"
    if complete.error:
        line += f": {clean(complete.error)}"
    if complete.best_val_loss is not None:
        line += f"; best {number(complete.best_val_loss)} at epoch {complete.best_epoch}"
    if complete.reason == "finished":
        return f"{line}. It is in {clean(info.location)}"
    return f"{line}. Resume with: {clean(resume_command(info))}"


def say(line: str) -> None:
    """Print it; after a hang-up there may be nobody left to read."""
    try:
        sys.stdout.write(
            line.encode(sys.stdout.encoding or "utf-8", "replace").decode(sys.stdout.encoding or "utf-8") + "\n"
        )
        sys.stdout.flush()
    except OSError:
        sys.stdout = None  # so that the interpreter does not try again on its way out
