"""The one JSON form of events: in the store, over a line and for `--json`."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import msgspec

from core.run.events import (
    AdviceTaken,
    AdviceUndone,
    AlertEnded,
    AlertStarted,
    CheckpointSaved,
    CommandAnswered,
    EpochMetrics,
    Event,
    LatentMap,
    NoteAdded,
    PhaseChanged,
    PreviewEvent,
    Reported,
    RolledBack,
    RunStarted,
    StepMetrics,
    TrainingCompleteEvent,
    ValueSet,
)
from core.run.plain import from_json_ready, to_json_ready

KINDS: dict[str, type[Event]] = {
    "run": RunStarted,
    "phase": PhaseChanged,
    "step": StepMetrics,
    "epoch": EpochMetrics,
    "preview": PreviewEvent,
    "checkpoint": CheckpointSaved,
    "alert": AlertStarted,
    "alert_end": AlertEnded,
    "rollback": RolledBack,
    "answer": CommandAnswered,
    "value": ValueSet,
    "advice": AdviceTaken,
    "advice_undone": AdviceUndone,
    "note": NoteAdded,
    "latent": LatentMap,
    "report": Reported,
    "complete": TrainingCompleteEvent,
}
NAMES = {event_type: kind for kind, event_type in KINDS.items()}


def kind_of(event: Event) -> str:
    """The event's short name, as stored and as printed by `--json`."""
    return NAMES[type(event)]


def to_plain(event: Event) -> dict[str, Any]:
    """The event as JSON-ready values. Non-finite floats become {"$float": "nan"}: JSON has none."""
    return {name: to_json_ready(value) for name, value in asdict(event).items()}


def from_plain(kind: str, body: Mapping[str, Any]) -> Event | None:
    """The inverse of `to_plain`; None for a kind or shape that a newer version wrote (it is skipped, not a failure).

    Fields that this version does not know are ignored and missing ones take their defaults, so old and new read
    each other.
    """
    event_type = KINDS.get(kind)
    if event_type is None:
        return None
    known = {f.name for f in fields(event_type)}
    try:
        return msgspec.convert(
            {name: from_json_ready(value) for name, value in body.items() if name in known}, event_type, strict=True
        )
    except msgspec.ValidationError:
        return None


def encode(event: Event) -> bytes:
    """The event's body as JSON bytes (without its kind)."""
    return msgspec.json.encode(to_plain(event))


def decode(kind: str, body: bytes | str) -> Event | None:
    """The event of `encode`'s bytes; None for what this version cannot read."""
    try:
        plain = msgspec.json.decode(body)
    except msgspec.DecodeError:
        return None
    return from_plain(kind, plain) if isinstance(plain, dict) else None
