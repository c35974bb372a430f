"""Advice on the screen: shown with what it changes, taken with enter, told in the banner, undone after a question."""

from dataclasses import replace
from typing import Any

import pytest

from core.insight.remedies import figure
from core.run.commands import Apply, Undo
from core.run.events import (
    AdviceTaken,
    AdviceUndone,
    AlertStarted,
    CheckpointSaved,
    CommandAnswered,
    Remedy,
    RolledBack,
    ValueSet,
)
from core.run.state import RunState, fold
from distill_tui.advice_words import effect, goal, undoable, way_back
from distill_tui.chart_marks import marks_of
from distill_tui.panels.alerts import AlertsPanel
from distill_tui.panels.choices import Choices
from distill_tui.panels.events import EventsPanel
from distill_tui.reader import Snapshot
from distill_tui.reports import line_of, summary
from distill_tui.screens.advice import AdviceDialog
from distill_tui.screens.dialogs import Confirm
from tests.fakes import FakeLink
from tests.tui.conftest import Monitor

REMEDIES = (
    Remedy("set", "Halve the learning rate, to 4e-4", "learning_rate", 4e-4, safe=True),
    Remedy("back", "Go back to before it began, at half the rate", value=0.5, safe=True),
    Remedy("stop", "Stop here; the best epoch is kept"),
)


class Advised(FakeLink):
    """A run whose trainer carries out advice."""

    def __init__(self, remedies: tuple[Remedy, ...] = REMEDIES, rate: float = 8e-4, **options: Any) -> None:
        super().__init__(**options)
        self.rate = rate
        alert = AlertStarted(
            "divergence-1184", "divergence", "danger", "Diverging: STFT rising 5 epochs in a row",
            "The training loss gets worse, not better: STFT went from 0.31 to 0.44. The steps are probably too large.",
            "Press = and set the learning rate to 4e-4; if that does not help, press c to save and stop",
            self.step, self.epoch, remedies,
        )  # fmt: skip
        self.alert = alert
        self.emit(alert)

    def info(self) -> Any:
        info = super().info()
        return replace(info, config={**info.config, "learning_rate": self.rate})

    def answer(self, number: int, done: bool = True, message: str = "") -> None:
        command = self.sent[number - 1]
        if isinstance(command, Apply):
            self.take(command.remedy)
            self.emit(CommandAnswered(number, "apply", True, "learning_rate is 4e-4 from here on", self.step))
        elif isinstance(command, Undo):
            self.emit(ValueSet(self.step, "learning_rate", 4e-4, 8e-4))
            self.emit(AdviceUndone(command.advice, self.step))
            self.emit(CommandAnswered(number, "undo", True, "learning_rate is 8e-4 again", self.step))
        else:
            super().answer(number, done, message)

    def take(self, place: int, by: Any = "person") -> None:
        """What the trainer tells when it carries a remedy out."""
        remedy = self.alert.remedies[place]
        back = remedy.kind == "back"
        if back:
            self.emit(RolledBack(self.step, 992, 0.5, self.alert.title))
        self.emit(ValueSet(self.step, "learning_rate", 8e-4, 4e-4))
        name = f"{self.alert.id}-at-{self.step}"
        checkpoint = f"checkpoints/before-step-{self.step:08d}.pt" if back else ""
        self.emit(
            AdviceTaken(name, self.step, self.alert.id, self.alert.title, remedy, by, 8e-4, 992 * back, checkpoint)
        )


async def test_enter_twice_on_the_banner_takes_what_is_recommended(monitor: Monitor) -> None:
    link = Advised()
    async with monitor(link) as seen:
        seen.board.focus_panel("alerts")
        await seen.press("enter")
        assert isinstance(seen.app.screen, AdviceDialog)
        for part in ("learning rate 8e-4 → 4e-4", "STFT went from", "recommended", "Stop here"):
            assert part in seen.text
        await seen.press("enter")
        await seen.until(lambda: "taken: learning rate 4e-4" in seen.text, "the banner says what was done")
        assert link.sent == [Apply("divergence-1184", 0)]
        assert "U undo" in seen.text


