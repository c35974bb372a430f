"""The link to a run on another host, through the person's own ssh; it comes back by itself after a drop."""

import contextlib
import math
import random
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath
from typing import Any

from core.run.commands import Command
from core.run.events import StepMetrics, Stored
from core.run.frames import FrameError
from core.run.link import LinkError, RunInfo, Series
from core.run.remote_curves import CurveReceiver, Key
from core.run.remote_failure import FolderOfRunsError, LineError
from core.run.remote_fetch import fetched
from core.run.remote_line import Line, Pending
from core.run.remote_messages import (
    MOST_WIDTH,
    Answer,
    AnyRequest,
    Curves,
    Info,
    Read,
    command_request,
    config_of,
    stored_events,
)
from core.run.remote_target import Remote, decoded

__all__ = ["FolderOfRunsError", "SshLink"]

TICK_SECONDS = 0.25
HELLO_SECONDS = 25.0  # to connect, to be let in and to start the server, perhaps from a cold disk
AGAIN_SECONDS = 12.0  # and once that has been done
PATIENCE_SECONDS = 2.0  # a request holds up its thread no longer
FIRST_DELAY, LONGEST_DELAY = 0.5, 15.0
STEADY_SECONDS = 10.0  # a line that held for so long, and told of the run, starts the delays anew
TROUBLE_AGE_SECONDS = 1.0


