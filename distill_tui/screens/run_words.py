"""What is known of a run in a few characters. No Textual: the command line says it too."""

from typing import Any

from core.run.folder import RunSummary
from distill_tui.format import MISSING, clean, count, duration, number

EPOCH_CELLS = 13


def value_words(value: Any) -> str:
    """A setting or a result as a few characters."""
    match value:
        case None:
            return MISSING
        case bool():
            return "yes" if value else "no"
        case float():
            return number(value)
        case list():
            return " ".join(value_words(item) for item in value)
        case _:
            return clean(str(value))


def epoch_words(run: RunSummary) -> str:
    """How far the run is, in at most `EPOCH_CELLS` cells where that can be done."""
    if not run.epoch and not run.total_epochs:
        return MISSING
    if not run.total_epochs:
        return count(run.epoch)
    roomy, tight = (f"{count(run.epoch)}{slash}{count(run.total_epochs)}" for slash in (" / ", "/"))
    return roomy if len(roomy) <= EPOCH_CELLS else tight


def when_words(run: RunSummary, now: float) -> str:
    """When the run was last heard of."""
    if run.live:
        return "now"
    return f"{duration(max(0.0, now - run.updated))} ago" if run.updated else MISSING
