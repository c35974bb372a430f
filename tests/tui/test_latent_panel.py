"""The latent panel: how much each dimension says as it goes, the map, and a word when most of it says nothing."""

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from core.losses.kl import ACTIVE_NATS as ENGINES_THRESHOLD
from core.run.events import EpochMetrics, LatentMap, StepMetrics
from core.run.state import RunState
from distill_tui.axes import steps_axis
from distill_tui.latent_scatter import SELECTED, scatter, short_name, spots
from distill_tui.latent_strip import ACTIVE_NATS, ordered, shade, strip
from distill_tui.latent_words import measures, suggestion, summary
from distill_tui.panels.frame import width_of
from distill_tui.panels.latent import LatentPanel, room
from tests.fakes import FakeLink
from tests.tui.conftest import Monitor
from tests.tui.panel_alone import alone

SIZES = [(30, 5), (40, 7), (44, 18), (72, 8), (72, 14), (80, 24), (120, 40), (200, 60)]


def epochs(*nats: tuple[float, ...], steps: int = 10) -> list[EpochMetrics]:
    return [
        EpochMetrics(
            number, 99, 1.0, 1.0, step=number * steps, kl_per_dimension=kl, latent_dimensions=len(kl),
            active_dimensions=sum(value > ACTIVE_NATS for value in kl),
        )
        for number, kl in enumerate(nats, start=1)
    ]  # fmt: skip


def test_the_threshold_is_the_engines() -> None:
    assert ACTIVE_NATS == ENGINES_THRESHOLD


@given(st.lists(st.floats(0, 1e6), min_size=2))
def test_more_nats_are_never_darker_and_only_active_dimensions_show(values: list[float]) -> None:
    shades = [shade(value) for value in sorted(values)]
    assert shades == sorted(shades)
    assert all((value > ACTIVE_NATS) == (shade(value) > 0) and 0 <= shade(value) <= 1 for value in values)
    assert math.isnan(shade(math.nan))


def test_the_dimension_that_says_most_is_on_top_and_time_goes_to_the_right() -> None:
    run = epochs((0.0, 0.2, 0.0), (0.0, 5.0, 1.0))
    x = steps_axis(20, 2 * 16)
    values = strip(run, x, 16, 3, ended=True)
    top, middle, bottom = values
    assert [row[0] for row in values] == [shade(0.2), 0.0, 0.0]  # epoch 1 begins at the left
    known = [column for column, value in enumerate(top) if value == value]
    assert known == list(range(len(known)))  # what is to come is blank
    assert (top[known[-1]], middle[known[-1]], bottom[known[-1]]) == (shade(5.0), shade(1.0), 0.0)


def test_dimensions_that_do_not_fit_share_rows_and_few_get_several() -> None:
    run = epochs(tuple(float(number) for number in range(100)))
    x = steps_axis(10, 20)
    assert len(strip(run, x, 10, 8, ended=False)) == 8
    assert len(strip(epochs((3.0, 2.0)), x, 10, 8, ended=False)) == 8
    assert len(strip(epochs((3.0, 2.0, 1.0)), x, 10, 8, ended=False)) == 6
    assert strip([], x, 10, 8, ended=False) == []


def test_the_order_stands_still_until_the_axis_moves() -> None:
    rising = [(1.1 - 0.01 * number, 0.01 * number) for number in range(100)]  # the second overtakes the first at 56
    run = epochs(*rising)
    orders, spans = [], []
    for count in range(1, 100):
        x = steps_axis(run[count - 1].step, 40)
        orders.append(ordered(run[:count], x, ended=False))
        spans.append(x.span)
    changes = [place for place in range(1, 99) if orders[place] != orders[place - 1]]
    assert len(changes) == 1
    assert spans[changes[0]] != spans[changes[0] - 1]
    assert ordered(run[:58], steps_axis(580, 40), ended=True) == (1, 0)
    assert ordered(run[:58], steps_axis(580, 40), ended=False) == (0, 1)


def test_a_long_run_is_drawn_from_a_few_epochs_a_column() -> None:
    class Counted(tuple[float, ...]):
        read = 0

        def __iter__(self):  # type: ignore[no-untyped-def]
            Counted.read += 1
            return super().__iter__()

    run = epochs(*[Counted((1.0, 2.0))] * 3000)
    Counted.read = 0
    strip(run, steps_axis(30_000, 80), 40, 2, ended=False)
    assert 0 < Counted.read < 40 * 10


@given(
    st.lists(st.lists(st.floats(allow_nan=True, allow_infinity=False, width=32), min_size=3, max_size=3), min_size=1),
    st.integers(1, 60), st.integers(1, 20),
)  # fmt: skip
def test_any_history_makes_a_whole_field(kls: list[list[float]], width: int, rows: int) -> None:
    run = epochs(*map(tuple, kls))
    values = strip(run, steps_axis(run[-1].step, 2 * width), width, rows, ended=False)
    assert 0 < len(values) <= max(rows, 1)
    assert {len(row) for row in values} == {width}


