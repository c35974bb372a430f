"""The home screen on runs of another host: reached, failed, empty, dropped, and what cannot be done there."""

import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest
from test_home_screen import Monitor, make_run, until
from textual.pilot import Pilot
from textual.widgets import Input

from core.run.folder import RunSummary
from core.run.link import LinkError
from distill_tui.panels.choices import Choices
from distill_tui.run_source import NamesRunError, RunSource
from distill_tui.screens import sourced
from distill_tui.screens.run_filter import FilterLine
from distill_tui.session import Watch

REACHING = "reaching box through ssh ..."


def listed(*names: str) -> list[RunSummary]:
    return [
        RunSummary(name, Path("/home/me/runs") / name, "finished", epoch=9 + place, total_epochs=20, step=900,
                   best_val_loss=0.4 + place / 100, best_epoch=8, updated=1e9, recipe="audio", data="/data/bells",
                   config={"loss": {"stft": {"weight": 0.5 + place}}})
        for place, name in enumerate(names)
    ]  # fmt: skip


@dataclass
class Host:
    """A source on `box`: until `answer` has been given, reading waits."""

    where: str = "box:/home/me/runs"
    keeps: bool = False
    refusal: str = "box: from here its runs can only be watched. All else: ssh -t box distill-tui"
    every: float = 0.2
    trouble: str = REACHING
    readings: int = 0
    closed: bool = False
    runs: list[RunSummary] | Exception | None = None
    _given: threading.Event = field(default_factory=threading.Event)

    def answer(self, runs: list[RunSummary] | Exception) -> None:
        """From now on this is what reading gives."""
        self.runs = runs
        self.trouble = str(runs) if isinstance(runs, Exception) else ""
        self._given.set()

    def read(self) -> list[RunSummary]:
        self.readings += 1
        self._given.wait()
        if isinstance(self.runs, Exception):
            raise self.runs
        return self.runs or []

    def target(self, run: RunSummary) -> str:
        return f"box:{run.path}"

    def close(self) -> None:
        self.closed = True
        self.answer(LinkError("box: left"))


