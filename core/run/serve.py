"""The server's side of a run that is watched from another host: requests on stdin, answers on stdout, then the end."""

import contextlib
import os
import queue
import select
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from core.errors import UsageError, one_line
from core.run.folder import RunFolder
from core.run.frames import PROTOCOL, TO_CLIENT, TO_SERVER, FrameError, FrameReader, FrameWriter, hello, own_version
from core.run.remote_answers import Answers, RunAnswers, RunsAnswers
from core.run.remote_messages import Answer, AnyRequest, Ping, framed, request_of

SILENT_SECONDS = 30.0  # a monitor asks or pings every second or so; one that does not is gone
LAST_WORDS_SECONDS = 2.0
MOST_WAITING = 256
READ_BYTES = 64 * 1024


def serve(find: Callable[[], RunFolder | Path]) -> int:
    """Serve the run or the folder of runs that `find` gives, until the monitor goes away; returns the exit status.

    A UsageError of `find` is told to the monitor. This process's stdout carries frames and nothing else: whatever
    else is printed goes to stderr. SIGHUP and SIGTERM end it.
    """
    channel = _Channel(sys.stdin.fileno(), _own_stdout())
    former = {number: signal.signal(number, _leave) for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT)}
    try:
        return _serve(channel, find)
    except (_Leaving, OSError):  # OSError: the monitor reads no more
        return 0
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _serve(channel: "_Channel", find: Callable[[], RunFolder | Path]) -> int:
    channel.hello()
    try:
        answers = _answers(find)
    except UsageError as error:
        channel.send(Answer(0, error=one_line(error)))
        return 2
    try:
        channel.send(answers.greeting())
        channel.start()
        while (request := channel.requests.get()) is not None:
            channel.send(*_answered(answers, request))
    finally:
        answers.close()
    if channel.error:
        sys.stderr.write(f"distill-tui: {channel.error}\n")
    return 2 if channel.error else 0


def _answers(find: Callable[[], RunFolder | Path]) -> Answers:
    found = find()
    return RunAnswers(found) if isinstance(found, RunFolder) else RunsAnswers(found)


def _answered(answers: Answers, request: AnyRequest) -> tuple[Answer, bytes]:
    try:
        return answers.to(request)
    except UsageError as error:
        return Answer(request.id, error=one_line(error)), b""
    except OSError as error:
        return Answer(request.id, error=f"the run cannot be read ({error})"), b""


class _Channel:
    """Reads requests in a thread of its own, which answers pings even while the run is being read.

    `requests` gives them in their order, and None once there will be no more; `error` says what was wrong with them.
    """

    def __init__(self, source: int, sink: int) -> None:
        self.requests: queue.Queue[AnyRequest | None] = queue.Queue()
        self.error = ""
        self._source, self._sink = source, sink
        self._reader, self._writer = FrameReader(TO_SERVER), FrameWriter(TO_CLIENT)
        self._writing = threading.Lock()

    def hello(self) -> None:
        """Say which protocol is spoken here."""
        self._write(hello(own_version()))

    def start(self) -> None:
        """Begin to read."""
        threading.Thread(target=self._receive, name="requests", daemon=True).start()

    def send(self, answer: Answer, payload: bytes = b"") -> None:
        """Send an answer. Raises OSError when nobody reads it any more."""
        with self._writing:
            try:
                data = self._writer.encode(framed(answer, payload))
            except FrameError as error:
                data = self._writer.encode(framed(Answer(answer.id, error=str(error))))
            self._write(data)

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._sink, rest) :]

    def _receive(self) -> None:
        try:
            while data := self._read():
                for frame in self._reader.feed(data):
                    self._take(request_of(frame))
                told = self._reader.hello
                if told is not None and told.protocol != PROTOCOL:
                    raise FrameError(f"the monitor speaks protocol {told.protocol}, this is {PROTOCOL}")
        except FrameError as error:
            self.error = str(error)
        except OSError:  # a terminal that hung up
            pass
        self.requests.put(None)
        # Whoever writes to a line that takes nothing any more never looks at that.
        time.sleep(LAST_WORDS_SECONDS)
        os._exit(0)

    def _read(self) -> bytes:
        """What came; nothing at the end, and when the monitor has been silent for too long."""
        ready, _, _ = select.select([self._source], [], [], SILENT_SECONDS)
        return os.read(self._source, READ_BYTES) if ready else b""

    def _take(self, request: AnyRequest) -> None:
        if not isinstance(request, Ping):
            if self.requests.qsize() >= MOST_WAITING:
                raise FrameError(f"more than {MOST_WAITING} requests at once")
            self.requests.put(request)
        elif self._writing.acquire(timeout=0.1):  # else bytes are on their way, which tell as much
            self._writing.release()
            self.send(Answer(request.id))


class _Leaving(BaseException):
    """Asked to end by a signal."""


def _leave(number: int, frame: FrameType | None) -> None:
    raise _Leaving


def _own_stdout() -> int:
    """A descriptor of stdout that nobody else has; from now on, file 1 is stderr."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    own = os.dup(1)
    os.dup2(2, 1)
    return own
