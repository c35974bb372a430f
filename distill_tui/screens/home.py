"""The first screen: the runs, what can be done with them, and the ways to begin."""

import asyncio
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Center, Vertical
from textual.widgets import Static

from core.errors import UsageError
from core.run.folder import RunFolder, RunFolderError, RunList, RunSummary
from core.run.link import LinkError
from distill_tui.format import clean, shortened
from distill_tui.keys import Key, Scope
from distill_tui.panels.choices import Choice, Choices
from distill_tui.panels.keybar import KeyBar
from distill_tui.panels.rows import RowList
from distill_tui.panels.words import PanelHelp
from distill_tui.plans import expanded
from distill_tui.screens.run_shelf import RunShelf
from distill_tui.session import Resume, Train, Watch

WELCOME = (
    "This trains a generative model on sounds or tunes of your own, 5 to 500 of them.\n"
    "You watch it learn, hear it improve, and can stop and resume at any time."
)
WAYS = (
    Choice(("n",), "Choose a folder of sounds or tunes", "new", "wav, flac, ogg, mp3, aiff, mid"),
    Choice(("d",), "Try it on demo sounds", "demo", "makes a few, a minute or two"),
    Choice(("w",), "Watch a run", "watch", "in another folder"),
)


class HomeScreen(RunShelf):
    """The runs of `runs_dir`, read again every few seconds. What the person chooses goes to the app's `begin`."""

    CSS_PATH = "../styles/home.tcss"

    PALETTE_SCOPES: tuple[Scope, ...] = ("app", "home")
    HELP_SCOPES: tuple[Scope, ...] = ("home", "list", "app")
    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "Runs",
        "Each line is one training: how it stands, the epoch it has reached, and the best it did: its lowest error on "
        "sounds that were kept back from training. Compare that number only between runs on the same sounds with the "
        "same loss settings.",
        "Lower is better. The run with the flag, the baseline, is the one that others have to beat.",
        "Mark two runs with space and press c to see their curves together. Filter with / by results and settings: "
        "best < 0.4 and status = finished, loss.stft.weight > 0.5, age < 2d, not live, name ~ bells. "
        "Words on their own are looked for in names, data and notes.",
    )

    def compose(self) -> ComposeResult:
        """The runs, or a welcome where there are none."""
        yield from self.compose_runs()
        with Vertical(id="home-welcome"):
            yield Static(WELCOME, id="home-welcome-words")
            with Center():
                yield Choices(WAYS, id="home-ways")
            yield Static(id="home-welcome-where")
        yield KeyBar(self._offers, scopes=("home",))

    def on_mount(self) -> None:
        """Show neither before it is known which."""
        self.table.display = self.query_one("#home-welcome").display = False

    def action_open(self) -> None:
        """Watch the selected run if it is live, else look at how it went."""
        run = self.selected
        if run is None:
            return
        if run.error:
            self.notify(clean(run.error), title=clean(run.name), severity="warning", markup=False)
        else:
            self.begin(Watch(run.path))

    def action_new(self) -> None:
        """The form for a new run."""
        from distill_tui.screens.new_run import NewRunScreen

        self.app.push_screen(NewRunScreen(self.runs_dir), self.begin)

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
            self.begin(Resume(run.path, from_))

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
            self.begin(Train(config, given, self.runs_dir))
        finally:
            self.query_one("#home-ways").disabled = False

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

    def _asked(self, text: str | None) -> None:
        if text:
            self._go_to(text)

    @work(exclusive=True, group="go")
    async def _go_to(self, text: str) -> None:
        try:
            path = expanded(text)
            runs = await asyncio.to_thread(_runs_in, path)
        except UsageError as error:
            self.notify(clean(str(error)), severity="warning", markup=False)
            return
        if runs is None:
            self.begin(Watch(path))
            return
        self.runs_dir, self._list, self._marks = path, runs, frozenset()
        self._look()

    def _show(self, runs: list[RunSummary]) -> None:
        first = not self.table.display and not self.query_one("#home-welcome").display
        changed = first or bool(runs) != bool(self._runs)
        self.table.display, self.query_one("#home-welcome").display = bool(runs), not runs
        super()._show(runs)
        if changed:
            (self.table.rows if runs else self.query_one("#home-ways")).focus()
        where = clean(shortened(str(self.runs_dir.absolute()), max(12, self.size.width - 40)))
        self.query_one("#home-welcome-where", Static).update(Text(f"Runs are kept in {where}"))

    def _offers(self, key: Key) -> bool:
        """What the bottom line offers now."""
        if key.id == "compare_runs":
            return bool(self._marks)
        return bool(self._runs) or key.id in ("new", "demo", "watch")


def _runs_in(path: Path) -> RunList | None:
    """The runs in a folder, read once; None for a run. Raises RunFolderError when it is neither."""
    try:
        RunFolder.open(path)
    except RunFolderError:
        runs = RunList(path)
        if not runs.read():
            raise
        return runs
    return None
