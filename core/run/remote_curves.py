"""Curves on the way to another host: named once, then only the buckets that have changed, as float32."""

import sys
import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from core.run.frames import FrameError
from core.run.link import LinkError, Series
from core.run.remote_messages import MOST_WIDTH, CurveName, CurvePart

if TYPE_CHECKING:  # array cannot be subscripted before Python 3.12
    Floats = array[float]

MOST_CURVES = 1024  # that a server remembers
KEPT_CURVES = 96  # that a monitor does
UNCLAIMED = 3  # so many changes that nobody looked at, and a curve is no longer watched
FRESH_SECONDS = 1.0
ROWS = 4  # minimum, maximum, mean, last

Key = tuple[str, int, int | None, int]
"""term, lo, hi and width, as `RunLink.series` takes them."""


@dataclass(frozen=True)
class _Sent:
    """A curve as the other side has it; `rows` hold float32."""

    grid: tuple[int, int]
    rows: "tuple[Floats, ...]"
    nonfinite: tuple[int, ...]
    ends: tuple[int, int]


class CurveSender:
    """The server's side: remembers what it sent of each curve, and sends what differs from it."""

    def __init__(self, series: Callable[[str, int, int | None, int], Series]) -> None:
        self._series = series
        self._named: dict[int, Key] = {}
        self._sent: dict[int, _Sent] = {}

    def name(self, names: Iterable[CurveName], forget: Iterable[int]) -> None:
        """Take in which curves the monitor will ask for, and no more. Raises LinkError for absurd ones."""
        for number in forget:
            self._named.pop(number, None)
            self._sent.pop(number, None)
        for number, term, lo, hi, width in names:
            if not 0 < width <= MOST_WIDTH or len(self._named) >= MOST_CURVES or abs(lo) > 2**53 or (hi or 0) > 2**53:
                raise LinkError(f"{term}: no curve of {width} columns from step {lo} can be sent")
            self._named[number] = (term, lo, hi, width)
            self._sent.pop(number, None)

    def changes(self, numbers: Sequence[int]) -> tuple[tuple[CurvePart, ...], bytes]:
        """What has changed in these curves since they were sent, and its payload. Raises LinkError."""
        parts, payload = [], bytearray()
        for number in numbers:
            if number not in self._named:
                raise LinkError(f"curve {number} was not named")
            part, rows = self._change(number)
            if part is not None:
                parts.append(part)
                payload += b"".join(_wire(row[part.start :]) for row in rows)
        return tuple(parts), bytes(payload)

    def _change(self, number: int) -> "tuple[CurvePart | None, tuple[Floats, ...]]":
        series = self._series(*self._named[number])
        former = self._sent.get(number)
        new = _Sent(
            (series.first, series.bucket),
            tuple(array("f", row) for row in (series.minimum, series.maximum, series.mean, series.last)),
            series.nonfinite,
            (series.lowest_step, series.highest_step),
        )
        self._sent[number] = new
        count, start = len(series.mean), 0
        if former is not None and former.grid == new.grid:
            start = min(map(_common, former.rows, new.rows))
            if start == count == len(former.rows[0]) and (former.nonfinite, former.ends) == (new.nonfinite, new.ends):
                return None, ()
        known = former is not None and former.nonfinite == new.nonfinite
        nonfinite = None if known else new.nonfinite
        return CurvePart(number, *new.grid, start, count, *new.ends, nonfinite), new.rows


@dataclass
class _Watched:
    """A curve that the monitor asked for; `number` is 0 until this line's server knows it."""

    number: int = 0
    series: Series | None = None
    rows: "tuple[Floats, ...]" = field(default_factory=lambda: tuple(array("f") for _ in range(ROWS)))
    current: bool = False  # as the newest answer has it, and not handed out since
    unclaimed: int = 0


