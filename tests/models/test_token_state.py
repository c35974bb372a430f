"""The state of a prefix: two ways to count it that agree, and a grammar that real music keeps."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.midi.tokens import decode, encode
from core.midi.vocabulary import ABSENT, NOTE_OFF, NOTE_ON, SIZE, TIME_SHIFT, VELOCITY, Note, shift_token
from core.models.token_state import NONE, TokenState, advance, allowed, start_state, states_after

NOTES = st.builds(
    lambda start, length, pitch, level: Note(start, start + length, pitch, level),
    st.integers(0, 1400), st.integers(1, 1200), st.integers(50, 70), st.integers(0, 5),
)  # fmt: skip


def rows(*sequences: list[int]) -> Tensor:
    length = max(map(len, sequences))
    return torch.tensor([row + [ABSENT] * (length - len(row)) for row in sequences])


def step_by_step(tokens: Tensor) -> list[TokenState]:
    """The states before each token and after the last."""
    states = [start_state(len(tokens))]
    for token in tokens.T:
        states.append(advance(states[-1], token))
    return states


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(NOTES, min_size=1, max_size=20), min_size=1, max_size=3))
def test_all_at_once_is_as_one_after_another(tunes: list[list[Note]]) -> None:
    tokens = rows(*(encode(tune) for tune in tunes))
    at_once = states_after(tokens)
    for place, state in enumerate(step_by_step(tokens)[1:]):
        for name, whole, single in zip(TokenState._fields, at_once, state, strict=True):
            assert torch.equal(whole[:, place].long(), single.long()), (name, place)


@settings(max_examples=60, deadline=None)
@given(st.lists(NOTES, min_size=1, max_size=30))
def test_whatever_is_canonical_is_allowed(tune: list[Note]) -> None:
    tokens = rows(encode(tune))
    for token, state in zip(tokens[0], step_by_step(tokens), strict=False):
        assert allowed(state)[0, token]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31))
def test_whatever_is_allowed_is_canonical(seed: int) -> None:
    """A walk along allowed tokens, ended when all is silent, is what its own notes are encoded as."""
    generator = torch.Generator().manual_seed(seed)
    state, written = start_state(1), []
    for count in range(80):
        weights = allowed(state)[0].float()
        weights[TIME_SHIFT : VELOCITY - 1] *= 0.02  # or nothing but pauses would come
        weights[VELOCITY - 1] *= 2
        weights[NOTE_OFF:TIME_SHIFT] *= 40
        if not written:
            weights[TIME_SHIFT:VELOCITY] = 0
        if count > 50:  # now only what brings it to an end
            weights[NOTE_ON:NOTE_OFF] = 0 if written[-1] < VELOCITY else weights[NOTE_ON:NOTE_OFF]
            weights[VELOCITY:] = 0
        if not weights.any() or (count > 50 and not state.sounding.any() and written[-1] < TIME_SHIFT):
            break
        token = int(torch.multinomial(weights, 1, generator=generator))
        written.append(token)
        state = advance(state, torch.tensor([token]))
    while state.sounding.any():
        tokens = allowed(state)[0].nonzero()[:, 0]
        ends = tokens[(tokens >= NOTE_OFF) & (tokens < TIME_SHIFT)]
        token = int(ends[0]) if len(ends) else shift_token(3)
        if not allowed(state)[0, token]:
            token = int(tokens[0])
        written.append(token)
        state = advance(state, torch.tensor([token]))
    while written and TIME_SHIFT <= written[-1] < VELOCITY:
        written.pop()
    assert encode(decode(written)) == written


def test_a_state_says_what_was_played() -> None:
    chord, off = [VELOCITY + 3, 48, 52, 60], [NOTE_OFF + 60]
    tokens = rows([*chord, shift_token(16), *off, 62, shift_token(32), NOTE_OFF + 62, 64])
    state = step_by_step(tokens)[-1]

    assert state.sounding[0].nonzero()[:, 0].tolist() == [48, 52, 64]
    assert state.now.tolist() == state.onset.tolist() == [48]
    assert state.gap.tolist() == [32]
    assert (state.pitch.item(), state.top.item(), state.before_top.item()) == (64, 62, 60)
    assert (state.level.item(), state.struck.item(), state.ended.item()) == (3, 64, 62)
    assert state.began[0, [48, 60, 62, 64, 5]].tolist() == [0, 0, 16, 48, NONE]
    assert state.played.item()
    assert not allowed(state)[0, NOTE_OFF + 48], "ends come before beginnings"
    assert not allowed(state)[0, 50], "notes of one level begin by rising pitch"
    assert allowed(state)[0, 65]


def test_padding_changes_nothing_but_what_came_last() -> None:
    state = states_after(rows([VELOCITY, 60, shift_token(4)], [VELOCITY]))
    for name, field in zip(TokenState._fields, state, strict=True):
        if name != "last":
            assert torch.equal(field[1, 0], field[1, 2]), name


def test_the_first_token_is_a_level_or_a_pause() -> None:
    tokens = allowed(start_state(1))[0].nonzero()[:, 0]
    assert tokens.tolist() == list(range(TIME_SHIFT, SIZE))
