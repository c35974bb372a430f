"""Many terms: in groups that fold, pinned ones first, and each within reach; few terms: nothing but themselves."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.losses.framework_terms import TERMS
from core.run.events import TermInfo
from core.run.state import RunState, fold
from distill_tui.overlay import Overlay
from distill_tui.panels.term_drawing import Look, TermDrawing
from distill_tui.panels.term_groups import Grouping
from distill_tui.panels.term_layout import LOWEST, NARROWEST, Heading, Layout, Tile, lay_out
from distill_tui.reader import Snapshot
from tests.fakes import AUDIO_TERMS, FakeLink, many_terms
from tests.tui.conftest import Monitor, settled

SIZES = [(80, 24), (120, 40), (200, 60)]


def grouping(terms: tuple[TermInfo, ...] = TERMS) -> Grouping:
    made = Grouping()
    made.meet(terms)
    return made


def headings(layout: Layout) -> list[str]:
    return [part.group.name for band in layout.bands for part in band.parts if isinstance(part, Heading)]


class TestGrouping:
    def test_of_many_terms_the_details_begin_folded_and_what_a_person_unfolds_stays_so(self) -> None:
        made = grouping()
        assert [group.name for group in made.groups(TERMS) if group.folded] == ["weights", "metrics"]
        made.fold("weights")
        made.meet(TERMS[:-1])  # another session, with other terms
        made.meet(TERMS)
        assert [group.name for group in made.groups(TERMS) if group.folded] == ["metrics"]
        assert not any(group.folded for group in grouping(AUDIO_TERMS).groups(AUDIO_TERMS))

    def test_pinned_terms_come_first_in_the_order_of_pinning_and_leave_their_group(self) -> None:
        made = grouping()
        made.pin("kl_raw")
        made.pin("beta")
        pinned, *rest = made.groups(TERMS)
        assert [term.name for term in pinned.terms] == ["kl_raw", "beta"]
        assert next(len(group.terms) for group in rest if group.name == "kl") == 1
        made.pin("kl_raw")
        assert [term.name for term in made.groups(TERMS)[0].terms] == ["beta"]

    def test_all_fold_unless_all_are_folded(self) -> None:
        made = grouping()
        made.fold_all(made.groups(TERMS))
        assert [group.name for group in made.groups(TERMS) if not group.folded] == ["total"]  # one term alone
        made.fold_all(made.groups(TERMS))
        assert not any(group.folded for group in made.groups(TERMS))

    def test_a_filter_shows_matches_in_folded_groups_and_folds_of_its_own(self) -> None:
        made = grouping()
        found = tuple(term for term in TERMS if term.group in ("weights", "metrics"))
        made.filtering(True)
        assert not any(group.folded for group in made.groups(found))
        made.fold("metrics")
        assert [group.name for group in made.groups(found) if group.folded] == ["metrics"]
        made.filtering(False)
        assert [group.name for group in made.groups(TERMS) if group.folded] == ["weights", "metrics"]

    @given(st.lists(st.sampled_from([term.name for term in TERMS])), st.sets(st.sampled_from([t.group for t in TERMS])))
    def test_no_term_is_lost_or_shown_twice(self, pins: list[str], folds: set[str]) -> None:
        made = Grouping()
        for name in pins:
            made.pin(name)
        for group in folds:
            made.fold(group)
        shown = [term.name for group in made.groups(TERMS) for term in group.terms]
        assert sorted(shown) == sorted(term.name for term in TERMS)


class TestLayout:
    @pytest.mark.parametrize("as_list", [False, True])
    def test_few_terms_have_no_headings(self, as_list: bool) -> None:
        layout = lay_out(grouping(AUDIO_TERMS).groups(AUDIO_TERMS), 120, 12, as_list)
        assert not headings(layout)
        assert layout.terms == AUDIO_TERMS

    def test_groups_show_when_not_all_can_be_seen(self) -> None:
        groups = grouping(terms := many_terms(30)[:12]).groups(terms)
        assert not headings(lay_out(groups, 240, 8, False))
        assert headings(lay_out(groups, 240, 7, False))
        assert not headings(lay_out(groups, 80, 12, True))
        assert headings(lay_out(groups, 80, 11, True))

    def test_small_groups_share_a_band_and_a_folded_one_is_a_line(self) -> None:
        layout = lay_out(grouping().groups(TERMS), 200, 27, False)
        first, charts = layout.bands[:2]
        assert [part.group.name for part in first.parts if isinstance(part, Heading)] == ["reconstruction", "kl"]
        assert [part.term.group for part in charts.parts if isinstance(part, Tile)] == [
            "total", *["reconstruction"] * 4, *["kl"] * 3
        ]  # fmt: skip
        assert [(band.height, len(band.parts)) for band in layout.bands[-2:]] == [(1, 1), (1, 1)]

    @given(
        st.integers(NARROWEST, 260),
        st.integers(LOWEST, 70),
        st.booleans(),
        st.sets(st.sampled_from([term.group for term in TERMS])),
        st.lists(st.sampled_from([term.name for term in TERMS]), max_size=3),
    )
    def test_every_term_has_a_place_that_can_be_scrolled_to_and_moved_to(
        self, width: int, height: int, as_list: bool, folds: set[str], pins: list[str]
    ) -> None:
        made = Grouping()
        for group in folds:
            made.fold(group)
        for name in pins:
            made.pin(name)
        layout = lay_out(made.groups(TERMS), width, height, as_list)
        assert sorted(term.name for term in layout.terms) == sorted(term.name for term in TERMS)
        top, here = 0, layout.terms[0].name
        reached = {here}
        for band in layout.bands:
            ends = [(part.x, part.x + part.width) for part in band.parts]
            assert all(left[1] <= right[0] for left, right in pairwise(ends))
            assert ends[-1][1] <= width
        for _ in layout.terms:  # as one reads: along each row, then on to the next
            top = layout.scrolled(top, here, height)
            seen = Layout(layout.visible(top, height), as_list)
            assert here in {term.name for term in seen.terms}
            onwards = layout.moved(here, "right")
            if onwards is None:
                while (back := layout.moved(here, "left")) is not None:
                    here = back
                onwards = layout.moved(here, "down")
            if onwards is None:
                break
            here = onwards
            reached.add(here)
        parts = [part for band in layout.bands for part in band.parts]
        stops = {part.term.name for part in parts if isinstance(part, Tile)}
        stops |= {part.group.terms[0].name for part in parts if isinstance(part, Heading) and part.group.folded}
        assert reached == stops

    def test_nothing_is_scrolled_past_the_end(self) -> None:
        layout = lay_out(grouping().groups(TERMS), 80, 10, True)
        assert layout.scrolled(99, layout.terms[-1].name, 10) == len(layout.bands) - 10
        assert layout.scrolled(99, layout.terms[0].name, 10) == 0
        assert lay_out((), 80, 10, True).scrolled(5, "", 10) == 0


def test_small_charts_draw_the_baseline_below_the_run() -> None:
    link, drawing, term = FakeLink(), TermDrawing(), AUDIO_TERMS[0]
    state, other = fold(RunState(), link.read()), FakeLink(curve=lambda _, step: 2 - step / 1000)
    overlay = Overlay("other", Path("other"), "series3")
    drawing.snapshot = Snapshot(state=state, overlays=(overlay,))
    assert len(drawing.chart_queries(term, 76)) == 2  # a run that is no baseline is in the large chart alone

    with_baseline = Snapshot(state=state, overlays=(replace(overlay, baseline=True),))
    drawing.snapshot = with_baseline
    queries = drawing.chart_queries(term, 76)
    assert [query.run for query in queries] == ["", "", "other"]
    series = {query: (other if query.run else link).series(query.term, width=query.width) for query in queries}
    drawing.snapshot = replace(with_baseline, series=series)
    rows = drawing.chart(term, 40, 8, 76, Look())
    roles = {run.role for row in rows for run in row}
    assert {"series3", "train", "validation"} <= roles
    del series[queries[2]]
    drawing.snapshot = replace(with_baseline, series=dict(series))
    assert "series3" not in {run.role for row in drawing.chart(term, 40, 8, 76, Look()) for run in row}


@pytest.mark.parametrize("size", SIZES)
async def test_audio_shows_no_headings_anywhere(monitor: Monitor, size: tuple[int, int]) -> None:
    async with monitor(size=size) as seen:
        assert "▾" not in seen.text
        await seen.press("2")
        assert "▾" not in seen.text
        await seen.press("Z")
        await seen.until(lambda: "▸ reconstruction 3" in seen.text)
        await seen.press("Z")
        await seen.until(lambda: "▸ reconstruction" not in seen.text)


@pytest.mark.parametrize("size", SIZES)
async def test_z_folds_the_selected_group_to_a_line_with_values_and_unfolds_it(
    monitor: Monitor, size: tuple[int, int]
) -> None:
    async with monitor(FakeLink(terms=TERMS, steps=200), size=size) as seen:
        await seen.press("2")
        await seen.until(lambda: "▾ reconstruction 4" in seen.text)
        terms = seen.board.terms
        assert "token loss" not in next(line for line in seen.text.splitlines() if "▾ reconstruction" in line)[:60]
        while terms.selected is None or terms.selected.group != "reconstruction":
            terms.step(1)
        chosen = terms.selected
        await seen.press("z")
        await seen.until(lambda: "▸ reconstruction 4" in seen.text)
        line = next(line for line in seen.text.splitlines() if "▸ reconstruction" in line)
        assert "token loss 0." in line
        assert "perceptual 0." in line
        assert terms.selected == chosen  # the large chart goes on showing it
        await seen.press("z")
        await seen.until(lambda: "▾ reconstruction 4" in seen.text)
        assert terms.selected == chosen


async def test_the_cursor_takes_a_folded_group_as_one_stop(monitor: Monitor) -> None:
    async with monitor(FakeLink(terms=TERMS, steps=100), size=(80, 24)) as seen:
        await seen.press("2", "Z")
        stops = []
        for _ in range(8):
            selected = seen.board.terms.selected
            assert selected is not None
            stops.append(selected.group)
            await seen.press("down")
        assert stops == ["total", "reconstruction", "kl", "adversarial", "constraints", "weights", "metrics", "metrics"]
        await seen.press("z")
        await seen.until(lambda: "▾ metrics 3" in seen.text)


async def test_a_click_on_a_heading_folds_and_on_a_folded_one_unfolds(monitor: Monitor) -> None:
    async with monitor(FakeLink(terms=TERMS, steps=100), size=(120, 40)) as seen:
        await seen.press("2")
        await settled(seen)

        async def click(text: str) -> None:
            lines = seen.text.splitlines()
            y = next(i for i, line in enumerate(lines) if text in line)
            await seen.pilot.click(offset=(lines[y].index(text) + 3, y))
            await seen.pilot.pause()

        await click("▾ adversarial 10")
        await seen.until(lambda: "▸ adversarial 10" in seen.text)
        await click("▸ adversarial 10")
        await seen.until(lambda: "▾ adversarial 10" in seen.text)
        assert seen.board.terms.selected is not None
        assert seen.board.terms.selected.name == "gen_adversarial"


async def test_a_pinned_term_stands_at_the_top_marked_whatever_is_folded_or_resumed(monitor: Monitor) -> None:
    async with monitor(FakeLink(terms=TERMS, steps=100), size=(80, 24)) as seen:
        await seen.press("2")
        seen.board.terms.choose("perplexity")
        seen.board.terms.choose("")
        await seen.press("*")
        await seen.until(lambda: "⚲ perplexity" in seen.text)
        seen.link.emit(seen.link._started())  # another session
        await seen.press("Z")
        await settled(seen)
        lines = [line for line in seen.text.splitlines() if "perplexity" in line or "total" in line]
        assert "⚲ perplexity" in lines[0]
        await seen.press("*")
        await seen.until(lambda: "⚲" not in seen.text)


async def test_a_filter_finds_what_is_folded_and_leaves_the_folds(monitor: Monitor) -> None:
    async with monitor(FakeLink(terms=TERMS, steps=100), size=(120, 40)) as seen:
        await seen.press("2")
        await seen.until(lambda: "▸ metrics 3" in seen.text)
        seen.board.terms.choose("perplexity")
        await seen.until(lambda: "▸ metrics" not in seen.text)
        assert "perplexity" in seen.text
        seen.board.terms.choose("")
        await seen.until(lambda: "▸ metrics 3" in seen.text)
        assert seen.board.terms.selected is not None
        assert seen.board.terms.selected.name == "perplexity"  # what was found stays selected


async def test_help_says_what_the_selected_term_means(monitor: Monitor) -> None:
    async with monitor() as seen:
        seen.board.focus_panel("terms")
        await seen.press("right")
        words = seen.board.terms.help_words()
        assert words.means.startswith("stft: Spectral distance")
        await seen.press("?")
        await seen.until(lambda: "Spectral distance" in seen.text)
