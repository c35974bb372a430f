"""A run that is out of reach: what is printed of it, and what is worth a notification."""

import threading

import pytest

from distill_tui.headless import watch_headless
from distill_tui.outage import Outage, TroubleLines
from tests.fakes import FakeLink


def test_whoever_follows_a_run_without_a_screen_is_told_when_its_host_goes(capsys: pytest.CaptureFixture[str]) -> None:
    link = FakeLink(steps=40, name="bells")
    for seconds, trouble in ((0.3, "reconnecting to box (1st try): Connection refused"), (0.7, None)):
        threading.Timer(seconds, setattr, (link, "trouble_line", trouble)).start()
    threading.Timer(1.1, link.complete).start()
    assert watch_headless(link) == 0
    said = capsys.readouterr().err
    where = link.info().location
    assert said == f"distill-tui: reconnecting to box: Connection refused\ndistill-tui: {where}: reached again\n"


def test_only_an_outage_that_lasts_is_news_and_its_end() -> None:
    outage = Outage(60)
    assert [outage.look(now < 10 or now >= 30, now) for now in range(50)] == [None] * 50
    news = [outage.look(not 100 <= now < 200, now) for now in range(100, 260)]
    assert [(now + 100, each) for now, each in enumerate(news) if each] == [(160, "unreachable"), (200, "reached")]


def test_each_trouble_is_said_once_however_its_figures_change() -> None:
    said: list[str] = []
    lines = TroubleLines("box:/runs/bells", said.append)
    for trouble in (
        None,
        "box has not answered for 3 s",
        "box has not answered for 4 s",
        "reconnecting to box: nothing heard for 4 s",
        "reconnecting to box (1st try): nothing heard for 4 s",
        "reconnecting to box (2nd try, next in 5 s): Connection refused",
        "reconnecting to box (12th try, next in 11 s): Connection refused",
        None,
        None,
    ):
        lines.look(trouble)
    assert said == [
        "box has not answered for 3 s",
        "reconnecting to box: nothing heard for 4 s",
        "reconnecting to box: Connection refused",
        "box:/runs/bells: reached again",
    ]
