"""Which terms drive the training: their weights and shares as a run tells them, and what that is in words."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from core.run.events import TermInfo
from core.run.link import Series
from core.run.state import RunState
from distill_tui.format import clean, number

Measure = Literal["gradient", "loss"]
SERIES = 8  # roles that can be told apart; what comes after shares one more
LATELY = 3  # measurements that "now" is the mean of: one alone depends on its batch
CLEAR, PLAIN = 0.5, 0.6  # from which share on one term drives the training, and two together


@dataclass(frozen=True)
class Part:
    """One term of the balance. `share`, 0 to 1, is its part of the gradient, or of the loss (see `Balance`).

    `weight` is what it counts with, `value` what it came to lately, both None until they are known; `role` its colour.
    """

    term: TermInfo
    role: str
    weight: float | None
    value: float | None
    share: float

    @property
    def label(self) -> str:
        """Its name for a person."""
        return clean(self.term.label)

    @property
    def contribution(self) -> float | None:
        """What it adds to the minimised total."""
        if self.weight == 0:
            return 0.0
        return None if self.weight is None or self.value is None else self.weight * self.value


@dataclass(frozen=True)
class Balance:
    """The terms in the recipe's order, and what their shares are of: the gradient, or the loss until it is measured."""

    parts: tuple[Part, ...]
    of: Measure

    @property
    def ranked(self) -> tuple[Part, ...]:
        """The largest share first."""
        return tuple(sorted(self.parts, key=lambda part: -part.share))


def weighted_terms(state: RunState) -> tuple[TermInfo, ...]:
    """The terms whose weights the run logs; none for a run of an older version."""
    if state.started is None:
        return ()
    counted = {name.removeprefix("weight/") for name in state.started.extras if name.startswith("weight/")}
    return tuple(term for term in state.started.terms if term.name in counted)


def weights_of(state: RunState) -> dict[str, float]:
    """What each term counted at the newest step; empty for a step that was skipped."""
    extras: Mapping[str, float] = state.step.extras if state.step else {}
    return {name.removeprefix("weight/"): value for name, value in extras.items() if name.startswith("weight/")}


def role_of(place: int) -> str:
    """The colour of the term at a place in the recipe's order."""
    return f"series{place + 1}" if place < SERIES else "muted"


def by_step(curves: Mapping[str, Series | None]) -> dict[int, dict[str, float]]:
    """What was measured by the middle step of each bucket, in order: shares by term, made whole.

    A term that the others' measurements lack did not count then.
    """
    found: dict[int, dict[str, float]] = {}
    for name, series in curves.items():
        if series is not None:
            for place, value in enumerate(series.mean):
                if value >= 0:  # an empty bucket holds NaN
                    found.setdefault(series.first + place * series.bucket + series.bucket // 2, {})[name] = value
    return {step: whole for step in sorted(found) if (whole := _whole(found[step]))}


def balance(
    terms: tuple[TermInfo, ...],
    weights: Mapping[str, float],
    values: Mapping[str, float],
    measured: Mapping[int, Mapping[str, float]],
) -> Balance:
    """The balance now: of the gradient where it was `measured` (see `by_step`), else of weight times value."""
    lately = list(measured.values())[-LATELY:]
    parts = [
        Part(term, role_of(place), weights.get(term.name), values.get(term.name), 0.0)
        for place, term in enumerate(terms)
    ]
    if lately:
        shares = _whole({term.name: math.fsum(each.get(term.name, 0.0) for each in lately) for term in terms})
    else:
        counted = {part.term.name: abs(part.contribution or 0.0) for part in parts}
        shares = _whole({name: value for name, value in counted.items() if math.isfinite(value)})
    parts = [replace(part, share=shares.get(part.term.name, 0.0)) for part in parts]
    return Balance(tuple(parts), "gradient" if lately else "loss")


def headlines(found: Balance) -> tuple[str, ...]:
    """What drives the training, in a sentence; then the same in fewer and fewer words."""
    ranked = [part for part in found.ranked if part.share]
    if not ranked:
        return ("Nothing counts yet.",)
    first, share = ranked[0].label, in_percent(ranked[0].share)
    short = f"{first} {share} of the {found.of}"
    if found.of == "loss":
        return f"{first} is {share} of the loss; the gradient is not measured yet", short
    if ranked[0].share >= CLEAR or len(ranked) == 1:
        return f"{first} drives the training: {share} of the gradient", f"{first} drives the training: {share}", short
    second, other = ranked[1].label, in_percent(ranked[1].share)
    if ranked[0].share + ranked[1].share >= PLAIN:
        both = f"{first} and {second} drive the training"
        return f"{both}: {share} and {other} of the gradient", f"{both}: {share} and {other}", both, short
    leads = f"{first} leads with {share}"
    return f"No term drives the training alone: {leads} of the gradient", f"No term drives it alone: {leads}", short


def in_percent(share: float) -> str:
    """A share as a person reads it, in at most five cells."""
    return "< 1 %" if 0 < share < 0.01 else f"{share:.0%}".replace("%", " %")


def in_words(found: Balance) -> str:
    """All of it as lines of text, to be copied."""
    return "\n".join(
        f"{part.label}: weight {number(part.weight)}, {in_percent(part.share)} of the {found.of}"
        for part in found.parts
    )


def cells(shares: list[float], width: int) -> list[int]:
    """How many of `width` cells each share takes, in whole cells: all of them together, by the largest remainders."""
    total = math.fsum(shares)
    if total <= 0:
        return [0] * len(shares)
    exact = [share / total * width for share in shares]
    taken = [math.floor(value) for value in exact]
    rest = sorted(range(len(exact)), key=lambda place: (taken[place] - exact[place], place))
    for place in rest[: width - sum(taken)]:
        taken[place] += 1
    return taken


def _whole(parts: Mapping[str, float]) -> dict[str, float]:
    total = math.fsum(parts.values())
    return {name: part / total for name, part in parts.items()} if 0 < total < math.inf else {}
