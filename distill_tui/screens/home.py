"""The first screen: recent runs, and the ways to begin."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Center, Vertical
from textual.events import Resize, ScreenResume
from textual.screen import Screen
from textual.widgets import Static

from core.errors import UsageError
from core.run.folder import RunFolder, RunFolderError, RunSummary, list_runs
from core.run.link import LinkError
from distill_tui.format import clean, plural, shortened
from distill_tui.keys import Scope, bindings
from distill_tui.panels.choices import Choice, Choices
from distill_tui.panels.keybar import KeyBar
from distill_tui.panels.rows import RowList
from distill_tui.plans import expanded
from distill_tui.screens.run_row import detail_words, header_line, run_line
from distill_tui.session import Resume, Train, Watch
from distill_tui.theme import palette_of

if TYPE_CHECKING:
    from distill_tui.app import DistillApp

REFRESH_SECONDS = 3.0
TALL = 30  # rows
WELCOME = (
    "This trains a generative model on sounds or tunes of your own, 5 to 500 of them.\n"
    "You watch it learn, hear it improve, and can stop and resume at any time."
)
WAYS = (
    Choice(("n",), "Choose a folder of sounds or tunes", "new", "wav, flac, ogg, mp3, aiff, mid"),
    Choice(("d",), "Try it on demo sounds", "demo", "makes a few, a minute or two"),
    Choice(("w",), "Watch a run", "watch", "in another folder"),
)


class HomeScreen(Screen[None]):
    """The runs of `runs_dir`, read again every few seconds. What the person chooses goes to the app's `begin`."""

    CSS_PATH = "../styles/home.tcss"
    BINDINGS = bindings("home")

    PALETTE_SCOPES: tuple[Scope, ...] = ("app", "home")
    HELP_SCOPES: tuple[Scope, ...] = ("home", "list", "app")

    def __init__(self, runs_dir: Path) -> None:
        super().__init__()
        self.runs_dir = runs_dir
        self._runs: dict[str, RunSummary] = {}

    def compose(self) -> ComposeResult:
        """The runs, or a welcome where there are none."""
        yield Static(id="home-title")
        with Vertical(id="home-runs") as frame:
            frame.border_title = "Runs"
            yield Static(id="home-header")
            yield RowList(self._draw_row, id="home-rows")
        yield Static(id="home-detail")
        with Vertical(id="home-welcome"):
            yield Static(WELCOME, id="home-welcome-words")
            with Center():
                yield Choices(WAYS, id="home-ways")
            yield Static(id="home-welcome-where")
        yield KeyBar(lambda key: bool(self._runs) or key.id in ("new", "demo", "watch"), scopes=("home",))

    def on_mount(self) -> None:
        """Look at once, then every few seconds while this screen is the one that is seen."""
        self.query_one("#home-runs").display = self.query_one("#home-welcome").display = False
        self._look()
        self.set_interval(REFRESH_SECONDS, self._look_again)
        self.app.theme_changed_signal.subscribe(self, lambda _: self._show_words())

    @on(ScreenResume)
    def _look_again(self) -> None:
        if self.is_current:
            self._look()

    def on_resize(self, event: Resize) -> None:
        """Columns follow the width, and a tall screen has room for what else is known of the selected run."""
        self._show_header()
        self._show_detail()

    @property
    def selected(self) -> RunSummary | None:
        """The selected run."""
        return self._runs.get(self.query_one("#home-rows", RowList).selected or "")

    def action_open(self) -> None:
        """Watch the selected run if it is live, else look at how it went."""
        run = self.selected
        if run is None:
            return
        if run.error:
            self.notify(clean(run.error), title=clean(run.name), severity="warning", markup=False)
        else:
            self._begin(Watch(run.path))

    def action_new(self) -> None:
        """The form for a new run."""
        from distill_tui.screens.new_run import NewRunScreen

        self.app.push_screen(NewRunScreen(self.runs_dir), self._begin)

    @work(exclusive=True, group="resume")
    async def action_resume(self) -> None:
        """Where the selected run stands, then train it on."""
        from distill_tui.resuming import resume_facts
        from distill_tui.screens.dialogs import ResumeSummary

        run = self.selected
        if run is None:
            return
        try:
            facts = await asyncio.to_thread(lambda: resume_facts(RunFolder.open(run.path)))
        except (RunFolderError, LinkError) as error:
            self.notify(clean(str(error)), severity="warning", markup=False)
            return
        from_ = await self.app.push_screen_wait(ResumeSummary(facts))
        if from_ is not None:
            self._begin(Resume(run.path, from_))

    def action_watch(self) -> None:
        """Ask for a folder: a run is watched, a folder of runs is shown here."""
        from distill_tui.screens.ask_folder import AskFolder

        ask = AskFolder("Watch", "A run's folder, or a folder that holds runs.", f"{self.runs_dir}/")
        self.app.push_screen(ask, self._asked)

    @work(exclusive=True, group="demo")
    async def action_demo(self) -> None:
        """Make the demo's sounds, unless they are there, and train on them."""
        from core.training.config_file import load_config
        from distill_tui.commands.demo import QUICK, SOUNDS, make_sounds

        self.query_one("#home-ways").disabled = True
        try:
            await asyncio.to_thread(make_sounds, SOUNDS)
            config, given = load_config(overrides={**QUICK, "data.path": str(SOUNDS.absolute())})
        except (OSError, UsageError) as error:
            self.notify(f"no demo sounds could be made: {clean(str(error))}", severity="error", markup=False)
        else:
            self._begin(Train(config, given, self.runs_dir))
        finally:
            self.query_one("#home-ways").disabled = False

    @on(RowList.Moved, "#home-rows")
    def _moved(self) -> None:
        self._show_detail()

    @on(RowList.Opened)
    def _opened(self, event: RowList.Opened) -> None:
        if event.rows.id == "home-rows":
            self.action_open()
        elif event.key == "n":
            self.action_new()
        elif event.key == "d":
            self.action_demo()
        else:
            self.action_watch()

    def _begin(self, start: Train | Resume | Watch | None) -> None:
        if start is not None:
            cast("DistillApp", self.app).begin(start)

    def _asked(self, text: str | None) -> None:
        if text:
            self._go_to(text)

    @work(exclusive=True, group="go")
    async def _go_to(self, text: str) -> None:
        try:
            path = expanded(text)
            is_run, runs = await asyncio.to_thread(_what_is, path)
        except UsageError as error:
            self.notify(clean(str(error)), severity="warning", markup=False)
            return
        if is_run:
            self._begin(Watch(path))
            return
        self.runs_dir = path
        self._show(runs)

    @work(exclusive=True, group="look")
    async def _look(self) -> None:
        runs_dir = self.runs_dir
        runs = await asyncio.to_thread(list_runs, runs_dir)
        if runs_dir == self.runs_dir:
            self._show(runs)

    def _show(self, runs: list[RunSummary]) -> None:
        former, self._runs = self._runs, {str(run.path): run for run in runs}
        first = not self.query_one("#home-runs").display and not self.query_one("#home-welcome").display
        rows = self.query_one("#home-rows", RowList)
        rows.show(tuple(self._runs))
        for key, run in self._runs.items():
            if former.get(key) != run:
                rows.refresh_row(key)
        self.query_one("#home-runs").display = bool(runs)
        self.query_one("#home-welcome").display = not runs
        if first or bool(former) != bool(runs):
            (rows if runs else self.query_one("#home-ways")).focus()
        self._show_words()
        self.query_one(KeyBar).redraw()

    def _show_words(self) -> None:
        palette = palette_of(self.app)
        where = clean(shortened(str(self.runs_dir.absolute()), max(12, self.size.width - 40)))
        live = sum(run.live for run in self._runs.values())
        title = Text.assemble(
            ("distill-tui", palette["accent"]), ("   runs in ", palette["muted"]), where, no_wrap=True
        )
        if live:
            title.append(f"   ● {live} live", palette["good"])
        self.query_one("#home-title", Static).update(title)
        self.query_one("#home-runs").border_title = plural(len(self._runs), "run").capitalize()
        self.query_one("#home-welcome-where", Static).update(Text(f"Runs are kept in {where}"))
        self._show_detail()
        self.call_after_refresh(self._show_header)

    def _show_header(self) -> None:
        width = self.query_one("#home-rows", RowList).scrollable_content_region.width - 1
        header = Text(" ").append_text(header_line(max(0, width), palette_of(self.app)))
        self.query_one("#home-header", Static).update(header)

    def _show_detail(self) -> None:
        detail, run = self.query_one("#home-detail", Static), self.selected
        detail.display = run is not None and self.size.height >= TALL
        if run is not None:
            detail.border_title = Text(clean(run.name)).markup
            detail.update(detail_words(run, palette_of(self.app)))

    def _draw_row(self, key: str, width: int) -> Text:
        return run_line(self._runs[key], width, palette_of(self.app))


def _what_is(path: Path) -> tuple[bool, list[RunSummary]]:
    """(whether it is a run, the runs in it). Raises RunFolderError when it is neither."""
    try:
        RunFolder.open(path)
    except RunFolderError:
        runs = list_runs(path)
        if not runs:
            raise
        return False, runs
    return True, []
