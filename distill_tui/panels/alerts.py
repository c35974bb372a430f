"""The newest warning in one line, and how many more there are."""

from typing import ClassVar

from core.run.events import AlertStarted
from distill_tui.cells import Row, Run
from distill_tui.format import clean
from distill_tui.panels.frame import fit, width_of
from distill_tui.panels.panel import Panel
from distill_tui.panels.words import PanelHelp
from distill_tui.reader import Snapshot


class AlertsPanel(Panel):
    """A banner that is there while a warning is open and not hidden. A hidden one returns when it begins anew."""

    ALLOW_MAXIMIZE = False
    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "Warnings",
        "The newest thing that looks wrong with this run, in a line: ▲ and a name, then what was seen. Where several "
        "are open at once, the line says how many more there are.",
        "No line at all. A warning goes away by itself once the figures have been well again for a while.",
        "w explains it and says which setting helps. A warning never stops the training; x hides it until it begins "
        "anew, and 8 lists when each began and ended.",
    )
    DEFAULT_CSS = "AlertsPanel { height: 1; width: 1fr; display: none; }"

    def __init__(self, id: str = "alerts") -> None:
        super().__init__(id=id)
        self._hidden: set[tuple[str, int]] = set()

    @property
    def open(self) -> tuple[AlertStarted, ...]:
        """The warnings that are not hidden, oldest first."""
        return tuple(alert for alert in self.snapshot.state.alerts if (alert.id, alert.step) not in self._hidden)

    def show(self, snapshot: Snapshot) -> None:
        """Come and go with the warnings."""
        self.snapshot = snapshot
        self._settle()

    def hide(self) -> bool:
        """Hide the warning that is shown; False when there is none."""
        if not self.open:
            return False
        shown = self.open[-1]
        self._hidden.add((shown.id, shown.step))
        self._settle()
        return True

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """Symbol, title, explanation, and what can be done."""
        if not self.open:
            return ((),)
        alert = self.open[-1]
        role = "banner_danger" if alert.severity == "danger" else "banner_warning"
        others = len(self.open) - 1
        offers: list[Run] = [Run(f"  +{others} more", role, "screen.explain")] if others else []
        offers += [Run("  w what to do", role, "screen.explain"), Run("  x hide ", role, "screen.hide_alert")]
        mark = "▸▲" if self.has_focus else " ▲"
        said = f"{mark} {clean(alert.title)}  {clean(alert.explanation)}"
        return ((*fit((Run(said, role),), width - width_of(offers), role), *offers),)

    def copied(self) -> str:
        """The warning in words."""
        return "\n".join(f"{alert.title}: {alert.explanation} {alert.action}" for alert in reversed(self.open))

    def _settle(self) -> None:
        self.display = bool(self.open)
        self.can_focus = self.display
        self.redraw()
