"""When everything in a run happened, in seconds since its first event; pauses between sessions are left out."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from core.run.events import AlertStarted, EpochMetrics, PhaseChanged, RunStarted, Stored

PAUSE_SECONDS = 1.0  # what is left of the time between two sessions
NUDGE = 1e-6  # of a step: rounding must not hold a step back that has been made


@dataclass(frozen=True)
class Moment:
    """What had happened by `seconds`: the first `events` events, and the steps up to `step`.

    `started` is the session at work, the `session`-th so far, and `epoch` the newest epoch that is on the run's path
    then. `whole`: nothing is to come.
    """

    seconds: float
    events: int
    step: int
    session: int
    started: RunStarted | None
    epoch: EpochMetrics | None
    whole: bool


class Timeline:
    """Places every event at its second, and every step between the events that tell of one.

    `stored` are all events of a run, oldest first, and `newest` its newest step with its time, if it has one. Between
    two events that carry a step, steps are taken to be made at an even pace while the trainer trains. A session that
    was resumed from an earlier step counts on from there.
    """

    def __init__(self, stored: Sequence[Stored], newest: Stored | None = None) -> None:
        self._seconds = _seconds(stored)
        self._newest_step: int = getattr(newest.event, "step", 0) if newest is not None else 0
        self.length = self._seconds[-1] if stored else 0.0
        if stored and newest is not None:
            self.length += max(0.0, newest.time - stored[-1].time)
        self._knots: list[tuple[float, int]] = []  # (second, step); the step never falls but where a session begins
        self._sessions: list[tuple[int, RunStarted | None]] = []  # after each event
        self._epochs: list[EpochMetrics | None] = []  # likewise
        self._lay(stored)
        if self._knots and self._newest_step >= self._knots[-1][1]:
            self._knots.append((self.length, self._newest_step))
        self._knot_seconds = [second for second, _ in self._knots]

    def at(self, seconds: float) -> Moment:
        """What had happened by then."""
        seconds = max(0.0, min(seconds, self.length))
        events = bisect_right(self._seconds, seconds)
        session, started = self._sessions[events - 1] if events else (0, None)
        epoch = self._epochs[events - 1] if events else None
        return Moment(seconds, events, self._step_at(seconds), session, started, epoch, seconds >= self.length)

    def seconds_of(self, step: int) -> float:
        """When the step was made that is on the run's path; the end for one that never was."""
        for (began, first), (ended, last) in reversed(list(zip(self._knots, self._knots[1:], strict=False))):
            if first < step <= last:
                return began + (ended - began) * (step - first) / (last - first)
        return 0.0 if step <= 0 or not self._knots else self.length

    def _step_at(self, seconds: float) -> int:
        place = bisect_right(self._knot_seconds, seconds)
        if not place:
            return 0
        began, step = self._knots[place - 1]
        if place < len(self._knots) and self._knots[place][1] > step:
            ended, last = self._knots[place]
            step += int((last - step) * (seconds - began) / (ended - began) + NUDGE)
        return min(step, self._newest_step) if self._newest_step else step

    def _lay(self, stored: Sequence[Stored]) -> None:
        """Place what carries a step, and note which session and epoch hold after each event."""
        session, started, step = 0, None, 0
        path: list[EpochMetrics] = []
        stopped: list[float] = []  # when training paused and went on, at a step that has yet to be told
        going = False  # it went on: what does not tell that step now never will
        for second, event in zip(self._seconds, (one.event for one in stored), strict=True):
            match event:
                case RunStarted():
                    session, started, step, stopped, going = session + 1, event, event.start_step, [], False
                    _take_off(path, step + 1)
                    self._knots.append((second, step))
                case PhaseChanged(phase="training") if not stopped:
                    self._knots.append((second, step))
                case PhaseChanged(phase=phase):
                    stopped, going = [*([] if going else stopped), second], phase == "training"
                case _:
                    if isinstance(event, EpochMetrics):
                        _take_off(path, event.step)
                        path.append(event)
                    # A warning tells since when it holds, which may be long ago.
                    told: int = 0 if isinstance(event, AlertStarted) else getattr(event, "step", 0)
                    if told >= step and told > 0:
                        self._knots += [(earlier, told) for earlier in stopped] + [(second, told)]
                        step, stopped, going = told, [], False
                    elif going:
                        stopped, going = [], False
            self._sessions.append((session, started))
            self._epochs.append(path[-1] if path else None)


def _take_off(path: list[EpochMetrics], step: int) -> None:
    """The trainer goes over the steps from `step` on again."""
    while path and path[-1].step >= step:
        path.pop()


def _seconds(stored: Sequence[Stored]) -> list[float]:
    """The second of each event."""
    pauses = _pauses(stored)
    seconds: list[float] = []
    for place, one in enumerate(stored):
        gap = max(0.0, one.time - stored[place - 1].time) if place else 0.0
        seconds.append((seconds[-1] if place else 0.0) + (min(gap, PAUSE_SECONDS) if place in pauses else gap))
    return seconds


def _pauses(stored: Sequence[Stored]) -> set[int]:
    """The places of the events that came after a pause: where a later session began, from its loading on."""
    pauses: set[int] = set()
    for place, one in enumerate(stored):
        if isinstance(one.event, RunStarted):
            first = place
            while first and _loads(stored[first - 1]):
                first -= 1
            if first:
                pauses.update(range(first, place + 1))
    return pauses


def _loads(stored: Stored) -> bool:
    return isinstance(stored.event, PhaseChanged) and stored.event.phase == "loading"
