"""What the focused panel means, the keys that matter there, and all keys; the screen that was left stands below."""

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.dom import DOMNode
from textual.events import Resize
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from distill_tui.keys import BY_ID, SCOPES, Key, Scope, scoped
from distill_tui.panels.words import PanelHelp
from distill_tui.screens.help_text import Line, explanation, key_lists
from distill_tui.theme import palette_of

WIDEST = 182  # cells: enough for the longest line of keys in two columns

# The keys that matter in a panel, by the panel's id; a panel may say so itself in HELP_KEYS.
PANEL_KEYS: dict[str, tuple[str, ...]] = {
    "chart": ("cursor", "zoom_in", "zoom_out", "earlier", "later", "follow", "log", "smooth", "overlay", "note"),
    "terms": ("filter", "pin", "fold", "fold_all", "enlarge", "copy"),
    "previews": ("play", "compare", "next", "epochs", "loop", "softer", "export", "preview", "copy"),
    "latent": ("traverse", "enlarge", "copy"),
    "balance": ("set", "enlarge", "copy"),
    "system": ("enlarge", "copy"),
    "config": ("set", "overlay", "page_up", "first", "copy"),
    "events": ("page_up", "first", "note", "copy"),
    "alerts": ("explain", "hide", "copy"),
}


class HelpScreen(ModalScreen[None]):
    """Words first, then keys. What is explained may say `help_words()`, else its `WORDS`, else that of its screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,question_mark,f1,enter,ctrl+c,ctrl+q", "close", show=False),
        Binding("down,j", "lines(1)", show=False),
        Binding("up,k", "lines(-1)", show=False),
        Binding("pagedown,space,ctrl+f", "pages(1)", show=False),
        Binding("pageup,ctrl+b", "pages(-1)", show=False),
        Binding("home", "edge(-1)", show=False),
        Binding("end", "edge(1)", show=False),
    ]
    DEFAULT_CSS = """
    HelpScreen { align: center middle; background: $background 60%; }
    HelpScreen > VerticalScroll {
        width: auto; max-width: 96%; height: auto; max-height: 94%; padding: 0 2;
        border: round $border; border-title-color: $foreground; border-subtitle-color: $text-muted;
        background: $surface; scrollbar-size-vertical: 1;
    }
    HelpScreen Static { width: auto; height: auto; }
    """

    def compose(self) -> ComposeResult:
        """One frame with everything."""
        with VerticalScroll(can_focus=False) as frame:
            frame.border_title = "Help"
            frame.border_subtitle = "esc closes"
            yield Static(self._everything())

    def on_resize(self, event: Resize) -> None:
        """Other lines."""
        self.query_one(Static).update(self._everything())
        self.call_after_refresh(self._tell_of_more)

    def action_close(self) -> None:
        """Back to where one was."""
        self.dismiss(None)

    def action_lines(self, lines: int) -> None:
        """Scroll by lines."""
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)

    def action_pages(self, pages: int) -> None:
        """Scroll by pages."""
        frame = self.query_one(VerticalScroll)
        frame.scroll_relative(y=pages * max(1, frame.scrollable_content_region.height - 1), animate=False)

    def action_edge(self, end: int) -> None:
        """To the beginning or the end."""
        frame = self.query_one(VerticalScroll)
        frame.scroll_to(y=frame.max_scroll_y if end > 0 else 0, animate=False)

    def _tell_of_more(self) -> None:
        frame = self.query_one(VerticalScroll)
        frame.border_subtitle = "↓ more · esc closes" if frame.max_scroll_y else "esc closes"

    def _everything(self) -> Text:
        """Words, keys of the panel, all keys, each block with an empty line before the next."""
        stack = self.app.screen_stack
        below = next((screen for screen in reversed(stack) if not isinstance(screen, HelpScreen)), self)
        width = min(WIDEST, self.app.size.width * 96 // 100 - 7)
        palette = palette_of(self.app)
        node = explained(below)
        words = _words_of(node)
        parts = [explanation(words, width, self.app.size.height * 94 // 100 - 2, palette)] if words is not None else []
        scopes: tuple[Scope, ...] = getattr(below, "HELP_SCOPES", () if below.is_modal else ("app",))
        without: frozenset[str] = getattr(self.app, "WITHOUT", frozenset())
        groups = [(SCOPES[scope], [_line(key) for key in scoped(scope) if key.listed and key.id not in without])
                  for scope in scopes]  # fmt: skip
        keys = key_lists(_keys_of(node), groups, width, palette)
        return Text("\n\n").join([*parts, keys] if keys.plain else parts)


def explained(screen: Screen[Any]) -> DOMNode:
    """What `?` is asked about: the focused widget or the nearest of its parents that has words, else the screen."""
    node: DOMNode | None = screen.focused
    while node is not None and node is not screen:
        if _words_of(node) is not None:
            return node
        node = node.parent
    return screen


def _words_of(node: DOMNode) -> PanelHelp | None:
    ask = getattr(node, "help_words", None)
    words = ask() if callable(ask) else getattr(node, "WORDS", None)
    return words if isinstance(words, PanelHelp) else None


def _keys_of(node: DOMNode) -> list[Line]:
    """The keys that matter in what is explained: lines of its own, or keys from the one list."""
    if lines := getattr(node, "HELP_LINES", ()):
        return list(lines)
    ids = getattr(node, "HELP_KEYS", None) or PANEL_KEYS.get(node.id or "", ())
    return [_line(BY_ID[name]) for name in ids]


def _line(key: Key) -> Line:
    return key.shown, key.help
