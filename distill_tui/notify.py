"""`--notify COMMAND`: a command of the person's own is run for each piece of news, off to the side of the training."""

import json
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from core.run.events import AlertStarted, Event, TrainingCompleteEvent
from distill_tui.alerting import News, news_of
from distill_tui.bounded_call import bounded_call

CALL_SECONDS = 20.0
WAITING = 32  # news that have not been told yet; beyond that the oldest are left out
LAST_CALL_SECONDS = 3.0


class Notifier:
    """Runs `command` in /bin/sh for each piece of news, one at a time, in a thread of its own.

    The command reads one JSON object on stdin and has DISTILL_KIND, DISTILL_RUN, DISTILL_TITLE and DISTILL_TEXT in its
    environment. What it prints is not shown. One that takes longer than `limit` seconds is ended, with what it started.
    `complain` is called from that thread with one line when a call fails, and not again until one has worked.

    It is a `MetricsCallback`: call it with every event. That, as `tell`, costs no more than a look at the event's type.
    """

    def __init__(self, command: str, complain: Callable[[str], None], limit: float = CALL_SECONDS) -> None:
        self.command, self.complain = command, complain
        self.run = self.location = ""
        self._limit = limit
        self._waiting: deque[News] = deque(maxlen=WAITING)
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._hurry = threading.Event()
        self._failing = self._ended = False

    def about(self, run: str, location: str) -> None:
        """Which run it is: its name, and what a person types to reach it."""
        self.run, self.location = run, location

    def __call__(self, event: Event) -> None:
        """An event of the run, now."""
        self._ended = isinstance(event, TrainingCompleteEvent)
        if isinstance(event, AlertStarted | TrainingCompleteEvent):
            news = news_of(event, self.run, time.time())
            if news is not None:
                self.tell(news)

    def tell(self, news: News) -> None:
        """Put it in the queue; returns at once."""
        with self._changed:
            self._waiting.append(news)
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="notify", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self, complete: TrainingCompleteEvent | None = None, patience: float = LAST_CALL_SECONDS) -> None:
        """Tell the newest of what is left, waiting no longer than `patience` seconds; a command at work is left to it.

        `complete` is how the session ended, for an end that came before the trainer could tell of events.
        """
        if complete is not None and not self._ended:
            self(complete)
        self._hurry.set()
        with self._changed:
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(patience)

    def _work(self) -> None:
        while (news := self._next()) is not None:
            failure = self._call(news)
            if failure and not self._failing:
                with suppress(Exception):  # whoever is told of it may have gone; there is nobody else to tell
                    self.complain(f"--notify: {failure}")
            self._failing = bool(failure)

    def _next(self) -> News | None:
        with self._changed:
            while not self._waiting:
                if self._hurry.is_set():
                    return None
                self._changed.wait()
            if self._hurry.is_set():  # the end of the run matters more than what led to it
                news = self._waiting.pop()
                self._waiting.clear()
                return news
            return self._waiting.popleft()

    def _call(self, news: News) -> str:
        """Run the command; returns why it failed, or ""."""
        body = json.dumps(news.to_plain(self.location)).encode() + b"\n"
        told = {"DISTILL_KIND": news.kind, "DISTILL_RUN": news.run, "DISTILL_TITLE": news.title,
                "DISTILL_TEXT": news.text}  # fmt: skip
        return bounded_call(["/bin/sh", "-c", self.command], body, {**os.environ, **told}, self._limit, self._hurry)
