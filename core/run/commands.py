"""What a person may ask of a live run. The trainer answers each with a `CommandAnswered` event."""

from dataclasses import asdict, dataclass
from typing import Any

import msgspec

from core.run.plain import from_json_ready, to_json_ready


@dataclass(frozen=True)
class Stop:
    """Save at this very step and end the session."""


@dataclass(frozen=True)
class Save:
    """Save a checkpoint now and train on."""


@dataclass(frozen=True)
class Preview:
    """Make previews now and train on."""


@dataclass(frozen=True)
class Set:
    """Change one safe value of the live run, e.g. `learning_rate` or `loss.stft.weight`; others are refused."""

    key: str
    value: float


@dataclass(frozen=True)
class Mark:
    """Put a note at the current step."""

    note: str


@dataclass(frozen=True)
class Apply:
    """Carry out the `remedy`-th remedy, from 0, of the open alert `alert`."""

    alert: str
    remedy: int = 0


@dataclass(frozen=True)
class Undo:
    """Take back what the advice `advice` (the id of an `AdviceTaken`) did."""

    advice: str


Command = Stop | Save | Preview | Set | Mark | Apply | Undo

KINDS: dict[str, type[Command]] = {
    "stop": Stop,
    "save": Save,
    "preview": Preview,
    "set": Set,
    "mark": Mark,
    "apply": Apply,
    "undo": Undo,
}
NAMES = {command_type: kind for kind, command_type in KINDS.items()}


@dataclass(frozen=True)
class Numbered:
    """A command with the number that its answer carries."""

    id: int
    command: Command


def kind_of(command: Command) -> str:
    """The command's short name, as stored and as answered."""
    return NAMES[type(command)]


def encode(command: Command) -> bytes:
    """The command's body as JSON bytes (without its kind)."""
    return msgspec.json.encode(to_json_ready(asdict(command)))


def decode(kind: str, body: bytes | str) -> Command | None:
    """The command of `encode`'s bytes; None for what this version cannot read."""
    command_type: Any = KINDS.get(kind)
    if command_type is None:
        return None
    try:
        command: Command = msgspec.convert(from_json_ready(msgspec.json.decode(body)), command_type)
    except (msgspec.ValidationError, msgspec.DecodeError):
        return None
    return command
