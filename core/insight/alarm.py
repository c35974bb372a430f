"""What every detector has in common: one alert at most, started and ended by events."""

from dataclasses import dataclass
from typing import ClassVar

from core.run.events import AlertEnded, AlertStarted, Event, Remedy, Severity


@dataclass(frozen=True)
class Finding:
    """What a detector found, in a person's words: figures in the explanation, a key or setting in the action.

    `remedies` are what the trainer can do about it by itself, the best first.
    """

    title: str
    explanation: str
    action: str
    severity: Severity = "warning"
    remedies: tuple[Remedy, ...] = ()


@dataclass
class Alarm:
    """The alert of one kind. While it is on, the same trouble says nothing more; `active` is what a screen shows."""

    kind: ClassVar[str]
    active: AlertStarted | None = None

    def _start(self, finding: Finding, step: int, epoch: int) -> list[Event]:
        self.active = AlertStarted(
            id=f"{self.kind}-{step}",
            kind=self.kind,
            severity=finding.severity,
            title=finding.title,
            explanation=finding.explanation,
            action=finding.action,
            step=step,
            epoch=epoch,
            remedies=finding.remedies,
        )
        return [self.active]

    def forget(self) -> None:
        """The run has gone back: the alert speaks of steps that are given up. It is found anew if it is so again."""
        self.active = None

    def _end(self, step: int, epoch: int) -> list[Event]:
        if self.active is None:
            return []
        ended = AlertEnded(id=self.active.id, step=step, epoch=epoch)
        self.active = None
        return [ended]
