"""What of a run's events a person wants to hear of while looking elsewhere, and in which words."""

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from core.run.event_json import to_plain
from core.run.events import AlertStarted, Event, TrainingCompleteEvent
from distill_tui.format import clean, count, number

TITLE_LENGTH = 160
TEXT_LENGTH = 1000

Kind = Literal["alert", "complete", "gone", "unreachable", "reached"]
ENDINGS = {"finished": "finished", "cancelled": "was stopped", "preempted": "was interrupted", "failed": "failed"}


@dataclass(frozen=True)
class News:
    """One thing to tell: a warning began, the run ended, its trainer is gone without a word, or it is out of reach.

    `title` and `text` are one line each, free of control codes. `data` are the event's fields as plain values.
    """

    kind: Kind
    run: str
    title: str
    text: str
    time: float
    data: Mapping[str, Any] = field(default_factory=dict)

    def to_plain(self, location: str) -> dict[str, Any]:
        """What a `--notify` command reads. `location` is what a person types to reach the run."""
        return {
            "kind": self.kind, "time": self.time, "run": self.run, "location": location, "host": platform.node(),
            "title": self.title, "text": self.text, "data": dict(self.data),
        }  # fmt: skip


def news_of(event: Event, run: str, time: float) -> News | None:
    """What there is to tell of this event of `run`, which happened at `time` (seconds since 1970); mostly nothing."""
    match event:
        case AlertStarted(restored=False):
            text = f"{event.explanation} {event.action}"
            return _news("alert", run, f"{run}: {event.title}", text, time, to_plain(event))
        case TrainingCompleteEvent():
            return _news("complete", run, f"{run} {ENDINGS[event.reason]}", _ending(event), time, to_plain(event))
        case _:
            return None


def gone(run: str, time: float) -> News:
    """No trainer holds the run any more, and it did not say that it ended: killed, or its machine went down."""
    return _news(
        "gone", run, f"{run}: its trainer is gone", "It ended without a word; resume the run to go on.", time, {}
    )


def outage(kind: Literal["unreachable", "reached"], run: str, time: float) -> News:
    """The run has been out of reach for a while, or is in reach again."""
    if kind == "reached":
        return _news(kind, run, f"{run}: in reach again", "What happened meanwhile is told from here on.", time, {})
    text = "Its host or folder has not answered for a minute. The training may well go on."
    return _news(kind, run, f"{run}: out of reach", text, time, {})


def _news(kind: Kind, run: str, title: str, text: str, time: float, data: Mapping[str, Any]) -> News:
    return News(kind, _line(run, TITLE_LENGTH), _line(title, TITLE_LENGTH), _line(text, TEXT_LENGTH), time, data)


def _line(text: str, length: int) -> str:
    line = " ".join(clean(text).split())
    return line if len(line) <= length else line[: length - 1] + "…"


def _ending(event: TrainingCompleteEvent) -> str:
    if event.error:
        return event.error
    best = "" if event.best_val_loss is None else f"; best {number(event.best_val_loss)} at epoch {event.best_epoch}"
    return f"At epoch {event.epoch}, step {count(event.step)}{best}."
