"""What drives the training: honest shares, in words that fit, from the first step on, and of old runs nothing."""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.run.events import RunStarted, TermInfo
from core.run.link import Series
from distill_tui.ascii import to_ascii
from distill_tui.axes import Steps
from distill_tui.balance import SERIES, Balance, balance, by_step, cells, headlines, in_percent, in_words
from distill_tui.cells import Run
from distill_tui.panels.balance import BalancePanel
from distill_tui.panels.balance_drawing import area, legend, stacked_bar, table
from distill_tui.panels.balance_weights import has_moved, weight_cells
from distill_tui.panels.frame import width_of
from distill_tui.theme import available, load
from tests.fakes import FakeLink
from tests.tui.conftest import Monitor, settled

A, B, C = (TermInfo(name, name, "reconstruction") for name in "abc")
LEADS = {100: {"a": 0.7, "b": 0.2, "c": 0.1}}


def found(measured: dict[int, dict[str, float]]) -> Balance:
    return balance((A, B, C), {"a": 1.0, "b": 0.1, "c": 0.0}, {"a": 0.5, "b": 5.0, "c": math.nan}, measured)


def curve(bucket: int, *means: float) -> Series:
    return Series("gradient/x", 0, bucket, means, means, means, means)


class TestShares:
    def test_of_the_gradient_where_it_was_measured_else_of_what_each_adds_to_the_loss(self) -> None:
        measured, guessed = found(LEADS), found({})
        assert (measured.of, guessed.of) == ("gradient", "loss")
        assert [part.share for part in measured.parts] == pytest.approx([0.7, 0.2, 0.1])
        assert [part.share for part in guessed.parts] == pytest.approx([0.5, 0.5, 0.0])
        assert [part.contribution for part in guessed.parts] == pytest.approx([0.5, 0.5, 0.0])  # 0 times NaN is 0
        assert [part.role for part in guessed.parts] == ["series1", "series2", "series3"]

    def test_now_is_the_mean_of_the_last_measurements_and_who_left_counts_nothing(self) -> None:
        older = {step: {"a": 0.0, "b": 0.0, "c": 1.0} for step in range(10)}
        lately = {20: {"a": 0.6, "b": 0.4}, 30: {"a": 0.8, "b": 0.2}, 40: {"a": 0.7, "b": 0.3}}
        assert [part.share for part in found(older | lately).parts] == pytest.approx([0.7, 0.3, 0.0])

    def test_measurements_are_taken_from_the_buckets_that_hold_any(self) -> None:
        read = by_step({"a": curve(64, 0.5, math.nan, 0.9), "b": curve(64, 0.5, math.nan, 0.3), "c": None})
        assert read == {32: {"a": 0.5, "b": 0.5}, 160: pytest.approx({"a": 0.75, "b": 0.25})}
        assert by_step({"a": curve(1, 0.0), "b": curve(1, math.nan)}) == {}

    @given(st.lists(st.floats(0, 1), max_size=12), st.integers(0, 300))
    def test_a_bar_is_filled_to_the_cell_by_all_shares_together(self, shares: list[float], width: int) -> None:
        taken = cells(shares, width)
        total = math.fsum(shares)
        assert sum(taken) == (width if total > 0 else 0)
        assert all(
            abs(size - share / total * width) < 1 for size, share in zip(taken, shares, strict=True) if total > 0
        )


