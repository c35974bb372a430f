"""The system panel: figures that are there, none that are not, and a word on what is wrong."""

from dataclasses import dataclass, field, replace

import pytest
from rich.cells import cell_len

from core.run.events import StepMetrics
from core.run.link import Series
from core.run.state import RunState
from distill_tui.axes import steps_axis
from distill_tui.panels.system import SystemPanel
from distill_tui.panels.system_lines import figure_rows, shape, stretch
from distill_tui.reader import Snapshot
from distill_tui.system_figures import Figure, advice, figures, lately, size, waiting
from tests.fakes import SYSTEM, FakeLink
from tests.tui.conftest import Monitor
from tests.tui.panel_alone import alone

SIZES = [(30, 4), (40, 6), (50, 14), (72, 7), (80, 24), (120, 40), (200, 60)]
CPU_ONLY = {name: value for name, value in SYSTEM.items() if "gpu" not in name}


@dataclass
class Machine(FakeLink):
    """A run on a machine of those figures, whose steps wait for data that share of their time."""

    system: dict[str, float] = field(default_factory=lambda: dict(SYSTEM))
    wait: float = 0.04

    @property
    def extras(self) -> dict[str, float]:
        return self.system

    def _metrics(self, step: int) -> StepMetrics:
        metrics = super()._metrics(step)
        return replace(metrics, data_time_s=self.wait * metrics.step_time_s)

    def series(self, term: str, lo: int = 0, hi: int | None = None, width: int = 100) -> Series:
        if term not in ("data_time_s", "step_time_s"):
            return super().series(term, lo, hi, width)
        value = 0.05 * (self.wait if term == "data_time_s" else 1.0)
        values = (value,) * max(1, (self.step - lo) // 16)
        return Series(term, lo, 16, values, values, values, values, (), 1, self.step)


@pytest.mark.parametrize("dimensions", SIZES)
@pytest.mark.parametrize("measured", [SYSTEM, CPU_ONLY, {}])
@pytest.mark.parametrize("wait", [0.04, 0.6])
async def test_every_size_is_filled_exactly(
    dimensions: tuple[int, int], measured: dict[str, float], wait: float
) -> None:
    async with alone(SystemPanel(), Machine(system=dict(measured), wait=wait), dimensions) as shown:
        assert [cell_len(line) for line in shown.lines] == [dimensions[0]] * dimensions[1]


async def test_all_figures_with_the_gpu_first() -> None:
    async with alone(SystemPanel(), Machine(), (80, 24)) as shown:
        for text in ("62 %", "3.1 / 139 GB", "54 °C", "312 W", "1.0 cores", "31 %", "2.4 GB", "18 %", "512 GB", "4 %"):
            assert text in shown.text
        assert shown.lines[1].split()[1:2] == ["GPU"]
        assert "cuda:0 on box" in shown.lines[0]


async def test_a_machine_without_gpu_has_no_lines_for_one() -> None:
    async with alone(SystemPanel(), Machine(system=dict(CPU_ONLY)), (80, 24)) as shown:
        assert "GPU" not in shown.text
        assert "run's CPU" in shown.text


async def test_little_room_shows_the_first_and_counts_the_rest() -> None:
    async with alone(SystemPanel(), Machine(), (30, 4)) as shown:
        assert "62 %" in shown.text
        assert "8 more" in shown.text


async def test_a_disk_that_is_nearly_full_comes_first_and_says_so() -> None:
    link = Machine(system={**SYSTEM, "system/disk_free_bytes": 0.4e9})
    async with alone(SystemPanel(), link, (30, 4)) as shown:
        assert "0.4 GB" in shown.lines[1]
        assert shown.role_of("0.4 GB") == "danger"
        assert "nearly full" in shown.text


async def test_a_long_wait_for_data_is_told_with_what_helps() -> None:
    async with alone(SystemPanel(), Machine(wait=0.42), (100, 20)) as shown:
        assert "42 %" in shown.text
        assert "augment.pitch_probability" in shown.text
        assert shown.role_of("42 %") == "warning"
    async with alone(SystemPanel(), Machine(wait=0.2), (100, 20)) as shown:
        assert "augment" not in shown.text


async def test_a_finished_run_shows_what_was_last_seen() -> None:
    link = Machine(wait=0.6)
    link.complete("finished")
    async with alone(SystemPanel(), link, (80, 24)) as shown:
        assert "as last seen" in shown.lines[0]
        assert shown.role_of("62 %") == "muted"
        assert "▲" not in shown.text  # nothing can be done about it any more


async def test_a_trainer_that_vanished_leaves_its_last_figures() -> None:
    async with alone(SystemPanel(), Machine(), (80, 24)) as shown:
        shown.show(live=False)
        assert "as last seen" in shown.lines[0]


async def test_an_older_run_says_that_it_kept_no_figures() -> None:
    async with alone(SystemPanel(), Machine(system={}), (72, 7)) as shown:
        assert "kept no other figures" in shown.text
        assert "data wait" in shown.text


async def test_before_the_first_step_it_says_what_will_come() -> None:
    async with alone(SystemPanel(), Machine(steps=0), (72, 7)) as shown:
        assert "From the first step on" in shown.text


async def test_the_curves_are_of_the_last_minutes_and_are_asked_for_anew_when_the_window_jumps() -> None:
    link = Machine(steps=20_000)
    panel = SystemPanel()
    async with alone(panel, link, (80, 24)) as shown:
        (lo,) = {query.lo for query in panel.queries()}
        assert 20_000 - 300 * 21.4 * 2 < lo < 20_000 - 300 * 21.4 / 2
        before, text = set(panel.queries()), shown.text
        link.advance(3_000)
        shown.show()
        assert set(panel.queries()) != before
        assert "⠤" in text or "⠒" in text or "⠉" in text


def test_a_window_holds_still_between_its_jumps() -> None:
    def window(step: int) -> tuple[int, int]:
        x = stretch(RunState(step=StepMetrics(1, step, 10**6, 1.0, elapsed_s=step * 0.05)), 100)
        return x.lo, x.span

    assert len({window(step) for step in range(30_000, 40_000, 10)}) <= 12
    assert window(100) == (0, steps_axis(100, 100).span)  # a young run is seen whole


def test_columns_hold_all_figures_where_they_can() -> None:
    assert shape(10, 70, 5) == (2, 1)
    assert shape(10, 26, 2) == (1, 1)
    assert shape(10, 74, 20) == (1, 1)
    columns, tall = shape(10, 116, 36)
    assert (columns, tall) == (2, 7)


def test_figures_that_found_no_room_are_counted() -> None:
    many = [Figure(f"system/{n}", f"f{n}", 1.0, "1 %", 100) for n in range(9)]
    rows, hidden = figure_rows(many, {}, RunState(), 70, 3, dim=False)
    assert len(rows) == 3
    assert hidden == 3
    assert figure_rows(many, {}, RunState(), 26, 0, dim=False)[1] == 9
    assert figure_rows([], {}, RunState(), 26, 5, dim=False) == ([], 0)


@pytest.mark.parametrize("measured", [SYSTEM, CPU_ONLY])
@pytest.mark.parametrize("dimensions", [(120, 36), (80, 40), (200, 60)])
async def test_full_screen_the_charts_share_all_lines(measured: dict[str, float], dimensions: tuple[int, int]) -> None:
    async with alone(SystemPanel(), Machine(system=dict(measured)), dimensions) as shown:
        _, tall = shape(len(shown.panel.copied().splitlines()), dimensions[0] - 4, dimensions[1] - 2)
        assert tall > 1
        axes = [y for y, line in enumerate(shown.lines) if set(line) <= set("│ ─") and "─" in line]
        heights = [low - high for high, low in zip([0, *axes], axes, strict=False)]
        assert sum(heights) == dimensions[1] - 2
        assert max(heights) - min(heights) <= 1


async def test_a_chart_tells_where_its_axis_ends() -> None:
    async with alone(SystemPanel(), Machine(), (120, 36)) as shown:
        for top in ("│ 100 %", " 139 GB", " 3.0 GB", " 600 GB", " 400 W", "100 °C", "1.5 cores"):
            assert top.strip("│ ") in shown.text, top
        assert sum(line.startswith("│") and " 0 " in line for line in shown.lines) == 5


@pytest.mark.parametrize(
    ("highest", "top"), [(2.4e9, 3e9), (1.0e9, 1e9), (512e9, 600e9), (9.1, 10.0), (0.0, 1.0), (1.2, 1.5)]
)
def test_where_nobody_knows_how_much_there_can_be_the_axis_ends_at_a_round_value(highest: float, top: float) -> None:
    values = (highest / 2, float("nan"), highest)
    series = Series("x", 0, 4, values, values, values, values, (), 0, 15)
    assert Figure("x", "x", 0.0, "").top(series) == pytest.approx(top)
    assert Figure("x", "x", highest, "").top(None) == pytest.approx(top)
    assert Figure("x", "x", highest, "", full=100.0).top(series) == 100.0


def test_what_is_not_a_number_is_not_there() -> None:
    assert figures({"system/gpu_percent": float("nan"), "system/gpu_celsius": float("inf")}, None) == []
    (alone_,) = figures({"system/gpu_memory_bytes": 3e9}, None)  # a driver that does not tell how much there is
    assert (alone_.value, alone_.full) == ("3.0 GB", None)


def test_the_share_of_waiting_is_that_of_the_last_quarter() -> None:
    def series(values: tuple[float, ...], first: int = 0) -> Series:
        return Series("x", first, 4, values, values, values, values, (), 0, 15)

    share = waiting(series((0.0, 0.0, 0.0, 0.5)), series((1.0, 1.0, 1.0, 1.0)))
    assert share is not None
    assert lately(share, RunState()) == 0.5
    assert waiting(series((0.1,)), series((1.0,), first=64)) is None  # read at two moments
    zero = waiting(series((0.1,)), series((0.0,)))
    assert zero is not None
    assert lately(zero, RunState()) is None


def waiting_run(recipe: str = "audio", memory_mb: int = 2048) -> Snapshot:
    link = Machine(steps=0)
    info = link.info()
    info.config["data"]["memory_mb"] = memory_mb
    return Snapshot(state=RunState(started=replace(link._started(), recipe=recipe)), info=info)


def test_advice_suits_the_material() -> None:
    found = figures({}, 0.5)
    told = {kind: advice(found, snapshot) for kind, snapshot in {
        "sounds": waiting_run(), "many sounds": waiting_run(memory_mb=10), "tunes": waiting_run("midi"),
        "nothing known": Snapshot(),
    }.items()}  # fmt: skip
    assert all(words is not None and "50 % of the time" in words[1] for words in told.values())
    assert [kind for kind, words in told.items() if words and "data.memory_mb" in words[1]] == ["many sounds"]
    assert [kind for kind, words in told.items() if words and "tunes.stretch_probability" in words[1]] == ["tunes"]
    assert advice(figures(SYSTEM, 0.1), waiting_run()) is None


def test_sizes_read_shortly() -> None:
    assert [size(amount) for amount in (3e7, 2.4e9, 5.12e11, 1.83e12)] == ["30 MB", "2.4 GB", "512 GB", "1.8 TB"]


async def test_key_6_shows_it_full_screen(monitor: Monitor) -> None:
    async with monitor(size=(80, 24)) as seen:
        await seen.press("6")
        await seen.until(lambda: "3.1 / 139 GB" in seen.text and "disk left" in seen.text, "the figures are seen")
