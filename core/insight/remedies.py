"""What the trainer can do about a finding, with the figures of this run; and what the run is trained with."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from core.run.events import Direction, Remedy

RATE = "learning_rate"
KL_WEIGHT = "loss.kl.weight_max"
FREE_BITS = "loss.kl.free_bits"
OPPONENTS_RATE = "adversarial.learning_rate"

STOP = Remedy("stop", "Stop here; the best epoch is kept")
FRACTIONS = {0.5: "half", 0.1: "a tenth of"}


@dataclass
class Settings:
    """The values that a run is trained with, asked for anew whenever a finding is made: some change while it is live.

    `ask` gives the config's value of a dotted key, None for one that it does not have. `highest_rate` is the highest
    learning rate of the run so far, which stands in for the config's where nobody knows that.
    """

    ask: Callable[[str], Any] = lambda key: None
    highest_rate: float = 0.0

    def number(self, key: str) -> float:
        """The value of `key`, 0 where it is none or no number."""
        value = self.ask(key)
        return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else 0.0

    @property
    def learning_rate(self) -> float:
        """The base rate, which warm-up and annealing start from; 0 before anything is known."""
        return self.number(RATE) or self.highest_rate


def figure(value: float) -> str:
    """A value as people write it: 4e-4 rather than 0.0004."""
    if value == 0 or 0.01 <= abs(value) < 10_000:
        return f"{value:.3g}"
    digits, _, exponent = f"{value:.2e}".partition("e")
    return f"{digits.rstrip('0').rstrip('.')}e{int(exponent)}"


def rounded(value: float) -> float:
    """The value to three digits, as it is told."""
    return float(f"{value:.3g}")


def lower_rate(settings: Settings, share: float = 0.5) -> tuple[Remedy, ...]:
    """The learning rate at `share` (0.5 or 0.1) of the base rate, live; nothing where that is not known."""
    if not (rate := rounded(settings.learning_rate * share)):
        return ()
    words = "Halve the learning rate" if share == 0.5 else "Take a tenth of the learning rate"
    return (Remedy("set", f"{words}, to {figure(rate)}", RATE, rate, safe=True, direction="at most"),)


def go_back(share: float = 0.5, safe: bool = True) -> Remedy:
    """Weights and optimizer of the best epoch, at `share` (0.5 or 0.1) of the rate."""
    return Remedy("back", f"Go back to the best epoch at {FRACTIONS[share]} the rate", value=share, safe=safe)


def set_to(key: str, direction: Direction, value: float, words: str, safe: bool = True) -> Remedy:
    """`key` at `value`, which `words` end with: "Raise the free bits, to 1"."""
    value = rounded(value)
    return Remedy("set", f"{words}, to {figure(value)}", key, value, safe, direction)


def is_met(remedy: Remedy, now: float | None) -> bool:
    """Whether the value `now` is what the remedy asks for, or goes further: to set it would do nothing or undo some.

    Never of a remedy that sets nothing, or where nobody knows the value (None).
    """
    if remedy.kind != "set" or now is None:
        return False
    match remedy.direction:
        case "at most":
            return now <= remedy.value
        case "at least":
            return now >= remedy.value
    return now == remedy.value
