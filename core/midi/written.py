"""What was written, in time: how long tokens last, and pieces of a tune joined end to end."""

from collections.abc import Iterable, Sequence

from core.midi.vocabulary import Note, shift_steps


def steps_of(tokens: Iterable[int]) -> int:
    """How many grid steps pass in a row of tokens."""
    return sum(map(shift_steps, tokens))


def joined(pieces: Iterable[tuple[int, Sequence[Note]]], end: int | None = None) -> list[Note]:
    """Pieces, each at its step, as one tune: a piece's notes end where the next begins, the last one's at `end`."""
    placed = list(pieces)
    borders = [start for start, _ in placed[1:]]
    notes = []
    for (start, piece), border in zip(placed, [*borders, end], strict=True):
        for note in piece:
            begin, stop = start + note.start, start + note.end
            if border is not None:
                stop = min(stop, border)
            if begin < stop:
                notes.append(note._replace(start=begin, end=stop))
    return notes
