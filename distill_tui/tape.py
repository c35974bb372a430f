"""Sounds one after another, as the player reads them: they may still be coming, and may go round and round."""

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]  # [frames, channels]


class Place(NamedTuple):
    """Where a playhead is: frames from the tape's beginning, and how often it has been round."""

    position: int = 0
    laps: int = 0


class Tape:
    """Parts [frames, channels] of one rate and channel count, without a gap between them.

    One thread adds parts while another reads: what is read is never moved. A tape that is not `whole` is waited for
    at its end.
    """

    def __init__(self, *parts: "Samples", whole: bool = True) -> None:
        self._parts: tuple[Samples, ...] = ()
        self._starts: tuple[int, ...] = (0,)  # of each part, and at last the length of all
        self.whole = whole
        for part in parts:
            self.add(part)

    @property
    def frames(self) -> int:
        """The length of all parts that are there."""
        return self._starts[-1]

    def add(self, part: "Samples") -> None:
        """One more at the end."""
        self._parts = (*self._parts, part)
        self._starts = (*self._starts, self._starts[-1] + len(part))  # last: a reader goes by the starts

    def finish(self) -> None:
        """Nothing more is to come."""
        self.whole = True

    def before(self, place: Place, frames: int) -> int:
        """The position so many frames ago: what is heard while what comes after is on its way to the ear."""
        position = place.position - frames
        return position % self.frames if position < 0 < place.laps and self.frames else max(0, position)

    def read(self, place: Place, into: "Samples", *, loop: bool) -> Place:
        """Write the frames from `place` on, silence where there are none; returns the place behind them.

        At its end a whole tape goes round if `loop` says so.
        """
        again = loop and self.whole  # before the length, which a whole tape keeps
        length = self.frames
        (position, laps), done = place, 0
        while done < len(into):
            if again and position >= length > 0:
                position, laps = position % length, laps + 1
            if position >= length:
                break
            index, frame = self.part_at(position)
            piece = self._parts[index][frame : frame + len(into) - done]
            into[done : done + len(piece)] = piece
            done, position = done + len(piece), position + len(piece)
        into[done:] = 0
        return Place(position, laps)

    def over(self, place: Place, *, loop: bool) -> bool:
        """Whether nothing comes after this place, now or later."""
        return self.whole and place.position >= self.frames and not (loop and self.frames)

    def part_at(self, position: int) -> tuple[int, int]:
        """Which part a position lies in, and the frame within it; past the end it is the last part."""
        from bisect import bisect_right

        starts = self._starts
        index = max(0, min(bisect_right(starts, position), len(starts) - 1) - 1)
        return index, position - starts[index]
