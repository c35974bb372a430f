"""What happened in a run, each with its date and its reasons: warnings and advice, changes, notes."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from core.run.events import (
    AdviceTaken,
    AdviceUndone,
    AlertEnded,
    AlertStarted,
    NoteAdded,
    Reported,
    RolledBack,
    RunStarted,
    Stored,
    ValueSet,
)
from core.training.differences import shown
from distill_tui.differences import spelled
from distill_tui.format import clean, count, plural
from distill_tui.report.record import Record

BY = {"auto": "Done by itself, since --auto was on.", "person": "Done at a person's word."}


@dataclass(frozen=True)
class Moment:
    """A time for people and for machines."""

    text: str
    iso: str


@dataclass(frozen=True)
class Entry:
    """Something that happened: when, at which step, of which kind (`report.marks.KINDS`, or "report"), and what."""

    when: Moment
    step: str
    kind: str
    title: str
    details: tuple[str, ...] = ()


def moment(seconds: float) -> Moment:
    """A moment in seconds since 1970, at local time."""
    local = time.localtime(seconds)
    return Moment(time.strftime("%Y-%m-%d %H:%M", local), time.strftime("%Y-%m-%dT%H:%M:%S%z", local))


def warnings(record: Record) -> tuple[Entry, ...]:
    """Warnings, each with its end, and what was done on advice or by the trainer itself, in the order of time."""
    timed = sorted([*_alerts(record), *_advice(record)], key=lambda pair: pair[0])
    return tuple(entry for _, entry in timed)


def changes(record: Record) -> tuple[Entry, ...]:
    """The values that a person set while the run trained."""
    return tuple(_changes(record))


def notes(record: Record) -> tuple[Entry, ...]:
    """A person's notes, and what the trainer told that needed nothing done."""
    return tuple(_notes(record))


def _alerts(record: Record) -> Iterable[tuple[float, Entry]]:
    """A resumed session goes over some steps again and may warn of the same once more: that is one warning."""
    told: dict[tuple[str, int, str], list[Stored]] = {}
    ends: dict[tuple[str, int, str], AlertEnded] = {}
    standing: dict[str, tuple[str, int, str]] = {}
    for stored in record.events:
        match stored.event:
            case AlertStarted(id=id, step=step, title=title):
                told.setdefault((id, step, title), []).append(stored)
                standing[id] = id, step, title
                ends.pop((id, step, title), None)
            case AlertEnded(id=id) as end if id in standing:
                ends[standing.pop(id)] = end
            case RunStarted():
                standing.clear()
    for key, times in told.items():
        alert = times[0].event
        assert isinstance(alert, AlertStarted)
        over = f"Over at step {count(ends[key].step)}, epoch {ends[key].epoch}." if key in ends else ""
        if key in standing.values():
            over = "Still so." if record.info.live and not record.state.complete else "It was so to the end."
        again = f"Told again in {plural(len(times) - 1, 'later session')}." if len(times) > 1 else ""
        details = (_sentence(alert.explanation), _sentence(alert.action), again, over)
        kind = "danger" if alert.severity == "danger" else "warning"
        entry = Entry(moment(times[0].time), count(alert.step), kind, clean(alert.title), tuple(filter(None, details)))
        yield times[0].time, entry


def _advice(record: Record) -> Iterable[tuple[float, Entry]]:
    undone = {stored.event.id: stored.event.step for stored in record.events if isinstance(stored.event, AdviceUndone)}
    for stored in record.events:
        when = moment(stored.time)
        match stored.event:
            case AdviceTaken(id=id, step=step, reason=reason, remedy=remedy) as advice:
                details = [f"Because of: {_sentence(reason)}", BY[advice.by]]
                if remedy.kind == "set":
                    details.append(f"{clean(remedy.key)}: {shown(advice.before)} → {shown(remedy.value)}.")
                elif remedy.kind == "back":
                    details.append(f"Took the weights of step {count(advice.restored_step)}.")
                if id in undone:
                    details.append(f"Taken back at step {count(undone[id])}.")
                yield stored.time, Entry(when, count(step), "advice", clean(remedy.words), tuple(details))
            case RolledBack(step=step, restored_step=restored, learning_rate_scale=scale, reason=reason):
                told = (_sentence(reason), f"The learning rate is {scale:g} times what it would be.")
                yield stored.time, Entry(when, count(step), "rollback", f"Back to step {count(restored)}", told)


def _changes(record: Record) -> Iterable[Entry]:
    for stored in record.events:
        if isinstance(event := stored.event, ValueSet):
            words = f"{spelled(event.key)}: {shown(event.before)} → {shown(event.after)}"
            more = (clean(event.key),) if "." in event.key else ()
            yield Entry(moment(stored.time), count(event.step), "set", words, more)


def _notes(record: Record) -> Iterable[Entry]:
    for stored in record.events:
        match stored.event:
            case NoteAdded(step=step, text=text):
                yield Entry(moment(stored.time), count(step), "note", clean(text))
            case Reported(message=message, step=step):
                yield Entry(moment(stored.time), count(step) if step else "", "report", clean(message))


def _sentence(text: str) -> str:
    text = clean(text).strip()
    text = text[:1].upper() + text[1:]
    return f"{text}." if text and text[-1] not in ".!?:" else text
