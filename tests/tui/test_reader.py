"""The reader: it never makes the screen wait, coalesces, and reads only what may have changed."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.run.commands import Save, Stop
from core.run.link import Series
from distill_tui.reader import Query, Reader, Snapshot
from distill_tui.session import Session, Watch
from tests.fakes import FakeLink


class Counting(FakeLink):
    """Counts what is asked of it."""

    asked: list[str]

    def series(self, term: str, lo: int = 0, hi: int | None = None, width: int = 100) -> Series:
        self.asked = [*getattr(self, "asked", []), term]
        return super().series(term, lo, hi, width)


@contextmanager
def reading(link: FakeLink) -> Iterator[tuple[Reader, list[float]]]:
    told: list[float] = []
    reader = Reader(Session(Watch(link)), lambda: told.append(time.monotonic()), interval=0.02)
    reader.start()
    try:
        yield reader, told
    finally:
        reader.stop()


def eventually(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_news_is_told_once_until_it_is_taken() -> None:
    link = FakeLink(steps=10)
    with reading(link) as (reader, told):
        eventually(lambda: told)
        for _ in range(5):
            link.advance(40)
            time.sleep(0.05)
        assert len(told) == 1
        snapshot, _ = reader.take()
        eventually(lambda: reader.take()[0].state.step.step == 210)  # type: ignore[union-attr]
        assert isinstance(snapshot, Snapshot)


def test_nothing_new_is_not_told() -> None:
    with reading(FakeLink(steps=10)) as (reader, told):
        eventually(lambda: told)
        time.sleep(0.1)
        reader.take()
        before = len(told)
        time.sleep(0.2)
        assert len(told) == before


def test_only_curves_that_may_have_changed_are_read_again() -> None:
    link = Counting(steps=100)
    with reading(link) as (reader, _):
        train, val, old = Query("stft_loss"), Query("val/stft_loss"), Query("stft_loss", 0, 64)
        reader.want([train, val, old])
        eventually(lambda: set(reader.take()[0].series) == {train, val, old})
        link.asked = []
        time.sleep(0.1)
        assert link.asked == []
        link.advance(5)
        eventually(lambda: link.asked)
        time.sleep(0.1)
        assert link.asked == ["stft_loss"]
        link.advance(32)
        eventually(lambda: "val/stft_loss" in link.asked)
        reader.want([val])
        eventually(lambda: set(reader.take()[0].series) == {val})


def test_asking_never_waits_for_the_line() -> None:
    gate = threading.Event()
    link = FakeLink(steps=10, before_read=lambda: gate.wait(5) and None)
    with reading(link) as (reader, _):
        began = time.monotonic()
        reader.ask(Save(), "save")
        reader.want([Query("stft_loss")])
        reader.take()
        assert time.monotonic() - began < 0.05
        gate.set()
        eventually(lambda: link.sent == [Save()])


def test_an_answer_settles_what_was_asked() -> None:
    link = FakeLink(steps=10, answers=False)
    with reading(link) as (reader, _):
        reader.ask(Save(), "save")
        eventually(lambda: reader.take()[0].asked == ("save",))
        link.answer(1, done=False, message="the disk is full")
        notices = []
        eventually(lambda: notices.extend(reader.take()[1]) or notices)
        assert notices[0].text == "save: the disk is full"
        assert notices[0].severity == "warning"
        assert reader.take()[0].asked == ()


def test_what_a_vanished_trainer_was_asked_is_forgotten() -> None:
    link = FakeLink(steps=10, answers=False)
    with reading(link) as (reader, _):
        reader.ask(Stop(), "save and stop")
        eventually(lambda: reader.take()[0].asked)
        link.live = False
        eventually(lambda: not reader.take()[0].asked)


def test_trouble_backs_off_and_passes() -> None:
    link = FakeLink(steps=10)
    with reading(link) as (reader, told):
        eventually(lambda: told)

        def fail() -> None:
            raise OSError("stale file handle")

        link.before_read = fail
        eventually(lambda: reader.take()[0].trouble == "stale file handle; trying again")
        tries = link.reads
        time.sleep(0.3)
        assert link.reads - tries < 8, "it waits longer each time"
        assert reader.take()[0].state.step is not None, "what was known stays"
        link.before_read = lambda: None
        eventually(lambda: reader.take()[0].trouble is None)


def test_a_run_that_cannot_be_reached_is_a_failure_in_one_line(tmp_path: object) -> None:
    session = Session(Watch(f"{tmp_path}/none"))
    reader = Reader(session, lambda: None)
    reader.start()
    eventually(lambda: reader.take()[0].failure)
    failure = reader.take()[0].failure
    assert failure is not None
    assert "none" in failure
    assert "\n" not in failure
    assert session.exit_status == 2
