"""The server of a run: what it answers on its pipes, and when it ends."""

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from fake_trainer import wait_until
from sshd import SERVE

from core.run.folder import RunFolder
from core.run.frames import PROTOCOL, TO_CLIENT, TO_SERVER, Frame, FrameReader, FrameWriter, hello
from core.run.links.folder import FolderLink
from core.run.remote_messages import (
    Answer,
    AnyRequest,
    Curves,
    Fetch,
    Info,
    ListRuns,
    Ping,
    Read,
    Send,
    answer_of,
    framed,
    stored_events,
)


class Served:
    """A server as a child process, and the monitor's end of its pipes."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._reader, self._writer = FrameReader(TO_CLIENT), FrameWriter(TO_SERVER)
        self._answers: list[tuple[Answer, bytes]] = []
        self.send_raw(hello("1.0"))

    def send_raw(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, request: AnyRequest) -> None:
        self.send_raw(self._writer.encode(framed(request)))

    def next(self) -> tuple[Answer, bytes]:
        assert self.process.stdout is not None
        while not self._answers:
            data = os.read(self.process.stdout.fileno(), 65536)
            assert data, self.process.stderr and self.process.stderr.read()
            self._answers += [(answer_of(frame), frame.payload) for frame in self._reader.feed(data)]
        return self._answers.pop(0)

    def ask(self, request: AnyRequest) -> tuple[Answer, bytes]:
        self.send(request)
        answer, payload = self.next()
        assert answer.id == request.id
        return answer, payload

    def let_go(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            with suppress(OSError):
                stream.close()  # type: ignore[union-attr]

    def ends(self, seconds: float = 5) -> tuple[int, str]:
        """Its exit status and what it said on stderr."""
        status = self.process.wait(seconds)
        assert self.process.stderr is not None
        return status, self.process.stderr.read().decode()


Serve = Callable[..., Served]


@pytest.fixture
def serve() -> Iterator[Serve]:
    started: list[Served] = []

    def start(target: Path | str, program: str = "") -> Served:
        command = [sys.executable, "-c", program, str(target)] if program else [*SERVE.split(), "serve", str(target)]
        started.append(Served(command))
        return started[-1]

    yield start
    for served in started:
        served.let_go()


def test_it_tells_at_once_what_it_serves(serve: Serve, live: RunFolder) -> None:
    greeting, _ = serve(live.path).next()
    assert (greeting.id, greeting.kind, greeting.path, greeting.live) == (0, "run", str(live.path), True)
    assert greeting.config == {"recipe": "audio"}


def test_the_config_is_sent_only_once(serve: Serve, live: RunFolder) -> None:
    served = serve(live.path)
    served.next()
    assert served.ask(Info(1))[0].config is None
    live.config_path.write_text('recipe = "midi"\n')
    assert served.ask(Info(2))[0].config == {"recipe": "midi"}


def test_events_come_in_parts_that_leave_room_for_others(serve: Serve, live: RunFolder) -> None:
    with_many = FolderLink(live)
    served = serve(live.path, program=PROGRAM.format(before="answers.PART_BYTES = 400"))
    served.next()
    wait_until(lambda: len(with_many.read()) > 20)
    seen, after, parts, more = [], 0, 0, True
    while more:
        answer, _ = served.ask(Read(parts + 1, after))
        seen += [stored.seq for stored in stored_events(answer)]
        after, parts, more = seen[-1], parts + 1, answer.more
    assert parts > 5
    assert seen == [*range(1, seen[-1] + 1), seen[-1]]  # the newest step comes last, with the newest event's number


@pytest.mark.parametrize(
    "request_",
    [
        Curves(1, (5,)),
        Curves(1, (1,), ((1, "stft_loss", 0, None, 10**9),)),
        Read(1, 0, (9,)),
        Send(1, "explode", "{}"),
        Send(1, "mark", "not JSON"),
        Fetch(1, "../secret"),
        ListRuns(1),
    ],
)
def test_what_makes_no_sense_is_answered_in_one_line_and_nothing_ends(
    serve: Serve, live: RunFolder, request_: AnyRequest
) -> None:
    served = serve(live.path)
    served.next()
    answer, payload = served.ask(request_)
    assert answer.error
    assert answer.error.isprintable()
    assert payload == b""
    assert served.ask(Info(2))[0].live


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (struct.pack("<BIII", 0, 2**30, 0, 2**30), "beyond the"),
        (struct.pack("<BIII", 9, 1, 1, 2) + b"xx", "unknown flags"),
        (struct.pack("<BIII", 1, 90, 0, 50) + b"\xff" * 50, "cannot be inflated"),
        (FrameWriter(TO_SERVER).encode(framed(Answer(1))), "cannot be read"),
        (FrameWriter(TO_SERVER).encode(Frame(b'{"do":"explode","id":1}')), "explode"),
    ],
)  # fmt: skip
def test_a_malformed_frame_ends_it_with_one_line(serve: Serve, live: RunFolder, data: bytes, line: str) -> None:
    served = serve(live.path)
    served.next()
    served.send_raw(data)
    status, said = served.ends()
    assert status == 2
    assert said.startswith("distill-tui: a ")
    assert line in said
    assert said.count("\n") == 1


def test_a_monitor_of_another_protocol_is_told_so(live: RunFolder, serve: Serve) -> None:
    served = Served.__new__(Served)
    served.process = subprocess.Popen(
        [*SERVE.split(), "serve", str(live.path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    served.send_raw(hello("9.9", protocol=PROTOCOL + 1))
    status, said = served.ends()
    assert (status, said) == (2, f"distill-tui: the monitor speaks protocol {PROTOCOL + 1}, this is {PROTOCOL}\n")
    served.let_go()


class TestItEnds:
    def test_when_its_input_does(self, serve: Serve, live: RunFolder) -> None:
        served = serve(live.path)
        served.next()
        assert served.process.stdin is not None
        served.process.stdin.close()
        assert served.ends() == (0, "")

    @pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
    def test_at_a_signal(self, serve: Serve, live: RunFolder, number: signal.Signals) -> None:
        served = serve(live.path)
        served.next()
        served.process.send_signal(number)
        assert served.ends() == (0, "")

    def test_when_nobody_reads_its_answers(self, serve: Serve, live: RunFolder) -> None:
        served = serve(live.path)
        served.next()
        assert served.process.stdout is not None
        served.process.stdout.close()
        served.send(Info(1))
        assert served.ends() == (0, "")

    def test_when_the_line_takes_nothing_any_more(self, serve: Serve, live: RunFolder) -> None:
        (live.previews / "long.wav").write_bytes(bytes(range(256)) * 4096)
        served = serve(live.path)
        served.next()
        for number in range(100):
            served.send(Curves(number + 1, tuple([1] * 50), tuple((1, f"{i:0500}", 0, None, 10) for i in range(50))))
        assert served.process.stdin is not None
        time.sleep(0.5)
        served.process.stdin.close()
        assert served.ends(6)[0] == 0

    def test_when_the_monitor_has_been_silent_for_long(self, serve: Serve, live: RunFolder) -> None:
        served = serve(live.path, program=PROGRAM.format(before="serving.SILENT_SECONDS = 0.4"))
        served.next()
        for number in range(4):
            time.sleep(0.2)
            served.ask(Ping(number + 1))
        began = time.monotonic()
        assert served.ends()[0] == 0
        assert time.monotonic() - began < 3


PROGRAM = """if True:
    import sys
    from pathlib import Path
    from core.run import remote_answers as answers, serve as serving
    from core.run.folder import RunFolder
    def find():
        print("this is not for the monitor")
        return RunFolder.open(Path(sys.argv[1]))
    {before}
    status = serving.serve(find)
    sys.stderr.write(" ".join(sorted(set(name.partition(".")[0] for name in sys.modules))))
    sys.exit(status)"""


def test_nothing_else_reaches_its_output_and_nothing_slow_is_loaded(serve: Serve, live: RunFolder) -> None:
    served = serve(live.path, program=PROGRAM.format(before=""))
    served.next()
    assert served.ask(Read(1, 0))[0].events
    assert served.process.stdin is not None
    served.process.stdin.close()
    status, said = served.ends()
    assert status == 0
    assert said.startswith("this is not for the monitor\n")
    assert not set(said.split()) & {"torch", "numpy", "textual", "rich", "distill_tui"}


def test_a_ping_is_answered_while_the_run_is_being_read(serve: Serve, live: RunFolder) -> None:
    slow = "answers.FolderLink.read = lambda *_: (__import__('time').sleep(2), [])[1]"
    served = serve(live.path, program=PROGRAM.format(before=slow))
    served.next()
    served.send(Read(1, 0))
    served.send(Ping(2))
    assert [served.next()[0].id, served.next()[0].id] == [2, 1]


def test_a_person_is_told_what_it_is_for(live: RunFolder) -> None:
    leader, follower = os.openpty()
    command = [*SERVE.split(), "serve", str(live.path)]
    done = subprocess.run(command, stdout=follower, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    os.close(leader)
    os.close(follower)
    assert done.returncode == 2
    assert "distill-tui watch RUN" in done.stderr


def test_a_run_that_is_not_there_is_told_to_the_monitor(serve: Serve, tmp_path: Path) -> None:
    served = serve(tmp_path / "nowhere")
    greeting, _ = served.next()
    assert f"{tmp_path}/nowhere: no such run folder" in greeting.error
    assert served.ends() == (2, "")
