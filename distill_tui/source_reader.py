"""The thread that reads a source of runs: when it is asked to, one reading after the other, whatever each takes."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from core.run.folder import RunSummary
from distill_tui.run_source import RunSource

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Listing:
    """What is known of a source. `runs` is None until they have been read once; `error` is why the last time failed."""

    runs: tuple[RunSummary, ...] | None = None
    error: Exception | None = None


class SourceReader:
    """Reads `source` and keeps what came in `listing`; then calls `deliver`, from its own thread."""

    def __init__(self, source: RunSource, deliver: Callable[["SourceReader"], None]) -> None:
        self.source = source
        self.listing = Listing()
        self._deliver = deliver
        self._wake = threading.Event()
        self._busy = self._closed = False
        self._read_at = 0.0
        # Nothing waits for it at the end, however long a host takes.
        self._thread = threading.Thread(target=self._work, name="runs", daemon=True)

    def start(self) -> None:
        """Begin, with a first reading."""
        self.look()
        self._thread.start()

    @property
    def busy(self) -> bool:
        """Whether it is being read, or will be at once."""
        return self._busy or self._wake.is_set()

    def look(self) -> None:
        """Read anew; what is asked for during a reading is done after it."""
        self._wake.set()

    def look_if_due(self) -> None:
        """Read anew where the last time is long enough ago."""
        if not self.busy and time.monotonic() - self._read_at >= self.source.every:
            self.look()

    def close(self) -> None:
        """Let go of the source; nothing is delivered from now on."""
        self._closed = True
        self.source.close()
        self._wake.set()

    def _work(self) -> None:
        while self._wake.wait() and not self._closed:
            self._busy = True
            self._wake.clear()
            try:
                self.listing = Listing(tuple(self.source.read()))
            except Exception as error:
                log.info("the runs could not be read", exc_info=True)
                self.listing = Listing(self.listing.runs, error)
            self._read_at, self._busy = time.monotonic(), False
            if not self._closed:
                self._deliver(self)
