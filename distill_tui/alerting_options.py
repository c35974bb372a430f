"""The options by which news of a run reach a person who looks elsewhere: `--notify` and `--alert`."""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from distill_tui.errors import CommandError

if TYPE_CHECKING:
    from distill_tui.notify import Notifier

WAYS = ("bell", "osc9", "osc777")


@dataclass(frozen=True)
class Alerting:
    """What becomes of news: `command` is run for each, and the terminal shows it in these `ways` while it is up."""

    command: str = ""
    ways: tuple[str, ...] = ()

    def notifier(self, complain: Callable[[str], None]) -> "Notifier | None":
        """What runs the command, if there is one; `complain` as in `Notifier`."""
        if not self.command:
            return None
        from distill_tui.notify import Notifier

        return Notifier(self.command, complain)


def usual() -> Alerting:
    """What the environment asks for; ways that do not exist are left out."""
    words = os.environ.get("DISTILL_ALERT", "").lower().replace(",", " ").split()
    return Alerting(os.environ.get("DISTILL_NOTIFY", "").strip(), tuple(way for way in WAYS if way in words))


def add_alert_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options; the environment has the defaults of a person who always wants them."""
    parser.add_argument(
        "--notify", metavar="COMMAND", default=os.environ.get("DISTILL_NOTIFY", ""),
        help="run this (in sh) on every alert, at the end and on failure; it reads one JSON object on stdin, and has "
        "$DISTILL_TITLE and $DISTILL_TEXT (default: $DISTILL_NOTIFY)",
    )  # fmt: skip
    parser.add_argument(
        "--alert", metavar="WAYS", default=os.environ.get("DISTILL_ALERT", ""),
        help="how the terminal tells of them while the screen is up: bell, osc9, osc777, apart by commas "
        "(default: $DISTILL_ALERT)",
    )  # fmt: skip


def alerting(args: argparse.Namespace) -> Alerting:
    """What the options ask for. Raises CommandError for a way that does not exist."""
    words = [word.strip().lower() for word in args.alert.split(",") if word.strip()]
    for word in words:
        if word not in WAYS:
            raise CommandError(f"--alert {args.alert}: {word} is none of {', '.join(WAYS)}")
    return Alerting(args.notify.strip(), tuple(way for way in WAYS if way in words))
