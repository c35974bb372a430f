"""What a new live value is and what it will do, in plain words."""

import re

from core.training.differences import shown
from core.training.live import LiveValue

FIRST_WEIGHT = 0.1  # what doubling makes of nothing


def parsed(text: str) -> float | None:
    """The number that was typed, with a point or a comma; None for what is none."""
    try:
        if re.fullmatch(r"[1-9]\d{0,2},\d{3}", text.strip()):  # a thousand, or a decimal comma? not to be guessed
            return None
        return float(text.strip().replace(",", "."))
    except ValueError:
        return None


def stepped(value: LiveValue, now: float, direction: int) -> float:
    """Twice (1) or half (-1) as much, one more or less of a whole number; never out of range."""
    if value.whole:
        target = float(round(now) + direction)
    elif now == 0:
        target = FIRST_WEIGHT if direction > 0 else 0.0
    else:
        target = float(f"{now * 2.0**direction:.6g}")
    return min(value.most, max(value.least, target))


def effect(value: LiveValue, before: float, after: float) -> str:
    """What will happen when a value changes from `before` to `after`."""
    if value.key == "preview.every":
        sentences = [f"From now on previews are made {_every(after)}."]
    elif value.key == "checkpoint.every":
        sentences = [f"From now on a checkpoint is saved {_every(after)}."]
    else:
        sentences = [f"{shown(before)} becomes {shown(after)} from the next step on: {_measure(before, after)}."]
    if value.key == "learning_rate":
        sentences.append("Warm-up and the slow fall towards the end keep their shape.")
    if value.judges:
        sentences.append("Totals before and after cannot be compared: the best so far is kept, and a new best begins.")
    return " ".join([*sentences, "A checkpoint is saved first."])


def _every(epochs: float) -> str:
    return "after every epoch" if epochs == 1 else f"every {epochs:g} epochs"


def _measure(before: float, after: float) -> str:
    if after == 0:
        return "it is still measured, but no longer learned from"
    if before == 0:
        return "it begins to count"
    share = after / before
    named = {0.5: "half as much", 2.0: "twice as much", 0.25: "a quarter of it", 0.1: "a tenth of it"}
    if share in named:
        return named[share]
    if share >= 100:
        return f"{share:,.0f} times as much"
    return f"{share:.3g} times as much" if share > 1 else f"{share * 100:.3g} % of it"
