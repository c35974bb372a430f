"""What a person sees and does on the dashboard of a run."""

import re
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

from core.run.commands import Preview, Save, Stop
from core.run.events import SkippedFile, StepMetrics, TermInfo
from core.run.link import LinkError, Series
from distill_tui.keys import KEYS, scoped
from distill_tui.panels.chart_panel import ChartPanel
from distill_tui.panels.terms import TermsPanel
from distill_tui.screens.advice import AdviceDialog
from distill_tui.screens.dashboard import Dashboard
from distill_tui.screens.dialogs import Confirm, ResumeSummary
from distill_tui.screens.help import HelpScreen
from tests.fakes import AUDIO_TERMS, FakeLink, many_terms
from tests.tui.conftest import Monitor, Watched

SIZES = [(80, 24), (120, 40), (200, 60)]


def toasts(seen: Watched) -> str:
    return " | ".join(notification.message for notification in seen.app._notifications)


@pytest.mark.parametrize("size", SIZES)
async def test_tells_what_is_trained_and_how_far(monitor: Monitor, size: tuple[int, int]) -> None:
    async with monitor(size=size) as seen:
        for words in ("bells-03", "● training", "epoch 37 / 200", "18 %", "step 1,184", "steps/s", "best 0.302"):
            assert words in seen.text, words


@pytest.mark.parametrize("size", SIZES)
async def test_shows_every_term_with_training_and_validation(monitor: Monitor, size: tuple[int, int]) -> None:
    async with monitor(size=size) as seen:
        for term in AUDIO_TERMS:
            assert term.label in seen.text
        assert seen.link.stored[-1].seq > 0
        assert re.search(r"stft +0\.2\d\d [↓↑→]", seen.text)
        assert "0.319" in seen.text  # the newest validation of stft


async def test_the_first_frame_says_what_is_awaited() -> None:
    from distill_tui.app import DistillApp, Watch

    gate = threading.Event()
    link = FakeLink(name="slow", before_read=lambda: gate.wait(5) and None)
    app = DistillApp(Watch(link), remember_theme=False)
    async with app.run_test(size=(80, 24)) as pilot:
        seen = Watched(app, pilot, link)
        assert "reading the run …" in seen.text
        assert "The loss is drawn here from the first step on" in seen.text
        assert "training" not in seen.text.replace("training and validation", "")
        gate.set()
        await seen.until(lambda: "● training" in seen.text)


async def test_selecting_a_term_puts_it_into_the_large_chart(monitor: Monitor) -> None:
    async with monitor() as seen:
        assert seen.board.chart.term == AUDIO_TERMS[0]
        await seen.press("down", "right")
        assert seen.board.focused is seen.board.terms
        assert seen.board.chart.term == AUDIO_TERMS[1]
        await seen.press("l", "l")
        assert seen.board.chart.term == AUDIO_TERMS[3]
        await seen.pilot.click(TermsPanel, offset=(5, 2))
        assert seen.board.chart.term == AUDIO_TERMS[0]


async def test_arrows_and_tab_reach_every_panel(monitor: Monitor) -> None:
    async with monitor() as seen:
        reached = {seen.board.focused.id if seen.board.focused else None}
        for key in ("right", "down", "down", "up", "left", "up", "down", "down", "right"):
            await seen.press(key)
            focused = seen.board.focused
            assert focused is not None
            reached.add(focused.id)
        assert {"chart", "config", "terms", "events", "preview-rows"} <= reached
        tabbed = set()
        for _ in range(6):
            await seen.press("tab")
            assert seen.board.focused is not None
            tabbed.add(seen.board.focused.id)
        assert {"chart", "config", "terms", "events", "preview-rows"} <= tabbed


async def test_save_and_preview_are_asked_and_the_answer_is_shown(monitor: Monitor) -> None:
    async with monitor(FakeLink(answers=False)) as seen:
        await seen.press("s")
        await seen.until(lambda: "asked to save" in seen.text)
        assert seen.link.sent == [Save()]
        assert "checkpoint at step 1,184," not in seen.text
        seen.link.answer(1, message="saved step 1184")
        await seen.until(lambda: "asked to save" not in seen.text)
        await seen.until(lambda: "save: saved step 1184" in toasts(seen))
        await seen.until(lambda: "checkpoint at step 1,184," in seen.text)
        await seen.press("p")
        await seen.until(lambda: seen.link.sent[-1] == Preview())


