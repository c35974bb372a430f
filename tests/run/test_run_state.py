"""The fold: a run's state depends on what happened, not on how it was read."""

from itertools import pairwise

import pytest
from fake_trainer import epoch_metrics, started, step_metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from core.run.events import (
    AlertEnded,
    AlertStarted,
    CheckpointSaved,
    Event,
    NoteAdded,
    PhaseChanged,
    PreviewEvent,
    StepMetrics,
    Stored,
    TrainingCompleteEvent,
)
from core.run.state import LOG_LENGTH, RunState, fold

ALERT = AlertStarted("overfitting", "overfitting", "warning", "Overfitting", "it rises", "stop", 5, 1)

steps = st.integers(1, 30)
some_event: st.SearchStrategy[Event] = st.one_of(
    steps.map(step_metrics),
    steps.map(epoch_metrics),
    steps.map(lambda step: started(start_step=step)),
    st.sampled_from([PhaseChanged("loading", "1 of 3"), PhaseChanged("training"), ALERT, AlertEnded(ALERT.id, 9, 1),
                     TrainingCompleteEvent("cancelled", 1, 9), TrainingCompleteEvent("failed", 1, 9, error="no"),
                     NoteAdded(3, "a note"), PreviewEvent(1, "previews/a.wav", 48_000),
                     CheckpointSaved(9, 1, "checkpoints/a.pt", "best")]),
)  # fmt: skip


def numbered(happened: list[Event]) -> list[Stored]:
    """As a link hands them out: step metrics carry the number of the newest stored event, and an older time."""
    seq, stored = 0, []
    for event in happened:
        is_step = isinstance(event, StepMetrics)
        seq += not is_step
        stored.append(Stored(seq, len(stored) - 1.5 * is_step, event))
    return stored


histories = st.lists(some_event, max_size=40).map(numbered)


@settings(deadline=None)
@given(history=histories, cuts=st.lists(st.integers(0, 40)))
def test_the_state_is_the_same_however_the_history_is_cut(history: list[Stored], cuts: list[int]) -> None:
    state = RunState()
    edges = [0, *sorted(cuts), len(history)]
    for start, stop in pairwise(edges):
        state = fold(state, history[start:stop])
    assert state == fold(RunState(), history)


@settings(deadline=None)
@given(history=histories, start=st.integers(0, 40))
def test_repeating_the_end_of_a_history_changes_nothing(history: list[Stored], start: int) -> None:
    state = fold(RunState(), history)
    assert fold(state, history[start:]) == state


@settings(deadline=None)
@given(history=histories, stop=st.integers(0, 40))
def test_a_stale_batch_changes_nothing_but_never_takes_back(history: list[Stored], stop: int) -> None:
    """A batch that comes late, as over a slow line, must not bring back a step that a resume took off the path."""
    state = fold(RunState(), history)
    older = [stored for stored in history[:stop] if stored.seq < state.seq]
    assert fold(state, older) == state


@settings(deadline=None)
@given(history=histories)
def test_what_is_shown_lies_on_the_runs_path(history: list[Stored]) -> None:
    path: list[int] = []
    for stored in history:
        if hasattr(stored.event, "start_step"):
            path = [step for step in path if step <= stored.event.start_step]
        elif hasattr(stored.event, "val_loss") and hasattr(stored.event, "total_epochs"):
            path = [*(step for step in path if step < stored.event.step), stored.event.step]
    state = fold(RunState(), history)
    assert [epoch.step for epoch in state.epochs] == path
    assert state.best in (None, *state.epochs)
    assert 0 <= state.progress <= 1


def test_a_resume_clears_the_end_the_alerts_and_the_steps_it_repeats() -> None:
    before: list[Event] = [started(), step_metrics(9), epoch_metrics(5), epoch_metrics(9), ALERT,
                           PhaseChanged("saving", "now"), TrainingCompleteEvent("cancelled", 1, 9)]  # fmt: skip
    state = fold(RunState(), numbered(before))
    assert (state.status, state.alerts) == ("cancelled", (ALERT,))
    state = fold(RunState(), numbered([*before, started(1, start_step=6)]))
    assert (state.status, state.phase_detail, state.alerts, state.step) == ("loading", "", (), None)
    assert [epoch.step for epoch in state.epochs] == [5]
    assert state.best == state.epoch == epoch_metrics(5)


def test_a_session_that_loads_after_an_end_is_loading() -> None:
    history: list[Event] = [started(), TrainingCompleteEvent("cancelled", 1, 9), PhaseChanged("loading", "3 of 9")]
    assert fold(RunState(), numbered(history)).status == "loading"


@pytest.mark.parametrize("batch", [1, 7, 5000])
def test_the_log_keeps_the_newest(batch: int) -> None:
    history = numbered([NoteAdded(i, str(i)) for i in range(LOG_LENGTH + 10)])
    state = RunState()
    for start in range(0, len(history), batch):
        state = fold(state, history[start : start + batch])
    assert len(state.log) == LOG_LENGTH
    assert state.log[-1] == history[-1]
