"""A finished run with real sounds, made in no time, and the server of its pages as a process of its own."""

import asyncio
import io
import os
import re
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from core.run.events import PreviewEvent, RunStarted
from core.run.folder import RunFolder, atomic_write
from core.run.store import RunWriter
from tests.fakes import FakeLink

RATE = 8000


def samples(seed: int, channels: int = 1, frames: int = RATE // 2) -> np.ndarray:
    """Noise of 16 bits that begins and ends with a sample that is not 0."""
    noise = np.random.default_rng(seed).integers(-20_000, 20_000, (frames, channels)).astype(np.int16)
    noise[0] = noise[-1] = 1
    return noise


def wav(sound: np.ndarray, rate: int = RATE) -> bytes:
    """The bytes of a WAV file."""
    data = io.BytesIO()
    with wave.open(data, "wb") as file:
        file.setnchannels(sound.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.astype("<i2").tobytes())
    return data.getvalue()


def finished_run(runs: Path, name: str = "bells") -> RunFolder:
    """A run that has ended with one preview a step: `samples(0)`, `samples(1)`, `samples(2)`."""
    folder = RunFolder(runs / name)
    folder.previews.mkdir(parents=True)
    folder.config_path.write_text('recipe = "audio"\n')
    link = FakeLink(steps=0, live=False)
    writer = RunWriter(folder.store_path)
    started = link.stored[0].event
    assert isinstance(started, RunStarted)
    writer.begin(started)
    for number in range(3):
        link.advance(10)
        writer.step(link._metrics(link.step))
        atomic_write(folder.previews / f"{number}.wav", wav(samples(number)))
        writer.event(
            PreviewEvent(1, f"previews/{number}.wav", RATE, link.step, "sample", f"fixed {number}", seconds=0.5)
        )
    link.complete()
    for stored in link.stored[-2:]:
        writer.event(stored.event)
    writer.close()
    return folder


@dataclass
class Served:
    """`distill-tui watch RUN --web`: its address, and the process."""

    address: str
    said: list[str]
    process: "subprocess.Popen[str]"

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Its exit status after this signal."""
        self.process.send_signal(number)
        return self.process.wait(15)


@contextmanager
def served(run: Path, *options: str, **environ: str) -> Iterator[Served]:
    """The server of one run's pages, on a free port."""
    root = Path(__file__).parents[2]
    process = subprocess.Popen(
        [sys.executable, "-m", "distill_tui", "watch", str(run), "--web", "--port", "0", *options],
        env={**os.environ, "PYTHONPATH": str(root), "XDG_CONFIG_HOME": str(run.parent), **environ},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(4 if "SSH_CONNECTION" in environ else 3)]
        address = next(word for line in said for word in line.split() if word.startswith("http:"))
        yield Served(address, said, process)
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


async def until(socket: aiohttp.ClientWebSocketResponse, *words: str) -> None:
    """Read until all the words have been drawn."""
    drawn = ""

    async def read() -> None:
        nonlocal drawn
        while not all(word in re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", drawn) for word in words):
            message = await socket.receive()
            assert message.type in (aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.TEXT), (message, drawn[-2000:])
            drawn += message.data.decode(errors="replace") if message.type == aiohttp.WSMsgType.BINARY else ""

    try:
        await asyncio.wait_for(read(), 20)
    except TimeoutError:
        pytest.fail(f"{words} not drawn: {drawn[-3000:]!r}")
