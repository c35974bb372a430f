"""The bottom line: what can be done now, with a mouse target each."""

from collections.abc import Callable

from distill_tui.cells import Row, Run
from distill_tui.keys import Key, Scope, footer, scoped
from distill_tui.panels.frame import spread, width_of
from distill_tui.panels.panel import Panel


class KeyBar(Panel, can_focus=False):
    """Offers the keys that `offered` lets through, the most wanted first, as many as fit."""

    ALLOW_MAXIMIZE = False
    DEFAULT_CSS = "KeyBar { height: 1; width: 1fr; dock: bottom; }"

    def __init__(
        self,
        offered: Callable[[Key], bool] = lambda key: True,
        scopes: tuple[Scope, ...] = ("run", "chart"),
        id: str = "keybar",
    ) -> None:
        super().__init__(id=id)
        self._offered, self._scopes = offered, scopes

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """`key label` pairs; palette (with all the rest), quit and help always find room at the right."""
        always = [key for key in scoped("app") if key.id in ("help", "quit") or (key.id == "palette" and width > 90)]
        right = [run for key in always for run in (*_offer(key), Run("   ", "text"))][:-1]
        left: list[Run] = [Run(" ", "text")]
        for key in footer(key for key in scoped(*self._scopes) if self._offered(key)):
            offer = (*_offer(key), Run("   ", "text"))
            if width_of(left) + width_of(offer) + width_of(right) + 1 > width:
                break
            left += offer
        return (spread(left, (*right, Run(" ", "text")), width),)


def _offer(key: Key) -> Row:
    action = (
        key.action if "." in key.action.split("(")[0] else f"{'app' if key.scope == 'app' else 'screen'}.{key.action}"
    )
    return Run(key.shown, "key", action), Run(f" {key.label}", "muted", action)
