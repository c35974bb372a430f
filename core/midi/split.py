"""The split into training and validation tunes: by tune, with all its versions, before anything else is done."""

import random
from collections.abc import Sequence
from pathlib import Path

from core.errors import DataError
from core.midi.files import Tune
from core.midi.fingerprint import fingerprint, same_tunes


def split_tunes(tunes: Sequence[tuple[Path, Tune]], fraction: float, seed: int) -> tuple[list[Path], list[Path]]:
    """(training, validation) files, each in the order given: about `fraction` of them held out, at least one on a side.

    The same tunes in the same order and the same seed give the same split. Versions of one tune (another key, tempo or
    ornament; see `core.midi.fingerprint`) stay on one side, or validation would judge what was trained on. Raises
    DataError for fewer than two different tunes.
    """
    groups = same_tunes([fingerprint(tune.notes) for _, tune in tunes])
    if len(groups) < 2:
        found = ("no tune", "1 tune", f"{len(tunes)} versions of one tune")[min(len(tunes), 2)]
        raise DataError(f"{found} found: at least 2 different ones are needed, one of them to validate on; add some")
    random.Random(seed).shuffle(groups)
    wanted = min(max(1, round(fraction * len(tunes))), len(tunes) - 1)
    held_out: set[int] = set()
    for group in groups:
        if len(held_out) + len(group) <= wanted:
            held_out.update(group)
    if not held_out:  # every tune has more versions than that
        fewest = min(groups, key=len)
        held_out.update(fewest)
    train = [path for index, (path, _) in enumerate(tunes) if index not in held_out]
    return train, [tunes[index][0] for index in sorted(held_out)]
