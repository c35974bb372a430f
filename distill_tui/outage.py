"""A run that is out of reach for a while: which lines are printed of it, and when it is worth a notification."""

import re
from collections.abc import Callable
from typing import Literal

LASTING_SECONDS = 60.0
# What counts down or up in a line of trouble, and makes it no other trouble.
_COUNTED = re.compile(r" \(\d+(?:st|nd|rd|th) try[^)]*\)|\b\d+ s\b")


class Outage:
    """Whether a run has been out of reach for so long that a person who looks elsewhere should hear of it."""

    def __init__(self, lasting: float = LASTING_SECONDS) -> None:
        self._lasting = lasting
        self._since: float | None = None
        self._told = False

    def look(self, reachable: bool, now: float) -> Literal["unreachable", "reached"] | None:
        """What is news at `now`, in seconds of any clock that only grows: each outage that lasts, and its end, once."""
        if reachable:
            told, self._told, self._since = self._told, False, None
            return "reached" if told else None
        self._since = now if self._since is None else self._since
        if self._told or now - self._since < self._lasting:
            return None
        self._told = True
        return "unreachable"


class TroubleLines:
    """Says each trouble of a link once, however its figures change, and that it is over."""

    def __init__(self, location: str, say: Callable[[str], None]) -> None:
        self._location, self._say = location, say
        self._said = ""

    def look(self, trouble: str | None) -> None:
        """`trouble` as a link gives it."""
        what = _COUNTED.sub("", trouble or "")
        if what == self._said:
            return
        self._said = what
        self._say(_COUNTED.sub(_kept, trouble) if trouble else f"{self._location}: reached again")


def _kept(found: re.Match[str]) -> str:
    """A line that stays where it is printed does not count tries, but says how long."""
    return "" if found[0].startswith(" (") else found[0]
