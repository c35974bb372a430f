"""The dashboard of one run: lays the panels out, hands them what the reader brings, and turns keys into requests."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import events, on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from core.run.commands import Preview, Save, Stop
from core.run.state import RunState
from distill_tui.format import clean
from distill_tui.keys import Key, bindings
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
from distill_tui.screens.layout import neighbour, plan
from distill_tui.session import Session

if TYPE_CHECKING:
    from textual.widgets import Input

    from distill_tui.app import DistillApp

PANELS = ("chart", "config", "terms", "previews", "events", "alerts")


class Dashboard(Screen[None], inherit_bindings=False):
    """Shows one session. Nothing here waits for the run: requests go to the reader, answers come as notices."""

    BINDINGS = bindings("run", "chart")
    CSS_PATH = "../styles/previews.tcss"
    ALLOW_IN_MAXIMIZED_VIEW = "#head, KeyBar, #filter"
    AUTO_FOCUS = "#chart"
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
        self._plan_for: tuple[int, int, int, bool] | None = None
        self._focused_before: Widget | None = None

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
        self._lay_out()
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
        self._lay_out()
        if self.leaving and not self.session.trains and (self.state.complete or self.session.ended):
            self.leave()

    @property
    def state(self) -> RunState:
        """The run as last read."""
        return self.snapshot.state

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

    def on_resize(self, event: events.Resize) -> None:
        """Another size, another plan."""
        self._lay_out()

    def _lay_out(self) -> None:
        width, height = self.app.size
        alerts = self.query_one(AlertsPanel)
        terms = len(self.terms.terms)
        key = width, height, terms, bool(alerts.display)
        if key == self._plan_for or not width:
            return
        self._plan_for = key
        shares = plan(width, height - 3 - bool(alerts.display), max(terms, 5 if self.state.started is None else 1))
        self.query_one("#upper").styles.height = shares.upper
        self.terms.styles.height = shares.terms
        self.terms.as_list = shares.terms_as_list
        self.query_one("#lower").styles.height = shares.lower
        for name in ("config", "events"):
            panel = self.query_one(f"#{name}", Panel)
            if self.maximized is not panel:
                panel.display = bool(shares.side)
                panel.styles.width, panel.styles.height = shares.side or 1, "1fr"
        self.call_after_refresh(self._wants)

    def watch_maximized(self, former: Widget | None, maximized: Widget | None) -> None:
        """A panel that fills the screen takes all of it, and goes back to its place after."""
        for panel in (former, maximized):
            if panel is not None:
                panel.styles.width = panel.styles.height = "1fr"
        self._plan_for = None
        if maximized is None and self._focused_before is not None:
            self.set_focus(self._focused_before)
        self._lay_out()
        self.query_one(KeyBar).redraw()

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

    def action_enlarge(self) -> None:
        """The focused panel full screen, and back; for a term its large chart, for a warning what to do."""
        if self.maximized is not None:
            self.minimize()
            return
        panel = self._focused_panel()
        if isinstance(panel, AlertsPanel):
            self.action_explain()
        elif panel is not None:
            self._enlarge("chart" if panel.id == "terms" else panel.id or "chart")

    def action_show(self, name: str) -> None:
        """A panel full screen by its name, wherever the focus is; the same key goes back."""
        if self.maximized is not None and self.maximized.id == name:
            self.minimize()
        else:
            self._enlarge(name)

    def action_back(self) -> None:
        """One step back: filter line, full screen, filter, then to where one came from."""
        if self.query("#filter"):
            self.terms.choose("")
            self._close_filter()
        elif self.maximized is not None:
            self.minimize()
        elif self.terms.filter:
            self.terms.choose("")
        else:
            self.monitor.back()

    def action_filter(self) -> None:
        """A line to type in; terms that match stay."""
        if not self.query("#filter"):
            from textual.widgets import Input

            self.mount(
                Input(self.terms.filter, placeholder="show terms that match; enter keeps, esc shows all", id="filter")
            )
        self.query_one("#filter").focus()

    def on_input_changed(self, event: "Input.Changed") -> None:
        """Filter while typing."""
        self.terms.choose(event.value)

    def on_input_submitted(self) -> None:
        """Keep what is filtered."""
        self._close_filter()

    def action_copy(self) -> None:
        """The focused panel's value to the person's clipboard, wherever the terminal is."""
        widget: object = self.focused
        while isinstance(widget, Widget):
            if text := getattr(widget, "copy_text", ""):
                self.app.copy_to_clipboard(str(text))
                self.notify(f"Copied: {str(text).splitlines()[0][:60]}", timeout=3, markup=False)
                return
            widget = widget.parent
        self.notify("Nothing to copy here yet.", timeout=3, markup=False)

    def action_explain(self) -> None:
        """What the newest warning means."""
        alerts = self.query_one(AlertsPanel).open or self.state.alerts
        if not alerts:
            self.notify("No warning is open.", timeout=3, markup=False)
            return
        from distill_tui.screens.dialogs import AdviceDialog

        self.app.push_screen(AdviceDialog(alerts[-1]))

    def action_hide_alert(self) -> None:
        """Hide the warning that is shown."""
        self.query_one(AlertsPanel).hide()
        self._lay_out()

    def action_zoom(self, direction: int) -> None:
        """Fewer (1) or more (-1) steps."""
        self.chart.zoom(direction)

    def action_pan(self, direction: int) -> None:
        """Earlier (-1) or later (1) steps."""
        self.chart.pan(direction)

    def action_follow(self) -> None:
        """The newest steps."""
        self.chart.follow()

    def action_log_scale(self) -> None:
        """Linear or logarithmic."""
        self.chart.toggle_log()

    def action_smoothing(self) -> None:
        """The next smoothing."""
        self.chart.next_smoothing()

    def action_move(self, direction: str) -> None:
        """Within the focused panel, then to its neighbour; in a full-screen chart through time and terms."""
        if self.maximized is self.chart:
            if direction in ("left", "right"):
                self.chart.pan(-1 if direction == "left" else 1)
            else:
                self.terms.step(-1 if direction == "up" else 1)
            return
        panel = self._focused_panel()
        if panel is None or (isinstance(panel, Panel) and panel.moved(direction)) or self.maximized is not None:
            return
        regions = {
            name: self.query_one(f"#{name}").region for name in PANELS if self._can_go(name) and name != panel.id
        }
        target = neighbour(panel.region, regions, direction)
        if target is not None:
            self._focus(target)

    @property
    def monitor(self) -> "DistillApp":
        """The app."""
        return cast("DistillApp", self.app)

    @property
    def chart(self) -> ChartPanel:
        """The large chart."""
        return self.query_one(ChartPanel)

    @property
    def terms(self) -> TermsPanel:
        """All terms."""
        return self.query_one(TermsPanel)

    def leave(self) -> None:
        """Close the app with the session's exit status."""
        self.monitor.leave(self.session.exit_status)

    @property
    def run_name(self) -> str:
        return self.snapshot.info.name if self.snapshot.info else self.session.name

    def _can_ask(self, what: str) -> bool:
        if self.live:
            return True
        self.notify(f"Nothing to {what}: no trainer is at work. r resumes the run.", markup=False)
        return False

    def _focused_panel(self) -> Widget | None:
        widget: object = self.focused
        while isinstance(widget, Widget):
            if widget.id in PANELS:
                return widget
            widget = widget.parent
        return self.chart if self.focused is None else None

    def _can_go(self, name: str) -> bool:
        widget = self.query_one(f"#{name}")
        return bool(widget.display and widget.size.height and (widget.can_focus or name == "previews"))

    def _focus(self, name: str) -> None:
        widget = self.query_one(f"#{name}")
        target = widget if widget.can_focus else next((w for w in widget.query("*") if w.focusable), None)
        if target is not None:
            self.set_focus(target)

    def _close_filter(self) -> None:
        self.query("#filter").remove()
        self._focus("terms")

    def _enlarge(self, name: str) -> None:
        panel = self.query_one(f"#{name}")
        if self.maximized is None:
            self._focused_before = self.focused
        panel.display = True
        self._focus(name)  # first: what is focused must not vanish
        self.maximized = panel
