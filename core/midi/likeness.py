"""How much of one tune another plays: the F-measure of their notes."""

from collections import defaultdict
from collections.abc import Sequence

from core.midi.vocabulary import STEPS_PER_SECOND, Note

TOLERANCE = round(0.05 * STEPS_PER_SECOND)  # steps; 50 ms, as in MIREX's note tracking


def note_f1(played: Sequence[Note], meant: Sequence[Note], tolerance: int = TOLERANCE) -> float:
    """The harmonic mean of precision and recall of notes by pitch and onset, 0 to 1 (Bay et al. 2009).

    A note of each is matched at most once, to one of its pitch whose onset lies within `tolerance` steps. Two tunes
    without notes are alike.
    """
    if not played and not meant:
        return 1.0
    onsets = _onsets(meant)
    hits = sum(_matches(starts, onsets.get(pitch, []), tolerance) for pitch, starts in _onsets(played).items())
    return 2 * hits / (len(played) + len(meant))


def _onsets(notes: Sequence[Note]) -> dict[int, list[int]]:
    onsets: defaultdict[int, list[int]] = defaultdict(list)
    for note in sorted(notes):
        onsets[note.pitch].append(note.start)
    return onsets


def _matches(played: list[int], meant: list[int], tolerance: int) -> int:
    """The most pairs of two sorted lists that lie within `tolerance`: earliest first is the best there is."""
    hits = first = 0
    for onset in played:
        while first < len(meant) and meant[first] < onset - tolerance:
            first += 1
        if first < len(meant) and meant[first] <= onset + tolerance:
            hits += 1
            first += 1
    return hits
