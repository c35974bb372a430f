"""A replay shows the run as it stood at its clock, and nothing of what came after."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_trainer import PREVIEW, started, step_metrics
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded import Told, recorded, resumed
from sshd import HOST

from core.run.commands import Save
from core.run.events import AlertStarted, EpochMetrics, NoteAdded, PhaseChanged, RunStarted, StepMetrics
from core.run.folder import RunFolder
from core.run.link import LinkError, RunLink, Series
from core.run.links import FolderLink, open_link
from core.run.replay import ReplayLink
from core.run.state import RunState, fold

LENGTH = 111.0  # of the resumed run: 52 s to epoch 5, a second each to the next two events, and 57 s to the end


@dataclass
class Clock:
    """Time that passes when it is told to."""

    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Replayed:
    """A replay, and what a screen would have folded of it."""

    link: ReplayLink
    inner: RunLink
    time: Clock
    state: RunState = field(default_factory=RunState)
    generation: int = 0

    def look(self) -> RunState:
        if self.link.clock.generation != self.generation:
            self.generation, self.state = self.link.clock.generation, RunState()
        self.state = fold(self.state, self.link.read(self.state.seq))
        return self.state

    def at(self, seconds: float) -> RunState:
        self.link.clock.seek(seconds)
        return self.look()


def replay_of(inner: RunLink, speed: float | None = None) -> Replayed:
    time = Clock()
    return Replayed(ReplayLink(inner, speed, time), inner, time)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return resumed(tmp_path_factory.mktemp("runs"))


@pytest.fixture(params=["folder", "ssh"])
def run(request: pytest.FixtureRequest, folder: RunFolder) -> Iterator[Replayed]:
    if request.param == "ssh":
        request.getfixturevalue("sshd")
    link = open_link(f"{HOST}:{folder.path}" if request.param == "ssh" else str(folder.path))
    yield replay_of(link)
    link.close()


def same(one: Series, other: Series) -> bool:
    """NaN is like NaN."""
    return repr(one) == repr(other)


def test_at_its_end_it_is_the_run_as_it_is(run: Replayed) -> None:
    run.at(math.inf)
    assert run.state == fold(RunState(), run.inner.read())
    assert run.state.status == "finished"
    for query in (("stft_loss", 0, None, 16), ("stft_loss", 30, 64, 100), ("val/stft_loss", 0, None, 4)):
        assert same(run.link.series(*query), run.inner.series(*query))
    assert run.link.read(run.state.seq) == []
    assert not run.link.position.playing


def test_it_begins_with_nothing_but_the_first_event(run: Replayed) -> None:
    assert [type(stored.event) for stored in run.link.read()] == [PhaseChanged]
    assert run.link.series("stft_loss") == Series("stft_loss")
    assert run.link.series("val/stft_loss").mean == ()


def test_a_step_is_told_as_it_was_logged(run: Replayed) -> None:
    state = run.at(12.5)
    assert state.step is not None
    assert state.step.step == 10
    assert state.step.epoch == 1
    assert state.step.terms["stft_loss"] == state.step.stft_loss == state.step.train_loss == 5.0
    assert state.step.terms["kl_loss"] == pytest.approx(math.log(10), rel=1e-6)
    assert state.step.elapsed_s == pytest.approx(0.05)
    assert state.step.total_steps == 1_000_000
    assert state.epoch is not None
    assert state.epoch.epoch == 1


def test_the_curve_ends_where_the_clock_stands(run: Replayed) -> None:
    run.at(12.5)
    curve = run.link.series("stft_loss", 0, None, 100)
    assert (curve.first, curve.bucket, curve.highest_step) == (0, 1, 10)
    assert curve.last[1:] == (5.0,) * 10
    assert run.link.series("val/stft_loss", 0, None, 100).highest_step == 10
    coarse = run.link.series("stft_loss", 0, None, 3)
    assert (coarse.bucket, len(coarse.mean)) == (4, 3), "the last bucket holds the newest step"


def test_what_is_no_part_of_a_replay_passes_through_or_is_refused(run: Replayed) -> None:
    assert run.link.fetch("previews/a.wav") == PREVIEW
    assert (run.link.info().name, run.link.info().live, run.link.trouble) == ("bells", False, None)
    with pytest.raises(LinkError, match="this is a replay"):
        run.link.send(Save())


@pytest.fixture(scope="module")
def here(folder: RunFolder) -> Iterator[FolderLink]:
    link = FolderLink(folder)
    yield link
    link.close()


moments = st.floats(0, LENGTH + 5)
quickly = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@quickly
@given(seconds=moments, lo=st.integers(0, 80), hi=st.none() | st.integers(1, 95), width=st.integers(1, 200))
def test_nothing_comes_before_its_time(here: FolderLink, seconds: float, lo: int, hi: int | None, width: int) -> None:
    run = replay_of(here)
    state = run.at(seconds)
    step = state.step.step if state.step else 0
    events = [stored for stored in run.link.read() if not isinstance(stored.event, StepMetrics)]
    everything = [s for s in here.read() if not isinstance(s.event, StepMetrics)]
    assert events == everything[: len(events)]
    begun = max((place for place, s in enumerate(events) if isinstance(s.event, RunStarted)), default=0)
    assert all(getattr(s.event, "step", 0) <= step for s in events[begun:])
    for term, newest in (("stft_loss", step), ("val/stft_loss", state.epoch.step if state.epoch else 0)):
        curve = run.link.series(term, lo, hi, width)
        assert curve.highest_step <= newest
        if not run.link.is_whole:
            shown = [i for i, value in enumerate(curve.last) if not math.isnan(value)]
            assert all(curve.first + i * curve.bucket <= newest for i in shown)


@quickly
@given(st.lists(moments, min_size=1, max_size=8), moments)
def test_back_and_forth_is_as_good_as_going_straight_there(here: FolderLink, ways: list[float], seconds: float) -> None:
    run, straight = replay_of(here), replay_of(here)
    for way in ways:
        run.at(way)
        run.link.series("stft_loss", 0, None, 50)
    assert run.at(seconds) == straight.at(seconds)
    for query in (("stft_loss", 0, None, 50), ("val/stft_loss", 0, None, 7), ("learning_rate", 20, None, 10)):
        assert same(run.link.series(*query), straight.link.series(*query))


@quickly
@given(st.lists(st.floats(0, 9), max_size=30))
def test_steps_only_fall_where_a_session_begins(here: FolderLink, waits: list[float]) -> None:
    run = replay_of(here, 5.0)
    run.link.clock.play()
    before, session = 0, None
    for wait in waits:
        run.time.now += wait
        state = run.look()
        now = state.step.step if state.step else 0
        assert now >= before or (state.started and state.started.session) != session
        before, session = now, state.started.session if state.started else None


def test_a_pause_between_sessions_is_cut_and_the_older_session_counts_until_then(here: FolderLink) -> None:
    run = replay_of(here)
    assert run.link.clock.length == LENGTH
    assert run.at(51.9).step.step == 49  # type: ignore[union-attr]
    assert run.at(52.5).started.session == 0  # type: ignore[union-attr]
    state = run.at(54.0)
    assert state.started is not None
    assert (state.started.session, [epoch.epoch for epoch in state.epochs]) == (1, [1, 2, 3, 4])
    assert state.step is not None
    assert state.step.step == 40
    assert state.step.terms["stft_loss"] == 5.0
    assert run.at(60.0).step.terms["stft_loss"] == pytest.approx(1 / 45)  # type: ignore[union-attr]


def test_steps_that_were_gone_over_again_are_shown_as_the_final_path_has_them(here: FolderLink) -> None:
    run = replay_of(here)
    state = run.at(50.0)  # the first session, which had 5.0 at every step
    assert state.step is not None
    assert state.step.step == 48
    assert run.link.series("stft_loss", 0, None, 100).last[41:] == pytest.approx([1 / s for s in range(41, 49)])


def test_while_it_validates_no_step_is_made(here: FolderLink) -> None:
    run = replay_of(here)
    moment = run.link.position.length - (3718 - 3692)  # step 70 was done
    for seconds in (0.0, 2.0, 4.9):
        state = run.at(moment + seconds)
        assert state.status == "validating"
        assert state.step is not None
        assert state.step.step == 70
        assert run.link.series("val/stft_loss", 0, None, 100).highest_step == 60
    assert run.at(moment + 5.0).epoch.step == 70  # type: ignore[union-attr]


def test_warnings_and_notes_come_and_go_when_they_did(here: FolderLink) -> None:
    run = replay_of(here)
    run.link.seek_step(65)
    state = run.look()
    assert [alert.id for alert in state.alerts] == ["a-1"]
    assert any(isinstance(stored.event, NoteAdded) for stored in state.log)
    assert state.previews == ()
    run.link.seek_step(67)
    assert run.look().alerts == ()
    run.link.seek_step(63)
    assert not any(isinstance(stored.event, NoteAdded | AlertStarted) for stored in run.look().log)
    run.link.seek_step(81)
    assert len(run.look().previews) == 1


@pytest.mark.parametrize("step", [1, 39, 40, 41, 55, 64, 70, 71, 90])
def test_a_step_of_the_path_is_found_again(here: FolderLink, step: int) -> None:
    run = replay_of(here)
    run.link.seek_step(step)
    state = run.look()
    assert state.step is not None
    assert state.step.step == step
    assert state.started is not None
    assert state.started.session == (step > 40)


def test_a_curve_is_read_again_only_when_its_buckets_double(folder: RunFolder) -> None:
    class Counting(FolderLink):
        asked: list[str]

        def series(self, term: str, lo: int = 0, hi: int | None = None, width: int = 100) -> Series:
            self.asked.append(term)
            return super().series(term, lo, hi, width)

    inner = Counting(folder)
    inner.asked = []
    run = replay_of(inner)
    for seconds in range(1, 110):
        run.at(float(seconds))
        run.link.series("stft_loss", 0, None, 1024)
        run.link.series("val/kl_loss", 0, None, 32)
    assert inner.asked.count("val/kl_loss") <= 4
    steps = len({(s.session, s.step) for s in [run.link._timeline.at(float(t)) for t in range(1, 110)]})
    assert inner.asked.count("stft_loss") <= steps + 3
    inner.close()


def test_over_ssh_a_long_replay_asks_for_no_more_than_the_host_remembers(run: Replayed) -> None:
    for seconds in range(0, 110):
        run.at(float(seconds))
        run.link.expect([("stft_loss", 0, None, 64), ("val/stft_loss", 0, None, 64)])
        curve = run.link.series("stft_loss", 0, None, 64)
        assert curve.highest_step == (run.state.step.step if run.state.step else -1)


class TestSmallRuns:
    def replayed(self, tmp_path: Path, *told: Told) -> Replayed:
        return replay_of(FolderLink(recorded(tmp_path, told)))

    def test_of_nothing(self, tmp_path: Path) -> None:
        folder = RunFolder.create(tmp_path, "bells")
        run = replay_of(FolderLink(folder))
        assert run.look() == RunState()
        assert run.link.clock.length == 0
        assert run.link.series("stft_loss") == Series("stft_loss")
        assert run.link.position.step == 0

    def test_of_a_run_that_never_made_a_step(self, tmp_path: Path) -> None:
        run = self.replayed(tmp_path, (0, PhaseChanged("loading")), (3, started()))
        assert run.at(2.0).started is None
        assert run.at(3.0).started is not None
        assert run.state.step is None

    def test_of_one_step(self, tmp_path: Path) -> None:
        run = self.replayed(tmp_path, (0, started()), (1, PhaseChanged("training")), (3, step_metrics(1)))
        assert run.link.clock.length == 3
        assert run.at(2.9).step is None
        assert run.at(3.0).step == step_metrics(1)

    def test_of_a_killed_run(self, tmp_path: Path) -> None:
        told: list[Told] = [(0, started()), (0, PhaseChanged("training"))]
        told += [(step, step_metrics(step)) for step in range(1, 201)]
        run = self.replayed(tmp_path, *told)
        assert run.inner.trouble is not None
        assert run.link.trouble is None, "how it ended is no news of the replay"
        assert run.link.clock.length == 200
        assert run.at(100.0).step.step == 100  # type: ignore[union-attr]
        assert run.at(100.0).status == "training"
        assert run.at(200.0).step.step == 200  # type: ignore[union-attr]

    def test_of_a_run_that_was_no_number_for_a_while(self, tmp_path: Path) -> None:
        told: list[Told] = [(0, started()), (0, PhaseChanged("training"))]
        told += [(step, step_metrics(step, math.nan if step == 9 else 1.0)) for step in range(1, 21)]
        run = self.replayed(tmp_path, *told)
        assert math.isnan(run.at(9.0).step.terms["stft_loss"])  # type: ignore[union-attr]
        assert run.link.series("stft_loss", 0, None, 100).nonfinite == (9,)
        assert run.link.series("stft_loss", 0, None, 3).nonfinite == (2,)
        assert run.at(8.0).step.terms["stft_loss"] == 1.0  # type: ignore[union-attr]
        assert run.link.series("stft_loss", 0, None, 100).nonfinite == ()


def test_an_epoch_told_twice_after_a_kill_is_shown_once(tmp_path: Path) -> None:
    def epoch(step: int) -> EpochMetrics:
        return EpochMetrics(step // 10, 9, 1.0, 1.0, step=step, val_terms={"stft_loss": 0.5})

    told: list[Told] = [(0, started()), (0, PhaseChanged("training"))]
    told += [(step, step_metrics(step)) for step in range(1, 21)] + [(20, epoch(20))]
    told += [(30, started(1, 20)), (30, PhaseChanged("training")), (31, epoch(20)), (40, step_metrics(29))]
    run = replay_of(FolderLink(recorded(tmp_path, told)))
    for seconds in (20.0, 21.0, 22.0, 30.0, 31.0):
        assert [e.step for e in run.at(seconds).epochs] == [20]
