"""What the trainer can do about a finding, with the figures of this run; and what the run is trained with."""

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, inf
from typing import Any

from core.run.events import Direction, Remedy

RATE = "learning_rate"
KL_WEIGHT = "loss.kl.weight_max"
FREE_BITS = "loss.kl.free_bits"
OPPONENTS_RATE = "adversarial.learning_rate"

STOP = Remedy("stop", "Stop here; the best epoch is kept")
MOST_OF_USUAL = 4.0
"""Times the preset's learning rate: what is above that is no remedy, however far it is below a rate that is absurd."""


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

    @property
    def most_rate(self) -> float:
        """The highest learning rate that may be offered, by what the preset gives; infinite where nobody knows that."""
        from core.training.kinds import KINDS  # here: a screen needs remedies for its first frame, but never this
        from core.training.presets import PRESETS

        preset, kind = PRESETS.get(self.ask("preset")), KINDS.get(self.ask("recipe"))
        usual = (kind and kind.learning_rate) or (preset and preset.learning_rate)
        return MOST_OF_USUAL * usual if usual else inf

    def share_of_rate(self, share: float) -> float:
        """What to offer of the base rate: `share`, or as little as it takes not to be above `most_rate`."""
        if self.learning_rate * share <= self.most_rate:
            return share
        return 1 / ceil(self.learning_rate / self.most_rate - 1e-9)


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
    """The learning rate at `share` (0.5 or 0.1) of the base rate, live; nothing where that is not known.

    Less than that where it would still be far too much.
    """
    share = settings.share_of_rate(share)
    if not (rate := rounded(settings.learning_rate * share)):
        return ()
    words = "Halve the learning rate" if share == 0.5 else f"Take {fraction(share)} the learning rate"
    return (Remedy("set", f"{words}, to {figure(rate)}", RATE, rate, safe=True, direction="at most"),)


def go_back(settings: Settings, share: float = 0.5, safe: bool = True) -> Remedy:
    """Weights and optimizer from before the trouble, of the best epoch if that is, at `share` (0.5 or 0.1) of the rate.

    Less than that where it would still be far too much.
    """
    share = settings.share_of_rate(share)
    return Remedy("back", f"Go back to before it began, at {fraction(share)} the rate", value=share, safe=safe)


def fraction(share: float) -> str:
    """A share of the rate in words: "half", "1/10 of", "1/50 of"."""
    return "half" if share == 0.5 else f"1/{round(1 / share)} of"


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
