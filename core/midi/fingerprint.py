"""Which tunes are one and the same, whatever key, tempo or ornament they are played in. No torch, no numpy.

A fingerprint is the set of short pieces of a tune's top line, each told by its intervals and by how its rhythm
lengthens and shortens: transposition and tempo leave it as it is, an ornament changes only the pieces around it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from itertools import combinations, pairwise
from math import log2

from core.midi.vocabulary import Note

Piece = tuple[int, ...]
Fingerprint = frozenset[Piece]

INTERVALS = 5  # of a piece: of four, runs of a scale are shared by many tunes; of eight, one ornament spoils too many

# The share of the smaller fingerprint that two tunes must have in common. Among 133 folk tunes the two that are one
# tune share 0.58, all others at most 0.19; transposed, stretched copies with ornaments on every seventh note 0.39 or
# more.
SHARED = 0.3
FEWEST = 4  # pieces in common, where a tune has as many: a run of a scale makes a few in any two short tunes


def top_line(notes: Iterable[Note]) -> list[Note]:
    """The notes above which nothing sounds when they begin, in order."""
    line: list[Note] = []
    sounding: list[tuple[int, int]] = []  # the highest first: (-pitch, end)
    for note in sorted(notes, key=lambda note: (note.start, -note.pitch)):
        while sounding and sounding[0][1] <= note.start:
            heappop(sounding)
        if not sounding or note.pitch > -sounding[0][0]:
            line.append(note)
        heappush(sounding, (-note.pitch, note.end))
    return line


def fingerprint(notes: Iterable[Note]) -> Fingerprint:
    """The pieces of the top line; of a line too short for one, the whole line."""
    line = top_line(notes)
    intervals = [after.pitch - note.pitch for note, after in pairwise(line)]
    waits = [after.start - note.start for note, after in pairwise(line)]
    # Rounded to halves and doubles, so that times on a grid come out alike at another tempo.
    ratios = [round(log2(after / wait)) for wait, after in pairwise(waits)]
    last = max(1, len(intervals) - INTERVALS + 1)
    return frozenset(
        (*intervals[first : first + INTERVALS], *ratios[first : first + INTERVALS - 1]) for first in range(last)
    )


def same_tunes(prints: Sequence[Fingerprint]) -> list[list[int]]:
    """The places of `prints` in groups of one tune each, in order; what is like one of a group belongs to the group."""
    holders: defaultdict[Piece, list[int]] = defaultdict(list)
    for place, pieces in enumerate(prints):
        for piece in pieces:
            holders[piece].append(place)
    common: Counter[tuple[int, int]] = Counter()
    for places in holders.values():
        common.update(combinations(places, 2))

    leader = list(range(len(prints)))

    def group_of(place: int) -> int:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    for (one, other), pieces_shared in common.items():
        smaller = min(len(prints[one]), len(prints[other]))
        if pieces_shared >= max(SHARED * smaller, min(FEWEST, smaller)):
            low, high = sorted((group_of(one), group_of(other)))
            leader[high] = low
    groups: defaultdict[int, list[int]] = defaultdict(list)
    for place in range(len(prints)):
        groups[group_of(place)].append(place)
    return list(groups.values())