class SshLink:
    """A `RunLink` to the run at `path` on `host`: starts `ssh HOST distill-tui serve PATH` and speaks with it.

    While the line is down, reading gives what is known and no more, asking raises LinkError at once, and `trouble`
    says what is being done about it.
    """

    def __init__(self, host: str, path: str) -> None:
        """Reach the run; blocks. Raises LinkError when that fails, FolderOfRunsError for a folder of runs."""
        self._remote = Remote(host, path)
        self._lock = threading.Lock()
        self._curves = CurveReceiver()
        self._closed = threading.Event()
        self._info = RunInfo("", str(self._remote))
        self._told, self._told_at = "", 0.0
        self._down, self._bytes = "", (0, 0)  # why the line is down, while it is; what former ones have carried
        self._tries, self._next_try = 0, 0.0
        self._told_whole = False  # whether this line has told all that there was to tell
        self._late: tuple[int, Pending] | None = None
        self._line = self._new_line()
        self._greet(self._line, HELLO_SECONDS)
        self._keeper = threading.Thread(target=self._keep, name="ssh keeper", daemon=True)
        self._keeper.start()

    @property
    def trouble(self) -> str | None:
        """As `RunLink.trouble`; also that the line is down and when it is tried again, or that the host is silent."""
        if not self.reachable:
            return self._reconnecting()
        waiting = self._line.waiting()
        if waiting > PATIENCE_SECONDS:
            return f"{self._remote.host} has not answered for {waiting:.0f} s"
        if time.monotonic() - self._told_at > TROUBLE_AGE_SECONDS:
            try:
                self.info()
            except LinkError as error:
                return str(error)
        return f"{self._remote.host}: {self._told}" if self._told else None

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes received and sent since the link was made, as ssh was given them."""
        return self._bytes[0] + self._line.received, self._bytes[1] + self._line.sent

    def info(self) -> RunInfo:
        """As `RunLink.info`; as last heard while the host does not answer."""
        with contextlib.suppress(LineError):
            self._hear(self._ask(Info)[0])
        return self._info

    def read(self, after: int = 0) -> list[Stored]:
        """As `RunLink.read`; nothing while the host does not answer. What is left then comes with the next call."""
        stored: list[Stored] = []
        until = time.monotonic() + PATIENCE_SECONDS
        more = True
        while more and time.monotonic() < until:
            try:
                answer = self._read(after)
            except LineError:
                break
            for one in stored_events(answer):
                if one.seq > after or (one.seq == after and isinstance(one.event, StepMetrics)):
                    stored.append(one)
            after = max((seq for seq, *_ in answer.events), default=after)
            more = answer.more
        return stored

    def series(self, term: str, lo: int = 0, hi: int | None = None, width: int = 100) -> Series:
        """As `RunLink.series`, in float32; as last known while the host does not answer."""
        key = (term, lo, hi, width)
        with self._lock:
            fresh = self._curves.claim(key)
        if fresh is not None:
            return fresh
        try:
            self.expect([key])
        except LineError:
            with self._lock:
                known = self._curves.known(key)
            if known is None:
                raise
            return known
        with self._lock:
            return self._curves.claim(key) or self._curves.known(key) or Series(term)

    def expect(self, keys: Iterable[Key]) -> None:
        """Have these curves sent in one round trip: the next `series` of each costs none. Raises LinkError."""
        keys = list(dict.fromkeys(keys))
        for term, _, _, width in keys:
            if not 0 < width <= MOST_WIDTH:
                raise LinkError(f"{term}: a curve has 1 to {MOST_WIDTH} columns, not {width}")
        try:
            with self._lock:  # numbers, once given, have to reach this very line, and in their order
                self._check_line()
                numbers, names = self._curves.numbers(keys)
                forget = self._curves.forgotten()
                pending = self._line.request(lambda number: Curves(number, numbers, names, forget))
            self._result(pending)
        except LineError:
            raise
        except LinkError:
            with self._lock:
                for key in keys:
                    self._curves.drop(key)
            raise

    def send(self, command: Command) -> int:
        """As `RunLink.send`. Raises LinkError, too, when it is not known whether the command arrived."""
        if not self.reachable:
            raise LinkError(f"{self._reconnecting()}; ask again when the line is back")
        try:
            answer, _ = self._ask(lambda number: command_request(number, command))
        except FrameError as error:
            raise LinkError(f"{self._remote.host}: too long to be sent ({error})") from error
        except LineError as error:
            raise LinkError(f"{error}; look at the events before you ask again: it may have arrived") from error
        return answer.number

    def fetch(self, artifact: str) -> bytes:
        """As `RunLink.fetch`. Takes as long as the line needs, and holds up nobody else."""
        if not self.reachable:
            raise LinkError(f"{self._reconnecting()}; try again when the line is back")
        line = self._line
        return fetched(artifact, self._remote.host, lambda make: line.request(make, patient=True))

    def close(self) -> None:
        """As `RunLink.close`: ends ssh, and with it the server."""
        self._closed.set()
        self._line.close()
        self._keeper.join(TICK_SECONDS * 4)
        self._line.close()  # the keeper may have been starting another

    # What is asked

    @property
    def reachable(self) -> bool:
        """Whether there is a line to the host now."""
        return not self._down and self._line.alive

    def _ask(self, make: Callable[[int], AnyRequest]) -> tuple[Answer, bytes]:
        """The answer and its payload. Raises LineError at once while the host is not there, or is late."""
        self._check_line()
        return self._result(self._line.request(make))

    def _check_line(self) -> None:
        if not self.reachable:
            raise LineError(self._reconnecting())
        if self._line.waiting() > PATIENCE_SECONDS:
            raise LineError(f"{self._remote.host} does not answer")

    def _result(self, pending: Pending) -> tuple[Answer, bytes]:
        if not pending.answered.wait(max(0.0, pending.sent + PATIENCE_SECONDS - time.monotonic())):
            raise LineError(f"{self._remote.host} has not answered for {PATIENCE_SECONDS:.0f} s")
        answer, payload = pending.result()
        if answer.error:
            raise LinkError(f"{self._remote.host}: {answer.error}")
        return answer, payload

    def _read(self, after: int) -> Answer:
        """Ask for events, or take up a question whose answer was late: its newest step is told but once."""
        late, self._late = self._late, None
        if late is not None and late[0] <= after and not late[1].failed:
            asked, pending = late
        else:
            with self._lock:
                self._check_line()
                self._curves.prune()
                numbers, names = self._curves.numbers()
                forget = self._curves.forgotten()
                asked = after
                pending = self._line.request(lambda number: Read(number, after, numbers, names, forget))
        try:
            answer, _ = self._result(pending)
        except LineError:
            if not pending.failed:
                self._late = asked, pending
            raise
        self._told, self._told_at = answer.trouble, time.monotonic()
        return answer

    # What comes in, in the line's own thread

    def _on_answer(self, pending: Pending) -> None:
        answer, request = pending.answer, pending.request
        if answer is not None and not answer.error and isinstance(request, Read | Curves):
            self._told_whole = self._told_whole or not answer.more
            with self._lock:  # an answer that does not tell all the events yet tells no curves
                self._curves.take(() if answer.more else request.curves, answer.curves, pending.payload)

    def _hear(self, answer: Answer) -> None:
        config: dict[str, Any] = self._info.config if answer.config is None else config_of(answer.config)
        path = decoded(answer.path)
        self._info = RunInfo(PurePosixPath(path).name, self._remote.at(path), config, live=answer.live)
        self._told, self._told_at = answer.trouble, time.monotonic()

    # The line, kept up in a thread of its own

    def _new_line(self) -> Line:
        # A connection that others share may be the very thing that is frozen: every second try goes round it.
        return Line(self._remote, self._on_answer, direct=self._tries > 0 and self._tries % 2 == 0)

    def _greet(self, line: Line, seconds: float) -> None:
        try:
            answer = line.greet(seconds)
            if answer.kind != "run":
                raise FolderOfRunsError(f"{self._remote}: a folder of runs; name one of them")
        except BaseException:
            line.close()
            raise
        self._hear(answer)

    def _keep(self) -> None:
        since = time.monotonic()
        while not self._closed.wait(TICK_SECONDS):
            if self._line.alive:
                self._line.watch()
                continue
            if self._told_whole and time.monotonic() - since > STEADY_SECONDS:
                self._tries = 0
            self._reconnect(self._line.reason)
            since = time.monotonic()

    def _reconnect(self, reason: str) -> None:
        while not self._closed.is_set():
            delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** min(self._tries, 10)) * random.uniform(0.75, 1.0)
            self._next_try, self._down = time.monotonic() + delay, reason
            if self._closed.wait(delay):
                return
            self._tries += 1
            try:
                line = self._new_line()
                former, self._line = self._line, line
                self._bytes = self._bytes[0] + former.received, self._bytes[1] + former.sent
                former.close()
                if self._closed.is_set():
                    line.close()
                    return
                self._greet(line, AGAIN_SECONDS)
            except LinkError as error:
                reason = str(error)
                continue
            with self._lock:
                self._curves.start_over()
                self._down, self._told_whole = "", False
            return

    def _reconnecting(self) -> str:
        host, seconds = self._remote.host, math.ceil(self._next_try - time.monotonic())
        reason = (self._down or self._line.reason).removeprefix(f"{host}: ")
        wait = f", next in {seconds} s" if self._down and seconds > 0 else ""
        steps = f" ({_ordinal(self._tries)} try{wait})" if self._tries else ""
        return f"reconnecting to {host}{steps}: {reason}"


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
