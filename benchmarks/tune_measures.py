"""What tunes are like, as histograms, and how far two collections of them agree."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np

from core.midi.vocabulary import STEPS_PER_SECOND, Note

Histogram = dict[int, float]
PER_OCTAVE = 2  # bins of a duration's logarithm


def statistics(windows: Iterable[Sequence[Note]]) -> dict[str, Histogram]:
    """Shares of pitch classes, note density (half notes a second), melodic intervals and durations over all windows.

    The melody is the highest note of each onset; its intervals are cut off at two octaves.
    """
    counts: dict[str, Counter[int]] = {name: Counter() for name in ("pitch class", "density", "interval", "duration")}
    for notes in windows:
        if not notes:
            counts["density"][0] += 1
            continue
        seconds = max(note.end for note in notes) / STEPS_PER_SECOND
        counts["density"][round(2 * len(notes) / seconds)] += 1
        counts["pitch class"].update(note.pitch % 12 for note in notes)
        counts["duration"].update(round(PER_OCTAVE * float(np.log2(note.end - note.start))) for note in notes)
        tops: dict[int, int] = {}
        for note in notes:
            tops[note.start] = max(tops.get(note.start, 0), note.pitch)
        line = [pitch for _, pitch in sorted(tops.items())]
        counts["interval"].update(int(np.clip(step, -24, 24)) for step in np.diff(line))
    return {name: _shares(counter) for name, counter in counts.items()}


def overlap(one: Histogram, other: Histogram) -> float:
    """The area that two histograms share, 0 to 1."""
    return sum(min(share, other.get(place, 0.0)) for place, share in one.items())


def overlaps(windows: Iterable[Sequence[Note]], real: dict[str, Histogram]) -> dict[str, float]:
    """How far windows agree with the statistics `real`, one figure each, and their mean."""
    found = statistics(windows)
    shared = {name: overlap(found[name], real[name]) for name in real}
    return {**shared, "overlap": sum(shared.values()) / len(shared)}


def _shares(counts: Counter[int]) -> Histogram:
    total = sum(counts.values())
    return {place: count / total for place, count in counts.items()} if total else {}