def a_map(names: tuple[str, ...], x: tuple[float, ...], y: tuple[float, ...]) -> LatentMap:
    return LatentMap(3, 30, names, x, y, (0.6, 0.2))


def test_up_is_up_and_both_axes_have_one_scale() -> None:
    found = {s.name: s for s in spots(a_map(("sw", "ne", "mid"), (-1.0, 1.0, 0.0), (-1.0, 1.0, 0.0)), 41, 11)}
    assert found["ne"].y == 0
    assert found["sw"].y == 10
    assert found["ne"].x - found["sw"].x == 20  # 20 columns are as long as 10 rows
    assert (found["mid"].x, found["mid"].y) == (20, 5)


def test_one_spot_and_broken_places_are_drawn_calmly() -> None:
    rows = scatter(a_map(("a", "b", "c"), (1.0, 1.0, math.nan), (2.0, 2.0, 1.0)), 20, 5)
    text = "\n".join("".join(run.text for run in row) for row in rows)
    assert text.count("●") == 1
    assert "•" not in text
    assert all(width_of(row) == 20 for row in rows)
    assert [width_of(row) for row in scatter(a_map((), (), ()), 20, 5)] == [20] * 5


@given(
    st.lists(
        st.tuples(st.sampled_from(["a", "drums/b", "鼓の音", "[b]x", "long " * 9]), st.floats(-9, 9), st.floats(-9, 9)),
        max_size=40,
    ),
    st.integers(1, 100), st.integers(1, 30),
)  # fmt: skip
def test_the_map_is_as_wide_as_asked_whatever_lies_on_it(
    items: list[tuple[str, float, float]], width: int, height: int
) -> None:
    names, x, y = tuple(zip(*items, strict=True)) or ((), (), ())
    rows = scatter(a_map(names, x, y), width, height, "drums/b")
    assert len(rows) == height
    assert {width_of(row) for row in rows} == {width}


def test_a_name_from_a_file_is_text() -> None:
    assert short_name("drums/\x1b[31mkick\u202e") == "[31mkick"
    assert cell_len(short_name("鼓" * 20)) <= 16


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("theme", ["distill-dark", "distill-terminal"])
async def test_every_size_is_filled_exactly(size: tuple[int, int], theme: str) -> None:
    async with alone(LatentPanel(), FakeLink(), size, theme) as shown:
        assert [cell_len(line) for line in shown.lines] == [size[0]] * size[1]
        assert "41 of 64" in shown.text


async def test_the_pieces_give_way_in_order() -> None:
    async with alone(LatentPanel(), FakeLink(), (120, 40)) as shown:
        assert "12 validation sounds" in shown.text
        assert "gong" in shown.text
        assert "what each dimension says" in shown.text
    async with alone(LatentPanel(), FakeLink(), (44, 20)) as shown:  # below each other
        assert "→ 41 %" in shown.text
        assert "•" in shown.text
    async with alone(LatentPanel(), FakeLink(), (30, 5)) as shown:
        assert "•" not in shown.text
        assert "▀" in shown.text or "█" in shown.text
    assert room(120, 30, has_map=False).map == (0, 0)


async def test_the_selected_sound_is_marked_and_named_however_small_the_map() -> None:
    panel = LatentPanel()
    async with alone(panel, FakeLink(), (72, 10)) as shown:
        assert SELECTED not in shown.text
        panel.select("gong")
        assert f"{SELECTED} gong" in shown.text or f"gong {SELECTED}" in shown.text
        panel.select("not among them")
        assert SELECTED not in shown.text
        panel.select(None)
        assert SELECTED not in shown.text


async def test_an_epoch_changes_the_lines_that_it_must_and_no_other() -> None:
    link = FakeLink(steps=32 * 12)
    async with alone(LatentPanel(), link, (40, 12)) as shown:
        link.stored = [stored for stored in link.stored if not isinstance(stored.event, LatentMap)]
        shown.show()
        before = shown.panel.rows(40, 12)
        link.advance(32)
        link.stored = [stored for stored in link.stored if not isinstance(stored.event, LatentMap)]
        shown.show()
        for old, new in zip(before[2:-1], shown.panel.rows(40, 12)[2:-1], strict=True):
            cells = [[(char, run.role) for run in row for char in run.text] for row in (old, new)]
            assert sum(a != b for a, b in zip(*cells, strict=True)) <= 4


async def test_before_the_first_epoch_it_says_what_will_come() -> None:
    link = FakeLink(steps=3)
    async with alone(LatentPanel(), link, (60, 6)) as shown:
        assert "After the first epoch" in shown.text


async def test_a_run_of_an_older_version_has_a_count_and_no_strip() -> None:
    link = FakeLink()
    link.stored = [
        replace(s, event=replace(s.event, kl_per_dimension=())) if isinstance(s.event, EpochMetrics) else s
        for s in link.stored if not isinstance(s.event, LatentMap)
    ]  # fmt: skip
    async with alone(LatentPanel(), link, (60, 12)) as shown:
        assert "41 of 64" in shown.text
        assert "no record of each dimension" in shown.text


