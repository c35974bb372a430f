"""Asks a live run for something and waits for the trainer's own answer."""

import time

from core.run.commands import Command
from core.run.events import CommandAnswered, TrainingCompleteEvent
from core.run.link import RunLink
from distill_tui.errors import RequestError

POLL_SECONDS = 0.1


def ask(link: RunLink, command: Command, timeout: float) -> tuple[CommandAnswered, int]:
    """Send `command` and wait up to `timeout` seconds for its answer; also returns the sequence number seen last.

    Raises RequestError when the trainer refuses, ends without an answer or stays silent, LinkError when none lives.
    """
    seen = max((stored.seq for stored in link.read()), default=0)
    number = link.send(command)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        for stored in link.read(seen):
            seen = max(seen, stored.seq)
            match stored.event:
                case CommandAnswered(id=answered) as answer if answered == number:
                    if not answer.done:
                        raise RequestError(f"{link.info().name}: refused: {answer.message}")
                    return answer, seen
                case TrainingCompleteEvent(reason=reason):
                    raise RequestError(f"{link.info().name}: the run ended ({reason}) before it answered")
        time.sleep(POLL_SECONDS)
    raise RequestError(
        f"{link.info().name}: no answer in {timeout:g} s; the trainer is busy and will act when it next looks"
    )


def wait_for_end(link: RunLink, seen: int, timeout: float) -> TrainingCompleteEvent:
    """The event that closes the session, read after sequence number `seen`. Raises RequestError after `timeout`."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        for stored in link.read(seen):
            seen = max(seen, stored.seq)
            if isinstance(stored.event, TrainingCompleteEvent):
                return stored.event
        time.sleep(POLL_SECONDS)
    raise RequestError(f"{link.info().name}: still saving after {timeout:g} s; watch it with: distill-tui watch")