async def test_cancel_asks_first_and_waits_for_the_trainer(monitor: Monitor) -> None:
    async with monitor(FakeLink(answers=False)) as seen:
        await seen.press("c")
        assert isinstance(seen.app.screen, Confirm)
        await seen.press("escape")
        assert not seen.link.sent
        await seen.press("c", "y")
        await seen.until(lambda: seen.link.sent == [Stop()])
        assert "● training" in seen.text, "nothing is claimed that the trainer has not confirmed"
        seen.link.answer(1)
        await seen.until(lambda: "■ cancelled" in seen.text)


async def test_asking_a_run_that_nobody_trains_says_so(monitor: Monitor) -> None:
    link = FakeLink()
    link.complete()
    async with monitor(link) as seen:
        await seen.press("s")
        assert not link.sent
        await seen.until(lambda: "no trainer is at work" in toasts(seen))


async def test_a_refused_request_is_told_as_an_error(monitor: Monitor) -> None:
    link = FakeLink()
    async with monitor(link) as seen:

        def refuse(command: object) -> int:
            raise LinkError("the line is down")

        link.send = refuse  # type: ignore[method-assign,assignment]
        await seen.press("s")
        await seen.until(lambda: "save: the line is down" in toasts(seen))


async def test_resume_shows_where_the_run_stands(monitor: Monitor, tmp_path: Path) -> None:
    from core.run.events import TrainingCompleteEvent
    from core.run.folder import RunFolder
    from core.run.store import RunWriter
    from core.training.config import TrainingConfig
    from core.training.config_file import dump_config

    folder = RunFolder.create(tmp_path, "stopped")
    folder.config_path.write_text(dump_config(TrainingConfig()))
    link = FakeLink(local_folder=str(folder.path))
    writer = RunWriter(folder.store_path)
    writer.begin(link._started())
    writer.event(TrainingCompleteEvent("cancelled", 3, 90))
    writer.close()
    link.complete("cancelled")
    async with monitor(link) as seen:
        await seen.press("r")
        await seen.until(lambda: isinstance(seen.app.screen, ResumeSummary), "the summary is shown")
        await seen.press("escape")
        assert isinstance(seen.app.screen, Dashboard)


async def test_enter_fills_the_screen_and_goes_back(monitor: Monitor) -> None:
    async with monitor() as seen:
        await seen.press("enter")
        assert seen.board.maximized is seen.board.chart
        assert "Config" not in seen.text
        assert all(word in seen.text for word in ("bells-03", "quit")), "status and keys stay"
        first = seen.board.chart.term
        await seen.press("down")
        assert seen.board.chart.term != first
        await seen.press("escape")
        assert seen.board.maximized is None
        assert "Config" in seen.text


@pytest.mark.parametrize(("key", "words"), [("e", "old/broken.wav: not audio"), ("i", "loss.stft")])
async def test_what_a_small_screen_hides_is_one_key_away(monitor: Monitor, key: str, words: str) -> None:
    async with monitor(size=(80, 24)) as seen:
        assert words not in seen.text
        await seen.press(key)
        if words not in seen.text:
            await seen.press("end")
        assert words in seen.text
        await seen.press(key)
        assert seen.board.maximized is None
        assert words not in seen.text


async def test_zoom_pan_and_follow(monitor: Monitor) -> None:
    async with monitor() as seen:
        chart = seen.board.chart
        await seen.press("]")
        assert chart.span == 1024
        await seen.press("]", "]")
        assert chart.span == 256
        assert chart._steps().hi > 1184, "zooming keeps to the newest step"
        await seen.press("<")
        assert chart.lo is not None
        pinned = chart.lo
        seen.link.advance(400)
        await seen.until(lambda: seen.board.state.step is not None and seen.board.state.step.step == 1584)
        assert chart.lo == pinned, "a window that does not follow stays where it is"
        await seen.press("f")
        assert chart.lo is None
        assert chart._steps().hi > 1584
        await seen.press("f")
        assert chart.span is None
        await seen.press("]", "[", "[")
        assert chart.span is None


async def test_log_scale_and_smoothing_are_named_where_they_are_seen(monitor: Monitor) -> None:
    async with monitor(size=(200, 60)) as seen:
        await seen.press("g")
        assert "log ─" in seen.text or "log  " in seen.text
        await seen.press("m")
        assert "light smoothing" in seen.text
        await seen.press("m", "m")
        assert seen.board.chart.smoothing == "off"