class TestWords:
    @pytest.mark.parametrize(
        ("shares", "words"),
        [
            ((0.71, 0.2, 0.09), "a drives the training: 71 % of the gradient"),
            ((0.2, 0.35, 0.45), "c and b drive the training: 45 % and 35 % of the gradient"),
            ((1.0, 0.0, 0.0), "a drives the training: 100 % of the gradient"),
        ],
    )
    def test_say_who_drives(self, shares: tuple[float, ...], words: str) -> None:
        said = headlines(found({1: dict(zip("abc", shares, strict=True))}))
        assert said[0] == words
        assert sorted(said, key=len, reverse=True) == list(said)  # ever shorter, for less room

    def test_say_so_where_no_term_drives_alone(self) -> None:
        terms = tuple(TermInfo(name, name, "kl") for name in "abcde")
        shares = dict(zip("abcde", (0.3, 0.2, 0.2, 0.2, 0.1), strict=True))
        first = headlines(balance(terms, {}, {}, {1: shares}))[0]
        assert first == "No term drives the training alone: a leads with 30 % of the gradient"

    def test_say_of_what_while_the_gradient_is_not_measured(self) -> None:
        assert headlines(found({}))[0] == "a is 50 % of the loss; the gradient is not measured yet"
        assert headlines(balance((A,), {}, {}, {})) == ("Nothing counts yet.",)
        assert in_words(found(LEADS)).splitlines()[0] == "a: weight 1.00, 70 % of the gradient"
        assert [in_percent(share) for share in (0.0, 0.009, 0.01, 0.714, 1.0)] == [
            "0 %",
            "< 1 %",
            "1 %",
            "71 %",
            "100 %",
        ]


class TestRows:
    @given(st.integers(18, 220), st.booleans())
    def test_lines_and_bar_have_their_width_and_every_term_its_mark(self, width: int, textured: bool) -> None:
        whole = found(LEADS)
        rows = table(whole, whole.parts, width, textured, headed=True)
        assert all(width_of(row) <= width for row in rows)
        assert width_of(stacked_bar(whole, width, textured)) == width
        assert width_of(legend(whole, whole.ranked, width, textured)) <= max(width, 10)
        marks = [(row[0].text[0], row[0].role) for row in rows[1:]]
        assert len(set(marks)) == 3
        assert not textured or len({text for text, _ in marks}) == 3  # apart without colour, too

    @pytest.mark.parametrize("textured", [False, True])
    def test_the_area_stacks_the_shares_from_the_first_measurement_to_the_last(self, textured: bool) -> None:
        measured = {20: {"a": 0.5, "b": 0.5}, 80: {"a": 1.0}}
        rows = area(found(measured), measured, Steps(0, 100, 60), 30, 9, 10, textured)
        assert len(rows) == 9
        assert all(width_of(row) == 30 for row in rows)
        text = ["".join(run.text for run in row) for row in rows]
        assert not text[0][:6].strip()
        roles = {run.role for run in rows[0] if run.text.strip()}
        assert roles == {"series2", "series1"}  # half and half, later the first alone
        assert {run.role for run in rows[7] if run.text.strip()} == {"series1"}

    def test_the_area_of_a_long_run_is_drawn_from_as_many_columns_as_there_are(self) -> None:
        measured = {step: {"a": 0.5, "b": 0.3, "c": 0.2} for step in range(0, 1_000_000, 500)}
        rows = area(found(measured), measured, Steps(0, 1_000_000, 120), 60, 6, 1000, False)
        assert max(len(row) for row in rows) <= 60

    def test_without_colour_as_many_terms_as_have_roles_have_marks_of_their_own(self) -> None:
        terms = tuple(TermInfo(f"t{place}", f"t{place}", "kl") for place in range(SERIES))
        whole = balance(terms, {}, {}, {1: {term.name: 1.0 for term in terms}})
        for told in (str, to_ascii):
            marks = {told(row[0].text) for row in table(whole, whole.parts, 100, True, headed=False)}
            assert len(marks) == SERIES
            bar = "".join(told(run.text) for run in stacked_bar(whole, 10 * SERIES, True))
            assert set(bar) == marks
            drawn = area(whole, {1: {term.name: 1.0 for term in terms}}, Steps(0, 10, 20), 10, 4 * SERIES, 1, True)
            assert {told(row[0].text)[0] for row in drawn[:-1] if row[0].text.strip()} <= marks

    def test_the_area_shows_a_small_term_as_small_as_it_is_and_leaves_no_gaps(self) -> None:
        measured = {0: {"a": 0.6, "b": 0.03, "c": 0.37}}
        for height in range(6, 30):
            rows = area(found(measured), measured, Steps(0, 1, 2), 1, height + 1, 1, False)
            eighths = filled(row[0] for row in rows[:-1])
            assert sum(eighths.values()) == 8 * height  # no cell of the ground shines through
            for place, share in ((1, 0.6), (2, 0.03), (3, 0.37)):
                wrong = 1 if place == 2 else 8
                assert abs(eighths[f"series{place}"] - share * 8 * height) <= wrong, (height, place)

    @given(st.lists(st.integers(0, 40), min_size=1, max_size=8), st.integers(3, 30))
    def test_no_layer_that_is_there_vanishes_where_there_is_room_for_it(self, parts: list[int], height: int) -> None:
        terms = tuple(TermInfo(f"t{place}", f"t{place}", "kl") for place in range(len(parts)))
        shares = {term.name: float(part) for term, part in zip(terms, parts, strict=True)}
        if sum(parts):
            rows = area(balance(terms, {}, {}, {0: shares}), {0: shares}, Steps(0, 1, 2), 1, height + 1, 1, False)
            assert sum(filled(row[0] for row in rows[:-1]).values()) == 8 * height
            if sum(map(bool, parts)) <= 3:
                seen = filled(row[0] for row in rows[:-1])
                there = cells(list(shares.values()), 8 * height)
                assert {role for role, size in seen.items() if size} == {
                    f"series{place + 1}" for place, size in enumerate(there) if size
                }

    def test_a_cell_of_the_area_shows_the_mean_of_its_measurements(self) -> None:
        measured = {0: {"a": 1.0}, 1: {"a": 0.5, "b": 0.5}, 2: {"b": 1.0}}
        rows = area(found(measured), measured, Steps(0, 3, 2), 1, 9, 1, False)
        assert filled(row[0] for row in rows[:-1]) == {"series1": 32, "series2": 32}

    @pytest.mark.parametrize("name", ["distill-dark", "distill-light"])
    def test_a_pair_of_roles_is_the_one_in_front_of_the_other(self, name: str) -> None:
        palette = load(available()[name]).palette
        pair = palette["series1/series2"]
        assert (pair.color, pair.bgcolor) == (palette["series1"].color, palette["series2"].color)
        assert palette["series1/series2"] is pair


