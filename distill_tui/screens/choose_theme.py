"""Choosing a theme: a short list over the screen, which wears each theme as one moves through them."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, cast

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.timer import Timer
from textual.widgets import Static

from distill_tui import theme as themes
from distill_tui.cells import cell
from distill_tui.format import clean, shortened
from distill_tui.panels.rows import RowList
from distill_tui.panels.words import PanelHelp
from distill_tui.theme import ThemeError, ThemeFile, palette_of

if TYPE_CHECKING:
    from distill_tui.app import DistillApp

SETTLE_SECONDS = 0.04  # a key that is held down restyles the screen where it stops, not at every line
WIDE = 110  # columns from which every line has room for what its theme is for
NAME = 16
OURS = "distill-"
SAMPLE = (("━━", "train"), ("╍╍", "validation"))
SAMPLE_HEAT = 6
SAMPLE_WIDTH = 2 + 2 * len(SAMPLE) + 1 + SAMPLE_HEAT


@dataclass(frozen=True)
class Offer:
    """A theme in the list. `found` is None for a file that cannot be used, and `problem` says why."""

    name: str
    found: ThemeFile | None
    own: bool
    problem: str = ""

    @property
    def title(self) -> str:
        """What the list calls it."""
        return clean(self.name if self.own else self.name.removeprefix(OURS))

    @property
    def about(self) -> str:
        """What it is for, or why it cannot be used."""
        if self.found is None:
            return "cannot be used"
        return " · ".join(part for part in ("yours" if self.own else "", clean(self.found.about)) if part)

    @property
    def remark(self) -> str:
        """What a person should know before choosing it."""
        return clean(self.problem or (self.found.hard_to_read if self.found else ""))


def offers() -> list[Offer]:
    """Every theme there is, ours first; the broken ones too."""
    ours = themes.themes_folder()
    listed = [_offer(name, path, path.parent != ours) for name, path in themes.available().items()]
    return sorted(listed, key=lambda offer: offer.own)


def _offer(name: str, path: Path, own: bool) -> Offer:
    try:
        return Offer(name, themes.load(path), own)
    except ThemeError as error:
        return Offer(name, None, own, str(error))


class ThemeRows(RowList):
    """The lines, each ending in a sample of its theme on that theme's own ground."""

    def __init__(self, offered: list[Offer], worn: str) -> None:
        super().__init__(self._line, id="theme-rows")
        self._offers = {offer.name: offer for offer in offered}
        self._worn = worn
        self.show(tuple(self._offers))

    def _line(self, key: str, width: int) -> Text:
        palette, offer = palette_of(self.app), self._offers[key]
        words = width - SAMPLE_WIDTH - 1
        line = Text(no_wrap=True, end="")
        line.append("✓ " if key == self._worn else "  ", palette["good"])
        line.append(cell(offer.title, min(NAME, words - 2)) + " ", palette["text" if offer.found else "muted"])
        if self.app.size.width >= WIDE:
            line.append(cell(offer.about, max(0, words - NAME - 4)), palette["muted" if offer.found else "danger"])
        return line

    def render_line(self, y: int) -> Strip:
        """The line; the sample keeps its colours where the line is selected."""
        strip = super().render_line(y)
        index = y + self.scroll_offset.y
        if index >= len(self.keys) or (found := self._offers[self.keys[index]].found) is None:
            return strip
        sample = _sample(found)
        return Strip.join([strip.crop(0, strip.cell_length - SAMPLE_WIDTH), sample])


def _sample(found: ThemeFile) -> Strip:
    """A little of the theme: its two curves and its shades; where it has none, the colours of its signals."""
    ground = Style.null() if found.theme.ansi else Style(bgcolor=themes.color_of(found.theme.background).rich_color)
    palette = found.palette
    parts = [(" ", Style.null()), *((text, palette[role]) for text, role in SAMPLE), (" ", Style.null())]
    if palette.heat:
        shades = [round((i + 1) * (palette.heat - 1) / SAMPLE_HEAT) for i in range(SAMPLE_HEAT)]
        parts += [("█", palette[f"heat:{shade}"]) for shade in shades]
    else:
        parts += [("━━", palette[role]) for role in ("good", "warning", "danger")]
    return Strip([Segment(text, ground + style) for text, style in [*parts, (" ", Style.null())]], SAMPLE_WIDTH)