async def test_filter_shows_only_terms_that_match(monitor: Monitor) -> None:
    async with monitor(FakeLink(terms=many_terms(30), steps=200)) as seen:
        assert "more ↑↓" in seen.text
        await seen.press("/")
        assert isinstance(seen.board.focused, Input)
        await seen.press(*"term 07")
        assert [term.name for term in seen.board.terms.terms] == ["term_07"]
        assert seen.board.chart.term is not None
        assert seen.board.chart.term.name == "term_07"
        await seen.press("enter")
        assert not seen.board.query("#filter")
        assert seen.board.focused is seen.board.terms
        await seen.press("escape")
        assert len(seen.board.terms.terms) == 30
        await seen.press("/", "z", "z")
        assert "No term matches" in seen.text
        await seen.press("escape")
        assert len(seen.board.terms.terms) == 30


class JoinedLate(FakeLink):
    """Its last term is measured from step 200 on, as those of a discriminator that joins late."""

    def series(self, term: str, lo: int = 0, hi: int | None = None, width: int = 100) -> Series:
        late = term.removeprefix("val/") == self.terms[-1].name
        return Series(term) if late and self.step < 200 else super().series(term, lo, hi, width)

    def _metrics(self, step: int) -> StepMetrics:
        metrics = super()._metrics(step)
        shown = {name: value for name, value in metrics.terms.items() if step >= 200 or name != self.terms[-1].name}
        return replace(metrics, terms=shown)


async def test_a_term_that_joins_late_says_so_until_then(monitor: Monitor) -> None:
    adversary = TermInfo("disc_adversarial", "disc loss", "adversarial", help="Who wins.")
    link = JoinedLate(terms=(*AUDIO_TERMS, adversary), steps=99)
    async with monitor(link) as seen:
        assert "not measured yet" in seen.text
        seen.board.focus_panel("terms")
        seen.board.terms.step(len(AUDIO_TERMS))
        await seen.until(lambda: "Not measured yet." in seen.text and "Who wins." in seen.text)
        link.advance(120)
        await seen.until(lambda: "easured yet" not in seen.text)


@pytest.mark.parametrize("size", SIZES)
async def test_thirty_terms_can_all_be_reached(monitor: Monitor, size: tuple[int, int]) -> None:
    async with monitor(FakeLink(terms=many_terms(30), steps=100), size=size) as seen:
        seen.board.focus_panel("terms")
        reached = set()
        for _ in range(30):
            reached.add(seen.board.terms.selected)
            seen.board.terms.step(1)
            assert seen.board.terms.selected in seen.board.terms.in_view()
        assert len(reached) == 30


async def test_copy_sends_the_value_to_the_terminals_clipboard(monitor: Monitor) -> None:
    async with monitor() as seen:
        await seen.press("y")
        assert re.fullmatch(r"0\.2\d\d", seen.app.clipboard)
        seen.board.focus_panel("config")
        await seen.press("y")
        assert "preset" in seen.app.clipboard
        assert "loss.stft" in seen.app.clipboard


async def test_warnings_come_collapse_explain_and_hide(monitor: Monitor) -> None:
    async with monitor() as seen:
        assert "▲" not in seen.text
        seen.link.warn(id="overfitting-1")
        seen.link.warn("danger", id="nan-1")
        await seen.until(lambda: "+1 more" in seen.text)
        assert "Validation is 27 % above training" in seen.text
        await seen.press("w")
        assert isinstance(seen.app.screen, AdviceDialog)
        assert "conservative preset" in seen.text
        await seen.press("escape", "x")
        assert "+1 more" not in seen.text
        assert "Validation is 27 %" in seen.text
        await seen.press("x")
        assert "Validation is 27 %" not in seen.text
        seen.link.calm("nan-1")
        seen.link.advance(40)
        seen.link.warn("danger", id="nan-1")
        await seen.until(lambda: "Validation is 27 %" in seen.text, "what begins anew is shown anew")
        seen.link.calm("nan-1")
        await seen.until(lambda: "Validation is 27 %" not in seen.text)


async def test_what_can_be_clicked_does_what_its_key_does(monitor: Monitor) -> None:
    async with monitor() as seen:
        row = seen.app.size.height - 1
        at = seen.text.splitlines()[row].index("save")
        await seen.pilot.click(offset=(at, row))
        await seen.until(lambda: seen.link.sent == [Save()])
        seen.link.warn()
        await seen.until(lambda: "x hide" in seen.text)
        await seen.pilot.click(offset=(seen.text.splitlines()[2].index("x hide"), 2))
        await seen.until(lambda: "x hide" not in seen.text)
        await seen.pilot.click(ChartPanel, times=2)
        assert seen.board.maximized is seen.board.chart


