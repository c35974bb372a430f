"""Which held-out files hold the same as files that are learned from, whatever their names, formats and levels."""

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from core.folders import find_files, relative_name

log = logging.getLogger(__name__)

SAME_SECONDS = 0.01
SAME = 0.98
"""Correlation from which two stretches are one: other formats and levels keep it above 0.999."""
STRETCH_SECONDS = 1.5  # of what is compared at a time
RATE = 4000  # of what is compared: enough to tell two sounds apart
SILENT = 1e-4  # of full scale, effective: dither stays below
FAINT = 1e-3  # of the loudest stretch: a tail that another level or format may have swallowed
LOUDER = 4.0  # times either of them: what is no silence any more
MOST_READ = 500


def leaks(recipe: str, folder: Path, held_out: Collection[str]) -> tuple[tuple[str, str], ...]:
    """Files of `folder` that are held out (named in `held_out`, relative to it), each with one learned from that holds
    the same: sounds that correlate, tunes that share their top line in whatever key and tempo.

    The split keeps copies by bytes on one side; this finds the rest, and what was added to the folder since.
    """
    from core.training.kinds import KINDS

    files = find_files(folder, next(kind for kind in KINDS.values() if kind.name == recipe).suffixes, "")
    names = {path: relative_name(path, folder) for path in files}
    sides = [path for path in files if names[path] in held_out], [path for path in files if names[path] not in held_out]
    pairs = leaked_sounds(*sides) if recipe == "audio" else leaked_tunes(*sides)
    return tuple((names[one], names[other]) for one, other in pairs)


def leaked_tunes(held_out: Sequence[Path], learned: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Pairs (held out, learned from) of one tune, at most one for each that is held out."""
    from core.midi.files import UnreadableTune, read_tune
    from core.midi.fingerprint import fingerprint, same_tunes

    files, prints = [], []
    for path in (*held_out, *learned):
        try:
            notes = read_tune(path).notes
        except UnreadableTune as error:
            log.debug("%s: not compared (%s)", path, error)
            continue
        if notes:
            files.append(path)
            prints.append(fingerprint(notes))
    pairs, known, held = [], set(learned), set(held_out)
    for group in same_tunes(prints):
        same = [files[place] for place in group]
        other = next((path for path in same if path in known), None)
        pairs += [(path, other) for path in same if path in held and other is not None]
    return pairs


def leaked_sounds(held_out: Sequence[Path], learned: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Pairs (held out, learned from) of the same sound, at most one for each that is held out.

    Compared are files of equal length at their beginning, and where that is the same also in the middle and at the
    end: loops of one kind often begin alike. Of 500 files at most. What cannot be read is passed over.
    """
    by_length: defaultdict[int, list[tuple[Path, float]]] = defaultdict(list)
    for path in learned:
        if seconds := _seconds(path):
            by_length[round(seconds / SAME_SECONDS)].append((path, seconds))
    stretches = _Stretches()
    pairs = []
    for path in held_out:
        seconds = _seconds(path)
        length = round(seconds / SAME_SECONDS)
        near = [other for place in (length, length - 1, length + 1) for other in by_length.get(place, ())]
        for other, long in near if length else ():
            if stretches.same(path, other, min(seconds, long)):
                pairs.append((path, other))
                break
    return pairs


class _Stretch(NamedTuple):
    """A part of a sound as one channel of unit size at a low rate, and how loud it was: its effective value."""

    wave: Any
    level: float


class _Stretches:
    """Stretches of files at a low rate, each read once."""

    def __init__(self) -> None:
        self._read: dict[tuple[Path, int], _Stretch | None] = {}
        self._files: set[Path] = set()

    def same(self, one: Path, other: Path, seconds: float) -> bool:
        """Whether two files of that length hold one sound: no stretch differs, and one at least can be heard."""
        alike, loudest = False, [0.0, 0.0]
        for start in _starts(seconds):
            a, b = self._at(one, start), self._at(other, start)
            if a is None or b is None:
                return False
            found = (a, b)
            loudest = [max(most, each.level) for most, each in zip(loudest, found, strict=True)]
            heard = [each.level / max(SILENT, FAINT * most) for most, each in zip(loudest, found, strict=True)]
            if min(heard) < 1 and max(heard) < LOUDER:
                continue
            if min(heard) < 1 or not _correlation(a, b) > SAME:
                return False
            alike = True
        return alike

    def _at(self, path: Path, start: int) -> _Stretch | None:
        """As `_stretch`; None also for files beyond those that are read."""
        if path not in self._files and len(self._files) >= MOST_READ:
            return None
        self._files.add(path)
        if (path, start) not in self._read:
            self._read[path, start] = _stretch(path, start)
        return self._read[path, start]


def _starts(seconds: float) -> list[int]:
    """Where the stretches begin: on whole seconds, which are whole samples at every rate."""
    last = max(0, int(seconds - STRETCH_SECONDS / 3))
    return sorted({0, last // 2, last})


def _seconds(path: Path) -> float:
    import soundfile

    try:
        return float(soundfile.info(str(path)).duration)
    except (OSError, RuntimeError) as error:
        log.debug("%s: not compared (%s)", path, error)
        return 0.0


def _stretch(path: Path, start: int) -> _Stretch | None:
    """What begins at the second `start`; None for what cannot be read."""
    import numpy as np
    import soundfile

    try:
        rate = soundfile.info(str(path)).samplerate
        frames = round(STRETCH_SECONDS * rate)
        wave, _ = soundfile.read(str(path), frames=frames, start=start * rate, dtype="float32", always_2d=True)
    except (OSError, RuntimeError) as error:
        log.debug("%s: not compared (%s)", path, error)
        return None
    mono = wave.mean(axis=1)
    size = max(1, round(rate / RATE))
    mono = mono[: len(mono) // size * size].reshape(-1, size).mean(axis=1)
    if rate != RATE * size:
        places = np.arange(round(len(mono) * RATE * size / rate)) * rate / (RATE * size)
        mono = np.interp(places, np.arange(len(mono)), mono)
    mono = mono - mono.mean() if len(mono) else mono
    norm = float(np.sqrt(np.square(mono, dtype=np.float64).sum()))
    return _Stretch((mono / (norm or 1.0)).astype(np.float32), norm / max(1, len(mono)) ** 0.5)


def _correlation(one: _Stretch, other: _Stretch) -> float:
    length = min(len(one.wave), len(other.wave))
    return abs(float(one.wave[:length] @ other.wave[:length]))
