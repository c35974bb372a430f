"""The newest warning in one line, what can be done or was done about it, and how many more there are."""

from typing import ClassVar

from rich.cells import cell_len

from core.run.events import AdviceTaken, AlertStarted
from distill_tui.advice_words import goal, result, way_back
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
        "w explains it, and enter there does what is recommended; b goes back to before it began where that helps, U "
        "undoes what was taken. A warning never stops the training by itself; x hides it until it begins anew, and 8 "
        "lists when each began and ended.",
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
        """Symbol, title, explanation or what was done about it, and what can be done."""
        if not self.open:
            return ((),)
        alert = self.open[-1]
        role = "banner_danger" if alert.severity == "danger" else "banner_warning"
        taken = self.taken(alert)
        mark = "▸▲" if self.has_focus else " ▲"
        offers = self._offers(alert, taken, role, width)
        room = width - width_of(offers)
        title = clean(alert.title)
        said = f"{mark} {title}  {clean(alert.explanation)}"
        if taken is not None:
            done = f"{'taken by itself' if taken.by == 'auto' else 'taken'}: {clean(result(taken))}"
            said = f"{mark} {title}  {done}"
            if cell_len(said) > room:  # what was done matters more by now
                said = f"{mark} {done}  {title}"
        return ((*fit((Run(said, role),), room, role), *offers),)

    def taken(self, alert: AlertStarted) -> AdviceTaken | None:
        """What was last done about it and not undone."""
        return next((taken for taken in reversed(self.snapshot.state.advice) if taken.alert == alert.id), None)

    def _offers(self, alert: AlertStarted, taken: AdviceTaken | None, role: str, width: int) -> list[Run]:
        """What can be done, as far as there is room beside the title."""
        others = len(self.open) - 1
        more = [Run(f"  +{others} more", role, "screen.explain")] if others else []
        usual = [Run(f"  {'enter' if self.has_focus else 'w'} what to do", role, "screen.explain"),
                 Run("  x hide ", role, "screen.hide_alert")]  # fmt: skip
        first: list[Run] = []
        if self.live and taken is not None and taken.remedy.kind != "stop":
            first = [Run("  U undo", role, "screen.undo_advice")]
        elif self.live and any(remedy.kind == "back" for remedy in alert.remedies):
            first = [Run(f"  b {way_back(goal(alert, self.snapshot.state))}", role, "screen.go_back")]
        title = width_of((Run(f" ▲ {clean(alert.title)}"),))
        return [*more, *(first if title + width_of([*more, *first, *usual]) <= width else []), *usual]

    @property
    def live(self) -> bool:
        """Whether a trainer can be asked."""
        info = self.snapshot.info
        held = info is not None and info.live
        return self.snapshot.state.complete is None and (held or self.snapshot.trains)

    def copied(self) -> str:
        """The warning in words."""
        return "\n".join(f"{alert.title}: {alert.explanation} {alert.action}" for alert in reversed(self.open))

    def _settle(self) -> None:
        self.display = bool(self.open)
        self.can_focus = self.display
        self.redraw()
