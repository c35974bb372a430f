"""A sound device for tests, whose blocks the test itself asks for."""

import threading
from collections.abc import Callable

import numpy as np

from distill_tui.speaker import SpeakerError
from distill_tui.wav import Sound

RATE = 48_000


class HandSpeaker:
    """A speaker that plays what the test pulls."""

    def __init__(self, sample_rate: int, channels: int, fill: Callable, finished: Callable, latency: float) -> None:
        self.sample_rate, self.channels, self.latency = sample_rate, channels, latency
        self._fill, self._finished = fill, finished
        self.started = self.closed = self.ended = False

    def start(self) -> None:
        self.started = True

    def close(self) -> None:
        self.closed = True
        self._finished()  # PortAudio too calls it when a stream is closed

    def pull(self, frames: int) -> np.ndarray:
        block = np.zeros((frames, self.channels), np.int16)
        if self._fill(block):
            self.ended = True
            self._finished()
        return block


class Bench:
    """Opens hand speakers for a player and keeps them in order."""

    def __init__(self) -> None:
        self.speakers: list[HandSpeaker] = []
        self.refusal: str = ""
        self.rate: int | None = None
        self.latency = 0.0
        self.hold = threading.Event()
        self.hold.set()

    def open(self, sample_rate: int, channels: int, fill: Callable, finished: Callable) -> HandSpeaker:
        assert threading.current_thread() is not threading.main_thread(), "the device is opened on the screen's thread"
        self.hold.wait(5)
        if self.refusal:
            raise SpeakerError(self.refusal)
        self.speakers.append(HandSpeaker(self.rate or sample_rate, channels, fill, finished, self.latency))
        return self.speakers[-1]

    @property
    def speaker(self) -> HandSpeaker:
        return self.speakers[-1]


def sound(seconds: float = 1.0, seed: int = 0, rate: int = RATE, channels: int = 1) -> Sound:
    samples = np.random.default_rng(seed).integers(-9_000, 9_000, (round(seconds * rate), channels))
    return Sound(samples.astype(np.int16), rate, f"sound {seed}")
