"""What the server of a run answers: each request put to the run folder's own link."""

from collections import deque
from pathlib import Path
from typing import Any, Protocol

import msgspec

from core.run.events import Stored
from core.run.folder import RunFolder, RunList, RunSummary
from core.run.link import LinkError
from core.run.links.folder import FolderLink
from core.run.remote_curves import CurveSender
from core.run.remote_messages import (
    CHUNK_BYTES,
    Answer,
    AnyRequest,
    Curves,
    Fetch,
    Info,
    ListRuns,
    Read,
    Send,
    command_of,
    plain_config,
    plain_event,
    plain_summary,
)
from core.run.remote_target import encoded

PART_BYTES = 256 * 1024  # of events or runs in one answer, about


class Answers(Protocol):
    """Answers the requests of one monitor."""

    def greeting(self) -> Answer:
        """What is served: sent first, with id 0."""

    def to(self, request: AnyRequest) -> tuple[Answer, bytes]:
        """The answer and its payload. Raises UsageError."""

    def close(self) -> None:
        """Let go of what is served."""


class RunAnswers:
    """Answers about one run. Remembers what it has sent, so that the same is not sent twice."""

    def __init__(self, folder: RunFolder) -> None:
        self._link = FolderLink(folder)
        self._curves = CurveSender(self._link.series)
        self._config: dict[str, Any] | None = None
        self._rest: deque[Stored] = deque()  # of the last reading, not sent yet
        self._rest_after = -1
        self._behind = True  # events have been read since the curves were sent
        self._file = ("", b"")

    def greeting(self) -> Answer:
        """As `Answers.greeting`."""
        return self._info(0)

    def to(self, request: AnyRequest) -> tuple[Answer, bytes]:
        """As `Answers.to`."""
        match request:
            case Read():
                return self._read(request)
            case Curves():
                self._curves.name(request.names, request.forget)
                parts, payload = self._curves.changes(request.curves)
                return Answer(request.id, curves=parts), payload
            case Info():
                return self._info(request.id), b""
            case Send():
                command = command_of(request)
                if command is None:
                    raise LinkError(f"{request.kind}: not a command that this version knows; update distill-tui there")
                return Answer(request.id, number=self._link.send(command)), b""
            case Fetch():
                return self._fetch(request)
            case _:
                raise LinkError("a run was asked for what only a folder of runs knows")

    def close(self) -> None:
        """As `Answers.close`."""
        self._link.close()

    def _info(self, number: int) -> Answer:
        info = self._link.info()
        config = plain_config(info.config)
        sent, self._config = self._config, config
        return Answer(
            number,
            kind="run",
            path=encoded(info.location),
            live=info.live,
            config=None if config == sent else config,
            trouble=self._link.trouble or "",
        )

    def _read(self, request: Read) -> tuple[Answer, bytes]:
        if not self._rest or request.after != self._rest_after:
            self._rest = deque(self._link.read(request.after))
        events, more = _part(self._rest)
        self._rest_after = events[-1][0] if events else request.after
        self._curves.name(request.names, request.forget)
        self._behind = self._behind or bool(events)
        # Where nothing has happened no curve has changed, but one that is named just now was never sent.
        asked = request.curves if self._behind else tuple(number for number, *_ in request.names)
        parts, payload = self._curves.changes(asked) if not more else ((), b"")
        self._behind = more
        trouble = self._link.trouble or ""
        return Answer(request.id, events=events, more=more, curves=parts, trouble=trouble), payload

    def _fetch(self, request: Fetch) -> tuple[Answer, bytes]:
        name, data = self._file
        if name != request.artifact or not request.offset:
            data = self._link.fetch(request.artifact)
        stop = max(0, request.offset) + CHUNK_BYTES
        chunk = data[max(0, request.offset) : stop]
        self._file = (request.artifact, data) if stop < len(data) else ("", b"")
        return Answer(request.id, size=len(data)), chunk


def _part(rest: deque[Stored]) -> tuple[tuple[tuple[int, float, str, dict[str, Any]], ...], bool]:
    """The first of the events, taken out, about PART_BYTES of them; and whether more are left."""
    events, size = [], 0
    while rest and size < PART_BYTES:
        event = plain_event(rest.popleft())
        size += len(msgspec.json.encode(event))
        events.append(event)
    return tuple(events), bool(rest)


class RunsAnswers:
    """Answers about a folder of runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._list = RunList(folder)  # remembers the runs that have not changed since
        self._runs: list[RunSummary] = []

    def greeting(self) -> Answer:
        """As `Answers.greeting`."""
        return Answer(0, kind="runs", path=encoded(str(self._folder.absolute())))

    def to(self, request: AnyRequest) -> tuple[Answer, bytes]:
        """As `Answers.to`."""
        if not isinstance(request, ListRuns):
            raise LinkError("a folder of runs was asked for what only a run knows")
        if not request.start:
            self._runs = self._list.read()
        runs, size = [], 0
        for run in self._runs[max(0, request.start) :]:
            runs.append(plain_summary(run))
            size += len(msgspec.json.encode(runs[-1]))
            if size > PART_BYTES:
                break
        more = request.start + len(runs) < len(self._runs)
        return Answer(request.id, runs=tuple(runs), more=more), b""

    def close(self) -> None:
        """As `Answers.close`."""
