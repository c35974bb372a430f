"""The narrow door between a run and whoever watches it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol

from core.errors import UsageError
from core.run.commands import Command
from core.run.events import Stored


class LinkError(UsageError):
    """The run cannot be reached or read; the message is one line for a person: what, where, what to do."""


@dataclass(frozen=True)
class RunInfo:
    """What is being watched, known before the trainer has said anything.

    `location` is what a person would type to reach it; `config` is the resolved config as nested plain values;
    `live` says that a trainer holds the run now.
    """

    name: str
    location: str
    config: dict[str, Any] = field(default_factory=dict)
    live: bool = False
    local_folder: str = ""


@dataclass(frozen=True)
class Series:
    """A term over steps lo..hi in buckets: enough to draw, never the raw points.

    Bucket i covers steps [first + i * bucket, first + (i + 1) * bucket); `bucket` is a power of two and `first` a
    multiple of it, so that a growing run keeps its buckets. Empty buckets hold NaN. `minimum`, `maximum`, `mean` and
    `last` are over the finite values of the bucket; `nonfinite` lists the buckets that also hold NaN or infinity.
    `lowest_step` / `highest_step` are the first and last step with any value in the whole run (-1: none yet).
    """

    term: str
    first: int = 0
    bucket: int = 1
    minimum: tuple[float, ...] = ()
    maximum: tuple[float, ...] = ()
    mean: tuple[float, ...] = ()
    last: tuple[float, ...] = ()
    nonfinite: tuple[int, ...] = ()
    lowest_step: int = -1
    highest_step: int = -1


class RunLink(Protocol):
    """One run, watched and asked. Every method may block on disk or line: call them off the screen's thread."""

    @property
    def trouble(self) -> str | None:
        """One plain line while the link itself is in trouble (trainer gone, disk full, reconnecting), else None."""

    def info(self) -> RunInfo:
        """What is being watched."""

    def read(self, after: int = 0) -> list[Stored]:
        """The events after sequence number `after`, at most 0.2 s old, oldest first.

        Step metrics are not events of the store. When the newest step is not the one of the last call, it comes as a
        final `StepMetrics` that carries the sequence number of the newest stored event: folding it twice is harmless.
        """

    def series(self, term: str, lo: int = 0, hi: int | None = None, width: int = 100) -> Series:
        """`term` over steps lo <= step < hi (None: to the newest) in at most `width` + 1 buckets, those at the
        edges whole.

        `term` is a training term or column ("stft_loss", "learning_rate", "grad_norm", ...) or, as "val/" + term, the
        validation mean at each epoch's last step. A term that nothing has logged yet gives an empty series.
        """

    def expect(self, curves: Iterable[tuple[str, int, int | None, int]]) -> None:
        """The next calls of `series` will be for these (term, lo, hi, width): over a line they come in one round trip.

        It may be left out, and changes nothing but the time that those calls take.
        """

    def send(self, command: Command) -> int:
        """Ask the trainer; returns the id that its `CommandAnswered` will carry. Raises LinkError if none lives."""

    def fetch(self, artifact: str) -> bytes:
        """The bytes of a preview by its `audio_path`. Raises LinkError for what is not a file inside the run folder."""

    def close(self) -> None:
        """Let go of the run. The run itself goes on."""
