"""Many windows of notes as rows of tokens at once: `core.midi.tokens.encode` in arrays, for batches of training.

Notes are columns [5, notes], int64: row, start, end, pitch, level. Packed into one integer each, events sort in the
canonical order by themselves.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from core.midi.vocabulary import ABSENT, MAX_SHIFT, NOTE_OFF, NOTE_ON, PITCHES, TIME_SHIFT, VELOCITY

Columns = NDArray[np.int64]

LEVEL_SHIFT, BEGINS_SHIFT, TIME_BITS_SHIFT, ROW_SHIFT = 7, 10, 11, 43  # pitch below, then level, kind, time, row


def notes_for(length: int) -> int:
    """So many notes fill `length` tokens however they lie: each begins in them, and at most PITCHES have not ended."""
    return (length + PITCHES + 1) // 2


def token_rows(notes: Columns, rows: int, length: int) -> Columns:
    """The tokens [rows, length] of the notes of each row, cut at `length`, ABSENT after their end."""
    row, time, begins, level, pitch = _events(_canonical(notes))
    new_row = np.diff(row, prepend=-1) > 0
    gap = np.where(new_row, time, np.diff(time, prepend=0))
    shifts = -(-gap // MAX_SHIFT)
    louder = np.zeros(len(row), dtype=bool)
    onsets = np.flatnonzero(begins)
    louder[onsets] = (np.diff(level[onsets], prepend=-1) != 0) | (np.diff(row[onsets], prepend=-1) > 0)
    sizes = shifts + louder + 1
    ends = np.cumsum(sizes)
    first = np.searchsorted(row, row)  # the first event of each event's row
    begin = ends - sizes - (ends - sizes)[first]

    result = np.full((rows, length), ABSENT, dtype=np.int64)

    def put(events: Any, places: Columns, tokens: Columns) -> None:
        fits = places < length
        result[row[events][fits], places[fits]] = tokens[fits]

    put(slice(None), begin + sizes - 1, pitch + np.where(begins == 1, NOTE_ON, NOTE_OFF))
    put(louder, (begin + shifts)[louder], VELOCITY + level[louder])
    event = np.repeat(np.arange(len(row)), shifts)
    number = np.arange(len(event)) - np.repeat(np.cumsum(shifts) - shifts, shifts)
    steps = np.minimum(MAX_SHIFT, gap[event] - number * MAX_SHIFT)
    put(event, begin[event] + number, TIME_SHIFT + steps - 1)
    return result


def _canonical(notes: Columns) -> Columns:
    """As `tokens.canonical` makes them, in each row for itself; sorted by row, pitch and start."""
    notes = notes[:, np.lexsort((notes[1], notes[3], notes[0]))]
    row, start, end, pitch, level = notes
    end = np.maximum(end, start + 1)
    fresh = np.ones(len(row), dtype=bool)
    fresh[1:] = (np.diff(row) != 0) | (np.diff(pitch) != 0) | (np.diff(start) != 0)
    firsts = np.flatnonzero(fresh)
    row, start, pitch = row[firsts], start[firsts], pitch[firsts]
    end, level = np.maximum.reduceat(end, firsts), np.maximum.reduceat(level, firsts)
    again = (np.diff(row) == 0) & (np.diff(pitch) == 0)
    end[:-1] = np.where(again, np.minimum(end[:-1], start[1:]), end[:-1])
    return np.stack([row, start, end, pitch, level])


def _events(notes: Columns) -> tuple[Columns, Columns, Columns, Columns, Columns]:
    """(row, time, whether a note begins, its level, pitch) of each event, in the canonical order."""
    row, start, end, pitch, level = notes
    base = (row << ROW_SHIFT) + pitch
    begin = base + (start << TIME_BITS_SHIFT) + (1 << BEGINS_SHIFT) + (level << LEVEL_SHIFT)
    packed = np.sort(np.concatenate([begin, base + (end << TIME_BITS_SHIFT)]))

    def field(shift: int, bits: int) -> Columns:
        part: Columns = packed >> shift & (1 << bits) - 1
        return part

    return (
        packed >> ROW_SHIFT, field(TIME_BITS_SHIFT, ROW_SHIFT - TIME_BITS_SHIFT), field(BEGINS_SHIFT, 1),
        field(LEVEL_SHIFT, 3), field(0, 7),
    )  # fmt: skip
