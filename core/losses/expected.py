"""What a model is about to write at each place, after what has been written: what the musical constraints judge.

The past is given, as tokens, and the next token is a distribution: with teacher forcing the two belong together, and an
expected value over the softmax is then exact. A past that is itself expected, as a running sum of probabilities, is
not: tails add up, and after a hundred tokens every pitch of the scale half sounds.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from core.midi.vocabulary import ABSENT, NOTE_OFF, NOTE_ON, PITCHES, TIME_SHIFT, VELOCITY
from core.models.token_state import states_after


class Expected(NamedTuple):
    """At each place, [batch, length] first. Only `strike` and `shift` have a gradient."""

    strike: Tensor  # [..., 128] the probability that this pitch is struck
    shift: Tensor  # [..., 512] the probability that 1 to 512 steps pass
    tokens: Tensor  # what was written here, ABSENT where nothing was
    sounding: Tensor  # [..., 128] bool: which pitches sound before
    since: Tensor  # steps since the last onset before
    gap: Tensor  # steps between the last two onsets before; -1 where there were not two


def expected_music(logits: Tensor, tokens: Tensor | None = None, mask: Tensor | None = None) -> Expected:
    """From logits [batch, length, 774] and the `tokens` [batch, length] that they were conditioned on.

    Places of ABSENT, or where `mask` is false, count as not there: they must be at the ends of rows. Without `tokens`
    the likeliest at each place is taken for written.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    if tokens is None:
        tokens = logits.detach().argmax(dim=-1)
    if mask is not None:
        tokens = torch.where(mask, tokens, ABSENT)
    there = (tokens >= 0)[..., None]
    # The token that would be 774 is none: what is not there strikes nothing and lets no time pass.
    probabilities = torch.where(there, logits, 0).softmax(dim=-1) * there
    with torch.no_grad():
        before = states_after(functional.pad(tokens[:, :-1], (1, 0), value=ABSENT))
    return Expected(
        strike=probabilities[..., NOTE_ON:NOTE_OFF],
        shift=probabilities[..., TIME_SHIFT:VELOCITY],
        tokens=tokens,
        sounding=before.sounding,
        since=before.now - before.onset,
        gap=before.gap,
    )


def pitch_table(of_interval: Tensor) -> Tensor:
    """[128, 128] for each two pitches, from [128] for each number of semitones between them."""
    pitches = torch.arange(PITCHES)
    return of_interval[(pitches[:, None] - pitches).abs()]


def next_place(flag: Tensor) -> Tensor:
    """Where `flag` [batch, length] is true next, after each place; the length where it never is again."""
    length = flag.shape[1]
    index = torch.arange(length, device=flag.device)
    upto = torch.where(flag, index, length).flip(1).cummin(dim=1).values.flip(1)
    return functional.pad(upto[:, 1:], (0, 1), value=length)


def expected_cost(cost: Tensor, probability: Tensor) -> Tensor:
    """The mean of `cost` over the events whose probabilities are given, both of one shape: a scalar.

    The mean, not the sum: fewer notes are no way to a better one. Less than one event counts as one, so that what is
    not likely at all does not weigh as much as a whole tune.
    """
    return (probability * cost).sum() / probability.sum().clamp(min=1)
