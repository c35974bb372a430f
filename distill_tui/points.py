"""Points of a run's latent as sounds, made by a process of their own: loading torch must not stop the screen."""

import json
import logging
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import core
from distill_tui.spectrogram import Spectrum, spectrum
from distill_tui.wav import Sound, WavError, read_wav

log = logging.getLogger(__name__)

MODULE = "core.training.traverse"
SAID_BYTES = 4096


@dataclass(frozen=True)
class Dimension:
    """One of the latent's, counted from 1, as `core.training.traverse.Dimension`."""

    number: int
    spread: float
    kl: float | None
    active: bool


@dataclass(frozen=True)
class Ready:
    """The model is loaded. `dimensions`, those that say most first; of which checkpoint and `epoch` it is."""

    dimensions: tuple[Dimension, ...]
    checkpoint: str
    epoch: int | None


@dataclass(frozen=True, eq=False)
class Point:
    """The answer to request `number`: what is heard, as a WAV file as well, and of a tune its MIDI file.

    `standing` says where the point that was turned lies by itself in each dimension, counted from 0.
    """

    number: int
    standing: tuple[float, ...]
    sound: Sound
    wav: bytes
    score: bytes


@dataclass(frozen=True, eq=False)
class Picture:
    """What the point of that number looks like; it follows the point."""

    number: int
    spectrum: Spectrum


@dataclass(frozen=True)
class Ended:
    """Nothing more is to come; `reason` is one line."""

    reason: str


Answer = Ready | Point | Picture | Ended


class Points:
    """One child process for one run folder, until `close`. Only the newest request is answered, as soon as can be.

    `tell` gets the answers, in a thread that reads them: first `Ready`, and at last `Ended`, unless it was closed.
    """

    def __init__(self, folder: str, tell: Callable[[Answer], object]) -> None:
        self._tell = tell
        self._closed = False
        self.newest = 0
        # Not in the run's own folder, nor where a file of the person's could be taken for one of ours (-P).
        environ = {**os.environ, "PYTHONPATH": str(Path(core.__file__).parents[1]), "CUDA_VISIBLE_DEVICES": ""}
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - the thread closes it
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", MODULE, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=self._said, env=environ, start_new_session=True,
        )  # fmt: skip
        threading.Thread(target=self._run, name="points", daemon=True).start()

    def ask(self, seed: int | None, to: Mapping[int, float]) -> int:
        """Ask for a point, in place of all that was asked for before; returns the number that its answer carries."""
        self.newest += 1
        request = {"number": self.newest, "seed": seed, "to": {str(place): value for place, value in to.items()}}
        if self._process.stdin is not None:
            with suppress(OSError):  # it has ended, and that is told
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                self._process.stdin.flush()
        return self.newest

    def close(self) -> None:
        """End the process, whatever it is at."""
        self._closed = True
        self._process.kill()

    def _run(self) -> None:
        stream = self._process.stdout
        assert stream is not None
        reason = ""
        try:
            while line := stream.readline():
                self._answer(json.loads(line), stream)
        except _Refused as error:
            reason = str(error)
        except WavError as error:
            reason = f"What the model made cannot be heard: {error}"
        except Exception:
            log.exception("an answer of the model's process could not be read")
            reason = "" if self._closed else "The model's process said what cannot be read"
        self._process.kill()
        status = self._process.wait()
        with self._said, suppress(OSError):
            if self._process.stdin is not None:
                self._process.stdin.close()
            stream.close()
            if not self._closed:
                self._tell(
                    Ended(reason or f"The model's process ended: {_last_line(self._said) or f'status {status}'}")
                )

    def _answer(self, told: Any, stream: IO[bytes]) -> None:
        if "error" in told:
            raise _Refused(told["error"])
        if "dimensions" in told:
            dimensions = tuple(Dimension(**each) for each in told["dimensions"])
            self._give(Ready(dimensions, told["checkpoint"], told["epoch"]))
            return
        wav, score = stream.read(told["sound"]), stream.read(told["score"])
        if told["number"] != self.newest:
            return
        point = Point(told["number"], tuple(told["standing"]), read_wav(wav, "the point"), wav, score)
        self._give(point)
        self._give(Picture(point.number, spectrum(point.sound)))

    def _give(self, answer: Answer) -> None:
        if not self._closed:
            self._tell(answer)


class _Refused(Exception):
    pass


def _last_line(said: IO[bytes]) -> str:
    size = said.seek(0, os.SEEK_END)
    said.seek(max(0, size - SAID_BYTES))
    lines = said.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")
