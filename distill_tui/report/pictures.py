"""A sound in a small picture: its waveform, or the notes of a tune, in a box of 300 by 40."""

from collections.abc import Iterable, Sequence

from core.midi.vocabulary import STEP_SECONDS, Note
from distill_tui.report import paths

WIDTH, HEIGHT = 300, 40
LEAST_PITCHES = 12  # so that one note alone does not fill the picture
MOST_NOTES = 2000
THINNEST, THICKEST = 1.5, 4.0


def waveform(peaks: Sequence[float], width: float) -> str:
    """The outline of a waveform from its peaks, 0 to 1, over so much of the box's width."""
    if len(peaks) < 2:
        return ""
    middle = HEIGHT / 2
    xs = [place * width / (len(peaks) - 1) for place in range(len(peaks))]
    heights = [max(0.4, min(1.0, peak if peak == peak else 0.0) * middle) for peak in peaks]
    upper = [(x, middle - height) for x, height in zip(xs, heights, strict=True)]
    return paths.band(upper, [(x, middle + height) for x, height in zip(xs, heights, strict=True)])


def pitches(tunes: Iterable[Sequence[Note]]) -> tuple[int, int]:
    """The lowest and the highest pitch of all of them, at least an octave."""
    found = [note.pitch for notes in tunes for note in notes] or [60]
    low, high = min(found), max(found)
    missing = max(0, LEAST_PITCHES - (high - low + 1))
    return low - missing // 2, high + missing - missing // 2


def piano_roll(notes: Sequence[Note], second: float, low: int, high: int) -> str:
    """Notes as bars, `second` units of the box's width a second, pitches from `low` at the bottom to `high` on top."""
    unit = HEIGHT / (high - low + 1)
    thick = max(THINNEST, min(THICKEST, unit * 0.8))
    parts = []
    for note in notes[:MOST_NOTES]:
        if not low <= note.pitch <= high:
            continue
        y = HEIGHT - (note.pitch - low + 0.5) * unit - thick / 2
        w = paths.written(max(1.0, (note.end - note.start) * STEP_SECONDS * second - 0.4))
        h = paths.written(thick)
        parts.append(f"M{paths.written(note.start * STEP_SECONDS * second)} {paths.written(y)}h{w}v{h}h-{w}z")
    return "".join(parts)
