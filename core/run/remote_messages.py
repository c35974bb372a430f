"""What a monitor and the server of a run say to each other: requests, answers, and events as plain values."""

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from core.run import commands, event_json
from core.run.commands import Command
from core.run.events import Stored
from core.run.folder import RunSummary
from core.run.frames import Frame, FrameError
from core.run.plain import from_json_ready, to_json_ready
from core.run.remote_target import decoded

MOST_WIDTH = 8192  # columns of one curve
CHUNK_BYTES = 64 * 1024  # of a file, in one answer: small enough that events wait little behind it

CurveName = tuple[int, str, int, int | None, int]
"""A number that the monitor gives to a curve, and the curve's term, lo, hi and width."""


class Request(msgspec.Struct, frozen=True, tag_field="do", omit_defaults=True):
    """What a monitor asks; the answer carries the same `id`."""

    id: int


class Ping(Request, frozen=True, tag="ping"):
    """Answered at once, whatever else is being done."""


class Info(Request, frozen=True, tag="info"):
    """What is served."""


class Read(Request, frozen=True, tag="read"):
    """Events after `after`, and what has changed in the `curves`. `names` declares curves, `forget` drops some."""

    after: int
    curves: tuple[int, ...] = ()
    names: tuple[CurveName, ...] = ()
    forget: tuple[int, ...] = ()


class Curves(Request, frozen=True, tag="curves"):
    """As `Read`, without events."""

    curves: tuple[int, ...]
    names: tuple[CurveName, ...] = ()
    forget: tuple[int, ...] = ()


class Send(Request, frozen=True, tag="send"):
    """A command for the trainer."""

    kind: str
    body: str


class Fetch(Request, frozen=True, tag="fetch"):
    """The bytes of a file of the run from `offset` on, CHUNK_BYTES of them."""

    artifact: str
    offset: int = 0


class ListRuns(Request, frozen=True, tag="list"):
    """The runs of the folder that is served, from the `start`th on."""

    start: int = 0


AnyRequest = Ping | Info | Read | Curves | Send | Fetch | ListRuns


class CurvePart(msgspec.Struct, frozen=True, array_like=True):
    """What is new of a curve: `count` buckets, of which those before `start` are as they were sent last.

    The payload holds minimum, maximum, mean and last of the others, in this order. `nonfinite` is None where it is
    as it was.
    """

    number: int
    first: int
    bucket: int
    start: int
    count: int
    lowest: int
    highest: int
    nonfinite: tuple[int, ...] | None = None


class Answer(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the server answers, or an `error`, one line. The first one, with id 0, comes without being asked.

    `kind` is what is served, "run" or "runs", at `path`, percent-encoded. `config` is left out where it is as it was
    sent last. `more` says that further events or runs wait. `trouble` is the link's own; see `RunLink.trouble`.
    """

    id: int
    error: str = ""
    kind: str = ""
    path: str = ""
    live: bool = False
    config: dict[str, Any] | None = None
    events: tuple[tuple[int, float, str, dict[str, Any]], ...] = ()
    more: bool = False
    trouble: str = ""
    curves: tuple[CurvePart, ...] = ()
    number: int = 0
    size: int = 0
    runs: tuple[dict[str, Any], ...] = ()


Message = TypeVar("Message", bound=msgspec.Struct)


def framed(message: msgspec.Struct, payload: bytes = b"") -> Frame:
    """A request or answer as a frame."""
    try:
        header = msgspec.json.encode(message)
    except UnicodeEncodeError:  # an error that names a file whose name is not UTF-8
        header = msgspec.json.encode(to_json_ready(msgspec.to_builtins(message)))
    return Frame(header, payload)


def request_of(frame: Frame) -> AnyRequest:
    """The request in a frame. Raises FrameError."""
    request: AnyRequest = _decoded(frame, AnyRequest)
    return request


def answer_of(frame: Frame) -> Answer:
    """The answer in a frame, what it says made one line. Raises FrameError."""
    answer: Answer = _decoded(frame, Answer)
    error, trouble = (" ".join(text.split()) for text in (answer.error, answer.trouble))
    return msgspec.structs.replace(answer, error=error, trouble=trouble)


def _decoded(frame: Frame, kind: Any) -> Any:
    try:
        return msgspec.json.decode(frame.header, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise FrameError(f"a message came that cannot be read ({error})") from error


def plain_event(stored: Stored) -> tuple[int, float, str, dict[str, Any]]:
    """An event as JSON-ready values."""
    return stored.seq, stored.time, event_json.kind_of(stored.event), event_json.to_plain(stored.event)


def stored_events(answer: Answer) -> list[Stored]:
    """The events of an answer; those of a kind that this version does not know are left out."""
    known = ((seq, time, event_json.from_plain(kind, body)) for seq, time, kind, body in answer.events)
    return [Stored(seq, time, event) for seq, time, event in known if event is not None]


def command_request(number: int, command: Command) -> Send:
    """The request that leaves `command` for the trainer."""
    return Send(number, commands.kind_of(command), commands.encode(command).decode())


def command_of(request: Send) -> Command | None:
    """The command of a request; None for one that this version does not know."""
    return commands.decode(request.kind, request.body)


def plain_config(config: dict[str, Any]) -> dict[str, Any]:
    """A config as JSON-ready values; dates of its TOML become text."""
    ready: dict[str, Any] = to_json_ready(config)
    return ready


def config_of(plain: dict[str, Any]) -> dict[str, Any]:
    """The inverse of `plain_config`."""
    config: dict[str, Any] = from_json_ready(plain)
    return config


def plain_summary(run: RunSummary) -> dict[str, Any]:
    """A line of a list of runs as JSON-ready values."""
    return {
        name: to_json_ready(str(value) if isinstance(value, Path) else value) for name, value in asdict(run).items()
    }


def summary_of(plain: dict[str, Any]) -> RunSummary:
    """The inverse of `plain_summary`. Raises FrameError."""
    try:
        run = msgspec.convert(from_json_ready(plain), RunSummary, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise FrameError(f"a run came that cannot be read ({error})") from error
    return replace(run, name=run.path.name)


def _path(kind: type, value: object) -> object:
    if kind is Path and isinstance(value, str):
        return Path(decoded(value))
    raise NotImplementedError(kind)