@pytest.mark.parametrize(("now", "hint"), [(1e-4, "is lower already"), (4e-4, "is so already")])
async def test_what_would_only_undo_a_stronger_measure_is_not_recommended(
    monitor: Monitor, now: float, hint: str
) -> None:
    lower = replace(REMEDIES[0], direction="at most")
    link = Advised((lower, *REMEDIES[1:]), rate=now)
    async with monitor(link) as seen:
        await seen.press("w")
        line = next(line for line in seen.text.splitlines() if "Halve" in line)
        assert hint in line
        assert "recommended" in next(line for line in seen.text.splitlines() if "Go back to before" in line)
        await seen.press("up")
        assert f"nothing changes: learning rate is {figure(now)}" in seen.text
        await seen.press("down", "enter")
        await seen.until(lambda: link.sent)
        assert link.sent == [Apply("divergence-1184", 1)], "what is recommended is what enter takes"


async def test_any_remedy_by_its_number_and_none_by_escape(monitor: Monitor) -> None:
    link = Advised()
    async with monitor(link, size=(80, 24)) as seen:
        await seen.press("w", "escape")
        assert not link.sent
        await seen.press("w", "3")
        await seen.until(lambda: link.sent)
        assert link.sent == [Apply("divergence-1184", 2)]


async def test_b_goes_back_after_a_question_that_says_where_to(monitor: Monitor) -> None:
    link = Advised()
    async with monitor(link) as seen:
        assert "b back to epoch" in seen.text
        await seen.press("b")
        assert isinstance(seen.app.screen, Confirm)
        assert f"epoch {seen.board.state.best.epoch}" in seen.text  # type: ignore[union-attr]
        await seen.press("y")
        await seen.until(lambda: link.sent)
        assert link.sent == [Apply("divergence-1184", 1)]


@pytest.mark.parametrize(("key", "words"), [("b", "No open warning asks"), ("U", "No advice was taken")])
async def test_where_there_is_nothing_to_do_one_calm_line_says_so(monitor: Monitor, key: str, words: str) -> None:
    link = Advised(remedies=())
    async with monitor(link) as seen:
        await seen.press(key)
        assert any(words in notice.message for notice in seen.app._notifications)
        assert not link.sent


async def test_undo_asks_once_and_names_what_it_undoes(monitor: Monitor) -> None:
    link = Advised()
    link.take(0, by="auto")
    async with monitor(link) as seen:
        await seen.until(lambda: "taken by itself: learning rate 4e-4" in seen.text)
        await seen.press("U")
        assert "Halve the learning rate, to 4e-4" in seen.text
        assert "4e-4 → 8e-4" in seen.text
        await seen.press("y")
        await seen.until(lambda: seen.board.state.advice == ())
        assert link.sent == [Undo("divergence-1184-at-1184")]
        assert "b back to epoch" in seen.text


async def test_of_a_run_that_is_over_the_dialog_only_explains(monitor: Monitor) -> None:
    link = Advised()
    link.complete("cancelled")
    async with monitor(link) as seen:
        await seen.press("w")
        assert seen.app.screen.query_one(Choices).size.height == 1
        assert "Press = and set" in seen.text


def events_of(link: FakeLink, whole: bool = False) -> list[str]:
    panel = EventsPanel()
    panel.set_class(whole, "-maximized")
    panel.snapshot = Snapshot(state=fold(RunState(), link.read()))
    return ["".join(run.text for run in row) for row in panel.rows(90, 20)]


