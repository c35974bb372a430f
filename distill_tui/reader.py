"""The one thread that talks to a run: it polls the link, and hands the screen its newest state."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from core.run.commands import Command
from core.run.events import CommandAnswered
from core.run.link import LinkError, RunInfo, RunLink, Series
from core.run.state import RunState, fold
from distill_tui.overlay import Overlay, Overlays
from distill_tui.session import Session

if TYPE_CHECKING:
    from core.run.replay import ReplayLink
    from core.run.replay_clock import ReplayClock, ReplayPosition

log = logging.getLogger(__name__)

INTERVAL = 0.25
INFO_INTERVAL = 2.0
SLOWEST = 5.0


@dataclass(frozen=True)
class Query:
    """A curve that the screen shows; see `RunLink.series`. `run` names an overlaid run, "" the watched one."""

    term: str
    lo: int = 0
    hi: int | None = None
    width: int = 100
    run: str = ""


@dataclass(frozen=True)
class Notice:
    """One line that a person should see once."""

    text: str
    severity: Literal["information", "warning", "error"] = "information"


@dataclass(frozen=True)
class Snapshot:
    """What is known of a run at one moment. Frozen: the screen may keep it as long as it likes.

    `asked` names the requests that the trainer has not answered yet. `trouble` is one calm line while reading fails;
    `failure` one line when there is nothing to read and never will be. `overlays` are runs drawn over this one.
    `replay` says where a replay of the run stands; None: it is shown as it is.
    """

    state: RunState = field(default_factory=RunState)
    info: RunInfo | None = None
    series: Mapping[Query, Series] = field(default_factory=lambda: MappingProxyType({}))
    asked: tuple[str, ...] = ()
    trouble: str | None = None
    failure: str | None = None
    trains: bool = False
    overlays: tuple[Overlay, ...] = ()
    replay: "ReplayPosition | None" = None


class Reader:
    """Polls one session. `deliver` is called from this thread whenever there is news and the last was taken."""

    def __init__(self, session: Session, deliver: Callable[[], None], interval: float = INTERVAL) -> None:
        self._session, self._deliver, self._interval = session, deliver, interval
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="reader", daemon=True)
        self._snapshot = Snapshot()
        self._state = RunState()
        self._past: tuple[ReplayLink, int] | None = None  # the replay that is shown, and how often it was set back
        self._untaken = False
        self._notices: deque[Notice] = deque()
        self._wanted: frozenset[Query] = frozenset()
        self._requests: deque[tuple[Callable[[], int | None], str]] = deque()
        self._pending: dict[int, str] = {}
        self._drawn: dict[Query, tuple[object, ...]] = {}
        self._info_at = 0.0
        self._overlays = Overlays(lambda text: self._notices.append(Notice(text, "warning")))

    def start(self) -> None:
        """Begin: reach the run, or start training it."""
        self._thread.start()

    def stop(self) -> None:
        """End after the round in progress, and let go of the run."""
        self._stopping = True
        self._wake.set()

    def want(self, queries: Iterable[Query]) -> None:
        """From now on keep these curves; new ones are read at once."""
        wanted = frozenset(queries)
        if wanted != self._wanted:
            self._wanted = wanted
            self._wake.set()

    def ask(self, command: Command, label: str) -> None:
        """Ask the trainer; `label` stands in `Snapshot.asked` until it has answered."""
        self._request(lambda: self._session.send(command), label)

    def resume(self, from_: str) -> None:
        """Train the run on in this process, from "latest" or "best"."""

        def begin() -> None:
            self._session.resume(from_)

        self._request(begin, "resume")

    def replay(self, step: int | None = None) -> None:
        """Show the run again as it went, from where it made `step` or from its start; pause or go on if it is shown."""

        def begin() -> None:
            if self._session.replay is None:
                self._session.begin_replay(step)
            else:
                self._session.replay.clock.toggle()

        self._request(begin, "replay")

    def steer(self, change: "Callable[[ReplayClock], None]") -> None:
        """Set the clock of the replay, if there is one."""

        def set_clock() -> None:
            if self._session.replay is not None:
                change(self._session.replay.clock)

        self._request(set_clock, "replay")

    def end_replay(self) -> None:
        """Show the whole run again; what the replay has not shown yet it still has at hand."""

        def end() -> None:
            replay, self._session.replay = self._session.replay, None
            if replay is not None:
                replay.clock.seek(replay.clock.length)
                self._state = fold(self._state, replay.read(self._state.seq))
                self._past = None
                self._drawn.clear()

        self._request(end, "replay")

    def overlay(self, targets: Sequence[Path], baseline: Path | None = None) -> None:
        """Draw these runs over the watched one, in this order; none takes all away."""

        def choose() -> None:
            self._overlays.choose(targets, baseline)

        self._request(choose, "compare")

    def take(self) -> tuple[Snapshot, list[Notice]]:
        """The newest state, and what has to be said once."""
        with self._lock:
            self._untaken = False
            notices = list(self._notices)
            self._notices.clear()
            return self._snapshot, notices

    def _work(self) -> None:
        try:
            self._session.open()
        except Exception as error:
            log.info("the run could not be opened", exc_info=True)
            self._publish(Snapshot(failure=_line(error)))
            return
        delay = self._interval
        while not self._stopping:
            began = time.monotonic()
            try:
                self._round()
                delay = self._interval
            except Exception as error:
                log.info("a round of reading failed", exc_info=True)
                delay = min(SLOWEST, delay * 2)
                self._publish(replace(self._snapshot, trouble=f"{_line(error)}; trying again"))
            self._wake.wait(max(0.02, delay - (time.monotonic() - began)))
            self._wake.clear()
        self._overlays.close()
        self._session.close()

    def _round(self) -> None:
        self._send()
        replay = self._session.replay
        link = replay or self._session.link
        if link is None:
            raise LinkError("the run is not open")
        past = (replay, replay.clock.generation) if replay is not None else None
        if past != self._past:  # what has been folded in may not have happened yet, or was left out
            self._past, self._state = past, RunState()
            self._drawn.clear()
        former = self._snapshot
        self._state = state = fold(self._state, link.read(self._state.seq))
        self._settle(former.state, state)
        now = time.monotonic()
        info = former.info
        settled = state.started is not former.state.started  # the config's open values, too
        if info is None or not info.config or settled or now - self._info_at > INFO_INTERVAL:
            info, self._info_at = link.info(), now
        self._overlays.look()
        while self._session.problems:
            self._notices.append(Notice(self._session.problems.popleft(), "warning"))
        self._publish(
            Snapshot(
                state=state,
                info=info,
                series=self._series(link, state),
                asked=tuple(self._pending.values()),
                trouble=link.trouble,
                failure=None if replay else self._session.failure,
                trains=self._session.trains,
                overlays=self._overlays.shown,
                replay=replay.position if replay else None,
            )
        )

    def _send(self) -> None:
        while self._requests:
            request, label = self._requests.popleft()
            try:
                number = request()
            except Exception as error:
                log.info("%s failed", label, exc_info=True)
                self._notices.append(Notice(f"{label}: {_line(error)}", "error"))
                continue
            if number is not None:
                self._pending[number] = label

    def _settle(self, former: RunState, state: RunState) -> None:
        """Turn answers that came since into notices; a trainer that has gone answers no more."""
        for stored in reversed(state.log):
            if stored.seq <= former.seq:
                break
            if isinstance(stored.event, CommandAnswered) and stored.event.id in self._pending:
                label, answer = self._pending.pop(stored.event.id), stored.event
                text = answer.message or ("done" if answer.done else "refused")
                self._notices.append(Notice(f"{label}: {text}", "information" if answer.done else "warning"))
        gone = self._snapshot.info is not None and not self._snapshot.info.live and not self._session.trains
        if state.complete is not None or gone:
            self._pending.clear()

    def _series(self, link: RunLink, state: RunState) -> Mapping[Query, Series]:
        """The wanted curves; only those that may have changed are read again."""
        kept, former, wanted = dict(self._snapshot.series), self._snapshot.series, self._wanted
        newest = state.step.step if state.step else -1
        session = state.started.session if state.started else -1
        # A live run's known curves come along with its events; a replay's are read when they have outgrown a size.
        replay = self._session.replay
        new = [
            (query.term, query.lo, query.hi, query.width)
            for query in wanted
            if not query.run and (replay is not None or query not in former)
        ]
        if len(new) > 1:
            link.expect(new)
        for query in wanted:
            last = self._overlays.last_step(query.run) if query.run else newest
            upto = last if query.hi is None else min(last, query.hi)
            epochs = query.term.startswith("val/") and not query.run
            token = (session, len(state.epochs) if epochs else upto, replay is not None and replay.is_whole)
            if self._drawn.get(query) != token or query not in former:
                wanted_of = (query.term, query.lo, query.hi, query.width)
                series = self._overlays.series(query.run, *wanted_of) if query.run else link.series(*wanted_of)
                kept[query] = former[query] if former.get(query) == series else series
                self._drawn[query] = token
        for query in kept.keys() - wanted:
            del kept[query]
            self._drawn.pop(query, None)
        return MappingProxyType(kept)

    def _request(self, request: Callable[[], int | None], label: str) -> None:
        self._requests.append((request, label))
        self._wake.set()

    def _publish(self, snapshot: Snapshot) -> None:
        with self._lock:
            news = snapshot != self._snapshot or bool(self._notices)
            self._snapshot = snapshot
            tell = news and not self._untaken
            self._untaken = self._untaken or news
        if tell:
            self._deliver()


def _line(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