class ChooseTheme(ModalScreen[None]):
    """The list stands in a corner; everything else stays in sight and live, in the theme that is selected."""

    CSS_PATH = "../styles/dialogs.tcss"
    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "Themes",
        "Every theme that can be worn, with a sample of its two curves and its shades. The screen behind the list "
        "wears the selected one at once, and goes on living meanwhile.",
        "Words that are easy to read, and curves that you can tell apart. Ours are measured for both, also for eyes "
        "that do not see red or green. Of a theme of your own, a line says which words are hard to read.",
        "Enter keeps the theme for next time, esc goes back to the one before. To make one, copy one of ours to a "
        ".toml file in FOLDER and change its colours.",
    )
    HELP_LINES: ClassVar[tuple[tuple[str, str], ...]] = (
        ("↑↓ jk t", "The next theme, worn at once"),
        ("enter", "Keep it; it is remembered"),
        ("esc", "Back to the theme before"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "keep", "keep", show=False),
        Binding("escape,q,ctrl+c,ctrl+q", "back", "back", show=False, priority=True),
        Binding("t", "next", "next", show=False),
        Binding("question_mark,f1", "app.help", "help", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._before = self.monitor.theme
        self._offers = {offer.name: offer for offer in offers()}
        self._settling: Timer | None = None

    def help_words(self) -> PanelHelp:
        """The words for `?`, with the folder of one's own themes."""
        folder = shortened(str(themes.user_folder() / "themes"), 60)
        return replace(self.WORDS, todo=self.WORDS.todo.replace("FOLDER", folder))

    @property
    def monitor(self) -> "DistillApp":
        """The app."""
        return cast("DistillApp", self.app)

    def compose(self) -> ComposeResult:
        """A small frame in the lower right corner."""
        with Vertical(id="themes") as frame:
            frame.border_title = "Themes"
            frame.border_subtitle = "enter keeps · esc back"
            yield ThemeRows(list(self._offers.values()), self._before)
            yield Static(id="theme-words", markup=False)

    def on_mount(self) -> None:
        """Begin at the theme that is worn."""
        self._fit()
        rows = self.query_one(ThemeRows)
        rows.focus()
        rows.select(self._before)
        self.app.theme_changed_signal.subscribe(self, lambda _: self._say())
        self._say()

    def on_resize(self) -> None:
        """Another width, another amount of words a line."""
        self._fit()
        self._say()

    @on(RowList.Moved)
    def _moved(self) -> None:
        self._say()
        if self._settling is not None:
            self._settling.stop()
        self._settling = self.set_timer(SETTLE_SECONDS, self._wear)

    @on(RowList.Opened)
    def action_keep(self) -> None:
        """Keep the selected theme, and remember it."""
        offer = self._selected
        if offer is None or offer.found is None:
            self.app.bell()
            return
        self._forget()
        if self.monitor.choose_theme(offer.name):
            self.dismiss()

    def action_back(self) -> None:
        """Back to what was."""
        self._forget()
        self.monitor.theme = self._before
        self.dismiss()

    def action_next(self) -> None:
        """The next one, from the last on to the first."""
        rows = self.query_one(ThemeRows)
        at = rows.keys.index(rows.selected) if rows.selected in rows.keys else -1
        rows.select(rows.keys[(at + 1) % len(rows.keys)])

    @property
    def _selected(self) -> Offer | None:
        return self._offers.get(self.query_one(ThemeRows).selected or "")

    def _wear(self) -> None:
        offer = self._selected
        if offer is not None and offer.found is not None:
            self.monitor.try_theme(offer.name)

    def _forget(self) -> None:
        if self._settling is not None:
            self._settling.stop()

    def _fit(self) -> None:
        self.query_one("#themes").set_class(self.app.size.width >= WIDE, "wide")
        self.query_one(ThemeRows).styles.height = min(len(self._offers), max(3, self.app.size.height - 8))

    def _say(self) -> None:
        """Below the list: what the selected one is for, unless its line says so, and what is wrong with it."""
        offer, words = self._selected, self.query_one("#theme-words", Static)
        about = offer.about if offer is not None and self.app.size.width < WIDE else ""
        remark = offer.remark if offer is not None else ""
        palette = palette_of(self.app)
        words.update(
            Text.assemble((about, palette["text"]), "\n" if about and remark else "", (remark, palette["warning"]))
        )
        words.display = bool(about or remark)
