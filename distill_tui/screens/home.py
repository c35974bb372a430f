"""The first screen: the runs, what can be done with them, and the ways to begin."""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.containers import Center, Vertical
from textual.widget import Widget
from textual.widgets import Static

from core.errors import UsageError
from core.run.folder import RunFolder, RunFolderError, RunSummary, default_runs_dir
from core.run.link import LinkError
from distill_tui.format import clean, shortened
from distill_tui.keys import Key, Scope
from distill_tui.panels.choices import Choice, Choices
from distill_tui.panels.keybar import KeyBar
from distill_tui.panels.rows import RowList
from distill_tui.panels.words import PanelHelp
from distill_tui.run_source import FolderSource, NamesRunError, RunSource, find_source
from distill_tui.screens.elsewhere import Elsewhere
from distill_tui.screens.here_only import can_be_done, here_only
from distill_tui.screens.run_shelf import RunShelf
from distill_tui.session import Resume, Train, Watch

WELCOME = (
    "This trains a generative model on sounds or tunes of your own, 5 to 500 of them.\n"
    "You watch it learn, hear it improve, and can stop and resume at any time."
)
WAYS = (
    Choice(("n",), "Choose a folder of sounds or tunes", "new", "wav flac ogg mp3 mid"),
    Choice(("d",), "Try it on demo sounds", "demo", "a minute or two"),
    Choice(("w",), "Watch a run", "watch", "in a folder or HOST:"),
)


AT_ONCE_SECONDS = 0.1


class HomeScreen(RunShelf):
    """The runs of a folder or of another host. What the person chooses goes to the app's `begin`.

    `runs_dir` is the folder of this machine that was shown last, in which new runs begin.
    """

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
        "Words on their own are looked for in names, data and notes. w shows the runs of another folder, or of another "
        "machine: type HOST: as for ssh.",
    )

    def __init__(self, runs: Path | RunSource) -> None:
        super().__init__(runs)
        self.runs_dir = _folder(self.source, default_runs_dir())

    def compose(self) -> ComposeResult:
        """The runs, or what is said where there are none."""
        yield from self.compose_runs()
        yield Elsewhere(id="home-elsewhere")
        with Vertical(id="home-welcome"):
            yield Static(WELCOME, id="home-welcome-words")
            with Center():
                yield Choices(WAYS, id="home-ways")
            yield Static(id="home-welcome-where")
        yield KeyBar(self._offers, scopes=("home",))

    def on_mount(self) -> None:
        """Show nothing before it is known what."""
        self._stand_in(None)

    def action_open(self) -> None:
        """Watch the selected run if it is live, else look at how it went."""
        run = self.selected
        if run is None:
            return
        if run.error:
            self.notify(clean(run.error), title=clean(run.name), severity="warning", markup=False)
        else:
            self.begin(Watch(self.source.target(run)))

    @here_only
    def action_new(self) -> None:
        """The form for a new run."""
        from distill_tui.screens.new_run import NewRunScreen

        self.app.push_screen(NewRunScreen(self.runs_dir), self.begin)

    @here_only
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
        """Ask where: a run is watched, a folder of runs or a host's is shown here."""
        from distill_tui.screens.ask_folder import AskFolder

        words, away = "A run, a folder of runs, or HOST: for the runs of another machine.", not self.source.keeps
        if away:
            words += "\nenter goes back to the runs of this one."
        self.app.push_screen(AskFolder("Watch", words, f"{self.runs_dir}/", replace=away), self._asked)

    def action_again(self) -> None:
        """Try to reach the host again."""
        self.look()
        self.set_timer(AT_ONCE_SECONDS, self.show_standing)

    def action_go_home(self) -> None:
        """Show the runs of this machine again."""
        self.show_source(FolderSource(self.runs_dir))

    @here_only
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
        ways: dict[str, Callable[[], Any]] = {
            "n": self.action_new,
            "d": self.action_demo,
            "w": self.action_watch,
            "r": self.action_again,
            "escape": self.action_go_home,
        }
        take = self.action_open if event.rows.id == "home-rows" else ways[event.key]
        take()

    def _asked(self, text: str | None) -> None:
        if text:
            self._go_to(text)

    @work(exclusive=True, group="go")
    async def _go_to(self, text: str) -> None:
        try:
            found = await asyncio.to_thread(find_source, text, self.runs_dir)
        except UsageError as error:
            self.notify(clean(str(error)), severity="warning", markup=False)
            return
        if isinstance(found, Path):
            self.begin(Watch(found))
        else:
            self.show_source(found)

    def show_source(self, source: RunSource) -> None:
        """As `Sourced.show_source`."""
        self.runs_dir = _folder(source, self.runs_dir)
        super().show_source(source)

    def show_runs(self, runs: Iterable[RunSummary]) -> None:
        """As `Sourced.show_runs`."""
        super().show_runs(runs)
        where = clean(shortened(self.source.where, max(12, self.size.width - 40)))
        self.query_one("#home-welcome-where", Static).update(Text(f"Runs are kept in {where}"))

    def show_standing(self) -> None:
        """As `Sourced.show_standing`: the list, a welcome to a folder without runs, or what keeps the runs away."""
        super().show_standing()
        listing, source = self.listing, self.source
        if isinstance(listing.error, NamesRunError):
            self.action_go_home()
            self.begin(Watch(source.where))
        elif self._runs:
            self._stand_in(self.table, self.table.rows)
        elif not source.keeps:
            elsewhere, trouble = self.query_one(Elsewhere), source.trouble
            trying = listing.runs is None and self.looking
            elsewhere.show(trouble or f"no runs in {source.where} yet", failed=bool(listing.error) and not trying)
            self._stand_in(elsewhere, elsewhere.ways)
        elif listing.runs is not None:
            self._stand_in(self.query_one("#home-welcome"), self.query_one("#home-ways"))

    def _stand_in(self, place: Widget | None, keys_go_to: Widget | None = None) -> None:
        """Show one of the three that share a place, and give it the keys when it comes into sight."""
        comes = place is not None and not place.display
        for other in (self.table, self.query_one("#home-welcome"), self.query_one(Elsewhere)):
            other.display = other is place
        if comes and keys_go_to is not None:
            keys_go_to.focus()

    def _offers(self, key: Key) -> bool:
        """What the bottom line offers now."""
        if not can_be_done(self, key):
            return False
        if key.id == "compare_runs":
            return bool(self._marks)
        return bool(self._runs) or key.id in ("new", "demo", "watch")


def _folder(source: RunSource, former: Path) -> Path:
    return source.folder if isinstance(source, FolderSource) else former
