"""Phrases of tokens, and logits that are nearly sure of them."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from core.midi.tokens import encode
from core.midi.vocabulary import ABSENT, SIZE, Note

SURE = 30.0


def tune(*onsets: tuple[int, Sequence[int]], length: int = 8) -> Tensor:
    """Tokens [1, length] of chords, each (start in steps, pitches), whose notes last `length` steps."""
    return rows([encode([Note(start, start + length, pitch, 3) for start, chord in onsets for pitch in chord])])


def rows(sequences: Sequence[Sequence[int]]) -> Tensor:
    """[batch, longest], ABSENT at the ends."""
    longest = max(map(len, sequences))
    return torch.tensor([[*row, *[ABSENT] * (longest - len(row))] for row in sequences])


def sure_of(tokens: Tensor) -> Tensor:
    """Logits [batch, length, 774] of a model that knows the tokens."""
    return SURE * functional.one_hot(tokens.clamp(min=0), SIZE).float()


def unsure(tokens: Tensor, seed: int = 0) -> Tensor:
    """Random logits [batch, length, 774], leaves with requires_grad."""
    return torch.randn(*tokens.shape, SIZE, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def padded(tokens: Tensor, logits: Tensor, places: int, rows: int = 0) -> tuple[Tensor, Tensor]:
    """The same with padding at the ends of rows and rows of padding, where the logits say anything."""
    noise = 20 * torch.randn(len(tokens) + rows, tokens.shape[1] + places, SIZE)
    noise[: len(tokens), : tokens.shape[1]] = logits
    return functional.pad(tokens, (0, places, 0, rows), value=ABSENT), noise


MELODY = tune((0, [60, 64]), (16, [62]), (32, [64, 55]), (48, [65]), (64, [67, 60]), (96, [72]), (112, [71, 59, 62]))
