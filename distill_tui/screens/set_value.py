"""Changing a safe value of a live run: choose it, give it another, and read what will happen before it is sent."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from core.training.config import ConfigError, TrainingConfig
from core.training.config_file import from_dict
from core.training.differences import shown
from core.training.live import LiveValue, changed, live_values
from distill_tui.cells import cell
from distill_tui.format import clean
from distill_tui.panels.rows import RowList
from distill_tui.panels.words import PanelHelp
from distill_tui.screens.set_value_words import effect, parsed, stepped
from distill_tui.theme import palette_of

OTHER_ROWS = 14  # of the dialog: frame, fields, words, hint
FEWEST_ROWS = 3
NARROW = 64  # columns of the screen below which words take more lines
LABEL, VALUE = 32, 10
HINT = "↑↓ choose · - + halve, double · enter set · esc back"


class SetValue(ModalScreen[tuple[str, float] | None]):
    """The live values of a run and what they are now. Answers (key, value), or None where nothing is to change.

    Letters find a value, digits begin a new one; `-` and `+` halve and double what is chosen, or step whole numbers.
    """

    CSS_PATH = "../styles/dialogs.tcss"
    DEFAULT_CSS = """
    SetValue { align: center middle; background: $background 60%; }
    #set-rows { background: transparent; margin: 1 0; }
    .set-line { height: 1; }
    .set-line Static { width: 12; color: $text-muted; }
    .set-line Input { width: 1fr; background: $panel; }
    #set-words { height: 4; margin-top: 1; }
    #set-hint { height: auto; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,ctrl+c,ctrl+q", "back", "back", show=False, priority=True),
        Binding("up", "choose(-1)", "up", show=False, priority=True),
        Binding("down", "choose(1)", "down", show=False, priority=True),
        Binding("plus", "step(1)", "more", show=False, priority=True),
        Binding("minus", "step(-1)", "less", show=False, priority=True),
    ]
    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "Set a value while it trains",
        "The values that may change between two steps of a live run, and what they are now.",
        "A change that you would notice on the chart: half or twice as much, one value at a time.",
        "Choose with the arrows or by typing a part of the name, then type a number or press - or +. Before a value is "
        "sent the dialog says what it will do. The chart gets a ⚙ at that step.",
    )

    def __init__(self, config: Mapping[str, Any]) -> None:
        """`config` is the run's, in nested plain values, as it is in force now."""
        super().__init__()
        self._values: dict[str, tuple[LiveValue, float]] = {v.key: (v, now) for v, now in live_values(config)}
        try:
            self._tree: TrainingConfig | None = from_dict(config)
        except ConfigError:  # of another version: its own trainer knows better what may be
            self._tree = None

    def compose(self) -> ComposeResult:
        """A line to find with, the values, a line for the new one, and what will happen."""
        with Vertical(id="dialog") as frame:
            frame.border_title = "Set a value while it trains"
            with Horizontal(classes="set-line"):
                yield Static("find")
                yield Input(placeholder="a part of its name", compact=True, id="set-find")
            rows = RowList(self._line, id="set-rows")
            rows.can_focus = False
            yield rows
            with Horizontal(classes="set-line"):
                yield Static("new value")
                yield Input(select_on_focus=False, compact=True, id="set-number")
            yield Static(id="set-words")
            yield Static(HINT, id="set-hint")

    def on_mount(self) -> None:
        """All values, the first one chosen."""
        self._rows.show(tuple(self._values))
        self._fit()
        self._begin()
        self._find.focus()

    def on_resize(self) -> None:
        """The list takes what is left."""
        self._fit()

    def action_back(self) -> None:
        """Nothing is to change."""
        self.dismiss(None)

    def action_choose(self, lines: int) -> None:
        """The value so many lines below."""
        keys = self._rows.keys
        if self._rows.selected in keys:
            self._rows.select(keys[max(0, min(len(keys) - 1, keys.index(self._rows.selected) + lines))])

    def action_step(self, direction: int) -> None:
        """Half or twice as much; within an exponent the sign is a sign."""
        number, sign = self._number, "+" if direction > 0 else "-"
        if number.has_focus and number.value[: number.cursor_position].endswith(("e", "E")):
            number.insert_text_at_cursor(sign)
        elif self._chosen is not None:
            value, now = self._chosen
            given = parsed(number.value)
            self._put(shown(stepped(value, now if given is None else given, direction)))

    @on(Input.Changed, "#set-find")
    def _filter(self, event: Input.Changed) -> None:
        typed = event.value
        letters = typed.rstrip("0123456789.,")
        if letters != typed:  # no name ends in a digit: this is the new value
            with self.prevent(Input.Changed):
                self._find.value = letters
            self._put(typed[len(letters) :])
            return
        words = letters.lower().split()
        found = [k for k, (v, _) in self._values.items() if all(word in f"{v.label} {k}".lower() for word in words)]
        self._rows.show(tuple(found))
        self._begin()

    @on(Input.Submitted, "#set-find")
    def _found(self) -> None:
        self._number.focus()

    @on(RowList.Moved)
    def _moved(self, event: RowList.Moved) -> None:
        event.stop()
        self._begin()

    @on(RowList.Opened)
    def _opened(self, event: RowList.Opened) -> None:
        event.stop()
        self._begin()
        self._number.focus()

    @on(Input.Changed, "#set-number")
    def _typed(self) -> None:
        self._say()

    @on(Input.Submitted, "#set-number")
    def _submitted(self) -> None:
        answer = self._answer()
        if isinstance(answer, tuple):
            self.dismiss(answer)
        else:
            self.app.bell()

    def _begin(self) -> None:
        """Show the chosen value as it is now, ready to be typed over."""
        self._number.value = shown(self._chosen[1]) if self._chosen else ""
        self._number.action_select_all()
        self._say()

    def _put(self, text: str) -> None:
        """Another new value, and the cursor behind it."""
        self._number.focus()
        self._number.value = text
        self._number.action_end()

    def _answer(self) -> tuple[str, float] | str:
        """What to answer with, or why there is nothing to answer."""
        if self._chosen is None:
            return "No value that can be changed has such a name."
        value, now = self._chosen
        number = parsed(self._number.value)
        if number is None:
            return f"Not a number; expected {value.expected}."
        if number == now:
            return ""
        if problem := self._problem(value, number):
            return f"{problem}."
        return value.key, number

    def _problem(self, value: LiveValue, number: float) -> str | None:
        if self._tree is None:
            return value.problem(number)
        try:
            changed(self._tree, value.key, number)
        except ConfigError as error:
            return str(error)
        return None

    def _say(self) -> None:
        """What enter would do, or why it would do nothing."""
        answer, palette = self._answer(), palette_of(self.app)
        if isinstance(answer, tuple) and self._chosen is not None:
            words = Text(effect(*self._chosen, answer[1]), palette["text"])
        elif answer:
            words = Text(clean(str(answer)), palette["warning"])
        else:
            words = Text("This is what it is now.", palette["muted"])
        self.query_one("#set-words", Static).update(words)

    def _fit(self) -> None:
        narrow = self.app.size.width < NARROW
        self.query_one("#dialog").styles.padding = (0, 1) if narrow else (1, 2)
        self.query_one("#set-words").styles.height = 6 if narrow else 4
        room = int(self.app.size.height * 0.92) - OTHER_ROWS - narrow
        self._rows.styles.height = max(FEWEST_ROWS, min(len(self._values), room))

    def _line(self, key: str, width: int) -> Text:
        palette = palette_of(self.app)
        value, now = self._values[key]
        line = Text(no_wrap=True, end="")
        label = max(1, min(LABEL, width - VALUE - 1))
        line.append(cell(f" {value.label}", label), palette["strong" if key == self._rows.selected else "text"])
        line.append(" " + cell(shown(now), VALUE), palette["strong"])
        line.append(cell(key, max(0, width - label - VALUE - 1)), palette["muted"])
        return line

    @property
    def _chosen(self) -> tuple[LiveValue, float] | None:
        return self._values.get(self._rows.selected or "")

    @property
    def _rows(self) -> RowList:
        return self.query_one("#set-rows", RowList)

    @property
    def _find(self) -> Input:
        return self.query_one("#set-find", Input)

    @property
    def _number(self) -> Input:
        return self.query_one("#set-number", Input)
