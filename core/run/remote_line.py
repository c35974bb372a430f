"""One ssh connection to the server of a run: started, greeted, asked, and dead for one reason in the end."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from core.run.frames import (
    PROTOCOL,
    TO_CLIENT,
    TO_SERVER,
    Frame,
    FrameError,
    FrameReader,
    FrameWriter,
    NoHelloError,
    hello,
    own_version,
)
from core.run.link import LinkError
from core.run.remote_failure import LineError, RefusedError, dropped, not_reached, other_version, something_else
from core.run.remote_messages import Answer, AnyRequest, Ping, answer_of, framed
from core.run.remote_target import Remote

PING_SECONDS = 1.0
FROZEN_SECONDS = 3.5
READ_BYTES = 64 * 1024
STDERR_BYTES = 4096
LEAVE_SECONDS = 1.0


@dataclass
class Pending:
    """A request that has been sent, and in time its answer, or why there will be none."""

    sent: float
    patient: bool = False  # nothing else is held up by it
    request: AnyRequest | None = None
    answered: threading.Event = field(default_factory=threading.Event)
    answer: Answer | None = None
    payload: bytes = b""
    error: LinkError | None = None

    @property
    def failed(self) -> bool:
        """Whether there will never be an answer."""
        return self.error is not None

    def result(self) -> tuple[Answer, bytes]:
        """The answer and its payload, once `answered` is set. Raises LinkError."""
        if self.error is not None:
            raise self.error
        assert self.answer is not None
        return self.answer, self.payload


class Line:
    """Starts ssh at once; `greeted` is the server's first answer. Its methods may be called from any thread.

    `on_answer` is called from the line's own thread with every answer, in the order in which they come, before
    whoever waits for it goes on. It may raise FrameError, which ends the line.
    """

    def __init__(self, remote: Remote, on_answer: Callable[[Pending], None], direct: bool = False) -> None:
        self.remote = remote
        self._on_answer = on_answer
        self._writer, self._reader = FrameWriter(TO_SERVER), FrameReader(TO_CLIENT)
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._pending: dict[int, Pending] = {}
        self._greeting = Pending(time.monotonic())
        self._pending[0] = self._ping = self._greeting
        self._next = 1
        self._stderr = bytearray()
        self._ended: LinkError | None = None
        self._heard = self._looked = time.monotonic()
        self.received = self.sent = 0  # bytes
        # In a session of its own, ssh has no terminal to ask or to write on, and Ctrl-C and Ctrl-Z are not for it.
        self._ssh = _start(remote.argv(direct=direct))
        self._threads = [threading.Thread(target=work, name=f"ssh {work.__name__.strip('_')}", daemon=True)
                         for work in (self._receive, self._drain)]  # fmt: skip
        for thread in reversed(self._threads):  # the first waits for the second, should ssh end at once
            thread.start()
        with contextlib.suppress(OSError):  # a line that died at once says why itself
            self._write(hello(own_version()))

    @property
    def alive(self) -> bool:
        """Whether requests may still be answered."""
        return self._ended is None

    @property
    def reason(self) -> str:
        """Why it is dead; empty while it is not."""
        return str(self._ended or "")

    @property
    def pid(self) -> int:
        """The process number of ssh."""
        return self._ssh.pid

    def greet(self, seconds: float) -> Answer:
        """The server's first answer. Raises LineError when the host cannot be reached, RefusedError when it says no."""
        if not self._greeting.answered.wait(seconds):
            self.end(LineError(f"{self.remote.host}: no answer within {seconds:.0f} s"))
        answer, _ = self._greeting.result()
        if answer.error:
            raise RefusedError(f"{self.remote.host}: {answer.error}")
        return answer

    def request(self, make: Callable[[int], AnyRequest], patient: bool = False) -> Pending:
        """Send the request that `make` gives for a number. Raises LineError; FrameError for one that is too large."""
        with self._lock:
            if self._ended is not None:
                raise self._ended
            number, self._next = self._next, self._next + 1
            pending = self._pending[number] = Pending(time.monotonic(), patient)
        try:
            pending.request = make(number)
            frame = framed(pending.request)
            with self._writing:
                self._write(self._writer.encode(frame))
        except FrameError:
            with self._lock:
                self._pending.pop(number, None)
            raise
        except OSError as error:
            self._threads[0].join(0.2)  # it may know better why
            self.end(LineError(f"{self.remote.host}: the line is closed"))
            raise self._ended or LineError(str(error)) from error
        return pending

    def silence(self) -> float:
        """Seconds since the server was last heard, where something has been asked of it since; else 0."""
        now = time.monotonic()
        with self._lock:
            asked = min((pending.sent for pending in self._pending.values()), default=now)
        return now - max(self._heard, asked)

    def waiting(self) -> float:
        """Seconds for which the oldest request has had no answer, the patient ones apart; 0 when there is none."""
        with self._lock:
            sent = [pending.sent for pending in self._pending.values() if not pending.patient]
        return time.monotonic() - min(sent) if sent else 0.0

    def watch(self) -> None:
        """To be called four times a second: asks a silent server for a sign of life, and ends a frozen line."""
        now = time.monotonic()
        if now - self._looked > 2.0:  # this process itself was asleep, so silence says nothing
            self._heard = now
        self._looked = now
        if not self._greeting.answered.is_set():
            return
        if self.silence() > FROZEN_SECONDS:
            self.end(LineError(f"{self.remote.host}: nothing heard for {self.silence():.0f} s"))
        elif now - self._heard > PING_SECONDS and self._ping.answered.is_set():
            # Also while an answer is due: a slow host says that it lives, a frozen line does not.
            with contextlib.suppress(LinkError):
                self._ping = self.request(Ping, patient=True)

    def end(self, reason: LinkError) -> None:
        """The line is dead: whoever waits is told the reason, unless there was one before."""
        with self._lock:
            self._ended = self._ended or reason
            waiting = list(self._pending.values())
            self._pending.clear()
        for pending in waiting:
            pending.error = self._ended
            pending.answered.set()
        _kill(self._ssh, signal.SIGKILL)  # a stopped one would not hear of anything else

    def close(self) -> None:
        """Take leave: the server ends when its input does. Returns within two seconds or so."""
        with self._lock:
            self._ended = self._ended or LineError(f"{self.remote.host}: the line is closed")
        assert self._ssh.stdin is not None
        if self._writing.acquire(timeout=0.2):  # a writer that is stuck holds it; then the process goes the hard way
            with contextlib.suppress(OSError):
                self._ssh.stdin.close()
            self._writing.release()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._ssh.wait(LEAVE_SECONDS)
        self.end(LineError(f"{self.remote.host}: the line is closed"))

    def _write(self, data: bytes) -> None:
        assert self._ssh.stdin is not None
        try:
            self._ssh.stdin.write(data)
            self._ssh.stdin.flush()
        except ValueError as error:  # closed
            raise BrokenPipeError from error
        self.sent += len(data)

    def _receive(self) -> None:
        reason: LinkError = LineError(f"{self.remote.host}: the line broke")
        assert self._ssh.stdout is not None
        try:
            self._take_all(self._ssh.stdout.fileno())
            reason = self._why_ended()
        except NoHelloError as error:
            reason = something_else(self.remote.host, b"", error.noise)
        except FrameError as error:
            reason = LineError(f"{self.remote.host}: {error}")
        except LinkError as error:
            reason = error
        except OSError as error:
            reason = LineError(f"{self.remote.host}: the line broke ({error})")
        finally:
            self.end(reason)
            self._ssh.stdout.close()
            self._ssh.wait()

    def _take_all(self, source: int) -> None:
        """Take frames until there are no more. Raises LinkError for what is none, and for another protocol."""
        while data := os.read(source, READ_BYTES):
            self._heard = time.monotonic()
            self.received += len(data)
            for frame in self._reader.feed(data):
                self._take(frame)
            told = self._reader.hello
            if told is not None and told.protocol != PROTOCOL:
                raise other_version(self.remote.host, told)

    def _take(self, frame: Frame) -> None:
        answer = answer_of(frame)
        with self._lock:
            pending = self._pending.pop(answer.id, None)
        if pending is None:
            raise FrameError("an answer came that nobody asked for")
        pending.answer, pending.payload = answer, frame.payload
        try:
            self._on_answer(pending)
        finally:
            pending.answered.set()

    def _drain(self) -> None:
        """Keep the end of what ssh and the host's programs complain about."""
        assert self._ssh.stderr is not None
        with contextlib.suppress(OSError), self._ssh.stderr as stderr:
            while data := os.read(stderr.fileno(), READ_BYTES):
                self._stderr += data
                del self._stderr[:-STDERR_BYTES]

    def _why_ended(self) -> LinkError:
        """ssh closed its output. Its exit status and last words say why."""
        try:
            status: int | None = self._ssh.wait(LEAVE_SECONDS)
        except subprocess.TimeoutExpired:
            status = None
        self._threads[1].join(LEAVE_SECONDS)
        said = bytes(self._stderr)
        if self._reader.hello is not None:
            return dropped(self.remote.host, said)
        return not_reached(self.remote.host, status, said, self._reader.unread)


def _start(argv: list[str]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    except (OSError, ValueError) as error:
        raise RefusedError(f"{argv[0]}: cannot be started ({error}); install an OpenSSH client") from error


def _kill(process: "subprocess.Popen[bytes]", number: int) -> None:
    """The process and whatever it started to get through (a ProxyJump's ssh)."""
    if process.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
