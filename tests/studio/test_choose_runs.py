"""Choosing the runs that are drawn over another."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from test_home_screen import Monitor, make_run, until
from textual.pilot import Pilot

from core.run import shelf
from distill_tui.overlay import MOST
from distill_tui.panels.rows import RowList
from distill_tui.screens.choose_runs import ChooseRuns, Chosen


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    for name in ("watched", "bells", "drums"):
        make_run(tmp_path / "runs", name)
    return tmp_path / "runs"


class Asked:
    def __init__(self, app: Monitor, pilot: Pilot[int]) -> None:
        self.app, self.pilot, self.answers = app, pilot, list[Chosen | None]()

    @property
    def names(self) -> list[str]:
        return [Path(key).name for key in self.app.screen.query_one(RowList).keys]


@asynccontextmanager
async def choosing(
    runs_dir: Path, chosen: Sequence[Path] = (), baseline: Path | None = None, width: int = 80
) -> AsyncIterator[Asked]:
    app = Monitor(runs_dir)
    async with app.run_test(size=(width, 24)) as pilot:
        asked = Asked(app, pilot)
        await app.push_screen(ChooseRuns(runs_dir, runs_dir / "watched", chosen, baseline), asked.answers.append)
        # The first line names the folder of runs, and that a test, whatever words it is called by.
        await until(pilot, lambda: "chosen" in app.seen().split("\n", 1)[1])
        yield asked


async def test_space_chooses_and_enter_answers(runs_dir: Path) -> None:
    async with choosing(runs_dir) as asked:
        assert asked.names == ["drums", "bells"], "all but the watched one"
        await asked.pilot.press("space", "j", "space", "k", "space", "enter")
        assert asked.answers == [([runs_dir / "bells"], None)]


async def test_the_baseline_is_chosen_with_it_and_taken_off_again(runs_dir: Path) -> None:
    async with choosing(runs_dir, [runs_dir / "bells"]) as asked:
        await asked.pilot.press("B")
        assert "✓ ⚑ drums" in asked.app.seen()
        await asked.pilot.press("j", "B", "B", "k", "B", "enter")
        assert asked.answers == [([runs_dir / "drums", runs_dir / "bells"], runs_dir / "drums")]


async def test_a_baseline_that_is_not_drawn_stays_the_baseline(runs_dir: Path) -> None:
    async with choosing(runs_dir, [runs_dir / "bells"], runs_dir / "bells") as asked:
        await asked.pilot.press("j", "space", "enter")
        assert asked.answers == [([], runs_dir / "bells")]


async def test_escape_changes_nothing(runs_dir: Path) -> None:
    async with choosing(runs_dir, [runs_dir / "bells"]) as asked:
        await asked.pilot.press("space", "escape")
        assert asked.answers == [None]


async def test_no_more_than_can_be_told_apart(runs_dir: Path) -> None:
    more = [make_run(runs_dir, f"more-{number}").path for number in range(MOST)]
    async with choosing(runs_dir, more) as asked:
        await asked.pilot.press("end", "space")
        assert f"At most {MOST} runs" in asked.app.seen()
        await asked.pilot.press("B", "enter")
        (answer,) = asked.answers
        assert answer is not None
        assert set(answer[0]) == set(more)


async def test_broken_runs_are_refused_and_archived_ones_left_out(runs_dir: Path) -> None:
    (runs_dir / "bells" / "run.sqlite").write_bytes(b"no database" * 100)
    shelf.archive(runs_dir / "drums")
    async with choosing(runs_dir, [runs_dir / "gone"]) as asked:
        assert asked.names == ["bells"]
        await asked.pilot.press("space")
        assert "cannot be read" in asked.app.seen()
        await asked.pilot.press("enter")
        assert asked.answers == [([], None)]


async def test_alone_it_says_so(tmp_path: Path) -> None:
    make_run(tmp_path, "watched")
    async with choosing(tmp_path) as asked:
        assert "No other runs lie beside this one" in asked.app.seen()
        await asked.pilot.press("space", "B", "enter")
        assert asked.answers == [([], None)]


@pytest.mark.parametrize(("width", "name"), [(60, "bells-with-long-decay"), (100, "bells-with-long-decay-and-reverb")])
async def test_names_are_not_cut_while_there_is_room(runs_dir: Path, width: int, name: str) -> None:
    make_run(runs_dir, name)
    async with choosing(runs_dir, [runs_dir / name], width=width) as asked:
        assert name in asked.app.seen()
