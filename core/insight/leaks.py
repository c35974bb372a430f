"""Which held-out files hold the same as files that are learned from, whatever their names, formats and levels."""

import logging
from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

from core.folders import find_files, relative_name

log = logging.getLogger(__name__)

SAME_SECONDS = 0.01
SAME = 0.98
"""Correlation from which two sounds of equal length are one: other formats and levels keep it above 0.999."""
COMPARED_SECONDS = 1.0
RATE = 4000  # of what is compared: enough to tell two sounds apart
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
    pairs = []
    for group in same_tunes(prints):
        same = [files[place] for place in group]
        other = next((path for path in same if path in set(learned)), None)
        pairs += [(path, other) for path in same if path in set(held_out) and other is not None]
    return pairs


def leaked_sounds(held_out: Sequence[Path], learned: Sequence[Path]) -> list[tuple[Path, Path]]:
    """Pairs (held out, learned from) of the same sound, at most one for each that is held out.

    Only the beginnings of files of equal length are read, 500 at most. What cannot be read is passed over.
    """
    by_length: defaultdict[int, list[Path]] = defaultdict(list)
    for path in learned:
        if seconds := _seconds(path):
            by_length[round(seconds / SAME_SECONDS)].append(path)
    beginnings: dict[Path, Any] = {}
    pairs = []
    for path in held_out:
        length = round(_seconds(path) / SAME_SECONDS)
        near = [other for place in (length, length - 1, length + 1) for other in by_length.get(place, ())]
        for other in near if length else ():
            for each in (path, other):
                if each not in beginnings:
                    beginnings[each] = _beginning(each) if len(beginnings) < MOST_READ else None
            if _same(beginnings[path], beginnings[other]):
                pairs.append((path, other))
                break
    return pairs


def _seconds(path: Path) -> float:
    import soundfile

    try:
        return float(soundfile.info(str(path)).duration)
    except (OSError, RuntimeError) as error:
        log.debug("%s: not compared (%s)", path, error)
        return 0.0


def _beginning(path: Path) -> Any:
    """The first seconds as one channel of unit size at a low rate, or None where there is nothing to compare."""
    import numpy as np
    import soundfile

    try:
        rate = soundfile.info(str(path)).samplerate
        wave, _ = soundfile.read(str(path), frames=round(COMPARED_SECONDS * rate), dtype="float32", always_2d=True)
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
    return mono / norm if norm > 1e-6 else None


def _same(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return False
    length = min(len(one), len(other))
    return abs(float(one[:length] @ other[:length])) > SAME
