"""The dashboard of one run: hands the panels what the reader brings, and turns keys into requests."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message

from core.run.commands import Preview, Save, Stop
from core.run.events import Reported
from core.run.state import RunState
from distill_tui.format import clean
from distill_tui.keys import Key
from distill_tui.panels.alerts import AlertsPanel
from distill_tui.panels.chart_panel import ChartPanel
from distill_tui.panels.config import ConfigPanel
from distill_tui.panels.events import EventsPanel
from distill_tui.panels.keybar import KeyBar
from distill_tui.panels.panel import Panel
from distill_tui.panels.previews import PreviewsPanel
from distill_tui.panels.status import StatusPanel
from distill_tui.panels.terms import TermsPanel
from distill_tui.reader import Reader, Snapshot
from distill_tui.screens.stage import Stage
from distill_tui.session import Session

if TYPE_CHECKING:
    from distill_tui.app import DistillApp


class Dashboard(Stage):
    """Shows one session. Nothing here waits for the run: requests go to the reader, answers come as notices."""

    CSS_PATH = "../styles/previews.tcss"
    PALETTE_SCOPES = ("app", "run", "chart")
    HELP_SCOPES = ("run", "chart", "previews", "list", "app")

    class News(Message):
        """The reader has something new."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.reader = Reader(session, self._tell)
        self.snapshot = Snapshot()
        self.leaving = False
        self.refused = 0

    def compose(self) -> ComposeResult:
        """Head, three bands, and the line of keys."""
        with Vertical(id="head"):
            yield StatusPanel(self.session.name, self.session.opening)
            yield AlertsPanel()
        with Horizontal(id="upper"):
            yield ChartPanel()
            yield ConfigPanel(id="config")
        yield TermsPanel()
        with Horizontal(id="lower"):
            yield PreviewsPanel(id="previews")
            yield EventsPanel()
        yield KeyBar(self.offers)

    def on_mount(self) -> None:
        """Draw an honest first frame, then begin."""
        self.lay_out()
        self.call_after_refresh(self.reader.start)

    def on_unmount(self) -> None:
        """Let go of the run; a trainer goes on."""
        self.reader.stop()

    def _tell(self) -> None:
        self.post_message(self.News())

    @on(News)
    def _news(self) -> None:
        self.snapshot, notices = self.reader.take()
        for notice in notices:
            self.notify(notice.text, severity=notice.severity, markup=False)
        for panel in self.query(Panel):
            panel.show(self.snapshot)
        previews = self.query_one(PreviewsPanel)
        if self.snapshot.info is not None:
            previews.update_info(self.snapshot.info)
        previews.update_state(self.snapshot.state)
        self.lay_out()
        if self.leaving and self.refusals() > self.refused:
            self.leaving = False  # the events say why; nothing may close the screen unasked later
        if self.leaving and not self.session.trains and (self.state.complete or self.session.ended):
            self.leave()

    @property
    def state(self) -> RunState:
        """The run as last read."""
        return self.snapshot.state

    def refusals(self) -> int:
        """How often the trainer has refused to stop, since it could not save."""
        log = self.state.log
        return sum(isinstance(s.event, Reported) and s.event.message.startswith("not stopped") for s in log)

    @property
    def live(self) -> bool:
        """Whether a trainer can be asked."""
        held = self.snapshot.info is not None and self.snapshot.info.live
        return self.state.complete is None and (held or self.snapshot.trains)

    @on(Panel.Wants)
    def _wants(self) -> None:
        shown = (panel for panel in self.query(Panel) if panel.is_on_screen and panel.size.width)
        self.reader.want(query for panel in shown for query in panel.queries())

    @on(Panel.Opened)
    def _opened(self) -> None:
        self.action_enlarge()

    @on(TermsPanel.Selected)
    def _selected(self, message: TermsPanel.Selected) -> None:
        self.chart.select(message.term)

    def offers(self, key: Key) -> bool:
        """Whether the bottom line should offer this key now."""
        match key.id:
            case "save" | "preview" | "cancel":
                return self.live
            case "resume":
                return self.state.complete is not None and not self.live
            case "back":
                return self.maximized is not None
            case "enlarge":
                return self.maximized is None
            case "play" | "compare":
                return bool(self.state.previews)
            case _:
                return True

    def action_save(self) -> None:
        """Ask for a checkpoint."""
        if self._can_ask("save"):
            self.reader.ask(Save(), "save")

    def action_preview(self) -> None:
        """Ask for previews."""
        if self._can_ask("make a preview"):
            self.reader.ask(Preview(), "preview")

    def action_cancel(self) -> None:
        """Ask the person, then the trainer."""
        if not self._can_ask("cancel"):
            return
        from distill_tui.screens.dialogs import Confirm

        step = self.state.step.step if self.state.step else None
        self.app.push_screen(Confirm.cancel_training(self.run_name, step), lambda yes: self.stop() if yes else None)

    def stop(self) -> None:
        """Ask the trainer to save and stop."""
        self.reader.ask(Stop(), "save and stop")

    def action_resume(self) -> None:
        """Show where the run stands, then train on in this process."""
        if self.live:
            self.notify("The run is training; there is nothing to resume.", markup=False)
            return
        info = self.snapshot.info
        if info is None or not info.local_folder:
            self.notify("Resume the run on the machine where its folder is.", severity="warning", markup=False)
            return
        self._summarise(Path(info.local_folder))

    @work(exclusive=True, group="resume")
    async def _summarise(self, path: Path) -> None:
        from core.errors import UsageError
        from core.run.folder import RunFolder
        from distill_tui.resuming import resume_facts
        from distill_tui.screens.dialogs import ResumeSummary

        try:
            facts = await asyncio.to_thread(lambda: resume_facts(RunFolder.open(path)))
        except (UsageError, OSError) as error:
            self.notify(clean(str(error)), severity="error", markup=False)
            return
        if from_ := await self.app.push_screen_wait(ResumeSummary(facts)):
            self.reader.resume(from_)

    def action_play(self) -> None:
        """Play or stop the selected preview."""
        self.query_one(PreviewsPanel).play()

    def action_compare(self) -> None:
        """Original or reconstruction."""
        self.query_one(PreviewsPanel).compare()

    def back(self) -> None:
        """To the home screen, if one came from there."""
        self.monitor.back()

    def explain(self) -> None:
        """What the newest warning means, and what helps."""
        alerts = self.alerts.open or self.state.alerts
        if not alerts:
            self.notify("No warning is open.", timeout=3, markup=False)
            return
        from distill_tui.screens.dialogs import AdviceDialog

        self.app.push_screen(AdviceDialog(alerts[-1]))

    def action_explain(self) -> None:
        """What the newest warning means, and what helps."""
        self.explain()

    def action_hide_alert(self) -> None:
        """Hide the warning that is shown."""
        self.alerts.hide()
        self.lay_out()

    @property
    def monitor(self) -> "DistillApp":
        """The app."""
        return cast("DistillApp", self.app)

    def leave(self) -> None:
        """Close the app with the session's exit status."""
        self.monitor.leave(self.session.exit_status)

    @property
    def run_name(self) -> str:
        """What to call the run."""
        return self.snapshot.info.name if self.snapshot.info else self.session.name

    def _can_ask(self, what: str) -> bool:
        if self.live:
            return True
        self.notify(f"Nothing to {what}: no trainer is at work. r resumes the run.", markup=False)
        return False
