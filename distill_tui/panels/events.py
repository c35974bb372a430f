"""What happened, newest first, at local times."""

from collections.abc import Mapping
from typing import ClassVar

from core.run.events import (
    AdviceTaken,
    AdviceUndone,
    AlertEnded,
    AlertStarted,
    CheckpointSaved,
    CommandAnswered,
    EpochMetrics,
    NoteAdded,
    PreviewEvent,
    Reported,
    RolledBack,
    RunStarted,
    Stored,
    TrainingCompleteEvent,
    ValueSet,
)
from core.training.differences import shown
from distill_tui.advice_words import result
from distill_tui.advice_words import told as advice_told
from distill_tui.cells import Row, Run
from distill_tui.differences import spelled
from distill_tui.format import clean, clock, count, duration, number, plural
from distill_tui.panels.frame import framed, wrapped
from distill_tui.panels.panel import ScrollPanel
from distill_tui.panels.words import PanelHelp

INDENT = 12  # "HH:MM:SS  ◆ "
TOLD_BY_THEMSELVES = ("set", "mark", "apply", "undo")  # commands whose outcome is an event of its own


class EventsPanel(ScrollPanel):
    """One line an event; full screen, each is told whole, with the reason of every skipped file."""

    DEFAULT_CSS = "EventsPanel { height: 1fr; width: 1fr; }"
    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "Events",
        "What happened, newest first: ◉ the best epochs, ◆ checkpoints, ♪ previews, ▲ and ▽ where a warning began and "
        "ended, ✓ and ↻ advice taken and undone, ⚙ values that were set, ✎ your notes. Full screen every epoch is told "
        "too, what helps with a warning, and what advice has changed.",
        "Checkpoints and previews come regularly, ◉ comes again and again, and no ▲ stays without its ▽.",
        "Read the newest ▲ full screen (e), or press w for what helps. N puts a note at this step, so that you know "
        "later what you did and heard. y copies the newest line.",
    )

    def __init__(self, id: str = "events") -> None:
        super().__init__(id=id)
        self._drawn: tuple[object, ...] = ()
        self._lines: list[Row] = []

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """The lines that fit; the rest is below."""
        state = self.snapshot.state
        whole = self.has_class("-maximized")
        if self._drawn != (state.log, width, whole):
            told = _told(state.log, whole)
            self._lines = [row for entry in told for row in _entry(entry, width - 3, whole)]
            self._drawn = (state.log, width, whole)
        lines = self._lines or [(Run(" Checkpoints, previews and warnings, as they come.", "muted"),)]
        shown = self.window(lines, height - 2)
        more = self.more(height - 2)
        foot: Row = (Run(more, "muted"),) if more else ()
        title: Row = (Run("Events", "strong"),)
        return framed(shown, width, height, title=title, foot_corner=foot, focused=self.has_focus)

    def copied(self) -> str:
        """The newest event that is in view."""
        told = list(_told(self.snapshot.state.log, False))
        if not told:
            return ""
        moment, _, text, *_ = told[min(self.top, len(told) - 1)]
        return f"{clock(moment)} {text}"


# What advice brings with it: in the small panel its own line says enough.
PARTS_OF_ADVICE = (ValueSet, RolledBack, CheckpointSaved)

Told = tuple[float, str, str, str, tuple[str, ...]]  # time, symbol, text, role, further lines


def _told(log: tuple[Stored, ...], whole: bool) -> list[Told]:
    """The log newest first; in the small panel a preview's files are one line and epochs are left to the chart."""
    told: list[Told] = []
    titles = {stored.event.id: stored.event.title for stored in log if isinstance(stored.event, AlertStarted)}
    taken = [stored.event for stored in log if isinstance(stored.event, AdviceTaken)]
    titles |= {advice.id: advice.remedy.words for advice in taken}
    advised = {advice.step for advice in taken} | {
        stored.event.step for stored in log if isinstance(stored.event, AdviceUndone)
    }
    for stored in reversed(log):
        event = stored.event
        if not whole and isinstance(event, EpochMetrics) and not event.is_best:
            continue
        if not whole and isinstance(event, PARTS_OF_ADVICE) and event.step in advised:
            continue
        symbol, text, role, details = describe(stored, titles)
        same = told and isinstance(event, PreviewEvent) and told[-1][2] == text
        if text and not same:
            told.append((stored.time, symbol, clean(text), role, details))
    return told


