"""Voice leading: how far the top line leaps."""

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.losses.expected import Expected, expected_cost, next_place, pitch_table
from core.midi.vocabulary import NOTE_OFF, PITCHES, TIME_SHIFT, VELOCITY

LARGEST_FREE = 7  # semitones: up to a fifth a line moves as it likes (Huron 2001: few leaps in melodies are larger)
RANGE = 12  # semitones more than that are as bad as it gets


class VoiceLeadingConstraint(nn.Module):
    """The mean of max(0, |leap| - 7 semitones) / 12, up to 1, over the notes of the top line: 0 for steps, 1 from an
    octave and a fifth on.

    The top line is what is struck above everything that sounds then; a chord below a melody that is held is no part of
    it. Judged is every place where its next note was written, by the pitches that the model thought of there.
    """

    def __init__(self) -> None:
        super().__init__()
        leaps = torch.arange(PITCHES).float()
        cost = pitch_table(((leaps - LARGEST_FREE) / RANGE).clamp(0, 1))
        self.register_buffer("cost", cost, persistent=False)

    def forward(self, expected: Expected) -> Tensor:
        top, former = top_line(expected)
        judged = top & (former >= 0)
        cost = functional.embedding(former.clamp(min=0), cast(Tensor, self.cost).to(expected.strike.dtype))
        return expected_cost(cost, expected.strike * judged[..., None])


@torch.no_grad()
def top_line(expected: Expected) -> tuple[Tensor, Tensor]:
    """Where the written tokens [batch, length] strike the top line, and its pitch before each place (-1: none yet)."""
    tokens = expected.tokens
    index = torch.arange(tokens.shape[1], device=tokens.device)
    pitches = torch.arange(1, PITCHES + 1, device=tokens.device)
    highest = (expected.sounding * pitches).amax(dim=-1) - 1
    above = (tokens > highest) & (tokens >= 0) & (tokens < NOTE_OFF)
    shifts = (tokens >= TIME_SHIFT) & (tokens < VELOCITY)
    # Of what is struck at one time above all that sounds, the last is the highest.
    top = above & (next_place(above) >= next_place(shifts))
    last = torch.where(top, index, -1).cummax(dim=1).values
    last = functional.pad(last[:, :-1], (1, 0), value=-1)
    return top, torch.where(last >= 0, tokens.gather(1, last.clamp(min=0)), -1)
