"""`--alert`: the terminal rings or shows a notification, and no text of a run can do more with it than that."""

import argparse
from dataclasses import replace

import pytest

from core.run.events import AlertStarted, TrainingCompleteEvent
from core.run.link import RunInfo
from core.run.state import RunState
from distill_tui.alerting import News, news_of
from distill_tui.alerting_options import add_alert_arguments, alerting, usual
from distill_tui.alerting_terminal import GONE_SECONDS, TerminalAlerts, Vanishing, sequences
from distill_tui.app import DistillApp, Watch
from distill_tui.errors import CommandError
from distill_tui.reader import Snapshot
from tests.fakes import FakeLink

NEWS = News("alert", "bells", "bells: Diverging; 3 terms", "stft rises; lower the rate.", 0.0)


def test_each_way_has_its_sequence() -> None:
    assert sequences(NEWS, ("bell",), {}) == "\a"
    assert sequences(NEWS, ("osc9",), {}) == (
        "\x1b]9;distill-tui: bells: Diverging, 3 terms. stft rises, lower the rate.\x1b\\"
    )
    assert sequences(NEWS, ("osc777",), {}) == (
        "\x1b]777;notify;distill-tui: bells: Diverging, 3 terms;stft rises, lower the rate.\x1b\\"
    )


def test_tmux_is_asked_to_pass_it_on() -> None:
    written = sequences(NEWS, ("osc9", "bell"), {"TMUX": "/tmp/tmux-0/default,1,0"})
    assert written.startswith("\x1bPtmux;\x1b\x1b]9;")
    assert written.endswith("\x1b\x1b\\\x1b\\\a")


def test_what_a_run_says_is_text_to_the_terminal() -> None:
    evil = "\x1b\\\x9c\x07\x1b]52;c;ZXZpbA==\x07\n;notify;" + 999 * "x"
    news = news_of(AlertStarted("a", "k", "danger", evil, evil, evil, 1, 1), evil, 0.0)
    assert news is not None
    written = sequences(news, ("osc9", "osc777"), {})
    assert [written.count(code) for code in ("\x1b", "\x07", "\x9c", "\n")] == [4, 0, 0, 0]
    assert len(written) < 1000


def options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_alert_arguments(parser)
    return parser.parse_args(words)


@pytest.mark.parametrize(("text", "ways"), [("", ()), ("bell", ("bell",)), (" OSC777, bell,", ("bell", "osc777"))])
def test_ways_are_named_apart_by_commas(text: str, ways: tuple[str, ...], monkeypatch: pytest.MonkeyPatch) -> None:
    assert alerting(options("--alert", text)).ways == ways
    monkeypatch.setenv("DISTILL_ALERT", text)
    assert alerting(options()) == usual()


def test_a_way_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(CommandError, match="horn is none of bell, osc9, osc777"):
        alerting(options("--alert", "bell,horn"))


async def test_a_watched_run_rings_for_what_is_new_once() -> None:
    link, written = FakeLink(steps=64), list[str]()
    link.warn(id="before")
    app = DistillApp(Watch(link), remember_theme=False)
    async with app.run_test(size=(80, 24)) as pilot:
        alerts = TerminalAlerts(app, ("bell",), written.append)

        async def seen(seq: int) -> None:
            for _ in range(200):
                await pilot.pause(0.02)
                if app.dashboard and app.dashboard.snapshot.info and app.dashboard.snapshot.state.seq >= seq:
                    break
            alerts.look()

        await seen(len(link.stored))
        assert written == []
        link.warn(id="later")
        link.warn(id="at once")
        await seen(len(link.stored))
        assert written == ["\a"]
        link.complete()
        await seen(len(link.stored))
        alerts.look()
        assert written == ["\a", "\a"]


LIVE = Snapshot(info=RunInfo("bells", "runs/bells", live=True))
LEFT = Snapshot(info=RunInfo("bells", "runs/bells", live=False))
ENDED = replace(LEFT, state=RunState(complete=TrainingCompleteEvent("finished", 9, 288)))


@pytest.mark.parametrize(
    ("seen", "told"),
    [
        ([LIVE, LEFT, LEFT, LEFT], [False, False, True, False]),  # once it is sure, and not again
        ([LIVE, LEFT, ENDED, LEFT, LEFT], [False] * 5),  # its last word was on its way
        ([LEFT, LEFT, LEFT], [False] * 3),  # it had gone before
        ([LIVE, LEFT, LIVE, LEFT, LEFT], [False, False, False, False, True]),  # resumed by somebody, then gone
        ([LIVE, LEFT, replace(LEFT, trains=True), LEFT, LEFT], [False] * 4 + [True]),
    ],
    ids=["gone", "ended", "before", "resumed", "resumed here"],
)
def test_a_trainer_that_goes_without_a_word_is_told_once(seen: list[Snapshot], told: list[bool]) -> None:
    vanishing = Vanishing()
    assert [vanishing.look(each, GONE_SECONDS * moment) for moment, each in enumerate(seen)] == told
