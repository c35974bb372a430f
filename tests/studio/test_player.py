"""The player without a device: a speaker whose blocks the test itself asks for."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hand_speaker import RATE, Bench, HandSpeaker, sound

from distill_tui.hearing import Availability
from distill_tui.player import Player, Progress
from distill_tui.wav import Sound


@pytest.fixture
def bench() -> Bench:
    return Bench()


@pytest.fixture
def player(bench: Bench) -> Iterator[Player]:
    player = Player(bench.open, lambda: Availability(False, "no sound device on this machine", "connect one"))
    yield player
    player.close()


def until(player: Player, wanted: Callable[[Progress], bool]) -> Progress:
    deadline = time.monotonic() + 5
    while not wanted(progress := player.progress()):
        assert time.monotonic() < deadline, f"still {progress}"
        time.sleep(0.002)
    return progress


def playing(player: Player, bench: Bench, sound: Sound) -> HandSpeaker:
    player.play(sound)
    until(player, lambda p: p.state == "playing" and p.sound is sound)
    return bench.speaker


def test_every_sample_is_played_once_and_the_end_is_noticed(player: Player, bench: Bench) -> None:
    wanted = sound()
    speaker = playing(player, bench, wanted)
    heard = np.concatenate([speaker.pull(1_000) for _ in range(48)])
    assert np.array_equal(heard, wanted.samples)
    assert until(player, lambda p: p.state == "silent").sound is None
    assert speaker.closed


def test_progress_is_the_position_less_the_way_to_the_ear(player: Player, bench: Bench) -> None:
    bench.latency = 30.0
    speaker = playing(player, bench, sound(60, rate=8_000))
    speaker.pull(8_000 * 40)
    assert player.progress().seconds == pytest.approx(10, abs=0.5)


def test_asking_and_progress_return_at_once_while_the_device_hangs(player: Player, bench: Bench) -> None:
    bench.hold.clear()
    started = time.monotonic()
    player.play(sound())
    player.play(sound(seed=1))
    player.toggle(sound(seed=2))
    assert player.progress().state == "opening"
    player.stop()
    assert player.progress().state == "silent"
    assert time.monotonic() - started < 0.2
    bench.hold.set()


def test_a_toggle_stays_in_the_same_stream_at_the_same_sample(player: Player, bench: Bench) -> None:
    original, reconstruction = sound(seed=1), sound(seed=2)
    speaker = playing(player, bench, original)
    speaker.pull(10_000)
    player.toggle(reconstruction)
    until(player, lambda p: p.sound is reconstruction)
    time.sleep(0.05)
    heard = speaker.pull(5_000)
    assert np.array_equal(heard[480:], reconstruction.samples[10_480:15_000])
    assert len(bench.speakers) == 1


def test_a_toggle_while_nothing_plays_begins_at_the_start(player: Player, bench: Bench) -> None:
    wanted = sound()
    player.toggle(wanted)
    until(player, lambda p: p.state == "playing")
    assert np.array_equal(bench.speaker.pull(500), wanted.samples[:500])


def test_the_end_of_an_old_sound_does_not_end_the_new_one(player: Player, bench: Bench) -> None:
    """PortAudio's finished callback fires on close as well, and for the old stream after the new one plays."""
    first, second = sound(seed=1, rate=44_100), sound(seed=2)
    old = playing(player, bench, first)
    generation = player.progress().generation
    playing(player, bench, second)
    assert old.closed
    old.pull(100_000)
    time.sleep(0.05)
    now = player.progress()
    assert (now.state, now.sound) == ("playing", second)
    assert now.generation == generation + 1


def test_a_sound_asked_for_as_the_last_one_ends_is_played(player: Player, bench: Bench) -> None:
    first, second = sound(0.1, seed=1), sound(seed=2)
    speaker = playing(player, bench, first)
    block = np.zeros((4_800, 1), np.int16)
    assert speaker._fill(block), "the last block is handed out ..."
    player.play(second)
    until(player, lambda p: p.sound is second)
    time.sleep(0.05)
    speaker._finished()  # ... but the device reports it only after the next sound was asked for
    until(player, lambda p: p.state == "playing" and len(bench.speakers) == 2)
    assert np.array_equal(bench.speaker.pull(700), second.samples[:700])


def test_stop_fades_and_closes(player: Player, bench: Bench) -> None:
    speaker = playing(player, bench, sound())
    speaker.pull(1_000)
    player.stop()
    assert player.progress().state == "silent"
    time.sleep(0.05)
    tail = speaker.pull(1_000)
    assert tail[:100].any()
    assert not tail[240:].any()
    deadline = time.monotonic() + 5
    while not speaker.closed and time.monotonic() < deadline:
        time.sleep(0.002)
    assert speaker.closed


def test_stop_on_a_device_that_asks_for_nothing_more_still_closes_it(player: Player, bench: Bench) -> None:
    speaker = playing(player, bench, sound())
    player.stop()
    deadline = time.monotonic() + 5
    while not speaker.closed and time.monotonic() < deadline:
        time.sleep(0.01)
    assert speaker.closed


