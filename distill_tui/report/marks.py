"""What happened when, as marks below the charts: warnings, changes, notes, checkpoints and previews."""

from collections.abc import Sequence
from dataclasses import dataclass

from core.run.events import (
    AdviceTaken,
    AlertStarted,
    CheckpointSaved,
    EpochMetrics,
    NoteAdded,
    PreviewEvent,
    RolledBack,
    ValueSet,
)
from distill_tui.chart_marks import USUAL_REASONS
from distill_tui.differences import spelled
from distill_tui.format import clean, count, plural
from distill_tui.report.record import Record

# Of marks in one place the first kind is seen. What each is called in the legend.
KINDS = {
    "danger": "danger", "rollback": "went back", "warning": "warning", "advice": "advice taken", "note": "note",
    "set": "value set", "best": "best epoch", "checkpoint": "checkpoint", "preview": "preview",
}  # fmt: skip
_RANK = {kind: place for place, kind in enumerate(KINDS)}
LONG = 160  # characters of a mark's words


@dataclass(frozen=True)
class Mark:
    """Something at a step; `kind` is one of `KINDS`."""

    step: int
    kind: str
    words: str


@dataclass(frozen=True)
class Placed:
    """The marks of one place, `x` percent from the left; `kind` is that of the most important."""

    x: str
    kind: str
    words: str


def marks_of(record: Record) -> list[Mark]:
    """Every mark of a run by step, each once."""
    found = [Mark(record.state.best.step, "best", f"best epoch {record.state.best.epoch}")] if record.state.best else []
    for stored in record.events:
        match stored.event:
            case PreviewEvent(step=step, epoch=epoch):
                found.append(Mark(step, "preview", f"previews of epoch {epoch}"))
            case CheckpointSaved(step=step, reason=reason) if reason != "best":
                found.append(
                    Mark(step, "checkpoint", "checkpoint" + ("" if reason in USUAL_REASONS else f" ({reason})"))
                )
            case AlertStarted(severity=severity, step=step, title=title):
                found.append(Mark(step, "danger" if severity == "danger" else "warning", clean(title)))
            case RolledBack(step=step, restored_step=restored):
                found.append(Mark(step, "rollback", f"back to step {count(restored)}"))
            case AdviceTaken(step=step, remedy=remedy):
                found.append(Mark(step, "advice", clean(remedy.words)))
            case NoteAdded(step=step, text=text):
                found.append(Mark(step, "note", clean(text)))
            case ValueSet(step=step, key=key, before=before, after=after):
                found.append(Mark(step, "set", f"{spelled(key)} {before:.4g} → {after:.4g}"))
            case EpochMetrics():
                pass
    return sorted(dict.fromkeys(found), key=lambda mark: mark.step)


def placed(marks: Sequence[Mark], newest: int, places: int) -> list[Placed]:
    """The marks in so many places along steps 0 to `newest`: those that would lie on each other are one."""
    cells: dict[int, list[Mark]] = {}
    for mark in marks:
        if 0 <= mark.step <= newest:
            cells.setdefault(round(mark.step / newest * places), []).append(mark)
    found = []
    for cell in sorted(cells):
        here = sorted(cells[cell], key=lambda mark: _RANK[mark.kind])
        steps = sorted({mark.step for mark in here})
        at = f"step {count(steps[0])}" if len(steps) == 1 else f"steps {count(steps[0])} to {count(steps[-1])}"
        words = list(dict.fromkeys(mark.words for mark in here))
        told = " · ".join(words[:3]) + (f" · {plural(len(words) - 3, 'more mark')}" if len(words) > 3 else "")
        found.append(Placed(f"{here[0].step / newest:.2%}", here[0].kind, f"{at}: {told[:LONG]}"))
    return found