def test_the_events_the_chart_and_the_log_tell_of_it_with_the_reason() -> None:
    link = Advised()
    link.advance(6)
    link.take(1)
    link.advance(6)
    link.emit(AdviceUndone("divergence-1184-at-1190", link.step))
    small, whole = events_of(link), events_of(link, whole=True)
    assert "↻ undone: Go back to before it began, at half the rate" in small[1]
    assert "✓ taken: Go back to before it began, at half the rate: Diverging" in small[2]
    assert "⚙" not in small[3]
    assert "↺" not in small[3]
    assert any("back to step 992, rate 4e-4" in line for line in whole)
    assert any("⚙ learning rate 0.0008 → 0.0004" in line for line in whole)
    words = [mark.words for mark in marks_of(fold(RunState(), link.read()))]
    assert any(w.startswith("taken: Go back") for w in words)
    assert any(w.startswith("undone: Go back") for w in words)
    state, told = RunState(), []
    for stored in link.stored:
        told.append(line_of(stored, state))
        state = fold(state, [stored])
    reason = "Diverging: STFT rising 5 epochs in a row"
    assert f"taken at step 1,190: Go back to before it began, at half the rate: {reason}" in told
    assert told[-1] is not None
    assert told[-1].startswith("undone: Go back to before")


def test_a_stop_is_no_advice_to_undo_and_words_of_files_are_only_words() -> None:
    link = Advised((Remedy("stop", "Stop \x1b[31m[b]here[/b]"),))
    link.take(0)
    state = fold(RunState(), link.read())
    assert undoable(state) is None
    assert "\x1b" not in "".join(summary(state))
    assert effect(REMEDIES[1], None, None) == "the model of the last good step before it again; the present one is kept"


@pytest.mark.parametrize(
    ("trouble", "saved", "where", "short"),
    [(15, (0, 32, 64), "the start (step 0)", "back to the start"),
     (80, (0, 32, 64), "epoch 1, step 32", "back to epoch 1"),
     (80, (), "the last good step before it", "go back"),
     (1184, (0, 32, 64), "the best epoch 3, step 96", "back to epoch 3")],
)  # fmt: skip
def test_where_going_back_leads_is_named_where_it_is_known(
    trouble: int, saved: tuple[int, ...], where: str, short: str
) -> None:
    checkpoints = tuple(CheckpointSaved(step, step // 32, f"{step}.pt", "interval") for step in saved)
    autosave = CheckpointSaved(50, 1, "50.pt", "autosave")  # which no run goes back to
    link = FakeLink(steps=96)
    state = replace(fold(RunState(), link.read()), checkpoints=(*checkpoints, autosave))
    assert state.best is not None
    state = replace(state, best=replace(state.best, epoch=3, step=96))
    alert = replace(Advised().alert, step=trouble)
    assert f"the model of {where} again" in effect(REMEDIES[1], goal(alert, state), 8e-4)
    assert way_back(goal(alert, state)) == short


@pytest.mark.parametrize("older", [True, False])
async def test_b_is_never_silent_where_the_newest_warning_does_not_offer_it(monitor: Monitor, older: bool) -> None:
    """It asks for an older one that does, by its name; where none does, one calm line says so."""
    link = Advised(REMEDIES if older else REMEDIES[:1])
    link.warn(id="overfitting-2")
    async with monitor(link, size=(80, 24)) as seen:
        await seen.press("b")
        told = [notice.message for notice in seen.app._notifications]
        if older:
            assert isinstance(seen.app.screen, Confirm)
            assert "Diverging" in seen.text
            assert not told
        else:
            assert told == ["No open warning asks to go back; w says what helps."]
        assert not link.sent


@pytest.mark.parametrize("width", [40, 80, 120, 200])
def test_the_banner_keeps_its_title_in_sight(width: int) -> None:
    panel = AlertsPanel()
    link = Advised()
    panel.snapshot = Snapshot(state=fold(RunState(), link.read()), info=link.info())
    (row,) = panel.rows(width, 1)
    text = "".join(run.text for run in row)
    assert len(text) == width
    assert "Diverging" in text[:16]
