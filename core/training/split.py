"""Which files are held out to validate on: by file, before anything else is done with them."""

import math
import random
from collections.abc import Sequence


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