class CurveReceiver:
    """The monitor's side: the newest of each curve that it looks at. For one thread at a time.

    The curves come along with each reading of events, so that many of them cost one round trip; those that nobody
    looks at any more are left out after a few changes.
    """

    def __init__(self) -> None:
        self._watched: OrderedDict[Key, _Watched] = OrderedDict()
        self._keys: dict[int, Key] = {}
        self._next = 1
        self._forget: list[int] = []
        self._confirmed = 0.0

    def start_over(self) -> None:
        """A new line: its server knows no names yet. What is known stays to be shown meanwhile."""
        self._keys.clear()
        self._forget.clear()
        for curve in self._watched.values():
            curve.number, curve.current = 0, False

    def numbers(self, keys: Iterable[Key] | None = None) -> tuple[tuple[int, ...], tuple[CurveName, ...]]:
        """The numbers of these curves, or of all that are looked at, and the names to declare with them."""
        names: list[CurveName] = []
        numbers = []
        for key in list(self._watched) if keys is None else keys:
            curve = self._watched.setdefault(key, _Watched())
            if not curve.number:
                curve.number, self._next = self._next, self._next + 1
                self._keys[curve.number] = key
                names.append((curve.number, *key))
            numbers.append(curve.number)
        return tuple(numbers), tuple(names)

    def forgotten(self) -> tuple[int, ...]:
        """The numbers that the server need not remember any longer; given out once."""
        gone, self._forget = tuple(self._forget), []
        return gone

    def take(self, asked: Sequence[int], parts: Sequence[CurvePart], payload: bytes) -> None:
        """Take in an answer about the curves `asked`. Raises FrameError for one that does not add up."""
        place = 0
        for part in parts:
            place = self._put(part, payload, place)
        if place != len(payload):
            raise FrameError("curves came with more numbers than buckets")
        for number in asked:
            key = self._keys.get(number)
            if key is not None:
                self._watched[key].current = True
        self._confirmed = time.monotonic()

    def claim(self, key: Key) -> Series | None:
        """The curve as the newest answer has it, once; None when it has to be asked for."""
        curve = self._watched.get(key)
        if curve is None or not curve.current or time.monotonic() - self._confirmed > FRESH_SECONDS:
            return None
        curve.current, curve.unclaimed = False, 0
        self._watched.move_to_end(key)
        return curve.series

    def known(self, key: Key) -> Series | None:
        """The curve as far as it is known, however old."""
        curve = self._watched.get(key)
        return curve.series if curve else None

    def prune(self) -> None:
        """Drop curves that nobody looks at."""
        for key, curve in list(self._watched.items()):
            if curve.unclaimed >= UNCLAIMED or len(self._watched) > KEPT_CURVES:
                self.drop(key)

    def drop(self, key: Key) -> None:
        """Watch this curve no longer."""
        curve = self._watched.pop(key, None)
        if curve is not None and curve.number:
            del self._keys[curve.number]
            self._forget.append(curve.number)

    def _put(self, part: CurvePart, payload: bytes, place: int) -> int:
        fresh = part.count - part.start
        key = self._keys.get(part.number)
        stop = place + ROWS * 4 * fresh
        bad = part.start < 0 or fresh < 0 or part.count > MOST_WIDTH + 2 or part.bucket < 1 or stop > len(payload)
        if bad or not all(0 <= bucket < part.count for bucket in part.nonfinite or ()):
            raise FrameError("a curve came whose numbers do not add up")
        if key is None:  # dropped meanwhile
            return stop
        curve = self._watched[key]
        if part.start > len(curve.rows[0]) or (part.nonfinite is None and curve.series is None):
            raise FrameError("a curve came that goes on from one that was not sent")
        rows = []
        for former in curve.rows:
            rows.append(former[: part.start] + _unwired(payload[place : place + 4 * fresh]))
            place += 4 * fresh
        nonfinite = curve.series.nonfinite if part.nonfinite is None and curve.series else part.nonfinite or ()
        minimum, maximum, mean, last = (tuple(row.tolist()) for row in rows)
        curve.rows = tuple(rows)
        curve.series = Series(
            key[0], part.first, part.bucket, minimum, maximum, mean, last, nonfinite, part.lowest, part.highest
        )
        curve.unclaimed += 1
        return place


def _common(one: "Floats", other: "Floats") -> int:
    """How many values both begin with; NaN is like NaN."""
    a, b = one.tobytes(), other.tobytes()
    if a == b:
        return len(one)
    low, high = 0, min(len(one), len(other))  # the first difference lies between; halving compares fast
    while low < high:
        middle = (low + high + 1) // 2
        if a[: 4 * middle] == b[: 4 * middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _wire(values: "Floats") -> bytes:
    return _little(values).tobytes()


def _unwired(data: bytes) -> "Floats":
    values = array("f")
    values.frombytes(data)
    return _little(values)


def _little(values: "Floats") -> "Floats":
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values
