"""What happened when: warnings, notes, changes, checkpoints and previews as marks on the time axis."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from core.run.events import AdviceTaken, AdviceUndone, AlertStarted, NoteAdded, RolledBack, ValueSet
from core.run.state import RunState
from distill_tui.advice_words import told
from distill_tui.axes import Steps
from distill_tui.cells import Row, Run, merged
from distill_tui.format import clean, count

DANGER, ROLLBACK, WARNING, ADVICE, NOTE, SET, CHECKPOINT, PREVIEW = range(8)  # of marks in one cell the lowest is seen
USUAL_REASONS = ("interval", "autosave")  # why a checkpoint is saved without anything to tell


class Mark(NamedTuple):
    """Something at a step: how it looks, how much it matters (0 most), and what it is in words."""

    step: int
    character: str
    role: str
    rank: int
    words: str

    @property
    def run(self) -> Run:
        """The mark as it is drawn."""
        return Run(self.character, self.role)


Cells = Mapping[int, tuple[Mark, ...]]  # the marks in each cell of an axis, the most important first


def marks_of(state: RunState) -> tuple[Mark, ...]:
    """Every mark of a run, the most important first and then by step, each once."""
    marks = [Mark(p.step, "♪", "accent", PREVIEW, f"previews of epoch {p.epoch}") for p in state.previews]
    for saved in state.checkpoints:
        reason = "" if saved.reason in USUAL_REASONS else f" ({saved.reason})"
        marks.append(Mark(saved.step, "◆", "best", CHECKPOINT, f"checkpoint{reason}"))
    advice: dict[str, str] = {}
    for stored in state.log:
        match stored.event:
            case AlertStarted(severity="danger") as alert:
                marks.append(Mark(alert.step, "▲", "danger", DANGER, clean(alert.title)))
            case AlertStarted() as alert:
                marks.append(Mark(alert.step, "▲", "warning", WARNING, clean(alert.title)))
            case RolledBack() as back:
                marks.append(Mark(back.step, "↺", "danger", ROLLBACK, f"back to step {count(back.restored_step)}"))
            case AdviceTaken() as taken:
                advice[taken.id] = told(taken)
                marks.append(Mark(taken.step, "✓", "good", ADVICE, f"taken: {told(taken)}"))
            case AdviceUndone() as undone:
                words = f"undone: {advice.get(undone.id, clean(undone.id))}"
                marks.append(Mark(undone.step, "↻", "strong", ADVICE, words))
            case NoteAdded() as note:
                marks.append(Mark(note.step, "✎", "accent", NOTE, clean(note.text)))
            case ValueSet() as change:
                words = f"{clean(change.key)} {change.before:.4g} → {change.after:.4g}"
                marks.append(Mark(change.step, "⚙", "strong", SET, words))
    return tuple(dict.fromkeys(sorted(marks, key=lambda mark: (mark.rank, mark.step))))


def in_cells(marks: Sequence[Mark], x: Steps) -> Cells:
    """The marks in view by the cell of the axis that they fall into."""
    cells: dict[int, tuple[Mark, ...]] = {}
    for mark in marks:
        if x.lo <= mark.step < x.hi:
            cell = x.dot(mark.step) // 2
            cells[cell] = (*cells.get(cell, ()), mark)
    return cells


def marks_row(cells: Cells, width: int) -> Row:
    """A line of its own for the marks; of those that share a cell the most important is seen."""
    row = [Run(" ", "text")] * width
    for cell, marks in cells.items():
        if 0 <= cell < width:
            row[cell] = marks[0].run
    return merged(row)


def words_at(cells: Cells, cell: int, reach: int = 1) -> Row:
    """What the marks of a cell, else of the nearest within `reach`, are: ◆ checkpoint · ♪ previews of epoch 5."""
    near = sorted((other for other in cells if abs(other - cell) <= reach), key=lambda other: abs(other - cell))
    if not near:
        return ()
    row: list[Run] = []
    for mark in cells[near[0]]:
        row += [Run(" · ", "faint")] if row else []
        row += [mark.run, Run(f" {mark.words}", "text")]
    return tuple(row)


class MarkCells:
    """The marks of a run in the cells of an axis, worked out anew when one of them has changed."""

    def __init__(self) -> None:
        self._told: tuple[object, ...] = ()
        self._marks: tuple[Mark, ...] = ()
        self._x: Steps | None = None
        self._cells: Cells = {}

    def __call__(self, state: RunState, x: Steps) -> Cells:
        """As `in_cells` of `marks_of`."""
        told = state.previews, state.checkpoints, state.log
        news = len(self._told) != len(told) or any(a is not b for a, b in zip(told, self._told, strict=True))
        if news:
            self._told, self._marks = told, marks_of(state)
        if news or x != self._x:
            self._x, self._cells = x, in_cells(self._marks, x)
        return self._cells
