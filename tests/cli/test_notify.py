"""`--notify COMMAND`: it is told of alerts and ends, and whatever it does, the training goes on."""

import json
import os
import shlex
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from core.run.events import AlertStarted, CommandAnswered, EpochMetrics, StepMetrics, TrainingCompleteEvent
from distill_tui.alerting import News, news_of
from distill_tui.alerting_link import AlertingLink
from distill_tui.notify import Notifier
from tests.cli.waiting import wait_until
from tests.fakes import FakeLink

ALERT = AlertStarted(
    "a-1", "overfitting", "warning", "Overfitting since epoch 3", "Validation is 27 % above.", "Stop.", 96, 3
)
END = TrainingCompleteEvent("finished", 9, 288, best_val_loss=0.412, best_epoch=7)


class Person:
    """Keeps what the command was told, and what the program complains of."""

    def __init__(self, folder: Path) -> None:
        self.heard, self.complaints = folder / "heard.jsonl", list[str]()
        self.command = f"cat >> {shlex.quote(str(self.heard))}"

    def notifier(self, command: str = "", limit: float = 20.0) -> Notifier:
        notifier = Notifier(command or self.command, self.complaints.append, limit)
        notifier.about("bells", "runs/bells")
        return notifier

    @property
    def news(self) -> list[dict]:
        return [json.loads(line) for line in self.heard.read_text().splitlines()] if self.heard.exists() else []


@pytest.fixture
def person(tmp_path: Path) -> Person:
    return Person(tmp_path)


def test_alerts_and_the_end_are_told_in_order_and_nothing_else_is(person: Person) -> None:
    notifier = person.notifier()
    for event in (StepMetrics(1, 1, 9, 0.5), ALERT, EpochMetrics(1, 9, 0.5, 0.6), StepMetrics(1, 2, 9, 0.5), END):
        notifier(event)
    wait_until(lambda: len(person.news) == 2)
    notifier.close()
    alert, end = person.news
    assert (end["run"], end["location"], end["title"]) == ("bells", "runs/bells", "bells finished")
    assert end["text"] == "At epoch 9, step 288; best 0.412 at epoch 7."
    assert end["data"]["best_epoch"] == 7
    assert (alert["kind"], alert["data"]["kind"], end["kind"]) == ("alert", "overfitting", "complete")


def test_the_words_are_in_the_environment_too(person: Person) -> None:
    notifier = person.notifier(f'printf "%s|" "$DISTILL_KIND" "$DISTILL_RUN" "$DISTILL_TITLE" "$DISTILL_TEXT" '
                               f"> {shlex.quote(str(person.heard))}")  # fmt: skip
    notifier(ALERT)
    wait_until(lambda: person.heard.exists() and person.heard.read_text().count("|") == 4)
    expected = "alert|bells|bells: Overfitting since epoch 3|Validation is 27 % above. Stop.|"
    assert person.heard.read_text() == expected


def test_what_events_say_cannot_become_a_command_or_move_the_cursor(person: Person, tmp_path: Path) -> None:
    evil = f"\x1b]0;x\x07$(touch {tmp_path / 'made'})`touch {tmp_path / 'made'}`\n'\"; touch {tmp_path / 'made'}\0"
    news = news_of(TrainingCompleteEvent("failed", 0, 0, error=evil), evil, 0.0)
    assert news is not None
    assert news.text.isprintable()
    assert news.title.isprintable()
    notifier = person.notifier(f'cat > /dev/null; printf %s "$DISTILL_TEXT" > {shlex.quote(str(person.heard))}')
    notifier.tell(news)
    notifier.close()
    assert person.heard.read_text() == news.text
    assert not (tmp_path / "made").exists()


def test_a_command_that_hangs_is_ended_with_its_children_and_the_next_news_are_told(person: Person) -> None:
    pid = person.heard.with_name("pid")
    notifier = person.notifier(
        f"if [ $DISTILL_KIND = alert ]; then sleep 60 & echo $! > {shlex.quote(str(pid))}; wait; fi; {person.command}",
        limit=0.6,
    )
    began = time.monotonic()
    notifier(ALERT)
    notifier(ALERT)
    assert time.monotonic() - began < 0.2
    wait_until(lambda: person.complaints)
    assert person.complaints == ["--notify: took longer than 0.6 s and was ended"]
    child = int(pid.read_text())
    wait_until(lambda: not _running(child))
    notifier(END)
    wait_until(lambda: person.news)
    assert [news["kind"] for news in person.news] == ["complete"]
    assert len(person.complaints) == 1


def test_a_command_that_fails_is_complained_of_once_in_its_own_words(person: Person) -> None:
    notifier = person.notifier("echo >&2 'no route \x1b[31mto host'; exit 7")
    for _ in range(3):
        notifier(ALERT)
    wait_until(lambda: not notifier._waiting and person.complaints)
    notifier.close()
    assert person.complaints == ["--notify: no route [31mto host"]


