"""What is listened to: the order of asking, fetching, playing and ending, with a device in the test's hand."""

import asyncio
import io
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import soundfile
from hand_speaker import RATE, Bench

from core.run.link import LinkError
from distill_tui.hearing import Availability, no_device
from distill_tui.panels.preview_listening import Listening
from distill_tui.panels.preview_row import Heard
from distill_tui.player import Player
from distill_tui.sounds import Sounds


class Desk:
    """A listening with its player; a file's samples count up from a number of its own."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.found = Availability(True)
        self.looks = 0
        self.player = Player(self.bench.open, self.look)
        self.changed: list[str] = []
        self.held: dict[str, threading.Event] = {}
        self.listening = Listening(self.player, Sounds(self.fetch), self.changed.append)

    def look(self) -> Availability:
        self.looks += 1
        return self.found

    def samples(self, path: str) -> np.ndarray:
        return (np.arange(RATE) % 9_000 + 100 * len(path)).astype(np.int16)

    def fetch(self, path: str) -> bytes:
        if path in self.held:
            self.held[path].wait(5)
        if path == "gone":
            raise LinkError("gone: not in this run")
        target = io.BytesIO()
        soundfile.write(target, self.samples(path), RATE, format="WAV", subtype="PCM_16")
        return target.getvalue()

    def heard(self, frames: int) -> np.ndarray:
        until(lambda: self.player.progress().state == "playing")
        return self.bench.speaker.pull(frames)[:, 0]


def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 4
    while not condition():
        assert time.monotonic() < end, "it did not happen in 4 s"
        time.sleep(0.002)


@pytest.fixture
def desk() -> Iterator[Desk]:
    desk = Desk()
    yield desk
    desk.player.close()


async def test_a_preview_is_on_its_way_then_plays_then_is_silent(desk: Desk) -> None:
    desk.held["a.wav"] = threading.Event()
    asked = asyncio.create_task(desk.listening.begin("a", "a.wav"))
    await asyncio.sleep(0)
    assert desk.listening.heard("a") == Heard(loading=True)
    assert desk.listening.playing is None
    desk.held["a.wav"].set()
    await asked
    assert desk.listening.playing == "a"
    assert desk.listening.waited_seconds < 4
    desk.heard(RATE // 2)
    assert desk.listening.position("a") == pytest.approx(0.5, abs=0.01)
    assert desk.listening.heard("a") == Heard(desk.listening.position("a") or 0.0)
    assert desk.listening.position("b") is desk.listening.position(None) is None
    desk.heard(RATE)
    until(lambda: desk.listening.follow().sound is None)
    assert desk.listening.playing is desk.listening.heard("a") is None
    assert set(desk.changed) == {"a"}


async def test_every_change_of_a_row_is_told_and_silence_tells_nothing(desk: Desk) -> None:
    await desk.listening.begin("a", "a.wav")
    await desk.listening.begin("b", "b2.wav")
    assert desk.changed == ["a", "a", "a", "b", "b", "a", "b"], "on its way, here, and what plays in place of what"
    desk.listening.follow()
    assert desk.changed[7:] == ["b"]
    desk.listening.stop()
    desk.listening.follow()
    assert desk.changed[8:] == ["b"]
    assert desk.listening.playing is None
    desk.listening.follow()
    assert len(desk.changed) == 9


async def test_a_toggle_goes_on_at_the_same_sample_and_a_beginning_at_the_first(desk: Desk) -> None:
    await desk.listening.begin("a", "a.wav")
    desk.heard(20_000)
    await desk.listening.begin("b", "bb.wav", toggle=True)
    assert np.array_equal(desk.heard(9_000)[480:], desk.samples("bb.wav")[20_480:29_000])
    await desk.listening.begin("a", "a.wav")
    assert np.array_equal(desk.heard(9_000)[480:], desk.samples("a.wav")[480:9_000])
    assert len(desk.bench.speakers) == 1


async def test_what_cannot_be_had_leaves_what_plays(desk: Desk) -> None:
    await desk.listening.begin("a", "a.wav")
    with pytest.raises(LinkError, match="not in this run"):
        await desk.listening.begin("b", "gone")
    assert desk.listening.playing == "a"
    assert desk.listening.heard("b") is None
    assert desk.player.progress().sound is not None


async def test_a_newer_request_keeps_its_mark_when_the_older_is_cancelled(desk: Desk) -> None:
    for path in ("a.wav", "b.wav"):
        desk.held[path] = threading.Event()
    older = asyncio.create_task(desk.listening.begin("a", "a.wav"))
    await asyncio.sleep(0)
    newer = asyncio.create_task(desk.listening.begin("b", "b.wav"))
    await asyncio.sleep(0)
    older.cancel()
    with pytest.raises(asyncio.CancelledError):
        await older
    assert desk.listening.heard("a") is None
    assert desk.listening.heard("b") == Heard(loading=True)
    for event in desk.held.values():
        event.set()
    await newer
    assert desk.listening.playing == "b"


async def test_a_device_that_was_missing_is_looked_for_again_and_one_that_is_there_is_not(desk: Desk) -> None:
    desk.found = no_device({})
    desk.player.look()
    until(lambda: desk.player.progress().availability)
    desk.found = Availability(True)
    await desk.listening.begin("a", "a.wav")
    until(lambda: desk.player.progress().state == "playing")
    assert desk.looks == 2
    await desk.listening.begin("b", "b.wav")
    until(lambda: desk.player.progress().state == "playing")
    assert desk.looks == 2


ROW = [("a", "a.wav"), ("b", "bb.wav"), ("c", "ccc.wav")]


async def test_a_row_is_played_without_a_gap_and_each_key_in_its_turn(desk: Desk) -> None:
    assert await desk.listening.begin_row(ROW) == ""
    assert desk.listening.row == ("a", "b", "c")
    until(lambda: desk.player._voice and desk.player._voice.request.whole)  # the player's thread has had its turn
    heard = desk.heard(RATE // 2)
    told = []
    for _ in range(5):
        desk.listening.follow()
        told.append(desk.listening.playing)
        heard = np.concatenate([heard, desk.bench.speaker.pull(RATE // 2)[:, 0]])
    assert np.array_equal(heard, np.concatenate([desk.samples(path) for _, path in ROW]))
    assert told == sorted(told)
    assert set(told) == {"a", "b", "c"}
    until(lambda: desk.listening.follow().sound is None)
    assert desk.listening.playing is None
    assert desk.listening.row == ()
    assert len(desk.bench.speakers) == 1


async def test_a_row_begins_before_all_of_it_is_here_where_the_line_is_fast_enough(desk: Desk) -> None:
    desk.held["ccc.wav"] = threading.Event()
    asked = asyncio.create_task(desk.listening.begin_row(ROW))
    await asyncio.sleep(0.1)
    until(lambda: desk.player.progress().state == "playing")
    assert not asked.done()
    assert desk.listening.heard("a") == Heard(desk.listening.position("a") or 0.0)
    desk.held["ccc.wav"].set()
    await asked


async def test_on_a_slow_line_a_row_waits_until_the_rest_will_come_in_time(desk: Desk) -> None:
    row = [(str(i), f"{i}.wav") for i in range(40)]
    desk.held["0.wav"] = threading.Event()
    asked = asyncio.create_task(desk.listening.begin_row(row))
    await asyncio.sleep(0.2)  # for one of forty: eight seconds for all, and one second of sound
    fetched = []
    fetch = desk.listening.sounds._fetch
    desk.listening.sounds._fetch = lambda path: (fetched.append((path, desk.player.progress().state)), fetch(path))[1]
    desk.held["0.wav"].set()
    await asked
    assert fetched[0][1] == "silent", "it did not begin with one of forty"
    assert len(desk.listening._asked) == 40


async def test_what_is_missing_from_a_row_is_left_out_and_told(desk: Desk) -> None:
    assert "not in this run" in await desk.listening.begin_row([("x", "gone"), *ROW[:1], ("y", "gone"), *ROW[1:]])
    until(lambda: desk.player._voice and desk.player._voice.request.whole)
    desk.heard(3 * RATE)
    assert desk.listening._asked == ["a", "b", "c"]
    with pytest.raises(LinkError):
        await desk.listening.begin_row([("x", "gone")])
    assert desk.listening.heard("x") is None


async def test_a_row_that_is_given_up_ends_with_what_was_here(desk: Desk) -> None:
    desk.held["ccc.wav"] = threading.Event()
    asked = asyncio.create_task(desk.listening.begin_row(ROW))
    await asyncio.sleep(0.1)
    until(lambda: desk.player.progress().state == "playing")
    asked.cancel()
    await asyncio.sleep(0.05)
    desk.held["ccc.wav"].set()
    desk.heard(3 * RATE)
    until(lambda: desk.listening.follow().sound is None)


async def test_where_the_device_refuses_the_rest_of_a_row_is_not_fetched(desk: Desk) -> None:
    desk.bench.refusal = "the sound device cannot be opened (device unavailable)"
    desk.held["bb.wav"] = threading.Event()
    asked = asyncio.create_task(desk.listening.begin_row(ROW))
    await asyncio.sleep(0.1)
    until(lambda: desk.player.progress().trouble)
    desk.listening.follow()
    desk.held["bb.wav"].set()
    await asked
    assert desk.listening.playing is None
    assert desk.listening.sounds.kept("ccc.wav") is None