class TestWeightsThatMove:
    def test_one_that_stays_is_not_drawn(self) -> None:
        assert not has_moved(None)
        assert not has_moved(curve(8))
        assert not has_moved(curve(8, 0.0, 0.0))
        assert not has_moved(curve(8, 1.0, 1.05, math.nan))
        assert has_moved(curve(8, 0.0, 0.001))

    def test_a_warm_up_rises_from_nothing_to_the_top_where_it_stays(self) -> None:
        drawn = weight_cells(curve(8, *[0.0] * 20, *(place / 20 for place in range(20)), *[1.0] * 20), 479, 10)
        assert drawn.startswith("▁▁▁")
        assert drawn.rstrip().endswith("▇▇")
        assert sorted(drawn.rstrip()) == list(drawn.rstrip())
        assert len(drawn) == 10

    def test_what_was_not_measured_holds_what_was_before(self) -> None:
        assert weight_cells(curve(1, 1.0, math.nan, math.nan, math.nan, math.nan, math.nan, math.nan, 0.5), 7, 8) == (
            "▇▇▇▇▇▇▇▄"
        )
        assert weight_cells(curve(1), -1, 8) == " " * 8

    @given(st.integers(18, 220), st.booleans())
    def test_the_curve_stands_beside_its_weight_and_lines_keep_their_width(self, width: int, headed: bool) -> None:
        whole, moves = found(LEADS), {"b": "▁▂▃▄▅▆▇▇▇ "}
        rows = table(whole, whole.parts, width, False, headed, moves)
        assert all(width_of(row) <= width for row in rows)
        if width >= 80:
            line = "".join(run.text for run in rows[-2])
            assert line.index("0.100") < line.index("▁▂▃▄▅▆▇▇▇") < line.index("5.00")


