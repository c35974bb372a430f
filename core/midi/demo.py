"""A small set of tunes of our own to try everything on: reels, waltzes, jigs, airs; the same for the same seed.

Each has sixteen bars in four phrases, A A' B B', over chords that go home at the end. No torch, no numpy.
"""

from dataclasses import dataclass
from pathlib import Path
from random import Random

from core.errors import DataError
from core.midi.files import midi_bytes
from core.midi.vocabulary import Note

MAJOR = (0, 2, 4, 5, 7, 9, 11)
DORIAN = (0, 2, 3, 5, 7, 9, 10)
TRIAD = (0, 2, 4)  # in steps of the scale above a chord's root

# Roots in steps of the scale, a bar each; the last phrase of a part ends at home.
OPEN_PHRASES = ((0, 3, 0, 4), (0, 5, 3, 4), (0, 0, 3, 4), (0, 4, 5, 4), (5, 3, 0, 4), (3, 0, 1, 4))
CLOSING_PHRASES = ((0, 3, 4, 0), (5, 3, 4, 0), (0, 1, 4, 0), (3, 0, 4, 0))

MELODY_LEVEL, CHORD_LEVEL = 4, 2
LOW, HIGH = -3, 11  # where the melody stays, in steps of the scale from the key's note


@dataclass(frozen=True)
class Kind:
    """A kind of tune. Rhythms are lengths in eighths that fill a bar; `eighth` is how many grid steps one may last.

    `beats` are the eighths at which the accompaniment plays: the bass at the first of them, chords at the others.
    """

    name: str
    rhythms: tuple[tuple[int, ...], ...]
    endings: tuple[tuple[int, ...], ...]
    beats: tuple[int, ...]
    eighth: tuple[int, ...]


KINDS = (
    Kind(
        "reel",
        ((1, 1, 1, 1, 1, 1, 1, 1), (2, 1, 1, 2, 1, 1), (1, 1, 2, 1, 1, 2), (3, 1, 1, 1, 1, 1), (2, 2, 1, 1, 1, 1)),
        ((2, 2, 4), (1, 1, 2, 4)),
        (0, 2, 4, 6),
        (10, 12, 14),
    ),
    Kind("waltz", ((2, 2, 2), (4, 2), (3, 1, 2), (2, 1, 1, 2), (2, 2, 1, 1)), ((6,), (2, 4)), (0, 2, 4), (14, 16, 18)),
    Kind(
        "jig",
        ((1, 1, 1, 1, 1, 1), (2, 1, 2, 1), (2, 1, 1, 1, 1), (1, 1, 1, 2, 1), (3, 1, 1, 1)),
        ((3, 3), (2, 1, 3)),
        (0, 3),
        (10, 12, 14),
    ),
    Kind("air", ((4, 2, 2), (3, 1, 4), (2, 2, 2, 2), (6, 2), (3, 1, 2, 2)), ((8,), (4, 4)), (0, 4), (16, 18, 20)),
)


def make_demo_tunes(folder: Path, count: int = 24, seed: int = 0) -> list[Path]:
    """Write `count` MIDI files of 15 to 45 s into `folder`, which is made where it is missing.

    Kinds take turns. Nothing is ever overwritten: a file that is there already stays as it is. Returns the paths in
    order. Raises DataError where the folder cannot be written.
    """
    paths = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            kind = KINDS[number % len(KINDS)]
            path = folder / f"{kind.name}-{number // len(KINDS) + 1:02d}.mid"
            paths.append(path)
            if not path.exists():
                unfinished = folder / f".{path.name}.part"  # under its own name only once it is whole
                unfinished.write_bytes(midi_bytes(compose(kind, Random(f"{seed} {number}"))))
                unfinished.replace(path)
    except OSError as error:
        raise DataError(f"{folder}: demo tunes cannot be written there ({error}); choose another folder") from error
    return paths


def compose(kind: Kind, rng: Random) -> list[Note]:
    """The notes of a tune of a kind."""
    scale = rng.choice((MAJOR, MAJOR, DORIAN))
    key = 50 + rng.choice((0, 2, 3, 5, 7, 9))
    eighth = rng.choice(kind.eighth)
    bar = sum(kind.rhythms[0])

    def pitch(step: int) -> int:
        return key + 12 * (step // 7) + scale[step % 7]

    notes: list[Note] = []
    for number, (root, melody) in enumerate(_bars(kind, rng)):
        start = number * bar
        for place, length, step in melody:
            level = MELODY_LEVEL + (place == 0)
            notes.append(Note((start + place) * eighth, (start + place + length) * eighth, pitch(step + 7), level))
        for place in kind.beats:
            steps = [root - 7] if place == 0 else [root % 7 - 3 + tone for tone in TRIAD[1:]]
            begin = (start + place) * eighth
            notes += [Note(begin, begin + 2 * eighth, pitch(step), CHORD_LEVEL) for step in steps]
    return notes


Melody = list[tuple[int, int, int]]  # (place and length in eighths, step of the scale)


def _bars(kind: Kind, rng: Random) -> list[tuple[int, Melody]]:
    """The root and the melody of each of the sixteen bars."""
    bars: list[tuple[int, Melody]] = []
    for at in (rng.choice((0, 2)), 4):  # the second part begins higher
        roots = rng.choice(OPEN_PHRASES)
        rhythms = [rng.choice(kind.rhythms) for _ in range(3)]
        first: list[tuple[int, Melody]] = []
        for root, rhythm in zip(roots, [*rhythms, rng.choice(kind.rhythms)], strict=True):
            melody = _melody(rng, rhythm, root, at)
            at = melody[-1][2]
            first.append((root, melody))
        answer = first[:2]
        at = answer[-1][1][-1][2]
        for root, rhythm in zip(rng.choice(CLOSING_PHRASES)[2:], [rhythms[2], rng.choice(kind.endings)], strict=True):
            melody = _melody(rng, rhythm, root, at)
            at = melody[-1][2]
            answer = [*answer, (root, melody)]
        place, length, step = answer[-1][1][-1]
        answer[-1][1][-1] = (place, length, 0 if step < 4 else 7)  # home
        bars += first + answer
    return bars


def _melody(rng: Random, rhythm: tuple[int, ...], root: int, at: int) -> Melody:
    """A bar's melody from near `at` on: tones of the chord where it is strong, steps of the scale between them."""
    melody: Melody = []
    place = 0
    for number, length in enumerate(rhythm):
        if number == 0 or length >= 3 or rng.random() < 0.25:
            tones = [step for step in range(LOW, HIGH + 1) if (step - root) % 7 in TRIAD and abs(step - at) <= 4]
            at = rng.choice([step for step in tones if step != at] or [at])
        else:
            at += rng.choice((-2, -1, -1, 1, 1, 2))
        at = max(LOW, min(HIGH, at))
        melody.append((place, length, at))
        place += length
    return melody
