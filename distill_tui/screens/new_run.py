"""The form that starts a run: a folder, and what follows from it while one chooses."""

import asyncio
from pathlib import Path
from typing import get_args, get_type_hints

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import Screen
from textual.widgets import Input, Label, Static

from core.errors import UsageError
from core.training.config import TrainingConfig
from distill_tui.format import clean
from distill_tui.keys import Scope
from distill_tui.plans import Plan, config_from, expanded, make_plan
from distill_tui.screens.fields import FolderInput, Pick, Press
from distill_tui.screens.plan_words import found_words, settings_words
from distill_tui.session import Train
from distill_tui.theme import palette_of

SETTLE_SECONDS = 0.3


class NewRunScreen(Screen[Train | None]):
    """Answers with what to train, or None. `folder` fills the first field in."""

    CSS_PATH = "../styles/home.tcss"
    PALETTE_SCOPES: tuple[Scope, ...] = ("app",)
    BINDINGS = [Binding("escape", "back", "back", show=False)]  # noqa: RUF012 - Textual's way

    def __init__(self, runs_dir: Path, folder: str = "") -> None:
        super().__init__()
        self._runs_dir = runs_dir
        self._folder = folder
        self._ready: Train | None = None

    def compose(self) -> ComposeResult:
        """Fields on top; below them what was found and what follows."""
        hints = get_type_hints(TrainingConfig)
        yield Static("New run", id="new-title")
        with Vertical(id="new-fields"):
            with Horizontal(classes="field"):
                yield Label("folder")
                yield FolderInput(self._folder, "a folder of wav, flac, ogg, mp3, aiff or mid files", id="new-folder")
            with Horizontal(classes="field"):
                yield Label("name")
                yield Input(placeholder="the folder's", compact=True, id="new-name")
            with Horizontal(classes="field"):
                yield Label("recipe")
                yield Pick(get_args(hints["recipe"]), id="new-recipe")
            with Horizontal(classes="field"):
                yield Label("preset")
                yield Pick(get_args(hints["preset"]), id="new-preset")
        with Horizontal(id="new-outlook"):
            with VerticalScroll(id="new-found", can_focus=False) as found:
                found.border_title = "Found"
                yield Static(id="new-found-words")
            with VerticalScroll(id="new-settings", can_focus=False) as settings:
                settings.border_title = "What follows"
                yield Static(id="new-settings-words")
        with Horizontal(id="new-buttons"):
            yield Press("Start", id="new-start", disabled=True)
            yield Press("Back", id="new-back")
            yield Static("tab complete · ←→ choose · esc back", id="new-hint")

    def on_mount(self) -> None:
        """Begin with the folder."""
        self.query_one("#new-folder").focus()
        self._look()

    @on(Input.Changed)
    @on(Pick.Changed)
    def _changed(self) -> None:
        self._settle(None)
        self._look()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        if event.input.id == "new-name" and self._ready is not None:
            self.query_one("#new-start").focus()
        else:
            self.focus_next()

    @on(Press.Pressed, "#new-start")
    def _start(self) -> None:
        if self._ready is not None:
            self.dismiss(self._ready)

    @on(Press.Pressed, "#new-back")
    def action_back(self) -> None:
        """Leave the form."""
        self.dismiss(None)

    @work(exclusive=True, group="plan")
    async def _look(self) -> None:
        """Once the typing pauses, look at the folder in a thread; newer typing replaces an older look."""
        text = self.query_one("#new-folder", Input).value
        if not text.strip():
            words = "Choose a folder with 5 to 500 of your own sounds or tunes."
            self._show(Text(words, palette_of(self.app)["muted"]), Text())
            return
        await asyncio.sleep(SETTLE_SECONDS)
        muted = palette_of(self.app)["muted"]
        self._show(Text("looking ...", muted), Text())
        try:
            config, given = config_from(
                expanded(text),
                self.query_one("#new-name", Input).value.strip(),
                self.query_one("#new-recipe", Pick).value,
                self.query_one("#new-preset", Pick).value,
            )
        except UsageError as error:
            self._show(Text(clean(str(error)), palette_of(self.app)["warning"]), Text())
            return
        plan = await asyncio.to_thread(make_plan, config, given, self._runs_dir)
        self._show_plan(plan)
        self._settle(None if plan.problem else Train(config, given, self._runs_dir))

    def _show_plan(self, plan: Plan) -> None:
        palette = palette_of(self.app)
        self._show(found_words(plan, palette), settings_words(plan, palette))
        self.query_one("#new-name", Input).placeholder = f"{clean(plan.run_name)}" if plan.run_name else "the folder's"

    def _show(self, found: Text, settings: Text) -> None:
        self.query_one("#new-found-words", Static).update(found)
        self.query_one("#new-settings-words", Static).update(settings)
        self.query_one("#new-settings").display = bool(settings)

    def _settle(self, ready: Train | None) -> None:
        self._ready = ready
        self.query_one("#new-start").disabled = ready is None
