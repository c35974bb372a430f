"""The run in two lines: what it is, how far it is, and what it is busy with."""

from collections import deque

from rich.cells import cell_len
from textual.events import Click
from textual.message import Message

from core.run.replay_clock import ReplayPosition
from core.run.state import RunState, Status
from distill_tui.cells import Row, Run
from distill_tui.format import clean, count, duration, gigabytes, number, percent, plural
from distill_tui.panels.frame import fit, joined, spread, width_of
from distill_tui.panels.panel import Panel
from distill_tui.reader import Snapshot
from distill_tui.time_left import TimeLeft

SYMBOLS: dict[Status, tuple[str, str]] = {
    "waiting": ("○", "muted"),
    "loading": ("◌", "accent"),
    "training": ("●", "good"),
    "validating": ("◐", "accent"),
    "saving": ("◆", "accent"),
    "finished": ("✓", "good"),
    "cancelled": ("■", "warning"),
    "preempted": ("■", "warning"),
    "failed": ("✗", "danger"),
}
WORDS: dict[Status, str] = {"preempted": "interrupted, saved"}  # where the state's own name is no word for people
GONE = ("✗", "danger")
PAUSED = "║ replay"
RATE_WINDOW = 8.0
PACE_EVERY, PACES = 10.0, 60  # seconds between, and number of, the points from which the time left is told


