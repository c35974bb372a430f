"""The home screen on real run folders: what it lists, and what each key begins."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from core.run.events import EpochMetrics, RunStarted, StepMetrics, TermInfo, TrainingCompleteEvent
from core.run.folder import RunFolder, RunSummary
from core.run.store import RunWriter
from distill_tui.app import DistillApp
from distill_tui.format import shortened
from distill_tui.panels.choices import Choices
from distill_tui.panels.rows import RowList
from distill_tui.screens.dialogs import ResumeSummary
from distill_tui.screens.home import HomeScreen
from distill_tui.screens.new_run import NewRunScreen
from distill_tui.screens.run_row import Columns, run_line
from distill_tui.session import Home, Resume, Train, Watch
from distill_tui.theme import Palette


class Monitor(DistillApp):
    """The real app, which only notes what it is asked to begin."""

    def __init__(self, runs_dir: Path) -> None:
        super().__init__(Home(runs_dir), remember_theme=False)
        self.begun: list[Train | Resume | Watch] = []

    def begin(self, start: Train | Resume | Watch, overlays: Sequence[Path] = ()) -> None:
        self.begun.append(start)
        self.overlays = list(overlays)

    @property
    def home(self) -> HomeScreen:
        return next(screen for screen in self.screen_stack if isinstance(screen, HomeScreen))

    @property
    def rows(self) -> RowList:
        return self.home.query_one("#home-rows", RowList)

    def seen(self) -> str:
        return "\n".join(strip.text for strip in self.screen._compositor.render_strips())


def make_run(runs_dir: Path, name: str, epochs: int = 2, *, ended: bool = True) -> RunFolder:
    """A run folder as a trainer leaves it."""
    folder = RunFolder.create(runs_dir, name)
    folder.config_path.write_text('recipe = "audio"\n[data]\npath = "/sounds/bells"\n')
    (folder.checkpoints / "step-00000010.pt").write_bytes(b"weights")
    (folder.checkpoints / "step-00000010.json").write_text('{"step": 10, "epoch": 1}')
    writer = RunWriter(folder.store_path)
    writer.begin(
        RunStarted(0, "audio", "log_mel", (TermInfo("stft", "STFT", "loss"),), "cpu", "box", 1, 0, 100, 10, 10, 1,
                   "balanced", 4, 1, 5.0)
    )  # fmt: skip
    for epoch in range(1, epochs + 1):
        writer.step(StepMetrics(epoch, epoch * 10, 100, 0.5))
        writer.event(EpochMetrics(epoch, 10, 0.5, 0.4 / epoch, step=epoch * 10, is_best=True))
    if ended:
        writer.event(TrainingCompleteEvent("cancelled", epochs, epochs * 10))
    writer.close()
    return folder


async def until(pilot: Pilot[int], condition: Callable[[], object]) -> None:
    for _ in range(400):
        if condition():
            return
        await pilot.pause(0.01)
    raise AssertionError("it did not happen in 4 s")


@pytest.fixture
def runs_dir(tmp_path: Path) -> Path:
    """Two runs; drums is the later one."""
    make_run(tmp_path / "runs", "bells")
    make_run(tmp_path / "runs", "drums", epochs=4)
    return tmp_path / "runs"


async def test_runs_are_listed_newest_first_with_state_epoch_and_best(runs_dir: Path) -> None:
    app = Monitor(runs_dir)
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: app.rows.keys)
        await pilot.pause()
        lines = [app.rows.render_line(y).text for y in range(2)]
        assert lines[0].startswith("┃drums")
        assert "■ cancelled" in lines[0]
        assert "4 / 10" in lines[0]
        assert "0.100" in lines[0]
        assert "/sounds/bells" in lines[0]
        assert lines[1].startswith(" bells")


async def test_enter_opens_the_selected_run(runs_dir: Path) -> None:
    app = Monitor(runs_dir)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.rows.keys)
        await pilot.press("j", "enter")
        assert app.begun == [Watch(runs_dir / "bells")]


async def test_a_double_click_opens(runs_dir: Path) -> None:
    app = Monitor(runs_dir)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.rows.keys)
        await pilot.pause()
        await pilot.click("#home-rows", offset=(5, 1), times=2)
        await until(pilot, lambda: app.begun)
        assert app.begun == [Watch(runs_dir / "bells")]


async def test_r_shows_where_the_run_stands_and_then_resumes(runs_dir: Path) -> None:
    app = Monitor(runs_dir)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.rows.keys)
        await pilot.press("r")
        await until(pilot, lambda: isinstance(app.screen, ResumeSummary))
        await pilot.press("enter")
        await until(pilot, lambda: app.begun)
        assert app.begun == [Resume(runs_dir / "drums", "latest")]


async def test_a_live_run_is_marked_and_cannot_be_resumed(runs_dir: Path) -> None:
    folder = make_run(runs_dir, "live", ended=False)
    app = Monitor(runs_dir)
    with folder.lock():
        async with app.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: app.rows.keys)
            await pilot.pause()
            assert "●" in app.rows.render_line(0).text
            assert "1 live" in app.seen()
            await pilot.press("r")
            await until(pilot, lambda: isinstance(app.screen, ResumeSummary))
            assert "trained now" in app.seen()
            await pilot.press("enter")
            assert app.begun == []


async def test_a_broken_run_says_why_and_is_not_opened(runs_dir: Path) -> None:
    (runs_dir / "bells" / "run.sqlite").write_bytes(b"not a database at all, but long enough to be read" * 30)
    app = Monitor(runs_dir)
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: len(app.rows.keys) == 2)
        app.rows.select(str(runs_dir / "bells"))
        await pilot.pause()
        assert "✗ broken" in app.seen()
        await pilot.press("enter")
        assert app.begun == []


async def test_a_new_run_appears_by_itself_and_the_selection_stays(runs_dir: Path) -> None:
    app = Monitor(runs_dir)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.rows.keys)
        await pilot.press("j")
        make_run(runs_dir, "newer")
        app.home.look()
        await until(pilot, lambda: len(app.rows.keys) == 3)
        assert app.home.selected is not None
        assert app.home.selected.name == "bells"


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
async def test_without_runs_it_says_what_this_is_and_how_to_begin(tmp_path: Path, size: tuple[int, int]) -> None:
    app = Monitor(tmp_path / "none")
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.home.query_one("#home-welcome").display)
        await pilot.pause()
        for words in ("Choose a folder of sounds", "Try it on demo sounds", "Watch a run", "tunes of your own"):
            assert words in app.seen()
        assert isinstance(app.focused, Choices)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, NewRunScreen))


async def test_the_demo_makes_its_sounds_and_trains_on_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    app = Monitor(tmp_path / "runs")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.home.query_one("#home-welcome").display)
        await pilot.press("d")
        await until(pilot, lambda: app.begun)
        start = app.begun[0]
        assert isinstance(start, Train)
        assert len(list(Path(start.config.data.path).glob("*.wav"))) >= 5
        assert start.runs_dir == tmp_path / "runs"


async def test_w_watches_a_run_or_shows_the_runs_of_another_folder(tmp_path: Path, runs_dir: Path) -> None:
    other = make_run(tmp_path / "elsewhere", "far")
    app = Monitor(runs_dir)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.rows.keys)
        for target, done in (
            (other.path, lambda: app.begun == [Watch(other.path)]),
            (tmp_path / "elsewhere", lambda: app.home.runs_dir == tmp_path / "elsewhere"),
        ):
            await pilot.press("w")
            await until(pilot, lambda: app.screen.query(Input))
            app.screen.query_one(Input).value = str(target)
            await pilot.press("enter")
            await until(pilot, done)
        await until(pilot, lambda: len(app.rows.keys) == 1)


async def test_w_on_a_folder_without_runs_says_so(tmp_path: Path, runs_dir: Path) -> None:
    app = Monitor(runs_dir)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: app.rows.keys)
        await pilot.press("w")
        await until(pilot, lambda: app.screen.query(Input))
        app.screen.query_one(Input).value = str(tmp_path / "nowhere")
        await pilot.press("enter")
        await until(pilot, lambda: app._notifications)
        assert "no such folder" in next(iter(app._notifications)).message
        assert app.home.runs_dir == runs_dir


async def test_a_tall_screen_tells_more_of_the_selected_run(runs_dir: Path) -> None:
    app = Monitor(runs_dir)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: app.rows.keys)
        await pilot.press("j")
        await pilot.pause()
        detail = app.home.query_one("#home-detail", Static)
        assert detail.display
        assert str(runs_dir / "bells") in str(detail.content)
        await pilot.resize_terminal(80, 24)
        await until(pilot, lambda: not detail.display)


@pytest.mark.parametrize("width", [40, 60, 78, 118, 198])
def test_a_run_takes_one_line_of_any_width(width: int) -> None:
    run = RunSummary("a" * 80, Path("/r"), "training", True, "audio", 1_000, 20_000, 5, 0.5, 3, 1.0, "/very/long" * 20)
    broken = RunSummary("b", Path("/r"), "broken", error="x\x1b[2J" * 60)
    for summary in (run, broken):
        line = run_line(summary, Columns.within(width), Palette(), now=1e6).plain
        assert len(line) <= width
        assert "\x1b" not in line


def test_a_long_path_keeps_the_end_that_tells_it_apart() -> None:
    assert shortened("/a/b/c", 10) == "/a/b/c"
    assert shortened("/archive/field recordings/bells", 12) == "…dings/bells"
    assert shortened(str(Path.home() / "bells"), 20) == "~/bells"