async def test_every_action_has_a_key_and_is_in_the_palette(monitor: Monitor) -> None:
    async with monitor() as seen:
        titles = " ".join(command.title for command in seen.app.get_system_commands(seen.app.screen))
        for key in scoped("app", "run", "chart"):
            name = key.action.partition("(")[0]
            holder = seen.app if key.scope == "app" or name.startswith("app.") else seen.board
            assert hasattr(holder, f"action_{name.removeprefix('app.')}"), key.id
            if key.palette:
                assert f"({key.shown})" in titles, key.id
        await seen.press("ctrl+p")
        await seen.press(*"smoothing")
        await seen.pilot.pause(0.3)
        await seen.press("enter")
        await seen.until(lambda: seen.board.chart.smoothing == "light")


async def test_help_lists_every_key_that_works_here(monitor: Monitor) -> None:
    async with monitor(size=(200, 60)) as seen:
        await seen.press("?")
        assert isinstance(seen.app.screen, HelpScreen)
        for key in KEYS:
            if key.listed and key.scope in Dashboard.HELP_SCOPES:
                assert key.help in seen.text, key.id
        await seen.press("?")
        assert isinstance(seen.app.screen, Dashboard)


async def test_reading_trouble_is_told_calmly_and_passes(monitor: Monitor) -> None:
    async with monitor() as seen:

        def fail() -> None:
            raise OSError("stale file handle")

        seen.link.before_read = fail
        await seen.until(lambda: "stale file handle; trying again" in seen.text)
        assert "● training" in seen.text, "what was read stays"
        seen.link.before_read = lambda: None
        await seen.until(lambda: "stale file handle" not in seen.text)


async def test_a_trainer_that_vanished_is_not_called_training(monitor: Monitor) -> None:
    async with monitor() as seen:
        seen.link.live = False
        seen.link.trouble_line = "the trainer is gone since 12:03"
        await seen.until(lambda: "✗ stopped without notice" in seen.text)
        assert "the trainer is gone since 12:03" in seen.text


async def test_a_slow_line_never_holds_up_a_key(monitor: Monitor) -> None:
    async with monitor() as seen:
        gate = threading.Event()
        seen.link.before_read = lambda: gate.wait(10) and None
        await seen.pilot.pause(0.4)
        seen.link.advance(32)
        await seen.press("g")
        assert seen.board.chart.log_scale
        await seen.press("?", "escape")
        assert "epoch 37 / 200" in seen.text, "still the last state that was read"
        gate.set()
        await seen.until(lambda: "epoch 38 / 200" in seen.text)


async def test_names_and_texts_of_others_are_shown_as_text(monitor: Monitor) -> None:
    evil = "x[red]y[/]\x1b[2J\u202ez\n"
    link = FakeLink(name=evil, skipped=(SkippedFile(f"{evil}.wav", f"[bold]{evil}"),))
    link.warn()
    async with monitor(link) as seen:
        await seen.press("e")
        assert "x[red]y[/][2Jz" in seen.text
        assert "\x1b" not in seen.text
        assert "\u202e" not in seen.text


async def test_quitting_a_watched_run_just_leaves(monitor: Monitor) -> None:
    async with monitor() as seen:
        await seen.press("q")
        assert seen.app.return_value == 0
        assert not seen.link.sent
        assert "goes on in its own process" in seen.app.closing_line


@pytest.mark.parametrize("size", [(40, 10), (60, 18), (20, 6), (300, 100), (120, 12), (50, 60)])
async def test_any_size_is_drawn(monitor: Monitor, size: tuple[int, int]) -> None:
    async with monitor(size=size) as seen:
        await seen.pilot.resize_terminal(100, 30)
        await seen.pilot.pause()
        assert "bells-03" in seen.text
        await seen.pilot.resize_terminal(*size)
        await seen.pilot.pause()
        assert seen.app.size == size


async def test_a_run_that_ended_says_how(monitor: Monitor) -> None:
    link = FakeLink()
    link.complete("failed", "DataError: no sounds left")
    async with monitor(link) as seen:
        assert "✗ failed" in seen.text
        seen.board.focus_panel("events")
        await seen.press("enter")
        assert "DataError: no sounds left" in seen.text
