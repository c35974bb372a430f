"""The callback's part of the player, driven by hand: every sample accounted for, and no click at a switch."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from distill_tui.playhead import FADE_SECONDS, Playhead

RATE = 48_000
FADE = round(FADE_SECONDS * RATE)
BLOCKS = st.lists(st.integers(1, 700), min_size=1, max_size=40)


def sine(hz: float, frames: int = 6_000, level: float = 16_000) -> np.ndarray:
    return np.rint(level * np.sin(2 * np.pi * hz * np.arange(frames) / RATE)).astype(np.int16)[:, None]


def noise(frames: int = 6_000, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-9_000, 9_000, (frames, 1)).astype(np.int16)


def pull(playhead: Playhead, frames: int) -> tuple[np.ndarray, bool]:
    block = np.full((frames, 1), 12_345, np.int16)
    ended = playhead.fill(block)
    return block, ended


def pull_all(playhead: Playhead, sizes: list[int]) -> np.ndarray:
    """Everything to the end, in blocks of the given sizes, repeated."""
    parts, ended, turn = [], False, 0
    while not ended:
        part, ended = pull(playhead, sizes[turn % len(sizes)])
        parts.append(part)
        turn += 1
    return np.concatenate(parts)


@given(BLOCKS)
def test_any_blocks_give_the_sound_and_then_silence(sizes: list[int]) -> None:
    sound = noise()
    heard = pull_all(Playhead(sound, RATE), sizes)
    assert np.array_equal(heard[: len(sound)], sound)
    assert not heard[len(sound) :].any()


@given(BLOCKS, st.integers(0, 5_000))
def test_the_position_counts_what_was_handed_out(sizes: list[int], frames: int) -> None:
    playhead = Playhead(noise(), RATE)
    if frames:
        pull(playhead, frames)
    assert playhead.position == frames


@given(BLOCKS, st.integers(0, 5_500))
def test_toggling_goes_on_at_the_same_position(sizes: list[int], at: int) -> None:
    one, other = noise(seed=1), noise(seed=2)
    playhead = Playhead(one, RATE)
    before = pull(playhead, at)[0] if at else one[:0]
    playhead.toggle(other)
    after = pull_all(playhead, sizes)
    assert np.array_equal(before, one[:at])
    assert np.array_equal(after[FADE : len(other) - at], other[at + FADE :])


@given(BLOCKS, st.integers(0, 5_000))
def test_toggling_to_the_same_sound_changes_not_one_sample(sizes: list[int], at: int) -> None:
    sound = noise()
    playhead = Playhead(sound, RATE)
    if at:
        pull(playhead, at)
    playhead.toggle(sound.copy())
    assert np.array_equal(pull_all(playhead, sizes)[: len(sound) - at], sound[at:])


def largest_step(samples: np.ndarray) -> int:
    return int(np.abs(np.diff(samples[:, 0].astype(int))).max())


@pytest.mark.parametrize("at", [1_003, 2_500, 4_444])
def test_a_toggle_never_jumps_more_than_the_sounds_themselves_do(at: int) -> None:
    one, other = sine(200), sine(310)
    hard_cut = np.concatenate([one[:at], other[at:]])
    playhead = Playhead(one, RATE)
    before = pull(playhead, at)[0]
    playhead.toggle(other)
    joined = np.concatenate([before, pull_all(playhead, [128])])[:5_900]
    allowed = 1.5 * max(largest_step(one), largest_step(other))
    assert largest_step(joined) <= allowed
    assert largest_step(hard_cut) > allowed, "the cut that the crossfade is there for is not audible here"


def test_the_crossfade_keeps_the_power_of_unrelated_sounds() -> None:
    one, other = noise(FADE * 40, seed=3), noise(FADE * 40, seed=4)
    powers = []
    for start in range(0, FADE * 38, FADE):
        playhead = Playhead(one, RATE)
        if start:
            pull(playhead, start)
        playhead.toggle(other)
        powers.append(float((pull(playhead, FADE)[0].astype(float) ** 2).mean()))
    assert np.mean(powers) == pytest.approx(float((one.astype(float) ** 2).mean()), rel=0.05)


@given(BLOCKS, st.integers(1, 5_000))
def test_a_stop_fades_out_and_ends(sizes: list[int], at: int) -> None:
    sound = sine(200)
    playhead = Playhead(sound, RATE)
    before = pull(playhead, at)[0]
    playhead.stop()
    tail = pull_all(playhead, sizes)
    assert not tail[FADE:].any()
    assert len(tail) < FADE + max(sizes)
    assert largest_step(np.concatenate([before, tail])) <= 1.5 * largest_step(sound)


def test_the_next_sound_begins_whole_while_the_last_fades_under_it() -> None:
    playhead = Playhead(sine(200), RATE)
    pull(playhead, 1_030)
    attack = np.zeros_like(sine(200))
    attack[0] = 15_000
    playhead.start(attack)
    heard = pull(playhead, 400)[0]
    assert heard[0, 0] > 14_000
    assert playhead.position == 400
    assert not heard[FADE:].any()


def test_toggling_past_the_end_of_a_shorter_sound_fades_and_ends() -> None:
    playhead = Playhead(sine(200, 6_000), RATE)
    pull(playhead, 3_000)
    playhead.toggle(sine(200, 1_000))
    tail = pull_all(playhead, [64])
    assert len(tail) <= FADE + 64
    assert tail[: FADE // 2].any()


def test_only_the_newest_of_several_requests_is_carried_out() -> None:
    one, other, third = noise(seed=1), noise(seed=2), noise(seed=3)
    playhead = Playhead(one, RATE)
    pull(playhead, 500)
    playhead.toggle(other)
    playhead.stop()
    playhead.toggle(third)
    assert playhead.waiting
    heard = pull(playhead, 1_000)[0]
    assert not playhead.waiting
    assert np.array_equal(heard[FADE:], third[500 + FADE : 1_500])
