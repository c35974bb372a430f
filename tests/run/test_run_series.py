"""A curve's buckets are what one would count by hand, however the steps came into the store."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from fake_trainer import epoch_metrics, started, step_metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from core.run.blocks import Columns
from core.run.buckets import Buckets
from core.run.events import EpochMetrics, StepMetrics, TermInfo
from core.run.link import Series
from core.run.reader import RunReader
from core.run.store import RunWriter

Logged = dict[int, float]

values = st.one_of(
    st.floats(-(2.0**100), 2.0**100, width=32),
    st.sampled_from([math.nan, math.inf, -math.inf, 0.0]),
    st.floats(0, 1, width=32),
)
sessions = st.lists(st.tuples(st.floats(0, 1), st.lists(st.integers(1, 40), max_size=30)), min_size=1, max_size=4)


def by_hand(term: str, logged: Logged, lo: int, hi: int | None, width: int) -> Series:
    """The contract of `RunLink.series`, without any cleverness."""
    if not logged:
        return Series(term)
    hi = max(logged) + 1 if hi is None else hi
    size = 1
    while math.ceil(max(1, hi - lo) / size) > width:
        size *= 2
    first = lo // size * size
    count = math.ceil((max(hi, lo + 1) - first) / size)
    held = [[logged[s] for s in range(a, a + size) if s in logged] for a in range(first, first + count * size, size)]
    finite = [[v for v in bucket if math.isfinite(v)] for bucket in held]

    def each(f):  # type: ignore[no-untyped-def]
        return tuple(f(bucket) if bucket else math.nan for bucket in finite)

    return Series(
        term, first, size, each(min), each(max), each(lambda b: math.fsum(b) / len(b)), each(lambda b: b[-1]),
        tuple(i for i, (h, f) in enumerate(zip(held, finite, strict=True)) if len(h) > len(f)),
        min(logged), max(logged),
    )  # fmt: skip


def assert_same(found: Series, expected: Series) -> None:
    exact = ("term", "first", "bucket", "nonfinite", "lowest_step", "highest_step")
    assert [getattr(found, name) for name in exact] == [getattr(expected, name) for name in exact]
    scale = max((abs(v) for v in (*expected.minimum, *expected.maximum) if math.isfinite(v)), default=0.0)
    for name in ("minimum", "maximum", "last", "mean"):
        tolerance = 1e-6 * scale if name == "mean" else 0
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=0, abs=tolerance, nan_ok=True), name


@settings(max_examples=60, deadline=None)
@given(sessions=sessions, data=st.data())
def test_curves_are_what_one_counts_by_hand(tmp_path_factory: pytest.TempPathFactory, sessions, data) -> None:  # type: ignore[no-untyped-def]
    """Any steps, gaps, NaNs, resumes from any step, with or without a look in between."""
    path = tmp_path_factory.mktemp("run") / "run.sqlite"
    logged: Logged = {}
    writer = RunWriter(path)
    watcher = RunReader(path)
    try:
        for number, (share, gaps) in enumerate(sessions):
            start = int(share * max(logged, default=0))
            logged = {step: value for step, value in logged.items() if step <= start}
            writer.begin(started(number, start))
            step = start
            for gap in gaps:
                step += gap
                logged[step] = data.draw(values)
                writer.step(step_metrics(step, logged[step]))
                if data.draw(st.integers(0, 9)) == 0:
                    writer.flush()
                    for hi, width in ((None, 20), (1000, 100)):
                        seen = watcher.series("stft_loss", 0, hi, width)
                        assert_same(seen, by_hand("stft_loss", logged, 0, hi, width))
        writer.flush()
        for _ in range(5):
            lo = data.draw(st.integers(0, 1500))
            hi = data.draw(st.one_of(st.none(), st.integers(0, 3000)))
            width = data.draw(st.integers(1, 300))
            if hi is None and logged:
                lo = min(lo, max(logged))
            for reader in (watcher, RunReader(path)):
                assert_same(reader.series("stft_loss", lo, hi, width), by_hand("stft_loss", logged, lo, hi, width))
    finally:
        writer.close()
        watcher.close()


@settings(deadline=None)
@given(lo=st.integers(0, 10**7), span=st.integers(0, 10**7), width=st.integers(1, 2000))
def test_buckets_cover_what_was_asked_for_with_no_more_than_one_to_spare(lo: int, span: int, width: int) -> None:
    buckets = Buckets.covering(lo, lo + span, width)
    assert buckets.first <= lo
    assert buckets.stop >= lo + span
    assert 1 <= buckets.count <= width + 1
    assert buckets.size & (buckets.size - 1) == 0
    assert buckets.first % buckets.size == 0
    assert buckets.size == 1 or math.ceil(span / (buckets.size // 2)) > width, "no smaller bucket would do"


def test_a_growing_run_keeps_its_buckets(tmp_path: Path) -> None:
    writer, reader = RunWriter(tmp_path / "run.sqlite"), RunReader(tmp_path / "run.sqlite")
    writer.begin(started())
    before = Series("stft_loss")
    logged: Logged = {}
    for step in range(1, 400):
        logged[step] = 1 / step
        writer.step(step_metrics(step))
        if step % 50 == 0:
            writer.flush()
            now = reader.series("stft_loss", 0, 400, width=100)
            whole = (step - 50) // now.bucket
            assert now.mean[:whole] == before.mean[:whole]
            before = now
            for width in (100, 2):
                curve = reader.series("stft_loss", 0, 400, width)
                by_then = by_hand("stft_loss", logged, 0, 400, width)
                assert curve.mean == pytest.approx(by_then.mean, rel=1e-5, nan_ok=True), "each step counts once"
    writer.close()


def test_a_resume_takes_over_from_its_first_step(tmp_path: Path) -> None:
    """Steps 1-200, then from 100 to 150, then from 120 to 130: each step's newest session is the one that counts."""
    path = tmp_path / "run.sqlite"
    for number, (start, stop) in enumerate([(0, 200), (100, 150), (120, 130)]):
        writer = RunWriter(path)
        assert writer.next_session == number
        writer.begin(started(number, start))
        for step in range(start + 1, stop + 1):
            writer.step(step_metrics(step, number + 1.0))
            if step % 10 == 0:
                writer.event(epoch_metrics(step))
        writer.close()
    reader = RunReader(path)
    curve = reader.series("stft_loss", width=1000)
    assert curve.highest_step == 130
    assert curve.last[1:101] == (1.0,) * 100
    assert curve.last[101:121] == (2.0,) * 20
    assert curve.last[121:] == (3.0,) * 10
    assert reader.read()[-1].event.step == 130
    validation = reader.series("val/stft_loss", 0, 201, width=1000)
    assert [step for step, value in enumerate(validation.last) if value == value] == list(range(10, 131, 10))
    assert (validation.lowest_step, validation.highest_step) == (10, 130)


