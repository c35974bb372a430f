"""How a run is told without a screen: plain lines, a progress display, or JSON."""

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Protocol

from core.run.event_json import kind_of, to_plain
from core.run.events import (
    AdviceTaken,
    AdviceUndone,
    AlertEnded,
    AlertStarted,
    CheckpointSaved,
    CommandAnswered,
    EpochMetrics,
    NoteAdded,
    PhaseChanged,
    PreviewEvent,
    Reported,
    RolledBack,
    RunStarted,
    SkippedFile,
    StepMetrics,
    Stored,
    TrainingCompleteEvent,
)
from core.run.state import RunState, fold
from distill_tui.advice_words import told
from distill_tui.format import clean, clock, count, duration, number, plural

NAMED_FILES = 5

if TYPE_CHECKING:
    from rich.console import Console


class Report(Protocol):
    """Where the events of a run go. Any method may raise OSError when the reader of the output has gone."""

    def begin(self, location: str) -> None:
        """Say which run this is."""

    def show(self, stored: Stored) -> None:
        """Tell one event."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class JsonReport:
    """One event a line: {"seq", "time", "kind", "data"}.

    The first line is of the kind "folder" and says where the run is. The others hold an event's fields
    (`core.run.events`) in `data`, a non-finite number as {"$float": "nan"}. A "step" carries the `seq` of the event
    before it, since step metrics are no events of the run store.
    """

    def begin(self, location: str) -> None:
        """Write the line that names the run folder."""
        line = {"seq": 0, "time": round(time.time(), 3), "kind": "folder", "data": {"path": location}}
        _write(json.dumps(line))

    def show(self, stored: Stored) -> None:
        """Write the event's line at once."""
        line = {"seq": stored.seq, "time": round(stored.time, 3), "kind": kind_of(stored.event)}
        _write(json.dumps({**line, "data": to_plain(stored.event)}, allow_nan=False))

    def close(self) -> None:
        """Nothing to put back."""


class PlainReport:
    """One calm line for each thing that a person would want in a log: epochs, checkpoints, alerts, the end."""

    def __init__(self, state: RunState | None = None) -> None:
        self.state = state or RunState()

    def begin(self, location: str) -> None:
        """Say where the run is."""
        _write(f"run folder: {clean(location)}")

    def summarize(self) -> None:
        """Write the state in a few lines: how far it is, its best, what is wrong."""
        for line in summary(self.state):
            _write(clean(line))

    def show(self, stored: Stored) -> None:
        """Write the event's line, if it has one."""
        line = line_of(stored, self.state)
        self.state = fold(self.state, [stored])
        if line:
            _write(f"{clock(stored.time)}  {clean(line)}")

    def close(self) -> None:
        """Nothing to put back."""


class ProgressReport:
    """The same lines above a bar with the epoch, speed and losses, on a terminal."""

    def __init__(self, console: "Console") -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        self.state = RunState()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[facts]}", markup=False),
            console=console,
            refresh_per_second=4,
        )
        self._bar = self._progress.add_task("waiting for the trainer", total=None, facts="")
        self._progress.start()

    def begin(self, location: str) -> None:
        """Say where the run is, above the bar."""
        from rich.text import Text

        self._progress.console.print(Text(f"run folder: {clean(location)}"), soft_wrap=True)

    def show(self, stored: Stored) -> None:
        """Move the bar; write the event's line above it, if it has one."""
        from rich.text import Text

        line = line_of(stored, self.state)
        self.state = fold(self.state, [stored])
        if line:
            text = Text(f"{clock(stored.time)}  {clean(line)}", style=_STYLES.get(type(stored.event), ""))
            self._progress.console.print(text, soft_wrap=True)
        started, step = self.state.started, self.state.step
        self._progress.update(
            self._bar,
            description=f"{self.state.status} {clean(self.state.phase_detail)}".strip(),
            total=started.total_steps if started else None,
            completed=step.step if step else 0,
            facts=_facts(self.state),
        )

    def close(self) -> None:
        """Stop drawing and leave the cursor on a line of its own."""
        self._progress.stop()


def choose_report(as_json: bool) -> Report:
    """JSON when asked for, the progress display on a terminal, plain lines elsewhere."""
    if as_json:
        return JsonReport()
    if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return PlainReport()
    from rich.console import Console

    return ProgressReport(Console(highlight=False))


