"""The clock of a replay: where in the run it stands, how fast it goes, and whether it goes at all."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

MINUTE = 60.0
SLOWEST, FASTEST = 1 / 16, 1e6


@dataclass(frozen=True)
class ReplayPosition:
    """A replay at one moment: `seconds` of `length` have been shown, up to `step`, at `speed` times real time."""

    playing: bool
    speed: float
    seconds: float
    length: float
    step: int


class ReplayClock:
    """Runs from 0 to `length` seconds at `speed` times real time, and stops there. It stands until it is played.

    `now` gives seconds that never go back. `generation` counts how often the clock was set back: whoever folds what
    it has seen so far must then begin anew.
    """

    def __init__(self, length: float, speed: float = 1.0, now: Callable[[], float] = time.monotonic) -> None:
        self.length = max(0.0, length)
        self.generation = 0
        self._now = now
        self._speed = _within(speed, SLOWEST, FASTEST)
        self._going = False
        self._from, self._since = 0.0, now()  # where it stood, and when that was

    @property
    def position(self) -> float:
        """Seconds of the run that have been shown, 0 to `length`."""
        if not self._going:
            return self._from
        return min(self.length, self._from + max(0.0, self._now() - self._since) * self._speed)

    @property
    def playing(self) -> bool:
        """Whether it moves; not at the end."""
        return self._going and self.position < self.length

    @property
    def speed(self) -> float:
        """Seconds of the run in one real second."""
        return self._speed

    def play(self) -> None:
        """Go on from here."""
        self._hold()
        self._going = True

    def pause(self) -> None:
        """Stand still."""
        self._hold()
        self._going = False

    def toggle(self) -> None:
        """Pause, go on, or from the end begin anew."""
        if self.playing:
            self.pause()
            return
        if self.position >= self.length:
            self.seek(0.0)
        self.play()

    def seek(self, seconds: float) -> None:
        """To this position, or the end that is nearer; playing goes on from there."""
        before = self.position
        self._hold()
        self._from = _within(seconds, 0.0, self.length)
        if self._from < before:
            self.generation += 1

    def skip(self, share: float) -> None:
        """Forth (negative: back) by this share of the whole."""
        self.seek(self.position + share * self.length)

    def change_speed(self, factor: float) -> None:
        """So many times as fast, within what can be watched."""
        self._hold()
        self._speed = _within(self._speed * factor, SLOWEST, FASTEST)

    def _hold(self) -> None:
        self._from, self._since = self.position, self._now()


def usual_speed(length: float) -> float:
    """The speed at which `length` seconds take about a minute: 1, 2 or 5 times a power of ten, and never below 1."""
    wanted = max(1.0, length / MINUTE)
    power = 10.0 ** math.floor(math.log10(wanted))
    return min((power, 2 * power, 5 * power, 10 * power), key=lambda speed: abs(math.log(speed / wanted)))


def _within(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))