def filled(cells: Iterable[Run]) -> Counter[str]:
    """How many eighths of the cells each role takes."""
    eighths: Counter[str] = Counter()
    for cell in cells:
        size = " ▁▂▃▄▅▆▇█".index(cell.text)
        low, _, high = cell.role.partition("/")
        eighths[low] += size
        eighths[high or "nothing"] += 8 - size
    return +eighths


class TestPanel:
    @pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
    async def test_full_screen_it_says_who_drives_and_draws_it(self, monitor: Monitor, size: tuple[int, int]) -> None:
        async with monitor(size=size) as seen:
            await seen.press("5")
            await settled(seen)
            await seen.until(lambda: "stft and magnitude drive the training: 4" in seen.text)
            lines = seen.text.splitlines()
            for label in ("stft", "magnitude", "IF", "KL"):
                assert any(line.startswith(f"│ █ {label} ") for line in lines)
            assert "weight    value   counts gradient" in seen.text
            assert "share of the gradient" in seen.text
            assert any("100 %" in line and "█" in line for line in lines)

    async def test_an_old_run_says_that_it_has_no_weights(self, monitor: Monitor) -> None:
        link = FakeLink()
        started = link.stored[0].event
        assert isinstance(started, RunStarted)
        link.stored[0] = replace(link.stored[0], event=replace(started, extras=()))
        async with monitor(link) as seen:
            await seen.press("5")
            await seen.until(lambda: "before the weights of its terms were logged" in seen.text)

    async def test_before_the_first_step_it_says_what_will_come(self, monitor: Monitor) -> None:
        link = FakeLink(steps=0)
        async with monitor(link) as seen:
            await seen.press("5")
            await seen.until(lambda: "from the first step on" in seen.text)
            link.advance(3)
            await seen.until(lambda: "drive the training" in seen.text)

    async def test_until_the_gradient_is_measured_it_shows_the_loss_and_says_so(self, monitor: Monitor) -> None:
        link = Unmeasured()
        async with monitor(link) as seen:
            await seen.press("5")
            await seen.until(lambda: "KL is 61 % of the loss; the gradient is not measured yet" in seen.text)
            assert "share of the loss" in seen.text

    async def test_a_skipped_step_does_not_take_the_weights_away(self, monitor: Monitor) -> None:
        async with monitor() as seen:
            await seen.press("5")
            await settled(seen)
            panel = seen.board.query_one(BalancePanel)
            before = panel.copied()
            assert "KL: weight 0.100" in before
            step = panel.snapshot.state.step
            assert step is not None
            state = replace(panel.snapshot.state, step=replace(step, extras={}, skipped=True))
            panel.show(replace(panel.snapshot, state=state, series=MappingProxyType(dict(panel.snapshot.series))))
            assert panel.copied() == before

    @pytest.mark.parametrize("size", [(30, 5), (44, 7), (70, 12), (24, 3)])
    async def test_small_sizes_keep_what_matters_most(self, monitor: Monitor, size: tuple[int, int]) -> None:
        async with monitor() as seen:
            await seen.press("5")
            await settled(seen)
            panel = seen.board.query_one(BalancePanel)
            rows = panel.rows(*size)
            assert len(rows) == size[1]
            assert all(width_of(row) == size[0] for row in rows)
            assert "stft" in "".join(run.text for run in rows[1])


class Unmeasured(FakeLink):
    """Its gradients were not measured so far."""

    def series(self, term: str, lo: int = 0, hi: int | None = None, width: int = 100) -> Series:
        return Series(term) if term.startswith("gradient/") else super().series(term, lo, hi, width)
