"""What a remedy would change, and what one that was taken has changed, in a few words."""

from collections.abc import Mapping
from typing import Any

from core.insight.remedies import figure, is_met, rounded
from core.run.events import AdviceTaken, AlertStarted, CheckpointSaved, EpochMetrics, Remedy
from core.run.state import RunState
from core.training.checkpoint_files import is_before
from distill_tui.differences import spelled
from distill_tui.format import clean, count

LAST_GOOD = "the last good step before it"

Goal = EpochMetrics | CheckpointSaved
"""Where going back leads: the best epoch, or a checkpoint that is older than the trouble."""


def goal(alert: AlertStarted, state: RunState) -> Goal | None:
    """Where going back from this alert leads, as the trainer chooses it; None where what was told does not say.

    The best epoch, or where that is of the trouble itself, the last checkpoint of an epoch's end from before.
    """
    best = state.best
    if best is not None and is_before(best.step, alert.step):
        return best
    saved = (c for c in reversed(state.checkpoints) if c.reason == "interval" and is_before(c.step, alert.step))
    return next(saved, None)


def effect(remedy: Remedy, target: Goal | None, now: float | None) -> str:
    """What taking it will do. `target` is the `goal`, `now` the value it changes (for "back" the learning rate)."""
    match remedy.kind:
        case "set" if now is not None and is_met(remedy, now):
            return f"nothing changes: {spelled(remedy.key)} is {figure(now)}"
        case "set":
            before = f"{figure(now)} → " if now is not None else "to "
            return f"{spelled(remedy.key)} {before}{figure(remedy.value)}, from the next step on"
        case "back":
            where = _named(target) if target is not None else LAST_GOOD
            rate = f", rate {figure(now)} → {figure(rounded(now * remedy.value))}" if now is not None else ""
            return f"the model of {where} again{rate}; the present one is kept"
    return "saves this very step and stops; r trains on from it"


def already(remedy: Remedy, now: float | None) -> str:
    """Why a remedy that `is_met` has nothing left to do, in a word or three."""
    if now is None or now == remedy.value:
        return "is so already"
    return "is lower already" if now < remedy.value else "is higher already"


def _named(target: Goal) -> str:
    if target.step == 0:
        return "the start (step 0)"
    best = "the best " if isinstance(target, EpochMetrics) else ""
    return f"{best}epoch {count(target.epoch)}, step {count(target.step)}"


def way_back(target: Goal | None) -> str:
    """Where a "back" leads, for a line that has little room."""
    if target is None:
        return "go back"
    return f"back to epoch {count(target.epoch)}" if target.step else "back to the start"


def result(taken: AdviceTaken) -> str:
    """What was changed: "learning rate 4e-4"."""
    match taken.remedy.kind:
        case "set":
            return f"{spelled(taken.remedy.key)} {figure(taken.remedy.value)}"
        case "back":
            return (
                f"back to step {count(taken.restored_step)}, rate {figure(rounded(taken.before * taken.remedy.value))}"
            )
    return "stopped"


def undoing(taken: AdviceTaken, state: RunState) -> str:
    """What undoing it will do."""
    if taken.remedy.kind == "set":
        return f"{spelled(taken.remedy.key)} {figure(taken.remedy.value)} → {figure(taken.before)}"
    since = state.step.step - taken.step if state.step is not None else 0
    steps = f"; what the {count(since)} steps since have learned is given up" if since > 0 else ""
    return f"the model of step {count(taken.step)} again, rate {figure(taken.before)}{steps}"


def told(taken: AdviceTaken) -> str:
    """The remedy and why, for a list or a log: "Halve the learning rate, to 4e-4 (by itself): Diverging"."""
    by = " (by itself)" if taken.by == "auto" else ""
    return clean(f"{taken.remedy.words}{by}: {taken.reason}")


def undoable(state: RunState) -> AdviceTaken | None:
    """The last advice that was taken and can be undone: a stop is undone by training on."""
    return next((taken for taken in reversed(state.advice) if taken.remedy.kind != "stop"), None)


def value_at(config: Mapping[str, Any], key: str) -> float | None:
    """The number at a dotted key of nested plain values; None where there is none."""
    node: Any = config
    for name in key.split("."):
        node = node.get(name) if isinstance(node, Mapping) else None
    return float(node) if isinstance(node, int | float) and not isinstance(node, bool) else None
