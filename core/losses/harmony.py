"""Harmony: how harsh the intervals are between what is struck and what sounds."""

from typing import cast

import torch
from torch import Tensor, nn

from core.losses.expected import Expected, expected_cost
from core.midi.vocabulary import PITCHES

# Consonance of the interval classes of 1 to 6 semitones (Huron 1994, "Interval-Class Content in Equally Tempered
# Pitch-Class Sets", from three listening studies): seconds and sevenths, thirds and sixths, fourths and
# fifths, tritone.
CONSONANCE = (-1.428, -0.582, 0.594, 0.386, 1.240, -0.453)
SEMITONES = 12


def harshness(tritone_penalty: float) -> Tensor:
    """[12] from 0 (octave, fifth) to 1 (minor second), for each number of semitones within an octave.

    `tritone_penalty` is added to the tritone's own 0.63, up to 1.
    """
    best, worst = max(CONSONANCE), min(CONSONANCE)
    classes = [0.0, *((best - consonance) / (best - worst) for consonance in CONSONANCE)]
    classes[6] = min(1.0, classes[6] + tritone_penalty)
    return torch.tensor([classes[min(interval, SEMITONES - interval)] for interval in range(SEMITONES)])


class HarmonyConstraint(nn.Module):
    """The mean harshness, 0 to 1, of the intervals between a note that is struck and those that sound then.

    Octaves count as unisons, so that pairs can be had of pitch classes. Every pair is counted once, by its later note.
    Where nothing sounds there is nothing to judge: a melody alone is 0.
    """

    def __init__(self, tritone_penalty: float = 0.3) -> None:
        super().__init__()
        classes = torch.arange(SEMITONES)
        table = harshness(tritone_penalty)[(classes[:, None] - classes) % SEMITONES]
        self.register_buffer("table", table, persistent=False)
        folded = nn.functional.one_hot(torch.arange(PITCHES) % SEMITONES, SEMITONES).float()
        self.register_buffer("folded", folded, persistent=False)

    def forward(self, expected: Expected) -> Tensor:
        folded = cast(Tensor, self.folded).to(expected.strike.dtype)
        company = expected.sounding.to(folded.dtype) @ folded
        struck = expected.strike @ folded
        harsh = company @ cast(Tensor, self.table).to(folded.dtype)
        pairs = company.sum(dim=-1, keepdim=True)
        # Harshness of each struck pitch class with its company, on average; the pairs are how often that counts.
        return expected_cost(harsh / pairs.clamp(min=1), struck * pairs)