class Seen:
    def __init__(self, app: Monitor, pilot: Pilot[int], host: Host) -> None:
        self.app, self.pilot, self.host = app, pilot, host

    @property
    def text(self) -> str:
        return self.app.seen()

    @property
    def said(self) -> str:
        return " ".join(note.message for note in self.app._notifications)

    @property
    def names(self) -> list[str]:
        return [Path(key).name for key in self.app.rows.keys]

    async def says(self, *words: str) -> None:
        await until(self.pilot, lambda: all(word in self.text for word in words))

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It looks more often than a person could wait for; the runs of this machine are `here`."""
    monkeypatch.setattr(sourced, "TICK_SECONDS", 0.1)
    monkeypatch.setenv("DISTILL_RUNS", str(tmp_path / "runs"))
    make_run(tmp_path / "runs", "here")


@asynccontextmanager
async def home(host: Host | None = None, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Seen]:
    host = host or Host()
    app = Monitor(cast(Path, host))
    async with app.run_test(size=size) as pilot:
        yield Seen(app, pilot, host)
    assert host.closed, "leaving lets go of it"


async def ask(seen: Seen, text: str) -> None:
    await seen.press("w")
    await until(seen.pilot, lambda: seen.app.screen.query(Input))
    await until(seen.pilot, lambda: isinstance(seen.app.focused, Input))
    await seen.press(*text, "enter") if text else await seen.press("enter")


@pytest.mark.parametrize("size", [(40, 12), (80, 24), (200, 60)])
async def test_while_it_is_reached_that_is_said_and_the_keys_work(size: tuple[int, int]) -> None:
    async with home(size=size) as seen:
        await seen.says(REACHING)
        assert "Try again" not in seen.text
        assert "n new run" not in seen.text
        assert isinstance(seen.app.focused, Choices)
        await seen.press("question_mark")
        await seen.says("Runs")
        await seen.press("escape")
        seen.host.answer(listed("bells", "drums"))
        await seen.says("bells", "drums")
        assert REACHING not in seen.text
        assert seen.app.focused is seen.app.rows


async def test_the_runs_are_filtered_sorted_and_watched_as_those_of_this_machine() -> None:
    async with home(size=(120, 40)) as seen:
        seen.host.answer(listed("bells", "drums", "gongs"))
        await seen.says("runs in box:/home/me/runs", "3 runs")
        assert "distill-tui watch box:/home/me/runs/bells" in seen.text
        await seen.press(
            "/", *"loss", "full_stop", *"stft", "full_stop", *"weight", "space", ">", "space", "1", "enter"
        )
        assert seen.names == ["drums", "gongs"]
        await seen.press("o")
        assert "best ↑" in seen.text
        await seen.press("j", "enter")
        assert seen.app.begun == [Watch("box:/home/me/runs/gongs")]


async def test_the_list_is_read_again_and_the_selection_stays() -> None:
    async with home() as seen:
        seen.host.answer(listed("bells", "drums"))
        await seen.says("2 runs")
        await seen.press("j")
        seen.host.answer(listed("bells", "newer", "drums"))
        await seen.says("3 runs", "newer")
        assert seen.app.home.selected is not None
        assert seen.app.home.selected.name == "drums"


async def test_a_failure_is_one_line_and_r_tries_again() -> None:
    host = Host(every=float("inf"))
    async with home(host) as seen:
        host.answer(LinkError("box: cannot be reached (Connection refused)"))
        await seen.says("▲ box: cannot be reached (Connection refused)", "Try again")
        await seen.pilot.pause(0.2)
        assert host.readings == 1, "ssh may have been refused: the person decides"
        host.answer(listed("bells"))
        await seen.press("r")
        await seen.says("1 run", "bells")
        assert not seen.said


async def test_a_dropped_line_is_said_above_the_list_which_stays() -> None:
    async with home() as seen:
        host = seen.host
        host.answer(listed("bells", "drums"))
        await seen.says("2 runs")
        await seen.press("j")
        host.trouble = "reconnecting to box: the connection ended"
        host.runs = LinkError("box: the connection ended")
        await seen.says("▲ reconnecting to box: the connection ended", "bells", "2 runs")
        assert seen.app.focused is seen.app.rows
        host.answer(listed("bells", "drums", "gongs"))
        await seen.says("3 runs")
        assert "reconnecting" not in seen.text
        assert seen.app.home.selected is not None
        assert seen.app.home.selected.name == "drums"


async def test_a_filter_and_trouble_stand_one_above_the_other() -> None:
    async with home() as seen:
        seen.host.answer(listed("bells", "drums"))
        await seen.says("2 runs")
        await seen.press("/", *"drum", "enter")
        seen.host.trouble = "waiting for box ..."
        await seen.says("▲ waiting for box ...", "1 of 2 runs")
        assert seen.app.home.query_one(FilterLine).display
        seen.host.trouble = ""
        await until(seen.pilot, lambda: "waiting" not in seen.text)


async def test_a_host_without_runs_says_so_and_shows_the_first_one() -> None:
    async with home() as seen:
        seen.host.answer([])
        await seen.says("no runs in box:/home/me/runs yet", "Runs of this machine")
        assert "Try again" not in seen.text
        seen.host.answer(listed("first"))
        await seen.says("1 run", "first")


@pytest.mark.parametrize("key", ["n", "r", "d", "space", "c", "N", "B", "a", "X"])
async def test_what_cannot_be_done_there_says_where_it_can(key: str) -> None:
    async with home(size=(120, 30)) as seen:
        seen.host.answer(listed("bells", "drums"))
        await seen.says("2 runs")
        offered = seen.app.home.query_one("#keybar").render_line(0).text
        for words in ("new run", "resume", "demo", "mark", "compare"):
            assert words not in offered
        assert "enter open" in offered
        assert "/ filter" in offered
        await seen.press(key)
        await until(seen.pilot, lambda: seen.said)
        assert seen.said == seen.host.refusal
        assert seen.app.screen is seen.app.home
        assert seen.app.begun == []
        assert "marked" not in seen.text


async def test_escape_goes_back_to_the_runs_of_this_machine() -> None:
    async with home() as seen:
        await seen.says(REACHING)
        await seen.press("escape")
        await seen.says("here", "1 run", "n new run")
        assert seen.host.closed


async def test_from_another_host_w_and_enter_lead_back() -> None:
    async with home() as seen:
        seen.host.answer(listed("bells"))
        await seen.says("bells")
        await ask(seen, "")
        await seen.says("here")
        assert seen.host.closed
        assert "bells" not in seen.names


async def test_back_to_a_machine_without_runs_is_its_welcome(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DISTILL_RUNS", str(tmp_path / "not made yet"))
    async with home() as seen:
        seen.host.answer(listed("bells"))
        await seen.says("bells")
        await ask(seen, "")
        await seen.says("Choose a folder of sounds", "not made yet")


async def test_a_run_that_was_named_is_watched_and_behind_it_are_the_runs_of_this_machine() -> None:
    async with home(Host(where="box:bells")) as seen:
        await seen.says(REACHING)
        seen.host.answer(NamesRunError("box:bells: a run"))
        await until(seen.pilot, lambda: seen.app.begun)
        assert seen.app.begun == [Watch("box:bells")]
        await seen.says("here")


async def test_w_takes_a_host_and_a_bad_one_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DISTILL_SSH", "/nowhere/ssh")
    app = Monitor(tmp_path / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        seen = Seen(app, pilot, Host())
        await seen.says("here")
        for bad, words in (("-oProxyCommand=x:", "cannot begin with a dash"), ("bo x:", "not a host's name"),
                           ("x" * 300, "cannot be looked at")):  # fmt: skip
            await seen.press("w")
            await until(pilot, lambda: isinstance(app.focused, Input))
            cast(Input, app.focused).value = bad
            await seen.press("enter")
            await until(pilot, lambda words=words: words in seen.said)  # type: ignore[misc]
            assert seen.names == ["here"]
        await seen.press("w")
        await until(pilot, lambda: isinstance(app.focused, Input))
        cast(Input, app.focused).value = "box:"
        await seen.press("enter")
        await seen.says("▲ /nowhere/ssh: cannot be started", "Try again")
        await seen.press("r", "escape")
        await seen.says("here")


@pytest.mark.parametrize("size", [(60, 16), (120, 40)])
async def test_what_a_host_says_is_only_text(size: tuple[int, int]) -> None:
    odd: Sequence[str] = ("[red]\x1b[2Jbells", "two words", "-dash", "qu'o\"te", "new\nline", "x" * 250)
    async with home(Host(where="box:/\x1b[2J/[b]runs"), size) as seen:
        seen.host.answer([*listed(*odd), RunSummary("b", Path("/r/b"), "broken", error="\x1b[31m[b]no[/b]")])
        await seen.says("7 runs", "[red][2Jbells")
        for _ in range(7):
            await seen.press("j")
            assert "\x1b" not in seen.text
        seen.host.trouble = "reconnecting to box: \x1b[2J[b]gone"
        await seen.says("reconnecting to box: [2J[b]gone")
        seen.host.refusal = "box: \x1b[1m[b]no"
        await seen.press("n")
        await until(seen.pilot, lambda: seen.said)
        assert seen.said == "box: [1m[b]no"


def test_the_fake_is_a_source() -> None:
    source: RunSource = Host()
    assert not source.keeps
