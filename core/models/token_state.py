"""What a prefix of tokens has come to: which pitches sound, how late it is, what was struck last, what may come next.

All of it follows from the tokens by counting. A network would have to learn that counting from examples; given the
result it learns the music instead. `states_after` does whole batches at once, `advance` one token more: they agree.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from core.midi.vocabulary import (
    ABSENT,
    LEVEL_VELOCITIES,
    MAX_SHIFT,
    NOTE_OFF,
    NOTE_ON,
    PITCHES,
    SIZE,
    TIME_SHIFT,
    VELOCITY,
)

NONE = -1


class TokenState(NamedTuple):
    """After a prefix of tokens; every field is [...], or [..., 128] for each pitch, of any leading shape. Pitches,
    levels and steps that there are none of yet are NONE, -1.

    "Now" is the time that the last time shift led to.
    """

    last: Tensor  # the last token, or ABSENT
    sounding: Tensor  # [..., 128] bool
    began: Tensor  # [..., 128] the step at which each pitch was last struck
    now: Tensor  # steps since the beginning
    level: Tensor  # of the last VELOCITY
    pitch: Tensor  # of the last NOTE_ON
    struck: Tensor  # the pitch last struck now and since the last VELOCITY
    ended: Tensor  # the pitch last ended now
    played: Tensor  # bool: whether anything was struck now
    onset: Tensor  # the step of the last NOTE_ON
    gap: Tensor  # steps between the last two times at which anything was struck
    top: Tensor  # the pitch struck last, in the order of tokens the highest, at the last time before now that had any
    before_top: Tensor  # the same one time earlier


def start_state(batch: int, device: torch.device | str = "cpu") -> TokenState:
    """The state before any token, [batch, ...]."""
    none = torch.full((batch,), NONE, device=device)
    flags = torch.zeros(batch, PITCHES, dtype=torch.bool, device=device)
    steps = torch.full((batch, PITCHES), NONE, device=device)
    zero = torch.zeros_like(none)
    return TokenState(
        none, flags, steps, zero, none, none, none, none, zero.bool(), none, none, none, none
    )  # fmt: skip


def states_after(tokens: Tensor) -> TokenState:
    """The state after each token of [batch, length], at once; a place that holds ABSENT changes nothing but `last`."""
    is_on, is_off, is_shift, is_level = kinds(tokens)
    index = torch.arange(tokens.shape[1], device=tokens.device)

    def latest(flag: Tensor) -> Tensor:
        """Where `flag` was last true, up to and with each place; NONE where it never was."""
        return torch.where(flag, index, NONE).cummax(dim=1).values

    def earlier(values: Tensor) -> Tensor:
        """Of the place before each."""
        return functional.pad(values[:, :-1], (1, 0), value=NONE)

    def at(values: Tensor, place: Tensor) -> Tensor:
        return torch.where(place >= 0, values.gather(1, place.clamp(min=0)), NONE)

    now = torch.where(is_shift, tokens - TIME_SHIFT + 1, 0).cumsum(dim=1)
    on, off, shift, loudness = latest(is_on), latest(is_off), latest(is_shift), latest(is_level)
    pitch = at(tokens - NOTE_ON, on)
    onset = at(now, on)
    played = on > shift
    first = latest(is_on & (earlier(on) <= shift))
    closed = latest(is_shift & (on > earlier(shift)))
    top = at(pitch, closed)

    strikes = functional.one_hot(torch.where(is_on, tokens - NOTE_ON, PITCHES), PITCHES + 1)[..., :PITCHES]
    ends = functional.one_hot(torch.where(is_off, tokens - NOTE_OFF, PITCHES), PITCHES + 1)[..., :PITCHES]
    return TokenState(
        last=tokens,
        sounding=(strikes - ends).to(torch.int16).cumsum(dim=1, dtype=torch.int16) > 0,
        began=(strikes * (now + 1)[..., None]).int().cummax(dim=1).values.long() - 1,
        now=now,
        level=at(tokens - VELOCITY, loudness),
        pitch=pitch,
        struck=torch.where(on > torch.maximum(shift, loudness), pitch, NONE),
        ended=torch.where(off > shift, at(tokens - NOTE_OFF, off), NONE),
        played=played,
        onset=onset,
        gap=at(torch.where(earlier(onset) >= 0, now - earlier(onset), NONE), first),
        top=top,
        before_top=at(earlier(top), closed),
    )


def advance(state: TokenState, token: Tensor) -> TokenState:
    """The state [batch, ...] after one more token [batch]; ABSENT changes nothing but `last`."""
    is_on, is_off, is_shift, is_level = kinds(token)
    pitches = torch.arange(PITCHES, device=token.device)
    strikes = pitches == torch.where(is_on, token - NOTE_ON, NONE)[:, None]
    ends = pitches == torch.where(is_off, token - NOTE_OFF, NONE)[:, None]
    now = state.now + torch.where(is_shift, token - TIME_SHIFT + 1, 0)
    struck = torch.where(is_shift | is_level, NONE, state.struck)
    gap = torch.where(state.onset >= 0, now - state.onset, NONE)
    closes = is_shift & state.played
    return TokenState(
        last=token,
        sounding=(state.sounding | strikes) & ~ends,
        began=torch.where(strikes, now[:, None], state.began),
        now=now,
        level=torch.where(is_level, token - VELOCITY, state.level),
        pitch=torch.where(is_on, token - NOTE_ON, state.pitch),
        struck=torch.where(is_on, token - NOTE_ON, struck),
        ended=torch.where(is_off, token - NOTE_OFF, torch.where(is_shift, NONE, state.ended)),
        played=torch.where(is_shift, False, state.played | is_on),
        onset=torch.where(is_on, now, state.onset),
        gap=torch.where(is_on & ~state.played, gap, state.gap),
        top=torch.where(closes, state.pitch, state.top),
        before_top=torch.where(closes, state.top, state.before_top),
    )


def allowed(state: TokenState) -> Tensor:
    """Which tokens keep a sequence canonical after `state`: bool [..., 774].

    At one time notes end by rising pitch, then notes begin by rising level and pitch; a VELOCITY says a new level and
    is followed by a note; a pause is one time shift, but for those of more than 512 steps. Nothing sounds twice.
    """
    pitches = torch.arange(PITCHES, device=state.now.device)
    levels = torch.arange(len(LEVEL_VELOCITIES), device=state.now.device)
    after_level = state.last >= VELOCITY
    after_short_shift = (state.last >= TIME_SHIFT) & (state.last < TIME_SHIFT + MAX_SHIFT - 1)
    strike = ~state.sounding & (pitches > state.struck[..., None]) & (state.level >= 0)[..., None]
    end = state.sounding & (pitches > state.ended[..., None]) & ~(state.played | after_level)[..., None]
    wait = ~(after_level | after_short_shift)
    louder = torch.where(state.played[..., None], levels > state.level[..., None], levels != state.level[..., None])
    change = louder & ~after_level[..., None]
    return torch.cat([strike, end, wait[..., None].expand(*wait.shape, MAX_SHIFT), change], dim=-1)


def kinds(tokens: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Which tokens are NOTE_ON, NOTE_OFF, TIME_SHIFT, VELOCITY; ABSENT is none of them."""
    return (
        (tokens > ABSENT) & (tokens < NOTE_OFF),
        (tokens >= NOTE_OFF) & (tokens < TIME_SHIFT),
        (tokens >= TIME_SHIFT) & (tokens < VELOCITY),
        (tokens >= VELOCITY) & (tokens < SIZE),
    )
