"""Which files are held out to validate on: by file, before anything else is done with them."""

import math
import random
from collections.abc import Callable, Sequence
from pathlib import Path

from core.errors import DataError
from core.folders import relative_name
from core.run.events import SkippedFile
from core.training.presets import validation_fraction

Sides = tuple[list[Path], list[Path]]  # training and validation files


def held_out(groups: Sequence[Sequence[int]], fraction: float, seed: int) -> set[int]:
    """The indices of the files held out: about `fraction` of them, at least one, and at least one is left.

    `groups` are the indices of all files, those together that must stay on one side: copies and versions of one thing,
    or validation would judge what was trained on. There are two groups or more. The same groups and seed give the same
    choice. A half is rounded down: of few files no more are held out than are left to learn from.
    """
    order = list(groups)
    random.Random(seed).shuffle(order)
    count = sum(map(len, order))
    wanted = min(max(1, math.ceil(fraction * count - 0.5)), count - 1)
    chosen: set[int] = set()
    for group in order:
        if len(chosen) + len(group) <= wanted:
            chosen.update(group)
    return chosen or set(sorted(order, key=len)[0])  # the smallest, where each is larger than that


def sides(
    files: Sequence[Path],
    skipped: Sequence[SkippedFile],
    folder: Path,
    noun: str,
    names: frozenset[str],
    fraction: float | None,
    draw: Callable[[float], Sides],
) -> Sides:
    """The sides of a run on the `files` of `folder` that can be used: `names` (relative to it) were held out before.

    Without names the split is drawn, `draw(fraction)`; `fraction` None is by the number of files. `noun` is what a file
    is called. Raises DataError where there are fewer than two files, or those of a side are gone.
    """
    if len(files) < 2:
        why = f"; skipped {skipped[0].path}: {skipped[0].reason}" if skipped else ""
        raise DataError(
            f"{folder}: {len(files)} usable {noun}{'' if len(files) == 1 else 's'}, and 2 are the least "
            f"(one to learn from, one to judge by){why}; add {noun}s"
        )
    if not names:
        return draw(fraction or validation_fraction(len(files)))
    validation = [path for path in files if relative_name(path, folder) in names]
    training = [path for path in files if path not in set(validation)]
    if not training or not validation:
        raise DataError(f"{folder}: the {noun}s that this run was trained and judged on are gone; bring them back")
    return training, validation