def collapsed(active: int, step: int = 400, kl_weight: float = 0.01, recipe: str = "audio") -> RunState:
    link = FakeLink(steps=0)
    started = replace(link._started(), recipe=recipe)
    epoch = EpochMetrics(9, 99, 1.0, 1.0, step=step, active_dimensions=active, latent_dimensions=64)
    return RunState(started=started, epochs=(epoch,), step=StepMetrics(9, step, 9999, 1.0, kl_weight=kl_weight))


CONFIG = {"loss": {"kl": {"weight_max": 0.01, "free_bits": 0.0}}}


def test_when_most_says_nothing_the_keys_that_help_are_named() -> None:
    words = suggestion(collapsed(10), CONFIG)
    assert words is not None
    assert "54 dimensions say nothing" in words[1]
    for key in (" model.latent_dim=32", "loss.kl.weight_max=0.001", "loss.kl.free_bits=0.5"):
        assert key.strip() in words[1]
    tunes = suggestion(collapsed(10, recipe="midi"), CONFIG)
    assert tunes is not None
    assert "token_model.latent_dim=32" in tunes[1]
    bare = suggestion(collapsed(0), {})  # a config of another version
    assert bare is not None
    assert "Train again" not in bare[1]


@pytest.mark.parametrize("state", [collapsed(32), collapsed(10, step=100), collapsed(10, kl_weight=0.0), RunState()])
def test_a_healthy_or_young_run_gets_no_advice(state: RunState) -> None:
    assert suggestion(state, CONFIG) is None


def test_measures_are_told_in_words_of_the_material() -> None:
    epoch = EpochMetrics(9, 99, 1.0, 1.0, active_units=39, mutual_information=math.log(17.8), latent_dimensions=64)
    state = RunState(started=FakeLink(steps=0)._started(), epochs=(epoch,))
    assert measures(state, {}) == ("39 differ from sound to sound", "tells 18 sounds apart")
    mapped = replace(state, latent_map=a_map(tuple("abcdefghijklmnopqr"), (0.0,) * 18, (0.0,) * 18))
    assert measures(mapped, {})[1] == "tells 18 of 18 sounds apart"
    parts = replace(state, latent_map=a_map(tuple("aabb") * 5, (0.0,) * 20, (0.0,) * 20))
    assert measures(parts, {})[1] == "tells 18 of 20 parts apart"
    assert measures(mapped, {"model": {"latent": "sequence"}})[1] == "tells 18 moments apart"
    tunes = replace(mapped, started=replace(FakeLink(steps=0)._started(), recipe="midi"))
    assert measures(tunes, {"model": {"latent": "sequence"}})[0] == "39 differ from tune to tune"
    broken = replace(state, epochs=(replace(epoch, mutual_information=math.nan),))
    assert measures(broken, {}) == ("39 differ from sound to sound",)
    older = replace(state, epochs=(EpochMetrics(9, 99, 1.0, 1.0, latent_dimensions=64),))
    assert measures(older, {}) == ()
    assert "39 active units, mutual information 2.88 nats" in summary(epoch)
    assert summary(broken.epochs[0]).endswith("39 active units")
    assert summary(older.epochs[0]).endswith("KL 0 nats")


def test_a_collapsed_latent_is_told_and_not_taken_for_one_that_nobody_measured() -> None:
    epoch = EpochMetrics(9, 99, 1.0, 1.0, active_units=0, mutual_information=0.0, latent_dimensions=64)
    state = RunState(started=FakeLink(steps=0)._started(), epochs=(epoch,))
    assert measures(state, {}) == ("none differ from sound to sound", "tells no sounds apart")
    mapped = replace(state, latent_map=a_map(tuple("abc"), (0.0,) * 3, (0.0,) * 3))
    assert measures(mapped, {})[1] == "tells none of 3 sounds apart"
    assert "0 active units, mutual information 0 nats" in summary(epoch)


async def test_the_measures_are_shown_where_there_is_room() -> None:
    link = FakeLink()
    link.stored = [
        replace(s, event=replace(s.event, active_units=39, mutual_information=2.4))
        if isinstance(s.event, EpochMetrics) else s for s in link.stored
    ]  # fmt: skip
    for size in SIZES:
        async with alone(LatentPanel(), link, size) as shown:
            assert ("39 differ from sound to sound" in shown.text) == (size[1] >= 12)
            assert ("tells 11 of 12 sounds apart" in shown.text) == (size[1] >= 12 and size[0] > 60)
            assert [cell_len(line) for line in shown.lines] == [size[0]] * size[1]


async def test_key_4_shows_it_full_screen_and_back(monitor: Monitor) -> None:
    async with monitor(size=(80, 24)) as seen:
        await seen.press("4")
        await seen.until(lambda: "41 of 64 dimensions active" in seen.text, "the latent panel fills the screen")
        assert "validation sounds" in seen.text
        await seen.press("4")
        await seen.until(lambda: "41 of 64 dimensions active" not in seen.text, "it has gone again")
