"""The stage: panels in their bands, one of them full screen at times, and the focus that moves among them."""

from typing import TYPE_CHECKING

from textual import events
from textual.screen import Screen
from textual.widget import Widget

from distill_tui.keys import bindings
from distill_tui.panels.alerts import AlertsPanel
from distill_tui.panels.chart_panel import ChartPanel
from distill_tui.panels.keybar import KeyBar
from distill_tui.panels.panel import Panel
from distill_tui.panels.previews import PreviewsPanel
from distill_tui.panels.terms import TermsPanel
from distill_tui.screens.layout import Plan, neighbour, plan

if TYPE_CHECKING:
    from textual.widgets import Input

USUAL_TERMS = 5  # what room is kept for until the run has told its own
PANELS = ("chart", "config", "terms", "latent", "balance", "system", "previews", "events", "alerts")
ASIDE = ("latent", "balance", "system")
ASIDE_HEIGHTS: dict[str, int | str] = {"latent": "1fr", "balance": 7, "system": 7}
LINES_BESIDE_TUNES = 2  # of charts of terms; the others scroll
CHART_ROWS = 11  # that the large chart keeps when it makes room for the tunes
TUNE_ROWS, FEWEST_TUNE_ROWS = 22, 12  # of the lowest band, with and without which a tune is seen well, or at all
SOUND_ROWS, CHART_ROWS_BESIDE_SOUNDS = 19, 15  # where there is plenty of room


def spare_rows(shares: Plan, *, tunes: bool) -> int:
    """Rows that the chart gives to previews, to be seen as well as heard; 0 where it has too few.

    A tune says more to the eye than a sound does: for sounds only a large screen's chart has rows to spare.
    """
    if not tunes:
        return max(0, min(shares.upper - CHART_ROWS_BESIDE_SOUNDS, SOUND_ROWS - shares.lower)) if shares.aside else 0
    spared = min(shares.upper - CHART_ROWS, TUNE_ROWS - shares.lower)
    return spared if spared > 0 and shares.lower + spared >= FEWEST_TUNE_ROWS else 0


class Stage(Screen[None], inherit_bindings=False):
    """Where the panels of `PANELS` stand. It knows their places and nothing of the run; a subclass composes them."""

    BINDINGS = bindings("run", "chart")
    ALLOW_IN_MAXIMIZED_VIEW = "#head, KeyBar, #filter"
    AUTO_FOCUS = "#chart"
    ESCAPE_TO_MINIMIZE = False  # action_back decides: first the cursor goes, then full screen

    def __init__(self) -> None:
        super().__init__()
        self._plan_for: tuple[int, int, int, bool, bool] | None = None
        self._focused_before: Widget | None = None

    def back(self) -> None:
        """Where escape leads when nothing is left to go back from here."""

    def explain(self) -> None:
        """What the newest warning means."""

    @property
    def chart(self) -> ChartPanel:
        """The large chart."""
        return self.query_one(ChartPanel)

    @property
    def alerts(self) -> AlertsPanel:
        """The warnings."""
        return self.query_one(AlertsPanel)

    @property
    def terms(self) -> TermsPanel:
        """All terms."""
        return self.query_one(TermsPanel)

    def on_resize(self, event: events.Resize) -> None:
        """Another size, another plan."""
        self.lay_out()

    def lay_out(self) -> None:
        """Share out the screen anew if anything that matters for it has changed."""
        width, height = self.app.size
        terms = len(self.terms.terms)
        scores = self.query_one(PreviewsPanel).has_scores
        key = width, height, terms, bool(self.alerts.display), scores
        if key == self._plan_for or not width:
            return
        self._plan_for = key
        lines = LINES_BESIDE_TUNES if scores else None
        shares = plan(width, height - 3 - bool(self.alerts.display), terms or USUAL_TERMS, lines)
        spared = spare_rows(shares, tunes=scores)
        self.query_one("#upper").styles.height = shares.upper - spared
        self.query_one("#middle").styles.height = shares.terms
        self.query_one("#aside").styles.width = shares.aside
        self.terms.as_list = shares.terms_as_list
        self.query_one("#lower").styles.height = shares.lower + spared
        for name in ("config", "events"):
            panel = self.query_one(f"#{name}", Panel)
            if self.maximized is not panel:
                panel.display = bool(shares.side)
                panel.styles.width, panel.styles.height = shares.side or 1, "1fr"
        for name in ASIDE:
            panel = self.query_one(f"#{name}", Panel)
            if self.maximized is not panel:
                panel.display = bool(shares.aside)
                panel.styles.width, panel.styles.height = "1fr", ASIDE_HEIGHTS[name]
        self.call_after_refresh(self.post_message, Panel.Wants())

    def watch_maximized(self, former: Widget | None, maximized: Widget | None) -> None:
        """A panel that fills the screen takes all of it, and goes back to its place after."""
        for panel in (former, maximized):
            if panel is not None:
                panel.styles.width = panel.styles.height = "1fr"
        self._plan_for = None
        if maximized is None and self._focused_before is not None:
            self.set_focus(self._focused_before)
        self.lay_out()
        self.query_one(KeyBar).redraw()

    def action_enlarge(self) -> None:
        """The focused panel full screen, and back; for a term its large chart, for a warning what to do."""
        if self.maximized is not None:
            self.minimize()
            return
        panel = self._focused_panel()
        if isinstance(panel, AlertsPanel):
            self.explain()
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
        elif self.chart.drop_cursor():
            pass
        elif self.maximized is not None:
            self.minimize()
        elif self.terms.filter:
            self.terms.choose("")
        else:
            self.back()

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

    def action_cursor(self) -> None:
        """A cursor on the chart, and away with it."""
        self.chart.toggle_cursor()

    def action_fold(self) -> None:
        """The selected term's group as one line, and back."""
        self.terms.fold()

    def action_fold_all(self) -> None:
        """All groups of terms as a line each, and back."""
        self.terms.fold_all()

    def action_pin(self) -> None:
        """The selected term first, and back to its place."""
        self.terms.pin()

    def action_move(self, direction: str) -> None:
        """Within the focused panel, then to its neighbour; in a full-screen chart through time and terms."""
        if self.maximized is self.chart:
            if not self.chart.moved(direction) and direction in ("up", "down"):
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
            self.focus_panel(target)

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

    def focus_panel(self, name: str) -> None:
        """Focus the panel of this name, or what in it can be focused."""
        widget = self.query_one(f"#{name}")
        target = widget if widget.can_focus else next((w for w in widget.query("*") if w.focusable), None)
        if target is not None:
            self.set_focus(target)

    def _close_filter(self) -> None:
        self.query("#filter").remove()
        self.focus_panel("terms")

    def _enlarge(self, name: str) -> None:
        panel = self.query_one(f"#{name}")
        if self.maximized is None:
            self._focused_before = self.focused
        panel.display = True
        self.focus_panel(name)  # first: what is focused must not vanish
        self.maximized = panel
