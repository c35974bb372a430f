"""The metrics of the specification, and the history of a run as plain values. No torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from core.run.event_json import NAMES, from_plain, to_plain
from core.run.events import EpochMetrics, Event, PreviewEvent, StepMetrics, TrainingCompleteEvent

__all__ = [
    "EpochMetrics",
    "MetricsCallback",
    "MetricsHistory",
    "PreviewEvent",
    "StepMetrics",
    "TrainingCompleteEvent",
    "compute_overfitting_gap",
]

MetricsCallback = Callable[[Event], None]


def compute_overfitting_gap(train_loss: float, val_loss: float) -> float:
    """(val_loss - train_loss) / train_loss; 0 where the training loss is not positive. Above 0.2 is a warning sign."""
    return (val_loss - train_loss) / train_loss if train_loss > 0 else 0.0


@dataclass
class MetricsHistory:
    """Steps, epochs and previews of a run, in order. It is a `MetricsCallback` itself: call it with each event."""

    steps: list[StepMetrics] = field(default_factory=list)
    epochs: list[EpochMetrics] = field(default_factory=list)
    previews: list[PreviewEvent] = field(default_factory=list)
    complete: TrainingCompleteEvent | None = None

    def __call__(self, event: Event) -> None:
        match event:
            case StepMetrics():
                self.steps.append(event)
            case EpochMetrics():
                self.epochs.append(event)
            case PreviewEvent():
                self.previews.append(event)
            case TrainingCompleteEvent():
                self.complete = event
            case _:
                return

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON: {"steps": [...], "epochs": [...], "previews": [...], "complete": ...}."""
        return {
            "steps": [to_plain(step) for step in self.steps],
            "epochs": [to_plain(epoch) for epoch in self.epochs],
            "previews": [to_plain(preview) for preview in self.previews],
            "complete": to_plain(self.complete) if self.complete else None,
        }

    @classmethod
    def from_dict(cls, plain: Mapping[str, Any]) -> "MetricsHistory":
        """The inverse of `to_dict`. Records of older versions lack newer fields: those take their defaults.

        Raises ValueError, naming the record, for one that lacks what every version wrote.
        """
        history = cls()
        kinds: tuple[tuple[str, type[Event]], ...]
        kinds = (("steps", StepMetrics), ("epochs", EpochMetrics), ("previews", PreviewEvent))
        for name, event_type in kinds:
            for index, record in enumerate(plain.get(name) or ()):
                history(_record(f"{name}[{index}]", event_type, record))
        if plain.get("complete"):
            history(_record("complete", TrainingCompleteEvent, plain["complete"]))
        return history


def _record(where: str, event_type: type[Event], record: Mapping[str, Any]) -> Event:
    event = from_plain(NAMES[event_type], record)
    if event is None:
        raise ValueError(f"{where}: not a {event_type.__name__} record; fields found: {', '.join(sorted(record))}")
    return event
