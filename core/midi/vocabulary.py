"""The one token layout: 774 tokens for notes, time and loudness. No torch, no numpy.

NOTE_ON 0-127, NOTE_OFF 128-255, TIME_SHIFT 256-767 (1 to 512 steps of 15.625 ms), VELOCITY 768-773 (6 levels), after
Oore et al. 2018, "This Time with Feeling". There is no token for padding: where a window ends early its places are
`ABSENT`, and every loss leaves them out.
"""

from bisect import bisect_left
from itertools import pairwise
from typing import NamedTuple

NOTE_ON = 0
NOTE_OFF = 128
TIME_SHIFT = 256
VELOCITY = 768
SIZE = 774

PITCHES = 128
MAX_SHIFT = 512  # steps
STEPS_PER_SECOND = 64
STEP_SECONDS = 1 / STEPS_PER_SECOND

# What a level plays as, from pp to ff; a note's velocity counts as the nearest of them.
LEVEL_VELOCITIES = (24, 44, 64, 80, 96, 116)
_BORDERS = tuple((low + high) / 2 for low, high in pairwise(LEVEL_VELOCITIES))

ABSENT = -1


class Note(NamedTuple):
    """A note on the grid: `start` and, after it, `end` in steps from the tune's beginning; MIDI pitch; level."""

    start: int
    end: int
    pitch: int
    level: int


def shift_token(steps: int) -> int:
    """The token that lets so many steps pass, 1 to MAX_SHIFT."""
    if not 1 <= steps <= MAX_SHIFT:
        raise ValueError(f"{steps} steps: one token lets 1 to {MAX_SHIFT} pass")
    return TIME_SHIFT + steps - 1


def shift_steps(token: int) -> int:
    """How many steps pass at a token; 0 for all that are no time shift."""
    return token - TIME_SHIFT + 1 if TIME_SHIFT <= token < VELOCITY else 0


def level_of(velocity: int) -> int:
    """The level, 0 to 5, of a MIDI velocity, 1 to 127."""
    return bisect_left(_BORDERS, velocity)