class StatusPanel(Panel, can_focus=False):
    """Two lines at the top. `name` and `opening` stand there until the run has been read."""

    ALLOW_MAXIMIZE = False
    DEFAULT_CSS = "StatusPanel { height: 2; width: 1fr; }"

    class Sought(Message):
        """A replay is to go to this share of the run, 0 to 1."""

        def __init__(self, share: float) -> None:
            super().__init__()
            self.share = share

    def __init__(self, name: str, opening: str, id: str = "status") -> None:
        super().__init__(id=id)
        self._called, self._opening = name, opening
        self._progress: deque[tuple[float, int]] = deque()
        self._long: deque[tuple[float, int]] = deque(maxlen=PACES)
        self._left = TimeLeft()
        self._bar = range(0)  # the columns of a replay's bar

    def show(self, snapshot: Snapshot) -> None:
        """Keep the recent steps, from which the pace is told, and draw."""
        if step := snapshot.state.step:
            if self._progress and step.step < self._progress[-1][1]:
                self._progress.clear()
                self._long.clear()
                self._left.forget()
            if not self._progress or step.step > self._progress[-1][1]:
                self._progress.append((step.elapsed_s, step.step))
            while len(self._progress) > 2 and self._progress[-1][0] - self._progress[1][0] > RATE_WINDOW:
                self._progress.popleft()
            if not self._long or step.elapsed_s - self._long[-1][0] >= PACE_EVERY:
                self._long.append((step.elapsed_s, step.step))
        super().show(snapshot)

    @property
    def pace(self) -> float | None:
        """Steps a second of training time, over the last few seconds."""
        if len(self._progress) < 2:
            step = self.snapshot.state.step
            return 1 / step.step_time_s if step and step.step_time_s > 0 else None
        (began, first), (ended, last) = self._progress[0], self._progress[-1]
        return (last - first) / (ended - began) if ended > began else None

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """Name and progress, then the figures."""
        snapshot = self.snapshot
        name = clean(snapshot.info.name) if snapshot.info else clean(self._called)
        started = snapshot.state.started
        what = joined(
            [
                (0, (Run(name or "run", "strong"),)),
                (1, (Run(clean(started.recipe), "muted"),) if started else ()),
                (2, (Run(clean(started.representation), "muted"),) if started else ()),
            ],
            width,
        )
        replay = snapshot.replay
        progress = self._progress_row(width) if replay is None else self._replay_row(replay, width)
        room = width - 2 - width_of(progress)
        brand: Row = (Run("distill-tui", "accent"), Run("  ", "text"))
        left = (*brand, *what) if width_of(what) + 15 <= room else what if width_of(what) + 2 <= room else what[:1]
        first = spread(
            (Run(" ", "text"), *fit(left, min(width_of(left), max(8, room - 2)))), (*progress, Run(" ", "text")), width
        )
        self._bar = _bar_of(first) if replay is not None else range(0)
        return first, fit((Run(" ", "text"), *self._figures(width - 2)), width)

    def on_click(self, event: Click) -> None:
        """A replay goes to where its bar is clicked; the first cell is the start and the last one the end."""
        if event.y == 0 and event.x in self._bar:
            self.post_message(self.Sought((event.x - self._bar.start) / max(1, len(self._bar) - 1)))

    def _progress_row(self, width: int) -> Row:
        snapshot, state = self.snapshot, self.snapshot.state
        symbol, role, word = status_word(snapshot)
        if snapshot.failure and state.step is None:
            return (Run(f"{symbol} {word}", role),)
        if state.started is None:
            return (Run("◌ ", "accent"), Run(self._opening + " …", "accent"))
        detail = (
            f" {clean(state.phase_detail)}"
            if state.phase_detail and state.status in ("loading", "validating", "saving")
            else ""
        )
        parts: list[Run] = [Run(f"{symbol} {word}{detail}", role)]
        total = state.started.total_epochs
        at = _epoch_now(state)
        if total:
            parts += [Run("  epoch ", "muted"), Run(str(at), "strong"), Run(f" / {total}", "muted")]
        if width >= 72:
            parts += [Run(" ", "text"), *bar(state.progress, max(6, min(40, (width - 72) // 3 + 4)))]
        parts.append(Run(f" {percent(state.progress)}", "text"))
        if state.complete is None and not is_over(snapshot) and (left := self._told_left()) and width >= 60:
            parts.append(Run(f"  {duration(left)} left", "muted"))
        elif state.complete is not None and width >= 60:
            parts.append(Run(f"  took {duration(state.complete.elapsed_seconds)}", "muted"))
        return tuple(parts)

    def _replay_row(self, replay: ReplayPosition, width: int) -> Row:
        """How it goes, the epoch, and where it stands in the run's time."""
        state = self.snapshot.state
        word = f"▶ replay x{replay.speed:.3g}" if replay.playing else PAUSED
        parts: list[Run] = [Run(word, "accent")]
        if state.started is not None and state.started.total_epochs and width >= 60:
            total = state.started.total_epochs
            parts += [Run("  epoch ", "muted"), Run(str(_epoch_now(state)), "strong"), Run(f" / {total}", "muted")]
        share = replay.seconds / replay.length if replay.length else 1.0
        parts += [Run(" ", "text"), *bar(share, max(8, min(40, (width - 72) // 3 + 8)))]
        parts += [Run(f" {_time(replay.seconds, replay.length)}", "text")]
        parts += [Run(f" / {_time(replay.length, replay.length)}", "muted")]
        return tuple(parts)

    def _figures(self, width: int) -> Row:
        snapshot, state = self.snapshot, self.snapshot.state
        if snapshot.failure:
            return (Run("▲ ", "danger"), Run(clean(snapshot.failure), "danger"))
        asked: Row = tuple(
            run for label in snapshot.asked[-2:] for run in (Run("… ", "accent"), Run(f"asked to {label}  ", "accent"))
        )
        trouble: Row = (Run("▲ ", "warning"), Run(clean(snapshot.trouble), "warning")) if snapshot.trouble else ()
        step, started = state.step, state.started
        if step is None or started is None:
            hint: Row = (Run(_patience(state), "muted"),)
            return joined([(0, trouble), (1, asked), (2, hint)], width)
        pace = self.pace
        pairs: list[tuple[int, Row]] = [
            (0, trouble),
            (1, asked),
            (2, _pair("step", count(step.step))),
            (3, (Run(f"{pace:.3g}", "text"), Run(" steps/s", "muted")) if pace and state.complete is None else ()),
            (6, _pair("rate", number(step.learning_rate))),
            (7, _pair("beta", number(step.kl_weight)) if step.kl_weight else ()),
            (5, _device(clean(started.device), step.device_memory_bytes)),
            (4, _best(state)),
            (8, (Run(plural(len(started.skipped), "file") + " skipped", "warning", "screen.show('events')"),)
             if started.skipped else ()),
            (7, (Run("R", "key", "screen.replay"), Run(" replay", "muted", "screen.replay"))
             if is_over(snapshot) and snapshot.replay is None else ()),
        ]  # fmt: skip
        return joined(pairs, width)

    @property
    def _steady_pace(self) -> float | None:
        """Steps a second over the last ten minutes, epochs' ends with them; None before there is enough."""
        (began, first), (ended, last) = (self._long[0], self._long[-1]) if self._long else ((0.0, 0), (0.0, 0))
        return (last - first) / (ended - began) if ended - began >= 2 * PACE_EVERY else None

    def _told_left(self) -> float | None:
        step = self.snapshot.state.step
        if step is None:
            return self._seconds_left()
        self._left.look(step.elapsed_s, self._seconds_left())
        return self._left.seconds

    def _seconds_left(self) -> float | None:
        state, pace = self.snapshot.state, self._steady_pace or self.pace
        if state.epoch is not None and state.epoch.eta_seconds > 0 and not pace:
            return state.epoch.eta_seconds
        if state.step is None or state.started is None or not pace:
            return None
        return max(0, state.started.total_steps - state.step.step) / pace


def status_word(snapshot: Snapshot) -> tuple[str, str, str]:
    """(symbol, role, word) of the run; a trainer that vanished without a last word is not called training."""
    state = snapshot.state
    if snapshot.failure and state.complete is None:
        return (*SYMBOLS["failed"], "failed")
    if state.complete is None and state.started is not None and is_over(snapshot):
        return (*GONE, "stopped without notice")
    return (*SYMBOLS[state.status], WORDS.get(state.status, state.status))


def is_over(snapshot: Snapshot) -> bool:
    """Whether no trainer is at work any more."""
    return snapshot.info is not None and not snapshot.info.live and not snapshot.trains


def bar(share: float, width: int) -> Row:
    """A progress bar in half cells."""
    halves = round(share * width * 2)
    full, half = divmod(halves, 2)
    return Run("━" * full + "╸" * half, "bar"), Run("─" * (width - full - half), "track")


def _bar_of(row: Row) -> range:
    """The columns in which the row has its bar."""
    column = 0
    cells = range(0)
    for run in row:
        if run.role in ("bar", "track"):
            cells = range(cells.start if cells else column, column + len(run.text))
        column += cell_len(run.text)
    return cells


def _time(seconds: float, length: float) -> str:
    """A time of a run that takes `length` seconds: 12:03, or 1:02:03 where it takes an hour or more."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if length >= 3600 else f"{minutes}:{second:02d}"


def _epoch_now(state: RunState) -> int:
    if state.complete is not None and state.complete.epoch:
        return state.complete.epoch
    return max(state.step.epoch if state.step else 0, state.epoch.epoch if state.epoch else 0)


def _patience(state: RunState) -> str:
    if state.started is None:
        return "The curves begin with the first step."
    noun = "tune" if state.started.recipe == "midi" else "sound"
    return (
        f"{plural(state.started.train_files, noun)} to train on, {count(state.started.val_files)} held back to test it."
    )


def _pair(label: str, value: str) -> Row:
    return Run(f"{label} ", "muted"), Run(value, "text")


def _device(device: str, memory: float) -> Row:
    return (Run(device, "text"), Run(f" {gigabytes(memory)}" if memory else "", "muted"))


def _best(state: RunState) -> Row:
    if state.best is None:
        return ()
    return (
        Run("best ", "muted"),
        Run(number(state.best.val_loss), "best"),
        Run(f" at epoch {state.best.epoch}", "muted"),
    )
