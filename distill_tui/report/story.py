"""The run in words: how it ended, its best, when and where and on what it trained, and how to run it again."""

from collections.abc import Iterable
from dataclasses import dataclass

from core.run.command_lines import command_line, quoted, resume_line
from core.run.events import RunStarted
from distill_tui.format import clean, count, duration, number, percent, plural
from distill_tui.report.chronicle import Entry, Moment, changes, moment, notes, warnings
from distill_tui.report.record import Record

ENDED = {"finished": ("good", "Finished"), "cancelled": ("calm", "Stopped on request"),
         "preempted": ("warning", "Stopped by the machine"), "failed": ("danger", "Failed")}  # fmt: skip


@dataclass(frozen=True)
class Story:
    """Everything that the page says in words."""

    title: str
    about: str
    outcome: str  # "good", "calm", "warning" or "danger"
    headline: str
    reason: str
    best: tuple[str, str] | None
    facts: tuple[tuple[str, str], ...]
    again: tuple[tuple[str, str], ...]
    trouble: str
    taken: Moment
    alerts: tuple[Entry, ...]
    changes: tuple[Entry, ...]
    notes: tuple[Entry, ...]
    skipped: tuple[tuple[str, str], ...]


def story(record: Record) -> Story:
    """The words of a run."""
    started, best = record.state.started, record.state.best
    outcome, headline, reason = _outcome(record)
    about = (
        (started.recipe, started.representation, f"{started.preset} preset" if started.preset else "")
        if started
        else ()
    )
    return Story(
        title=clean(record.info.name) or "a run", about=" · ".join(clean(word) for word in about if word),
        outcome=outcome, headline=headline, reason=reason,
        best=(number(best.val_loss), f"validation total at epoch {best.epoch}") if best else None,
        facts=tuple(_facts(record)), again=tuple(_again(record)), trouble=clean(record.trouble),
        taken=moment(record.taken), alerts=warnings(record), changes=changes(record),
        notes=notes(record),
        skipped=tuple((clean(file.path), clean(file.reason)) for file in started.skipped) if started else (),
    )  # fmt: skip


def _outcome(record: Record) -> tuple[str, str, str]:
    """How the run stands: a role, a sentence, and what more there is to say."""
    state = record.state
    where = ""
    if state.step and state.started:
        where = (
            f" at epoch {count(state.step.epoch)} of {count(state.started.total_epochs)}, step {count(state.step.step)}"
        )
    complete = state.complete
    if complete is not None:
        role, word = ENDED[complete.reason]
        at = f" at epoch {count(complete.epoch)}, step {count(complete.step)}"
        return role, f"{word}{at}", clean(complete.error)
    if record.info.live:
        share = f", {percent(state.progress)}" if state.progress else ""
        return "calm", f"Still training{where}{share}", "This page is how it stood when it was made."
    if state.started is None:
        return "calm", "Has not been trained yet", ""
    return "warning", f"Stopped without notice{where}", "The trainer was killed, or its machine went down."


def _facts(record: Record) -> Iterable[tuple[str, str]]:
    state, events = record.state, record.events
    sessions = [stored for stored in events if isinstance(stored.event, RunStarted)]
    if sessions:
        yield "Began", moment(sessions[0].time).text
        yield "Last heard of" if state.complete is None else "Ended", moment(state.time).text
    elapsed = max(
        state.complete.elapsed_seconds if state.complete else 0.0, state.step.elapsed_s if state.step else 0.0
    )
    if elapsed:
        more = f", in {plural(len(sessions), 'session')}" if len(sessions) > 1 else ""
        yield "Trained for", f"{duration(elapsed)}{more}"
    started = state.started
    if started is None:
        return
    yield "Trained on", clean(f"{started.device} of {started.host}" if started.host else started.device)
    yield "Data", (f"{plural(started.train_files, 'file')} to train on ({duration(started.train_seconds)}), "
                   f"{count(started.val_files)} held out to validate")  # fmt: skip
    source = _value(record, "data", "path")
    if source:
        yield "From", clean(str(source))
    yield "Model", f"{count(started.parameters)} parameters"
    yield "Plan", f"{plural(started.total_epochs, 'epoch')} of {plural(started.steps_per_epoch, 'step')}"
    seed = _value(record, "seed")
    if seed is not None:
        yield "Seed", clean(str(seed))
    if state.complete and state.complete.checkpoint:
        yield "Last checkpoint", clean(state.complete.checkpoint)
    yield "Run folder", clean(record.info.location)


def _again(record: Record) -> Iterable[tuple[str, str]]:
    """(what for, the command) for a person to paste into a shell."""
    if record.info.local_folder:
        yield "Train the same again", f"distill-tui train --config {quoted(f'{record.info.local_folder}/config.toml')}"
    elif record.info.config:
        yield (
            "Train the same again, with the config below saved as config.toml",
            "distill-tui train --config config.toml",
        )
    if record.state.started is None or record.info.live:
        yield "Watch it", command_line("watch", record.info.local_folder or record.info.location)
    elif record.state.complete is None or record.state.complete.reason != "finished":
        yield "Train on where it stopped", resume_line(record.info)
    else:
        yield "Look at it in the monitor", command_line("watch", record.info.local_folder or record.info.location)


def _value(record: Record, *path: str) -> object:
    """A value of the config, which may be of another version."""
    found: object = record.info.config
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found
