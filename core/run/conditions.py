"""What a filter is made of: conditions, which are functions from a run and the present moment to whether it holds."""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from core.run.facts import RESULTS, as_text, value_of
from core.run.folder import RunSummary

Condition = Callable[[RunSummary, float], bool]

SEARCHED = ("name", "data", "note")
BOOLEANS = {"yes": "true", "no": "false"}
ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip
NEGATED = {"!=": "=", "!~": "~"}


def all_of(parts: Sequence[Condition]) -> Condition:
    """Every part holds."""
    return parts[0] if len(parts) == 1 else lambda run, now: all(part(run, now) for part in parts)


def any_of(parts: Sequence[Condition]) -> Condition:
    """At least one part holds."""
    return parts[0] if len(parts) == 1 else lambda run, now: any(part(run, now) for part in parts)


def opposite(part: Condition) -> Condition:
    """The part does not hold."""
    return lambda run, now: not part(run, now)


def flag(key: str) -> Condition:
    """A result that is yes or no is yes."""
    return lambda run, now: bool(RESULTS[key](run, now))


def seek(text: str) -> Condition:
    """The text, in any case, occurs in one of those that a person knows a run by."""
    text = text.casefold()
    return lambda run, now: any(text in as_text(RESULTS[key](run, now) or "") for key in SEARCHED)


def compare(key: str, sign: str, text: str, number: float | None) -> Condition:
    """What the run has under `key` is = != < > <= >= to a number or a text, or it contains (~) the text, or not (!~).

    `number` is the value of `text` where it is one, for an age in seconds. A run without the key never fits; of a list
    one item that fits is enough.
    """
    text = text.casefold()
    asked = NEGATED.get(sign, sign)

    def fits(value: Any) -> bool:
        if asked == "~":
            return text in as_text(value)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return ORDERS[asked](as_text(value), BOOLEANS.get(text, text))
        return number is not None and ORDERS[asked](value, number)

    def holds(run: RunSummary, now: float) -> bool:
        value = value_of(run, key, now)
        if value is None:
            return False
        return any(map(fits, value if isinstance(value, list) else [value])) != (sign in NEGATED)

    return holds