def test_a_resume_that_has_no_steps_yet_already_takes_the_old_ones_off_the_path(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    writer, reader = RunWriter(path), RunReader(path)
    writer.begin(started())
    for step in range(1, 101):
        writer.step(step_metrics(step))
    writer.flush()
    assert reader.series("stft_loss").highest_step == 100
    writer.begin(started(1, 70))
    assert reader.series("stft_loss").highest_step == 70
    assert reader.read()[-1].event.step == 70
    writer.close()


def test_a_later_session_may_have_other_terms(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    writer, reader = RunWriter(path), RunReader(path)
    for number, terms in enumerate([("a", "b"), ("b", "c")]):
        writer.begin(started(number, number * 100, tuple(TermInfo(name, name, "g") for name in terms)))
        for step in range(number * 100 + 1, number * 100 + 101):
            writer.step(StepMetrics(0, step, 0, 1.0, terms={name: ord(name) for name in terms}))
    writer.flush()
    spans = {term: reader.series(term, width=5000) for term in "abc"}
    assert [(s.lowest_step, s.highest_step) for s in spans.values()] == [(1, 100), (1, 200), (101, 200)]
    assert {v for v in spans["c"].last if v == v} == {99.0}
    assert spans["a"].nonfinite == spans["c"].nonfinite == ()
    assert reader.series("c", 0, 64, width=1).minimum == pytest.approx([math.nan], nan_ok=True)
    assert {len(reader.series(term, width=2).last) for term in "abc"} == {2}, "wide buckets too"
    writer.close()


def test_a_later_session_may_have_its_terms_in_another_order(tmp_path: Path) -> None:
    writer, reader = RunWriter(tmp_path / "run.sqlite"), RunReader(tmp_path / "run.sqlite")
    for number, terms in enumerate([("a", "b"), ("b", "a")]):
        writer.begin(started(number, number, tuple(TermInfo(name, name, "g") for name in terms)))
        writer.step(StepMetrics(0, number + 1, 0, 1.0, terms={"a": 1.0, "b": 2.0}))
    writer.flush()
    assert reader.series("a").last[1:] == (1.0, 1.0)
    assert reader.series("b").last[1:] == (2.0, 2.0)
    writer.close()


def test_a_term_that_begins_late_is_not_taken_for_a_broken_one(tmp_path: Path) -> None:
    path = tmp_path / "run.sqlite"
    writer, reader = RunWriter(path), RunReader(path)
    writer.begin(started())
    writer.step(StepMetrics(0, 1, 0, 1.0, terms={"stft_loss": math.nan}))
    writer.step(StepMetrics(0, 2, 0, 1.0, terms={"stft_loss": 1e300}))
    writer.flush()
    assert reader.series("kl_loss") == Series("kl_loss")
    broken = reader.series("stft_loss")
    assert (broken.nonfinite, broken.lowest_step) == ((1, 2), 1)
    assert reader.read()[-1].event.terms == {"stft_loss": math.inf}, "beyond float32 is infinite"
    writer.close()


@pytest.mark.parametrize("term", ["learning_rate", "grad_norm", "elapsed_s", "train_loss", "skipped"])
def test_the_trainers_own_columns_have_curves(tmp_path: Path, term: str) -> None:
    writer, reader = RunWriter(tmp_path / "run.sqlite"), RunReader(tmp_path / "run.sqlite")
    writer.begin(started())
    writer.step(StepMetrics(3, 1, 0, 2.5, learning_rate=2.5, grad_norm=2.5, elapsed_s=2.5, skipped=True))
    writer.flush()
    assert reader.series(term).last[1] == (1.0 if term == "skipped" else 2.5)
    writer.close()


def test_the_validation_loss_is_found_under_its_training_name(tmp_path: Path) -> None:
    writer, reader = RunWriter(tmp_path / "run.sqlite"), RunReader(tmp_path / "run.sqlite")
    writer.begin(started())
    writer.step(step_metrics(7))
    writer.event(EpochMetrics(1, 9, 1.0, 3.5, step=7, kl_divergence=14.0, val_terms={"kl_loss": math.nan}))
    assert reader.series("val/train_loss").last[7] == 3.5
    assert reader.series("val/kl_divergence").last[7] == 14.0
    assert reader.series("val/kl_loss").nonfinite == (7,)
    assert reader.series("val/nothing").last == ()
    writer.close()


def test_what_an_older_version_did_not_measure_of_the_latent_has_no_curve(tmp_path: Path) -> None:
    writer, reader = RunWriter(tmp_path / "run.sqlite"), RunReader(tmp_path / "run.sqlite")
    writer.begin(started())
    for step in (7, 8):
        writer.step(step_metrics(step))
    writer.event(EpochMetrics(1, 9, 1.0, 3.5, step=7))
    assert reader.series("val/active_units").last == ()
    writer.event(EpochMetrics(2, 9, 1.0, 3.5, step=8, active_units=0, mutual_information=0.0))
    for name in ("val/active_units", "val/mutual_information"):
        found = reader.series(name)
        assert (found.last[-1], found.lowest_step, found.nonfinite) == (0.0, 8, ())
    writer.close()


def test_a_long_runs_clock_stays_sharp(tmp_path: Path) -> None:
    """After a month float32 alone could not tell two steps of 50 ms apart."""
    writer, reader = RunWriter(tmp_path / "run.sqlite"), RunReader(tmp_path / "run.sqlite")
    writer.begin(started())
    for step in range(1, 60):
        writer.step(StepMetrics(0, step, 0, 1.0, elapsed_s=2.6e6 + step * 0.05))
    writer.flush()
    assert reader.read()[-1].event.elapsed_s == pytest.approx(2.6e6 + 59 * 0.05, abs=1e-6)
    writer.close()


@settings(deadline=None)
@given(st.lists(st.text(max_size=5), max_size=6))
def test_columns_survive_any_names_of_terms_and_extras(names: list[str]) -> None:
    columns = Columns.of_terms(names)
    assert Columns.from_json(columns.to_json()) == columns
    measured = {name: float(i) for i, name in enumerate(columns.measured)}
    terms = {name: value for name, value in measured.items() if "/" not in name}
    extras = {name: value for name, value in measured.items() if "/" in name}
    metrics = StepMetrics(1, 9, 100, 0.5, terms=terms, extras=extras)
    row = columns.row(metrics, 0, 0.0).tobytes()
    back = columns.metrics(row, 0, 0.0, 100)
    assert (back.terms, back.extras) == (terms, extras)


def test_an_extra_that_a_step_did_not_measure_is_absent_and_has_a_curve(tmp_path: Path) -> None:
    writer, reader = RunWriter(tmp_path / "run.sqlite"), RunReader(tmp_path / "run.sqlite")
    writer.begin(replace(started(), extras=("gradient/stft_loss", "system/cpu_percent")))
    for step in range(1, 200):
        extras = {"system/cpu_percent": 90.0 + step} | ({"gradient/stft_loss": 0.7} if step % 50 == 0 else {})
        writer.step(StepMetrics(1, step, 200, 1.0, terms={"stft_loss": 0.5}, extras=extras))
    writer.flush()
    newest = reader.read()[-1].event
    assert isinstance(newest, StepMetrics)
    assert newest.extras == {"system/cpu_percent": 289.0}
    assert newest.terms == {"stft_loss": 0.5}
    curve = reader.series("gradient/stft_loss", 0, 200, 200)
    assert [step for step, value in enumerate(curve.mean) if value == value] == [50, 100, 150]
    assert not curve.nonfinite
    writer.close()
