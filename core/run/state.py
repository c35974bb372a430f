"""The state of a run as its events tell it: one frozen fold."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

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
    Phase,
    PhaseChanged,
    PreviewEvent,
    Reported,
    RolledBack,
    RunStarted,
    StepMetrics,
    Stored,
    TrainingCompleteEvent,
    ValueSet,
)

Status = Literal["waiting", "loading", "training", "validating", "saving",
                 "finished", "cancelled", "preempted", "failed"]  # fmt: skip


@dataclass(frozen=True)
class RunState:
    """Everything a screen may show of a run. Tuples are oldest first; `seq` is the newest event folded in.

    `advice` is what was taken and not taken back.
    """

    seq: int = 0
    time: float = 0.0
    started: RunStarted | None = None
    phase: Phase | None = None
    phase_detail: str = ""
    step: StepMetrics | None = None
    epochs: tuple[EpochMetrics, ...] = ()
    best: EpochMetrics | None = None
    previews: tuple[PreviewEvent, ...] = ()
    checkpoints: tuple[CheckpointSaved, ...] = ()
    alerts: tuple[AlertStarted, ...] = ()
    advice: tuple[AdviceTaken, ...] = ()
    log: tuple[Stored, ...] = ()
    latent_map: LatentMap | None = None
    complete: TrainingCompleteEvent | None = None

    @property
    def status(self) -> Status:
        """One word for the whole run."""
        if self.complete is not None:
            return self.complete.reason
        return self.phase or "waiting"

    @property
    def epoch(self) -> EpochMetrics | None:
        """The newest epoch that has been validated."""
        return self.epochs[-1] if self.epochs else None

    @property
    def progress(self) -> float:
        """Share of the planned steps that is done, 0 to 1."""
        total = self.started.total_steps if self.started else 0
        return min(1.0, self.step.step / total) if self.step and total else 0.0


LOGGED = (RunStarted, EpochMetrics, CheckpointSaved, AlertStarted, AlertEnded, RolledBack, CommandAnswered, ValueSet,
          AdviceTaken, AdviceUndone, NoteAdded, Reported, TrainingCompleteEvent, PreviewEvent)  # fmt: skip
LOG_LENGTH = 2000


def fold(state: RunState, batch: Iterable[Stored]) -> RunState:
    """The state after `batch`. Cutting a history into batches anywhere, or repeating its end, changes nothing."""
    fresh = [s for s in batch if s.seq > state.seq or (s.seq == state.seq and isinstance(s.event, StepMetrics))]
    if not fresh:
        return state
    events = [stored.event for stored in fresh]
    for event in events:
        state = _fold_one(state, event)
    logged = tuple(stored for stored in fresh if isinstance(stored.event, LOGGED))
    return replace(
        state,
        seq=max(state.seq, fresh[-1].seq),
        time=max(state.time, *(stored.time for stored in fresh)),
        log=(state.log + logged)[-LOG_LENGTH:] if logged else state.log,
    )


def _fold_one(state: RunState, event: Event) -> RunState:
    match event:
        case StepMetrics():
            return replace(state, step=event)
        case RunStarted():
            fresh = replace(state, started=event, complete=None, alerts=(), phase="loading", phase_detail="")
            # A stop is undone by this very resume; what was done past the step it goes on from has not happened.
            advice = tuple(a for a in state.advice if a.step <= event.start_step and a.remedy.kind != "stop")
            return _rewound(replace(fresh, advice=advice), event.start_step)
        case PhaseChanged():  # after an end: a new session is loading
            return replace(state, phase=event.phase, phase_detail=event.detail, complete=None)
        case EpochMetrics():
            # A trainer that was killed between an epoch's event and its checkpoint tells of that epoch once more.
            again = state.epochs and state.epochs[-1].step >= event.step
            before = _rewound(state, event.step - 1) if again else state
            best = event if event.is_best else before.best
            return replace(before, epochs=(*before.epochs, event), best=best, step=state.step)
        case PreviewEvent():
            return replace(state, previews=(*state.previews, event))
        case CheckpointSaved():
            return replace(state, checkpoints=(*state.checkpoints, event))
        case AlertStarted():
            return replace(state, alerts=(*(a for a in state.alerts if a.id != event.id), event))
        case AlertEnded():
            return replace(state, alerts=tuple(a for a in state.alerts if a.id != event.id))
        case AdviceTaken():
            return replace(state, advice=(*(a for a in state.advice if a.id != event.id), event))
        case AdviceUndone():
            return replace(state, advice=tuple(a for a in state.advice if a.id != event.id))
        case LatentMap():
            return replace(state, latent_map=event)
        case TrainingCompleteEvent():
            return replace(state, complete=event)
        case _:
            return state


def _rewound(state: RunState, step: int) -> RunState:
    """The state with the epochs past `step` taken off the path: the trainer goes over those steps again."""
    epochs = tuple(epoch for epoch in state.epochs if epoch.step <= step)
    best = next((epoch for epoch in reversed(epochs) if epoch.is_best), None)
    return replace(state, epochs=epochs, best=best, step=state.step if state.step and state.step.step <= step else None)
