"""The bottom line: what can be done now, with a mouse target each."""

from collections.abc import Callable

from distill_tui.cells import Row, Run
from distill_tui.keys import BY_ID, Key, Scope, footer, scoped
from distill_tui.panels.frame import spread, width_of
from distill_tui.panels.panel import Panel

# What is done in a panel that fills the screen, the most wanted first.
OWN = {
    "chart": ("cursor", "zoom_out", "zoom_in", "log", "smooth"),
    "terms": ("fold", "pin", "filter"),
    "config": ("set",),
    "balance": ("set",),
    "events": ("note",),
    "previews": ("play", "compare", "epochs"),
}
PLAYING = OWN["previews"]
ROOMY = 90  # cells above which the palette is offered by its name
APART = Run("   ", "text")


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
        """`key label` pairs; what a full screen is left with, the palette, quit and help always find room."""
        always = [key for key in scoped("app") if key.id in ("help", "quit", "palette")]
        right = [run for key in always for run in (*_offer(key, brief=width <= ROOMY), APART)][:-1]
        keys = self._keys()
        needed = [key for key in keys if key.id == "back"]
        room = width - width_of(right) - 3 - sum(width_of((*_offer(key), APART)) for key in needed)
        left: list[Run] = [Run(" ", "text")]
        full = False
        for key in keys:
            offer = (*_offer(key), APART)
            if key not in needed:
                full = full or width_of(offer) > room
                if full:
                    continue
                room -= width_of(offer)
            left += offer
        return (spread(left, (*right, Run(" ", "text")), width),)

    def _keys(self) -> list[Key]:
        """What is offered, the full-screen panel's own keys before all; playing only where previews are in sight."""
        large = self.screen.maximized
        name = large.id or "" if large is not None else ""
        own = [BY_ID[id] for id in OWN.get(name, ()) if BY_ID[id].scope in self._scopes]
        others = footer(key for key in scoped(*self._scopes) if key not in own)
        silent = (large is not None and name != "previews") or not self._sees_previews()
        return [key for key in (*own, *others) if self._offered(key) and not (silent and key.id in PLAYING)]

    def _sees_previews(self) -> bool:
        return any(panel.display and panel.size.height > 0 for panel in self.screen.query("#previews"))


def _offer(key: Key, brief: bool = False) -> Row:
    action = (
        key.action if "." in key.action.split("(")[0] else f"{'app' if key.scope == 'app' else 'screen'}.{key.action}"
    )
    if brief and key.id == "palette":
        return (Run("…", "key", action),)
    return Run(key.shown, "key", action), Run(f" {key.label}", "muted", action)
