"""The runs in a folder of another host: read once, or again and again over one line that is kept open."""

import threading
import time
from contextlib import suppress
from dataclasses import dataclass

from core.errors import one_line
from core.run.folder import RunSummary
from core.run.link import LinkError
from core.run.remote_failure import LineError
from core.run.remote_line import Line, Pending
from core.run.remote_messages import Answer, ListRuns, summary_of
from core.run.remote_target import Remote, decoded

CONNECT_SECONDS = 25.0
LIST_SECONDS = 30.0  # each run is opened to see how it stands
WATCH_SECONDS = 0.25
CALM_SECONDS = 1.0  # what takes no longer is not worth a word


class RunThereError(LinkError):
    """What was named is a run, not a folder of runs."""


@dataclass(frozen=True)
class RemoteRuns:
    """The runs in `folder` of `host`, the latest first; their paths are those of the host."""

    host: str
    folder: str
    runs: tuple[RunSummary, ...]


def remote_runs(host: str, path: str = "") -> RemoteRuns:
    """The runs in the folder `path` of `host` (empty: where runs go there). Blocks. Raises LinkError."""
    there = HostRuns(Remote(host, path))
    try:
        runs = there.read()
    finally:
        there.close()
    return RemoteRuns(host, there.folder, tuple(runs))


class HostRuns:
    """The runs in a folder of another host. `read` blocks; the rest never does and may be called from any thread."""

    def __init__(self, remote: Remote) -> None:
        """Reaches nobody yet."""
        self.remote = remote
        self.folder = ""  # as the host names it, once it has been reached
        self.failures = 0  # to read, one after the other
        self._line: Line | None = None
        self._reading = threading.Lock()
        self._began: float | None = None  # of the reading under way
        self._connecting = False
        self._reason = ""  # why the last reading failed
        self._closed = False

    def read(self) -> list[RunSummary]:
        """The latest first; their paths are those of the host.

        A line that has gone meanwhile is replaced. Raises LinkError: once, without trying again; RunThereError where
        `remote` names a run.
        """
        with self._reading:
            self._began = time.monotonic()
            if not self.folder:
                self._reason = ""
            try:
                runs = self._read()
            except Exception as error:
                self._reason, self.failures = one_line(error), self.failures + 1
                raise
            else:
                self._reason, self.failures = "", 0
                return runs
            finally:
                self._began = None

    @property
    def trouble(self) -> str:
        """One calm line: what is waited for, or what failed; empty while all is well."""
        host, began = self.remote.host, self._began
        if not self.folder:
            return self._reason or f"reaching {host} through ssh ..."
        if self._reason:
            return f"reconnecting to {host}: {self._reason.removeprefix(f'{host}: ')}"
        if began is None or time.monotonic() - began < CALM_SECONDS:
            return ""
        return f"reconnecting to {host} ..." if self._connecting else f"waiting for {host} ..."

    def close(self) -> None:
        """Let go of the host. A reading under way fails at once."""
        self._closed = True
        if self._line is not None:
            self._line.end(self._left())

    def _read(self) -> list[RunSummary]:
        if self._line is not None and self._line.alive:
            with suppress(LineError):  # it may have died while nobody looked
                return self._listed(self._line)
        return self._listed(self._reached())

    def _reached(self) -> Line:
        if self._closed:
            raise self._left()
        # A connection that others share may be the very thing that is frozen: every second try goes round it.
        line = Line(self.remote, lambda pending: None, direct=self.failures > 0 and self.failures % 2 == 0)
        self._line, self._connecting = line, True
        try:
            if self._closed:  # meanwhile
                raise self._left()
            greeting = line.greet(CONNECT_SECONDS)
            if greeting.kind != "runs":
                raise RunThereError(f"{self.remote}: a run, not a folder of runs; watch it with: distill-tui watch")
        except LinkError as error:
            line.end(error)
            raise
        finally:
            self._connecting = False
        self.folder = decoded(greeting.path)
        return line

    def _listed(self, line: Line) -> list[RunSummary]:
        runs: list[RunSummary] = []
        until, more = time.monotonic() + LIST_SECONDS, True
        while more:
            start = len(runs)
            pending = line.request(lambda number, start=start: ListRuns(number, start))  # type: ignore[misc]
            answer = self._answer(line, pending, until)
            runs += map(summary_of, answer.runs)
            more = answer.more and bool(answer.runs)
        return runs

    def _answer(self, line: Line, pending: Pending, until: float) -> Answer:
        while not pending.answered.wait(WATCH_SECONDS):
            line.watch()
            if time.monotonic() > until:
                line.end(LinkError(f"{self.remote}: the list takes too long; name a folder with fewer runs"))
        answer, _ = pending.result()
        if answer.error:
            raise LinkError(f"{self.remote.host}: {answer.error}")
        return answer

    def _left(self) -> LinkError:
        return LineError(f"{self.remote.host}: left")