def line_of(stored: Stored, before: RunState) -> str | None:
    """The event as one line for a log, or None for what a log can do without. `before` is the state before it."""
    match stored.event:
        case PhaseChanged("loading") if before.phase != "loading" or before.complete is not None:
            return "loading files"
        case RunStarted() as run:
            return _started(run)
        case EpochMetrics() as epoch:
            return _epoch(epoch, before.step)
        case CheckpointSaved(step=step, path=path, reason=reason) if reason != "best":  # the epoch's line says so
            return f"checkpoint at step {count(step)}: {path} ({reason})"
        case PreviewEvent(kind="reconstruction" | "sample") as preview:
            distance = f", MRSTFT {number(preview.mrstft)}" if preview.mrstft is not None else ""
            return f"preview of epoch {preview.epoch}: {preview.kind} {preview.name}{distance}, {preview.audio_path}"
        case AlertStarted(title=title, explanation=explanation, action=action):
            return f"! {title}. {explanation}. {action}".replace("..", ".")
        case AlertEnded(id=ended):
            alert = next((alert for alert in before.alerts if alert.id == ended), None)
            return f"over: {alert.title}" if alert else None
        case RolledBack(step=step, restored_step=restored, reason=reason):
            return f"! at step {count(step)} back to step {count(restored)}: {reason}"
        case AdviceTaken(id=advice) as taken if all(advice != other.id for other in before.advice):
            return f"taken at step {count(taken.step)}: {told(taken)}"
        case AdviceUndone(id=undone):
            advice = next((told(taken) for taken in before.advice if taken.id == undone), undone)
            return f"undone: {advice}"
        case CommandAnswered(command=command, done=done, message=message):
            return f"{command}: {message}" if done else f"{command}: refused: {message}"
        case NoteAdded(step=step, text=text):
            return f"note at step {count(step)}: {text}"
        case Reported(message=message):
            return message
        case TrainingCompleteEvent() as end:
            return _ended(end)
    return None


def summary(state: RunState) -> list[str]:
    """A run's state as a few lines."""
    started, step, epoch, best = state.started, state.step, state.epoch, state.best
    lines = [f"{state.status} {state.phase_detail if state.complete is None else ''}".strip()]
    if started:
        lines.append(_started(started))
    if step and started:
        lines.append(
            f"step {count(step.step)} of {count(started.total_steps)}, epoch {step.epoch} of {started.total_epochs}"
        )
    if epoch:
        lines.append(f"train {number(epoch.train_loss)}, validation {number(epoch.val_loss)} at epoch {epoch.epoch}")
    if best:
        lines.append(f"best {number(best.val_loss)} at epoch {best.epoch}")
    lines += [f"! {alert.title}. {alert.action}" for alert in state.alerts]
    lines += [f"taken at step {count(taken.step)}: {told(taken)}" for taken in state.advice]
    if state.complete:
        lines.append(_ended(state.complete))
    return lines


def _started(run: RunStarted) -> str:
    files = f"{plural(run.train_files, 'file')} to train on, {count(run.val_files)} to validate"
    skipped = f", {plural(len(run.skipped), 'file')} skipped{_why(run.skipped)}" if run.skipped else ""
    resumed = f", from step {count(run.start_step)} on" if run.start_step else ""
    return (
        f"{files}{skipped}, {run.preset}, {run.device}, "
        f"{plural(run.total_epochs, 'epoch')} of {plural(run.steps_per_epoch, 'step')}{resumed}"
    )


def _why(skipped: tuple[SkippedFile, ...]) -> str:
    """The first few skipped files with their reasons, in brackets."""
    named = [f"{clean(file.path)}: {clean(file.reason)}" for file in skipped[:NAMED_FILES]]
    more = f"; {len(skipped) - NAMED_FILES} more" if len(skipped) > NAMED_FILES else ""
    return f" ({'; '.join(named)}{more})"


def _epoch(epoch: EpochMetrics, step: StepMetrics | None) -> str:
    best = "  best" if epoch.is_best else ""
    rate = f"  rate {number(step.learning_rate)}" if step else ""
    left = f"  {duration(epoch.eta_seconds)} left" if epoch.eta_seconds > 0 else ""
    return (
        f"epoch {epoch.epoch}/{epoch.total_epochs}  step {count(epoch.step)}  train {number(epoch.train_loss)}"
        f"  validation {number(epoch.val_loss)}{best}{rate}{left}"
    )


def _ended(end: TrainingCompleteEvent) -> str:
    best = f"; best {number(end.best_val_loss)} at epoch {end.best_epoch}" if end.best_val_loss is not None else ""
    saved = f"; {end.checkpoint}" if end.checkpoint else ""
    why = f": {end.error}" if end.error else ""
    return f"{end.reason}{why}, epoch {end.epoch}, step {count(end.step)}{best}{saved}"


def _facts(state: RunState) -> str:
    """What stands behind the bar: epoch, speed, losses, time left."""
    step, epoch, started = state.step, state.epoch, state.started
    facts = []
    if step and started:
        facts.append(f"epoch {step.epoch}/{started.total_epochs}")
        facts.append(f"train {number(step.train_loss)}")
    if epoch:
        facts.append(f"validation {number(epoch.val_loss)}")
        facts.append(f"{duration(epoch.eta_seconds)} left")
    return "  ".join(facts)


_STYLES: dict[type, str] = {
    AlertStarted: "yellow",
    RolledBack: "yellow",
    AdviceTaken: "green",
    TrainingCompleteEvent: "bold",
}


def _write(line: str) -> None:
    """One line to stdout, whole and at once, whatever the terminal's encoding can show."""
    encoding = sys.stdout.encoding or "utf-8"
    sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stdout.flush()
