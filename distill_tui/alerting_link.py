"""A link that also tells of what comes in through it: for whoever watches a run that trains elsewhere."""

import time
from collections.abc import Callable, Iterable

from core.run.commands import Command
from core.run.events import PhaseChanged, RunStarted, Stored, TrainingCompleteEvent
from core.run.link import RunInfo, RunLink, Series
from distill_tui.alerting import News, gone, news_of, outage
from distill_tui.outage import Outage

MUCH = 64  # events in one reading: over a slow line the history comes in several
TWICE = 2  # looks: a folder that is moved about may seem free for a moment


class AlertingLink:
    """A `RunLink` in every respect; `tell` gets the news of what happens from now on.

    What the first reading brings is history, and not told. A trainer that goes without ending the run is news, too,
    once for each; one that had gone before the first look is not. So is a run that is out of reach for long.
    """

    def __init__(self, link: RunLink, tell: Callable[[News], None]) -> None:
        self._link, self._tell = link, tell
        self._name = ""
        self._looked_at = 0  # the newest event
        self._caught_up = self._ended = self._held = False
        self._free = 0  # looks in a row at which nobody held the run that a trainer had held before
        self._outage = Outage()

    @property
    def trouble(self) -> str | None:
        """As `RunLink.trouble`."""
        trouble = self._link.trouble
        kind = self._outage.look(getattr(self._link, "reachable", True), time.monotonic())
        if kind is not None:
            self._tell(outage(kind, self._name, time.time()))
        return trouble

    def info(self) -> RunInfo:
        """As `RunLink.info`."""
        info = self._link.info()
        self._name = info.name
        self._held = self._held or info.live
        self._free = self._free + 1 if self._held and not info.live else 0
        return info

    def read(self, after: int = 0) -> list[Stored]:
        """As `RunLink.read`."""
        if not self._name:
            self.info()
        batch = self._link.read(after)
        fresh = [stored for stored in batch if stored.seq > self._looked_at]
        self._looked_at = max([self._looked_at, *(stored.seq for stored in batch)])
        if not self._caught_up:
            self._caught_up = bool(batch) and len(fresh) < MUCH
        tell = self._caught_up and after > 0
        for stored in fresh:
            if isinstance(stored.event, TrainingCompleteEvent | RunStarted | PhaseChanged):  # after an end only answers
                self._ended = isinstance(stored.event, TrainingCompleteEvent)
            news = news_of(stored.event, self._name, stored.time) if tell else None
            if news is not None:
                self._tell(news)
        if self._free >= TWICE:  # if it has ended, this reading has said so
            self._held, self._free = False, 0
            if not self._ended:
                self._tell(gone(self._name, time.time()))
        return batch

    def series(self, term: str, lo: int = 0, hi: int | None = None, width: int = 100) -> Series:
        """As `RunLink.series`."""
        return self._link.series(term, lo, hi, width)

    def expect(self, curves: Iterable[tuple[str, int, int | None, int]]) -> None:
        """As `RunLink.expect`."""
        self._link.expect(curves)

    def send(self, command: Command) -> int:
        """As `RunLink.send`."""
        return self._link.send(command)

    def fetch(self, artifact: str) -> bytes:
        """As `RunLink.fetch`."""
        return self._link.fetch(artifact)

    def close(self) -> None:
        """As `RunLink.close`."""
        self._link.close()
