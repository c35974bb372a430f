"""How long a run still takes, told calmly: a moment's load on the machine does not turn minutes into hours."""

import math

LONGEST = 120.0  # seconds of training over which what is told comes near to what is found


class TimeLeft:
    """`seconds` is what to tell; None before there is anything to go by.

    It runs down with the clock and is drawn towards each new estimate, the faster the less there is to go by. Times are
    compared by their ratio: an estimate eight times too long is as wrong as one eight times too short.
    """

    def __init__(self) -> None:
        self.seconds: float | None = None
        self._began = self._at = 0.0

    def look(self, elapsed: float, estimate: float | None) -> None:
        """The `estimate` of the seconds left at `elapsed` seconds of training; one that goes back begins anew."""
        if estimate is None or (self.seconds is not None and elapsed == self._at):
            return
        if self.seconds is None or elapsed < self._at:
            self.seconds, self._began = estimate, elapsed
        else:
            passed = elapsed - self._at
            share = 1 - math.exp(-passed / min(LONGEST, max(1.0, elapsed - self._began)))
            left = max(1.0, self.seconds - passed)
            self.seconds = left * (max(1.0, estimate) / left) ** share
        self._at = elapsed

    def forget(self) -> None:
        """Begin anew with the next estimate."""
        self.seconds = None
