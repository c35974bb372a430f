"""The split into training and validation tunes: by tune, with all its versions, before anything else is done."""

from collections.abc import Sequence
from pathlib import Path

from core.errors import DataError
from core.midi.files import Tune
from core.midi.fingerprint import fingerprint, same_tunes
from core.training.split import held_out


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
    chosen = held_out(groups, fraction, seed)
    train = [path for index, (path, _) in enumerate(tunes) if index not in chosen]
    return train, [tunes[index][0] for index in sorted(chosen)]