def describe(stored: Stored, titles: Mapping[str, str]) -> tuple[str, str, str, tuple[str, ...]]:
    """(symbol, sentence, role, further lines) of an event; `titles` are those of warnings and advice by id."""
    match stored.event:
        case RunStarted() as run:
            return "●", *_started(run)
        case EpochMetrics() as epoch:
            best = ", the best so far" if epoch.is_best else ""
            text = f"epoch {epoch.epoch}: train {number(epoch.train_loss)}, validation {number(epoch.val_loss)}{best}"
            return ("◉" if epoch.is_best else "·"), text, "best" if epoch.is_best else "muted", ()
        case PreviewEvent() as preview:
            return "♪", f"preview of epoch {preview.epoch}", "accent", ()
        case CheckpointSaved() as saved:
            why = {"interval": "", "best": ", the best so far", "requested": ", as asked"}.get(
                saved.reason, f", {saved.reason}"
            )
            return "◆", f"checkpoint at step {count(saved.step)}{why}", "best", (saved.path,) if saved.path else ()
        case AlertStarted() as alert:
            role = "danger" if alert.severity == "danger" else "warning"
            return "▲", alert.title, role, (alert.explanation, alert.action)
        case AlertEnded() as ended:
            return "▽", f"over: {titles.get(ended.id, ended.id)}", "good", ()
        case RolledBack() as back:
            text = (
                f"back to step {count(back.restored_step)} at {back.learning_rate_scale:g} of the rate: {back.reason}"
            )
            return "↺", text, "danger", ()
        case AdviceTaken() as taken:
            before = (f"the moment before: {taken.checkpoint}",) if taken.remedy.kind == "back" else ()
            return "✓", f"taken: {advice_told(taken)}", "good", (result(taken), *before)
        case AdviceUndone() as undone:
            return "↻", f"undone: {titles.get(undone.id, undone.id)}", "accent", ()
        case ValueSet() as change:
            text = f"{spelled(change.key)} {shown(change.before)} → {shown(change.after)}"
            return "⚙", text, "accent", (f"{change.key}, from step {count(change.step + 1)} on",)
        case CommandAnswered(command=command, done=True, message=message) if command in TOLD_BY_THEMSELVES:
            already = message.endswith("already")  # nothing was done, so nothing else tells of it
            return ("✓", f"{command}: {message}", "text", ()) if already else ("", "", "text", ())
        case CommandAnswered() as answer:
            word = "done" if answer.done else "refused"
            return ("✓" if answer.done else "✗"), f"{answer.command}: {answer.message or word}", "text", ()
        case NoteAdded() as note:
            return "✎", note.text, "accent", (f"your note at step {count(note.step)}",)
        case Reported() as report:
            return "·", report.message, "muted", ()
        case TrainingCompleteEvent() as end:
            role = {"finished": "good", "failed": "danger"}.get(end.reason, "warning")
            text = f"{end.reason} at epoch {end.epoch}, step {count(end.step)}, after {duration(end.elapsed_seconds)}"
            return ("✗" if end.reason == "failed" else "■"), text + (f": {end.error}" if end.error else ""), role, ()
        case _:
            return "", "", "text", ()


def _started(run: RunStarted) -> tuple[str, str, tuple[str, ...]]:
    """(sentence, role, further lines) of a session's beginning."""
    begun = f"resumed from {run.resumed_from}" if run.resumed_from else "training began"
    edited = [told for told in run.differences if told.than == "checkpoint"]
    changed = f"; {plural(len(edited), 'setting')} changed since" if edited else ""
    skipped = f"; {plural(len(run.skipped), 'file')} skipped" if run.skipped else ""
    details = [f"{told.key}: {told.here} (checkpoint {told.there})" for told in edited]
    details += [f"{file.path}: {file.reason}" for file in run.skipped]
    return f"{begun} on {run.device}{changed}{skipped}", "good", tuple(details)


def _entry(told: Told, width: int, whole: bool) -> list[Row]:
    moment, symbol, text, role, details = told
    head: Row = (Run(f" {clock(moment)}  ", "muted"), Run(f"{symbol} ", role))
    own = "strong" if symbol == "✎" else "text"  # a person's own words among the machine's
    if not whole:
        return [(*head, Run(text, own))]
    lines = wrapped(text, max(8, width - INDENT)) or [""]
    rows: list[Row] = [(*head, Run(lines[0], own))]
    rows += [(Run(" " * INDENT + " " + line, own),) for line in lines[1:]]
    for detail in details:
        rows += [
            (Run(" " * INDENT + "   " + line, "muted"),) for line in wrapped(clean(detail), max(8, width - INDENT - 3))
        ]
    return rows
