"""The latent turned one dimension at a time: which dimensions there are, and a process that renders what is asked for.

`python -m core.training.traverse RUN` serves a screen that must not load torch itself (`distill_tui.points`). A
request is a line of JSON on stdin, {"number": N, "seed": S or null, "to": {"0": 1.5}}; an answer is a line on stdout
that says how many bytes of sound, and of a tune's score, follow it. Only the newest request counts.
"""

import json
import math
import os
import sys
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from core.errors import UsageError, one_line
from core.run.folder import RunFolder
from core.run.link import LinkError
from core.run.reader import RunReader
from core.run.state import RunState, fold
from core.training.checkpoint_files import find_checkpoint, get_best_checkpoint, read_summary

if TYPE_CHECKING:
    from core.training.voice import Origin, Voice

NICENESS = 10
MOST_THREADS = 2  # beside a trainer, and a screen
KEPT = 32  # points that are rendered already


@dataclass(frozen=True)
class Dimension:
    """One of the latent's, counted from 1. `spread` is the standard deviation of the training material's latents in it;
    `kl` its validation KL in nats at the checkpoint, None where no validation tells.
    """

    number: int
    spread: float
    kl: float | None = None

    @property
    def active(self) -> bool:
        """Whether its KL is above 0.1 nats; where that is not known, whether the material differs in it."""
        from core.insight.latent import ACTIVE_VARIANCE
        from core.losses.kl import ACTIVE_NATS

        return self.kl > ACTIVE_NATS if self.kl is not None else self.spread > math.sqrt(ACTIVE_VARIANCE)


def dimensions(voice: "Voice", folder: RunFolder, checkpoint: Path) -> list[Dimension]:
    """The dimensions of a run's latent at a checkpoint, those that say most first."""
    spread = voice.spread
    kl = _kl_at(folder, read_summary(checkpoint).get("step"), len(spread))
    found = [Dimension(place + 1, spread[place], kl[place] if kl else None) for place in range(len(spread))]
    return sorted(found, key=lambda each: (-(each.spread if each.kl is None else each.kl), each.number))


def _kl_at(folder: RunFolder, step: object, size: int) -> Sequence[float]:
    """The KL of each dimension at the last validation up to that step, or at the last of all; empty for none."""
    reader = RunReader(folder.store_path)
    try:
        epochs = fold(RunState(), reader.read()).epochs
    except LinkError:
        return ()
    finally:
        reader.close()
    known = [epoch for epoch in epochs if len(epoch.kl_per_dimension) == size]
    if isinstance(step, int):
        known = [epoch for epoch in known if epoch.step <= step] or known
    return known[-1].kl_per_dimension if known else ()


class Renderings:
    """Points of one voice as bytes to hear and to keep; the most recent ones are not made twice."""

    def __init__(self, voice: "Voice") -> None:
        self._voice = voice
        self._origin: tuple[int | None, Origin] | None = None
        self._kept: OrderedDict[str, tuple[dict[str, Any], bytes, bytes]] = OrderedDict()

    def of(self, seed: int | None, to: dict[int, float]) -> tuple[dict[str, Any], bytes, bytes]:
        """What is told of the point, its sound as a WAV file, and its score, empty where the sound is all there is."""
        key = json.dumps([seed, sorted(to.items())])
        if key not in self._kept:
            self._kept[key] = self._made(seed, to)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _made(self, seed: int | None, to: dict[int, float]) -> tuple[dict[str, Any], bytes, bytes]:
        if self._origin is None or self._origin[0] != seed:
            self._origin = seed, self._voice.origin(seed=seed)
        origin = self._origin[1]
        rendering = self._voice.turned(origin, to)
        sound = self._voice.waveform(rendering)
        score = b"" if self._voice.suffix == ".wav" else rendering.data
        return {"standing": [round(place, 4) for place in origin.standing]}, sound, score


class _Newest:
    """The newest request of a stream; older ones that nobody began are dropped."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._changed = threading.Condition()
        self._line = b""
        threading.Thread(target=self._read, name="requests", daemon=True).start()

    def take(self) -> Any:
        """Wait for the next one."""
        with self._changed:
            self._changed.wait_for(lambda: self._line)
            line, self._line = self._line, b""
        return json.loads(line)

    def _read(self) -> None:
        for line in self._stream:
            with self._changed:
                self._line = line
                self._changed.notify()
        os._exit(0)  # the screen has gone: whatever is being rendered, nobody hears it


def serve(run: Path, requests: IO[bytes], answers: IO[bytes]) -> int:
    """Answer until `requests` ends. Returns 2 where the run has nothing that could be heard; that is told as well."""
    newest = _Newest(requests)
    try:
        folder = RunFolder.open(run)
        checkpoint = get_best_checkpoint(folder) or find_checkpoint(folder, "latest")
        from core.training.devices import cores
        from core.training.voice import load_voice

        voice = load_voice(checkpoint, min(MOST_THREADS, cores()))
        listed = [asdict(each) | {"active": each.active} for each in dimensions(voice, folder, checkpoint)]
    except UsageError as error:
        _tell(answers, {"error": one_line(error)})
        return 2
    epoch = read_summary(checkpoint).get("epoch")
    _tell(answers, {"dimensions": listed, "checkpoint": checkpoint.name, "epoch": epoch, "suffix": voice.suffix})
    renderings = Renderings(voice)
    while True:
        request = newest.take()
        to = {int(place): float(value) for place, value in request["to"].items()}
        told, sound, score = renderings.of(request["seed"], to)
        _tell(answers, {"number": request["number"], "sound": len(sound), "score": len(score), **told}, sound, score)


def _tell(answers: IO[bytes], facts: dict[str, Any], *blobs: bytes) -> None:
    answers.write(json.dumps(facts).encode() + b"\n" + b"".join(blobs))
    answers.flush()


if __name__ == "__main__":
    os.nice(NICENESS)
    spoken = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    os._exit(serve(Path(sys.argv[1]), sys.stdin.buffer, spoken))  # the thread that reads holds on to stdin
