"""Notes as tokens and back: one canonical sequence for every set of notes, and notes for every sequence at all.

The order is fixed so that a model has one thing to learn: at one time the notes that end by rising pitch, then those
that begin by level and pitch; a VELOCITY before the first note and wherever the level changes. No torch, no numpy.
"""

from collections.abc import Iterable, Iterator, Sequence

from core.midi.vocabulary import (
    ABSENT,
    MAX_SHIFT,
    NOTE_OFF,
    NOTE_ON,
    SIZE,
    TIME_SHIFT,
    VELOCITY,
    Note,
    shift_steps,
    shift_token,
)

DEFAULT_LEVEL = 3  # of notes before the first VELOCITY, which only a model leaves out


def canonical(notes: Iterable[Note]) -> list[Note]:
    """The notes by (start, pitch), as tokens can tell them: each at least one step long, a pitch sounding only once.

    A note that is struck again ends there; the same pitch struck twice at once is one note, as long and as loud as the
    longer and the louder of them.
    """
    result: list[Note] = []
    latest: dict[int, int] = {}
    for start, end, pitch, level in sorted(notes, key=lambda note: (note.start, note.pitch)):
        note = Note(start, max(end, start + 1), pitch, level)
        place = latest.get(pitch)
        if place is not None:
            before = result[place]
            if before.start == start:
                result[place] = Note(start, max(before.end, note.end), pitch, max(before.level, level))
                continue
            result[place] = before._replace(end=min(before.end, start))
        latest[pitch] = len(result)
        result.append(note)
    return result


def encode(notes: Sequence[Note]) -> list[int]:
    """The canonical tokens of the notes, made `canonical` first; silence before the first note is kept."""
    tokens: list[int] = []
    now, sung = 0, None
    for time, begins, level, pitch in _events(notes):
        tokens.extend(_gap(time - now))
        now = time
        if not begins:
            tokens.append(NOTE_OFF + pitch)
            continue
        if level != sung:
            tokens.append(VELOCITY + level)
            sung = level
        tokens.append(NOTE_ON + pitch)
    return tokens


def decode(tokens: Iterable[int]) -> list[Note]:
    """The notes, `canonical`, that any tokens stand for, up to the first ABSENT; other numbers beyond SIZE are ignored.

    The end of a silent pitch means nothing, a pitch struck again ends first, a note that ends where it begins lasts one
    step, and what still sounds at the end ends there.
    """
    notes: list[Note] = []
    sounding: dict[int, tuple[int, int]] = {}
    now, level = 0, DEFAULT_LEVEL

    def end(pitch: int) -> None:
        if pitch in sounding:
            start, loudness = sounding.pop(pitch)
            notes.append(Note(start, now, pitch, loudness))

    for token in tokens:
        if token == ABSENT:
            break
        if NOTE_ON <= token < NOTE_OFF:
            end(token - NOTE_ON)
            sounding[token - NOTE_ON] = (now, level)
        elif NOTE_OFF <= token < TIME_SHIFT:
            end(token - NOTE_OFF)
        elif TIME_SHIFT <= token < VELOCITY:
            now += shift_steps(token)
        elif VELOCITY <= token < SIZE:
            level = token - VELOCITY
    for pitch in list(sounding):
        end(pitch)
    return canonical(notes)


def _events(notes: Iterable[Note]) -> list[tuple[int, bool, int, int]]:
    """(time, whether a note begins, its level, pitch) in the canonical order."""
    events = []
    for note in canonical(notes):
        events.append((note.start, True, note.level, note.pitch))
        events.append((note.end, False, 0, note.pitch))
    return sorted(events)


def _gap(steps: int) -> Iterator[int]:
    while steps > 0:
        part = min(steps, MAX_SHIFT)
        yield shift_token(part)
        steps -= part
