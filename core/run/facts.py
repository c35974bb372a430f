"""What a list of runs knows of each run, by name: results such as `best`, config keys such as `loss.stft.weight`."""

import difflib
import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from core.errors import UsageError
from core.run.folder import ListedStatus, RunSummary

STATES = tuple(word for literal in get_args(ListedStatus) for word in get_args(literal))
RESULTS: Mapping[str, Callable[[RunSummary, float], Any]] = {
    "name": lambda run, now: run.name,
    "data": lambda run, now: run.data or None,
    "note": lambda run, now: run.note or None,
    "status": lambda run, now: run.status,
    "recipe": lambda run, now: run.recipe or None,
    "best": lambda run, now: run.best_val_loss,
    "best_epoch": lambda run, now: run.best_epoch,
    "epoch": lambda run, now: run.epoch,
    "step": lambda run, now: run.step,
    "age": lambda run, now: 0.0 if run.live else max(0.0, now - run.updated) if run.updated else None,
    "live": lambda run, now: run.live,
    "archived": lambda run, now: run.archived,
    "baseline": lambda run, now: run.baseline,
}
FLAGS = ("live", "archived", "baseline")
NUMBERS = ("best", "best_epoch", "epoch", "step")
LARGEST_FIRST = ("epoch", "step", "live", "baseline")  # the direction that a person wants at first


class QueryError(UsageError):
    """A filter or an order that cannot be followed; the message is one line: what was expected, the nearest name."""


def value_of(run: RunSummary, key: str, now: float) -> Any:
    """What the run has under a result's name or a dotted config key; None for nothing. `age` is in seconds."""
    if key in RESULTS:
        return RESULTS[key](run, now)
    place: Any = run.config
    for part in key.split("."):
        place = place.get(part) if isinstance(place, dict) else None
    return None if isinstance(place, dict) else place


def keys_of(runs: Iterable[RunSummary]) -> tuple[str, ...]:
    """Everything that these runs can be filtered and sorted by: the results, then the config keys they have."""
    found = dict.fromkeys(RESULTS)
    for run in runs:
        _collect(run.config, "", found)
    return tuple(found)


def _collect(tree: Mapping[str, Any], prefix: str, found: dict[str, None]) -> None:
    for key, value in tree.items():
        if isinstance(value, dict):
            _collect(value, f"{prefix}{key}.", found)
        else:
            found.setdefault(f"{prefix}{key}")


@dataclass(frozen=True)
class Order:
    """What a list of runs is sorted by. `turned` is the other direction than the one that is wanted at first."""

    key: str = "age"
    turned: bool = False

    @classmethod
    def parse(cls, text: str, known: Collection[str]) -> "Order":
        """From a key, with a minus in front for the other direction. Raises QueryError for an unknown one."""
        text = text.strip().lower()
        order = cls(text.lstrip("-"), text.startswith("-"))
        if not order.key:
            raise QueryError("expected what to sort by, such as best or loss.stft.weight")
        check_key(order.key, known)
        return order

    @property
    def descending(self) -> bool:
        """Whether large values come first."""
        return (self.key in LARGEST_FIRST) != self.turned

    def sorted(self, runs: Iterable[RunSummary], now: float) -> list[RunSummary]:
        """The runs in this order; those that have no such value come last, whatever the direction."""
        placed = [(_place(value_of(run, self.key, now)), run) for run in sorted(runs, key=lambda run: run.name)]
        having = [(place, run) for place, run in placed if place is not None]
        having.sort(key=lambda pair: pair[0], reverse=self.descending)
        return [run for _, run in having] + [run for place, run in placed if place is None]


def check_key(key: str, known: Collection[str]) -> None:
    """Raise QueryError, with the nearest names, for a key that is not known."""
    if key in known:
        return
    near = [name for name in known if name.endswith(f".{key}") or name.startswith(f"{key}.")][:3]
    near = near or difflib.get_close_matches(key, known, n=1)
    hint = f"did you mean {' or '.join(near)}?" if near else "expected a result such as best, or a setting's name"
    raise QueryError(f"no run has {shown(key)}; {hint}")


def _place(value: Any) -> tuple[int, float, str] | None:
    """Where a value stands among others of any kind: numbers, then texts."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, int | float):
        return 0, value, ""
    return 1, 0.0, as_text(value)


def as_text(value: Any) -> str:
    """A value as it is compared with text."""
    return str(value).casefold()


def shown(text: str) -> str:
    """Text of a person in a message: one line, and short; quotes stand for none at all."""
    line = " ".join(text.split()) or "''"
    return line if len(line) <= 40 else f"{line[:39]}…"
