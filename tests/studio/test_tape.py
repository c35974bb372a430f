"""Sounds in a row and over and over, sample by sample, whatever the device asks for at a time."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from distill_tui.playhead import FADE_SECONDS, RAMP_SECONDS, Playhead
from distill_tui.tape import Place, Tape

RATE = 48_000
FADE = round(FADE_SECONDS * RATE)
calm = settings(deadline=None, max_examples=50)  # a block of one frame costs as much as one of a thousand
BLOCKS = st.lists(st.integers(1, 700), min_size=1, max_size=12)
LENGTHS = st.lists(st.integers(1, 900), min_size=1, max_size=6)


def noise(frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(-32_768, 32_767, (frames, 1)).astype(np.int16)


def parts(lengths: list[int]) -> list[np.ndarray]:
    return [noise(length, seed) for seed, length in enumerate(lengths)]


def pull(playhead: Playhead, sizes: list[int], frames: int) -> tuple[np.ndarray, bool]:
    """At least so many frames, or all that there are."""
    heard, turn, ended = [np.zeros((0, 1), np.int16)], 0, False
    while not ended and sum(map(len, heard)) < frames:
        heard.append(np.full((sizes[turn % len(sizes)], 1), 12_345, np.int16))
        ended = playhead.fill(heard[-1])
        turn += 1
    return np.concatenate(heard), ended


@calm
@given(LENGTHS, BLOCKS)
def test_a_row_is_its_sounds_one_after_another_and_not_a_sample_else(lengths: list[int], sizes: list[int]) -> None:
    row = parts(lengths)
    heard, ended = pull(Playhead(Tape(*row), RATE), sizes, 10**6)
    assert ended
    assert np.array_equal(heard[: sum(lengths)], np.concatenate(row))
    assert not heard[sum(lengths) :].any()
    assert len(heard) - sum(lengths) < max(sizes)


@calm
@given(LENGTHS, BLOCKS, st.integers(1, 3_000))
def test_a_loop_begins_anew_right_after_its_last_sample(lengths: list[int], sizes: list[int], frames: int) -> None:
    whole = np.concatenate(parts(lengths))
    heard, ended = pull(Playhead(Tape(*parts(lengths)), RATE, loop=True), sizes, frames)
    assert not ended
    assert np.array_equal(heard, np.resize(whole, heard.shape))


@calm
@given(LENGTHS, BLOCKS, st.integers(1, 2_000))
def test_a_loop_that_is_ended_plays_to_its_end(lengths: list[int], sizes: list[int], frames: int) -> None:
    whole = np.concatenate(parts(lengths))
    playhead = Playhead(Tape(*parts(lengths)), RATE, loop=True)
    before, _ = pull(playhead, sizes, frames)
    playhead.loop = False
    after, ended = pull(playhead, sizes, 10**6)
    rest = -len(before) % len(whole)
    assert ended
    assert np.array_equal(after[:rest], whole[len(whole) - rest :])
    assert not after[rest:].any()


@calm
@given(LENGTHS, BLOCKS, st.data())
def test_sounds_that_come_while_it_plays_leave_no_gap_and_no_sample_out(
    lengths: list[int], sizes: list[int], data: st.DataObject
) -> None:
    row = parts(lengths)
    tape = Tape(row[0], whole=False)
    playhead = Playhead(tape, RATE)
    heard = []
    for part in row[1:]:
        room = tape.frames - playhead.position
        some, ended = pull(playhead, [data.draw(st.integers(1, room))], 1) if room else (row[0][:0], False)
        heard.append(some)
        assert not ended
        tape.add(part)
    tape.finish()
    some, ended = pull(playhead, sizes, 10**6)
    assert ended
    assert np.array_equal(np.concatenate([*heard, some])[: sum(lengths)], np.concatenate(row))


def test_a_row_whose_next_sound_is_late_waits_in_silence_and_goes_on() -> None:
    first, second = parts([300, 300])
    tape = Tape(first, whole=False)
    playhead = Playhead(tape, RATE, loop=True)
    heard, ended = pull(playhead, [200], 1_000)
    assert not ended
    assert playhead.position == 300
    tape.add(second)
    tape.finish()
    assert np.array_equal(heard[:300], first)
    assert not heard[300:].any()
    assert np.array_equal(pull(playhead, [600], 600)[0], np.concatenate([second, first]))


@settings(calm, max_examples=50)
@given(st.integers(400, 3_000), st.integers(400, 3_000), BLOCKS, st.integers(1, 6_000))
def test_another_side_of_a_loop_goes_on_at_the_same_place(one: int, other: int, sizes: list[int], frames: int) -> None:
    playhead = Playhead(noise(one), RATE, loop=True)
    before, _ = pull(playhead, sizes, frames)
    reconstruction = noise(other, 1)
    playhead.toggle(reconstruction)
    heard, ended = pull(playhead, sizes, FADE + 2_000)
    at = ((len(before) - 1) % one + 1) % other  # the end of a round is its beginning only once a sample follows
    expected = np.resize(np.roll(reconstruction, -at, axis=0), heard.shape)
    assert not ended
    assert np.array_equal(heard[FADE:], expected[FADE:])


def test_within_a_row_the_other_side_goes_on_at_the_place_within_the_sound() -> None:
    row, original = parts([1_000, 1_000, 1_000]), noise(1_000, 9)
    playhead = Playhead(Tape(*row), RATE)
    pull(playhead, [1_300], 1_300)
    playhead.toggle(original)
    heard, _ = pull(playhead, [700], 700)
    assert np.array_equal(heard[FADE:], original[300 + FADE :])


def test_stopping_a_loop_fades_and_ends() -> None:
    playhead = Playhead(noise(500), RATE, loop=True)
    pull(playhead, [700], 700)
    playhead.stop()
    tail, ended = pull(playhead, [64], 10**6)
    assert ended
    assert not tail[FADE:].any()


@calm
@given(LENGTHS, st.integers(0, 5_000))
def test_what_is_heard_is_named_by_its_part_and_the_frame_within(lengths: list[int], frames: int) -> None:
    tape, whole = Tape(*parts(lengths)), np.concatenate(parts(lengths))
    index, frame = tape.part_at(frames)
    if frames < len(whole):
        assert parts(lengths)[index][frame] == whole[frames]
    else:
        assert index == len(lengths) - 1


def test_what_is_on_its_way_to_the_ear_reaches_back_over_the_seam() -> None:
    tape = Tape(*parts([300, 200]))
    assert tape.before(Place(50, 1), 100) == 450
    assert tape.before(Place(50, 0), 100) == 0
    assert tape.before(Place(350, 0), 100) == 250


@calm
@given(BLOCKS)
def test_full_level_changes_no_bit_and_a_lower_one_only_scales(sizes: list[int]) -> None:
    sound = noise(1_500)
    soft, _ = pull(Playhead(sound, RATE, gain=0.25), sizes, 10**6)
    assert np.array_equal(soft[:1_500], np.rint(sound * 0.25).astype(np.int16))


@settings(calm, max_examples=30)
@given(BLOCKS, st.lists(st.sampled_from([10 ** (db / 20) for db in range(-30, 1, 3)]), min_size=1, max_size=6))
def test_a_change_of_volume_glides_and_arrives(sizes: list[int], levels: list[float]) -> None:
    steady = np.full((40_000, 1), 30_000, np.int16)
    playhead = Playhead(steady, RATE)
    heard = []
    for level in levels:
        playhead.gain = level
        heard.append(pull(playhead, sizes, 700)[0])
    heard.append(pull(playhead, sizes, round(RAMP_SECONDS * RATE))[0])
    joined = np.concatenate(heard)[:, 0].astype(int)
    assert np.abs(np.diff(np.r_[30_000, joined])).max() <= 30_000 / (RAMP_SECONDS * RATE) + 1
    assert joined.max() <= 30_000
    assert joined[-1] == round(30_000 * levels[-1])