def test_a_refusal_is_told_in_one_line_and_the_next_try_is_free(player: Player, bench: Bench) -> None:
    bench.refusal = "the sound device cannot be opened (device unavailable)"
    player.play(sound())
    assert until(player, lambda p: p.state == "silent").trouble == bench.refusal
    bench.refusal = ""
    playing(player, bench, sound())
    assert player.progress().trouble == ""


def test_a_device_with_another_rate_plays_the_sound_at_its_pitch(player: Player, bench: Bench) -> None:
    bench.rate = 44_100
    times = np.arange(2 * RATE) / RATE  # so long that half of it is still to come
    wanted = Sound(np.rint(9_000 * np.sin(2 * np.pi * 441 * times)).astype(np.int16)[:, None], RATE)
    speaker = playing(player, bench, wanted)
    heard = speaker.pull(44_100)[:, 0]
    assert int(np.abs(np.fft.rfft(heard)).argmax()) == 441
    assert player.progress().seconds == pytest.approx(1.0, abs=0.01)


def test_what_the_device_search_found_is_told(player: Player) -> None:
    assert player.progress().availability is None
    player.look()
    found = until(player, lambda p: p.availability is not None).availability
    assert found is not None
    assert found.reason == "no sound device on this machine"


def test_close_lets_go_of_the_device(player: Player, bench: Bench) -> None:
    speaker = playing(player, bench, sound())
    player.close()
    assert speaker.closed


def test_a_row_is_one_sound_after_another_in_one_stream_and_says_which_is_heard(player: Player, bench: Bench) -> None:
    row = [sound(0.1, seed=seed) for seed in range(3)]
    number = player.play_row(row[:1])
    until(player, lambda p: p.state == "playing")
    for more in row[1:]:
        player.add(number, more)
    player.finish(number)
    until(player, lambda p: player._voice is not None and player._voice.request.whole)
    heard, indices = [], []
    for _ in range(15):
        heard.append(bench.speaker.pull(960))
        indices.append(player.progress().index)
    assert np.array_equal(np.concatenate(heard), np.concatenate([one.samples for one in row]))
    assert len(bench.speakers) == 1
    assert indices[0] == 0
    assert indices == sorted(indices)
    assert indices[12] == 2
    until(player, lambda p: p.state == "silent")


def test_progress_in_a_row_is_within_its_sound_and_reaches_back_over_a_seam(player: Player, bench: Bench) -> None:
    bench.latency = 30.0
    row = [sound(20, seed=seed, rate=8_000) for seed in range(2)]
    player.play_row(row)
    until(player, lambda p: p.state == "playing")
    bench.speaker.pull(8_000 * 35)
    assert (player.progress().index, player.progress().sound) == (0, row[0])
    assert player.progress().seconds == pytest.approx(5, abs=0.5)
    bench.speaker.pull(4_000)
    bench.latency = bench.speaker.latency = 5.0
    assert player.progress().sound is row[1]
    assert player.progress().seconds == pytest.approx(10.5, abs=0.5)


def test_a_row_waits_for_more_until_it_is_finished(player: Player, bench: Bench) -> None:
    number = player.play_row([sound(0.01)])
    until(player, lambda p: p.state == "playing")
    assert not bench.speaker.pull(4_800)[480:].any()
    assert player.progress().state == "playing"
    player.finish(number)
    until(player, lambda p: player._voice is not None and player._voice.request.whole)
    bench.speaker.pull(64)
    until(player, lambda p: p.state == "silent")


def test_what_comes_for_a_row_that_was_replaced_is_not_heard(player: Player, bench: Bench) -> None:
    number = player.play_row([sound(0.1)])
    until(player, lambda p: p.state == "playing")
    other = sound(0.1, seed=5)
    speaker = playing(player, bench, other)
    player.add(number, sound(0.1, seed=6))
    player.finish(number)
    time.sleep(0.05)
    heard = speaker.pull(9_600)
    assert np.array_equal(heard[480:4_800], other.samples[480:])
    assert not heard[4_800:].any()


def test_a_loop_goes_round_until_it_is_ended_and_holds_for_what_comes_next(player: Player, bench: Bench) -> None:
    player.set_loop(True)
    first, second = sound(0.1, seed=1), sound(0.1, seed=2)
    speaker = playing(player, bench, first)
    assert np.array_equal(speaker.pull(12_000), np.resize(first.samples, (12_000, 1)))
    assert player.progress().seconds == pytest.approx(0.05, abs=0.01)
    playing(player, bench, second)
    time.sleep(0.05)
    assert np.array_equal(speaker.pull(12_000)[480:], np.resize(second.samples, (12_000, 1))[480:])
    player.set_loop(False)
    assert not speaker.pull(4_800)[2_400:].any()
    until(player, lambda p: p.state == "silent")


def test_the_level_is_kept_from_sound_to_sound(player: Player, bench: Bench) -> None:
    player.set_gain(0.5)
    for seed, rate in ((1, RATE), (2, 44_100)):
        wanted = sound(seed=seed, rate=rate)
        speaker = playing(player, bench, wanted)
        assert np.array_equal(speaker.pull(900), np.rint(wanted.samples[:900] * 0.5))
    player.set_gain(1.0)
    speaker.pull(4_000)
    assert np.array_equal(speaker.pull(900), wanted.samples[4_900:5_800])
