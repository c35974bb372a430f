"""Rhythm regularity: whether the time to the next onset is in a simple proportion to the one before."""

import math

import torch
from torch import Tensor

from core.losses.expected import Expected, expected_cost, next_place
from core.midi.vocabulary import MAX_SHIFT, NOTE_OFF, TIME_SHIFT, VELOCITY

FOURTH = math.log2(4 / 3)  # octaves of time from a power of two to 3 : 4, and as far on the other side to 2 : 3
FARTHEST = FOURTH / 2
HALF_STEP = 0.5 / math.log(2)  # what rounding to the grid may change, in octaves, for an interval of one step


def rhythm_irregularity(expected: Expected) -> Tensor:
    """How far the intervals between onsets are, on average, from simple proportions to the interval before: 0 to 1.

    Simple are the powers of two, and times 3 or 3/2: even notes, halves, dotted notes, triplets. The distance to the
    nearest is taken in octaves of time, less what rounding to the grid may be to blame for; 1 is the farthest there
    is, and intervals drawn at random come to about 0.25. It is the proportion, not the variance: a rhythm of quarters
    and eighths is as regular as one of quarters alone. Neighbouring intervals are what makes a rhythm easy or hard to
    keep (Povel 1981: ratios of 1 and 2 are reproduced as they are, others drawn towards them).

    Judged is every time shift that leads to an onset and has two onsets before it: what else the model thought of
    there, weighted by its probability.
    """
    tokens = expected.tokens
    shifts = (tokens >= TIME_SHIFT) & (tokens < VELOCITY)
    strikes = (tokens >= 0) & (tokens < NOTE_OFF)
    judged = shifts & (next_place(strikes) < next_place(shifts)) & (expected.gap > 0)
    cost = _irregularity(expected.since, expected.gap.clamp(min=1))
    return expected_cost(cost, expected.shift * judged[..., None])


@torch.no_grad()
def _irregularity(since: Tensor, gap: Tensor) -> Tensor:
    """[..., 512]: of an onset so many steps from here, after `since` steps and a last interval of `gap` steps."""
    steps = torch.arange(1, MAX_SHIFT + 1, device=since.device)
    interval = (since[..., None] + steps).float()
    octaves = interval.log2() - gap[..., None].float().log2()
    from_power = (octaves - octaves.round()).abs()
    distance = torch.minimum(from_power, (from_power - FOURTH).abs())
    rounding = HALF_STEP * (1 / interval + 1 / gap[..., None])
    return (distance - rounding).clamp(min=0) / FARTHEST
