"""The dashboard of one run: hands the panels what the reader brings, and tells them what the keys say."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message

from distill_tui.advice_words import undoable
from distill_tui.keys import Key
from distill_tui.panels.alerts import AlertsPanel
from distill_tui.panels.balance import BalancePanel
from distill_tui.panels.chart_panel import ChartPanel
from distill_tui.panels.config import ConfigPanel
from distill_tui.panels.events import EventsPanel
from distill_tui.panels.keybar import KeyBar
from distill_tui.panels.latent import LatentPanel
from distill_tui.panels.panel import Panel
from distill_tui.panels.previews import PreviewsPanel
from distill_tui.panels.rows import RowList
from distill_tui.panels.status import StatusPanel
from distill_tui.panels.system import SystemPanel
from distill_tui.panels.terms import TermsPanel
from distill_tui.screens.commanding import Commanding
from distill_tui.session import Session

if TYPE_CHECKING:
    from distill_tui.app import DistillApp


class Dashboard(Commanding):
    """Shows one session, with `overlays` drawn over it. Nothing here waits for the run: answers come as notices."""

    CSS_PATH = "../styles/previews.tcss"
    PALETTE_SCOPES = ("app", "run", "chart")
    HELP_SCOPES = ("run", "chart", "previews", "list", "app")

    class News(Message):
        """The reader has something new."""

    def __init__(self, session: Session, overlays: Sequence[Path] = ()) -> None:
        super().__init__(session)
        self.leaving = False
        self.refused = 0
        self._to_overlay: Sequence[Path] | None = overlays

    def compose(self) -> ComposeResult:
        """Head, three bands, and the line of keys."""
        with Vertical(id="head"):
            yield StatusPanel(self.session.name, self.session.opening)
            yield AlertsPanel()
        with Horizontal(id="upper"):
            yield ChartPanel()
            yield ConfigPanel(id="config")
        with Horizontal(id="middle"):
            yield TermsPanel()
            with Vertical(id="aside"):
                yield LatentPanel()
                yield BalancePanel()
                yield SystemPanel()
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
        if self.snapshot.info is not None:
            self.previews.update_info(self.snapshot.info)
        self.previews.update_state(self.snapshot.state)
        self._begin_overlays()
        self.lay_out()
        if self.leaving and self.refusals() > self.refused:
            self.leaving = False  # the events say why; nothing may close the screen unasked later
        if self.leaving and not self.session.trains and (self.state.complete or self.session.ended):
            self.leave()

    @property
    def previews(self) -> PreviewsPanel:
        """What the run sounds like."""
        return self.query_one(PreviewsPanel)

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

    @on(RowList.Moved, "#preview-rows")
    def _preview_selected(self) -> None:
        chosen = self.previews.selected
        self.query_one(LatentPanel).select(chosen.name if chosen is not None and chosen.kind != "sample" else None)

    def offers(self, key: Key) -> bool:
        """Whether the bottom line should offer this key now."""
        match key.id:
            case "save" | "preview" | "cancel" | "set" | "note":
                return self.live
            case "resume":
                return self.snapshot.info is not None and not self.live and self.snapshot.replay is None
            case "replay" | "replay_back" | "replay_on" | "replay_slow" | "replay_fast":
                return self.snapshot.replay is not None
            case "back":
                return self.maximized is not None or self.snapshot.replay is not None
            case "enlarge":
                return self.maximized is None
            case "undo":
                return self.live and undoable(self.state) is not None
            case "play" | "compare" | "epochs":
                return bool(self.state.previews)
            case _:
                return True

    def action_detach(self) -> None:
        """The screen closes, the training goes on."""
        self.monitor.detach()

    def action_play(self) -> None:
        """Play or stop the selected preview."""
        self.previews.play()

    def action_compare(self) -> None:
        """Original, reconstruction, sample."""
        self.previews.compare()

    def action_play_epochs(self) -> None:
        """The selected sound from every epoch in a row."""
        self.previews.play_epochs()

    def action_traverse(self) -> None:
        """Turn a dimension of the latent, and hear it."""
        from distill_tui.screens.traverse import TraverseScreen

        self.previews.stop()
        self.app.push_screen(TraverseScreen(self.snapshot.info, self.previews.player))

    def action_landscape(self) -> None:
        """The loss around the weights, where somebody has measured it."""
        from distill_tui.screens.landscape import LandscapeScreen

        self.app.push_screen(LandscapeScreen(self.session.fetch, self.snapshot.info))

    def action_loop(self) -> None:
        """Over and over, and not."""
        self.previews.toggle_loop()

    def action_volume(self, step: int) -> None:
        """Softer (-1) or louder (1)."""
        self.previews.change_volume(step)

    def action_export(self) -> None:
        """The selected preview to a place of the person's choice."""
        self.previews.export()

    def back(self) -> None:
        """From a replay to the whole run; else to the home screen, if one came from there."""
        if self.snapshot.replay is not None:
            self.reader.end_replay()
        else:
            self.monitor.back()

    def explain(self) -> None:
        """What the newest warning means, and what the trainer can do about it."""
        alerts = self.alerts.open or self.state.alerts
        if alerts:
            self.advise(alerts[-1])
        else:
            self.notify("No warning is open.", timeout=3, markup=False)

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

    def _begin_overlays(self) -> None:
        """Once it is known where the run lies: the runs asked for, and the baseline of its folder."""
        if self._to_overlay is not None and self.local_folder is not None:
            targets, self._to_overlay = self._to_overlay, None
            self._overlay(self.local_folder, targets)

    @work(exclusive=True, group="overlay", exit_on_error=False)
    async def _overlay(self, folder: Path, targets: Sequence[Path]) -> None:
        from core.run.shelf import baseline

        pinned = await asyncio.to_thread(baseline, folder.parent)
        pinned = pinned if pinned != folder else None
        wanted = [*([pinned] if pinned is not None else []), *(target for target in targets if target != pinned)]
        if wanted:
            self.reader.overlay(wanted, pinned)
