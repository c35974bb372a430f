"""What a warning means, and what can be done about it at once."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.widgets import Static

from core.insight.remedies import RATE, is_met
from core.run.commands import Apply, Command, Undo
from core.run.events import AlertStarted
from core.run.state import RunState
from distill_tui.advice_words import already, effect, goal, result, undoable, undoing, value_at
from distill_tui.format import clean, count
from distill_tui.panels.choices import Choice, Choices
from distill_tui.panels.rows import RowList
from distill_tui.panels.words import PanelHelp
from distill_tui.screens.dialog import Dialog
from distill_tui.screens.dialogs import Confirm
from distill_tui.theme import palette_of

RECOMMENDED = "recommended"


class AdviceDialog(Dialog[Command | None]):
    """What a warning means, and what helps: of a live run as choices, the recommended one first.

    Answers what to ask of the trainer (`Apply`, `Undo`), or None.
    """

    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "A warning, explained",
        "What was seen in the figures, what it means, and since when. Below it stands what the trainer can do about it "
        "at once, and in the last line what the chosen of that would change.",
        "Most warnings pass by themselves: the line on top then goes away.",
        "Enter takes the first, which is recommended; a number takes another, esc leaves all as it is. What was taken "
        "is told among the events and on the chart, and U takes it back. With --auto conservative a run takes the safe "
        "ones itself.",
    )

    def __init__(self, alert: AlertStarted, state: RunState, config: Mapping[str, Any], *, live: bool) -> None:
        """`config` is the run's as it is in force now, in nested plain values."""
        self._alert = alert
        self._taken = next((taken for taken in reversed(state.advice) if taken.alert == alert.id), None)
        self._effects: dict[str, str] = {}
        choices: list[Choice[Command | None]] = []
        recommended = self._taken is not None  # what was taken is given time to work
        for place, remedy in enumerate(alert.remedies[:9] if live else ()):
            key, now = str(place + 1), value_at(config, RATE if remedy.kind == "back" else remedy.key)
            done = is_met(remedy, now)
            hint = already(remedy, now) if done else "" if recommended else RECOMMENDED
            recommended = recommended or not done
            choices.append(Choice((key,), clean(remedy.words), Apply(alert.id, place), hint))
            self._effects[key] = effect(remedy, goal(alert, state), now)
        if live and self._taken is not None and self._taken.remedy.kind != "stop":
            choices.append(Choice(("U", "u"), "Undo what was taken", Undo(self._taken.id)))
            self._effects["U"] = undoing(self._taken, state)
        choices.append(Choice(("escape", "o"), "Close", None))
        super().__init__(clean(alert.title), choices, tone=alert.severity)

    def words(self) -> Text:
        """Explanation, since when, what was done about it; and what helps, in words, where there is no choice."""
        alert, palette = self._alert, palette_of(self.app)
        words = Text(f"{clean(alert.explanation)} ")
        words.append(f"Since epoch {count(alert.epoch)}, step {count(alert.step)}.", palette["muted"])
        if self._taken is not None:
            words.append("\n\nTaken by itself  " if self._taken.by == "auto" else "\n\nTaken  ", palette["good"])
            words.append(f"at step {count(self._taken.step)}: {clean(result(self._taken))}")
        if len(self._choices) == 1:
            words.append("\n\nWhat helps  ", palette["good"])
            words.append(clean(alert.action))
        return words

    def on_mount(self) -> None:
        """The choices take the keys, the recommended one first; below them stands what the chosen one changes."""
        super().on_mount()
        for choice in self._choices:
            if choice.hint == RECOMMENDED:
                self.query_one(Choices).select(choice.keys[0])
        if self._effects:
            self.query_one("#dialog").mount(Static(id="dialog-hint"))
            self._explain()

    @on(RowList.Moved)
    def _explain(self) -> None:
        selected = self.query_one(Choices).selected
        for hint in self.query("#dialog-hint").results(Static):
            hint.update(Text(clean(self._effects.get(selected or "", "nothing changes"))))


def ask_to_go_back(state: RunState, config: Mapping[str, Any]) -> tuple[Confirm, Command] | None:
    """The question that `b` asks and what follows; None where no open warning offers to go back."""
    for alert in reversed(state.alerts):
        for place, remedy in enumerate(alert.remedies):
            if remedy.kind == "back":
                what = effect(remedy, goal(alert, state), value_at(config, RATE))
                question = f"{clean(alert.title)}. Go back? You get {what}, and U undoes it."
                return Confirm("Go back", question, "Go back now", "Leave it as it is"), Apply(alert.id, place)
    return None


def ask_to_undo(state: RunState) -> tuple[Confirm, Command] | None:
    """The question that `U` asks and what follows; None where nothing was taken."""
    taken = undoable(state)
    if taken is None:
        return None
    words = clean(taken.remedy.words)
    by = "by itself " if taken.by == "auto" else ""
    question = f"Undo “{words}”, taken {by}at step {count(taken.step)}? You get {undoing(taken, state)}."
    return Confirm("Undo advice", question, yes="Undo it", no="Leave it as it is"), Undo(taken.id)