@pytest.mark.parametrize(
    ("command", "complaint"),
    [("exit 3", "ended with status 3"), ("no-such-command", "not found"), ("exec <&-; exit 0", "")],
)
def test_the_complaint_says_what_was_wrong(command: str, complaint: str, person: Person) -> None:
    notifier = person.notifier(command)
    notifier(ALERT)
    notifier.close()
    assert [complaint in line for line in person.complaints] == ([True] if complaint else [])


def test_a_command_that_prints_without_end_costs_neither_memory_nor_time(person: Person) -> None:
    notifier = person.notifier("yes >&2", limit=0.5)
    notifier(ALERT)
    wait_until(lambda: person.complaints)
    assert "took longer" in person.complaints[0]


def test_leaving_waits_only_a_moment_and_the_end_is_told_all_the_same(person: Person) -> None:
    notifier = person.notifier(f"if [ $DISTILL_KIND = alert ]; then exec sleep 5; fi; {person.command}", limit=30)
    notifier(ALERT)
    time.sleep(0.2)  # it hangs already
    began = time.monotonic()
    notifier.close(END)
    assert time.monotonic() - began < 4
    wait_until(lambda: [news["kind"] for news in person.news] == ["complete"])


def test_an_end_that_the_trainer_could_not_tell_of_is_told_once(person: Person) -> None:
    for tell_itself in (False, True):
        notifier = person.notifier()
        if tell_itself:
            notifier(END)
        notifier.close(END)
    wait_until(lambda: len(person.news) == 2)


class Told:
    """A run that is watched: `news` is what was told while `poll` read it as the screen does."""

    def __init__(self, link: FakeLink) -> None:
        self.news: list[News] = []
        self.link, self.watched, self.seq = link, AlertingLink(link, self.news.append), 0

    def poll(self) -> list[str]:
        for stored in self.watched.read(self.seq):
            self.seq = max(self.seq, stored.seq)
        self.watched.info()
        return [news.title for news in self.news]


def test_a_warning_that_a_resumed_run_has_still_is_no_news() -> None:
    alert = AlertStarted("overfitting-240", "overfitting", "warning", "Overfitting", "since long", "stop", 240, 6)
    assert news_of(alert, "bells", 1.0) is not None
    assert news_of(replace(alert, restored=True), "bells", 1.0) is None


def test_a_watcher_hears_of_what_happens_from_now_on() -> None:
    link = FakeLink(steps=3200)
    link.warn()
    told = Told(link)
    assert told.poll() == []
    link.warn(id="overfitting-2")
    assert told.poll() == ["bells-03: Overfitting since epoch 100"]
    assert told.poll() == ["bells-03: Overfitting since epoch 100"]
    link.complete()
    assert told.poll()[1:] == ["bells-03 finished"]
    assert told.poll()[1:] == ["bells-03 finished"]


def test_a_trainer_that_goes_without_a_word_is_news_once_and_so_is_the_next() -> None:
    told = Told(FakeLink(steps=40))
    told.poll()
    told.link.live = False
    assert [told.poll() for _ in range(4)][1:] == [[], *[["bells-03: its trainer is gone"]] * 2]
    told.link.live = True
    told.poll()
    told.link.live = False
    assert [told.poll() for _ in range(4)][2:] == [["bells-03: its trainer is gone"] * 2] * 2


def test_a_trainer_that_seems_gone_for_a_moment_is_no_news() -> None:
    told = Told(FakeLink(steps=40))
    for live in (True, False, True, False, True, True):
        told.link.live = live
        told.poll()
    assert told.news == []


def test_a_host_that_is_out_of_reach_for_long_is_news_and_so_is_its_return(monkeypatch: pytest.MonkeyPatch) -> None:
    told, now = Told(FakeLink(steps=40)), [0.0]
    monkeypatch.setattr("distill_tui.alerting_link.time.monotonic", lambda: now[0])
    told.poll()
    for reachable, moment in ((False, 10.0), (False, 69.0), (False, 71.0), (False, 99.0), (True, 100.0), (True, 200.0)):
        told.link.reachable, now[0] = reachable, moment  # as a link to a host tells it
        assert told.watched.trouble == told.link.trouble
    assert [news.kind for news in told.news] == ["unreachable", "reached"]


def test_a_trainer_that_had_gone_before_is_no_news() -> None:
    link = FakeLink(steps=40)
    link.live = False
    told = Told(link)
    assert [told.poll() for _ in range(3)] == [[], [], []]


def test_an_answer_after_the_end_does_not_undo_it() -> None:
    told = Told(FakeLink(steps=40))
    told.poll()
    told.link.complete()
    told.link.emit(CommandAnswered(1, "save", False, "the run has ended", 40))
    assert [told.poll() for _ in range(3)] == [["bells-03 finished"]] * 3


def test_a_run_that_ended_long_ago_is_no_news() -> None:
    link = FakeLink(steps=40)
    link.complete()
    told = Told(link)
    assert [told.poll() for _ in range(3)] == [[], [], []]


def _running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return sys.platform != "linux" or Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except (OSError, ProcessLookupError):
        return False
