"""Which terms belong together, which groups are folded to a line, and which terms are pinned to the top."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.run.events import TermInfo

MANY = 12  # terms of a run from which on the details begin folded
DETAILS = ("weights", "metrics")
PINNED = ""  # the name of the group of pinned terms, which no recipe gives


@dataclass(frozen=True)
class Group:
    """Terms under one heading, in the recipe's order. One term alone needs none, and pinned ones are marked instead."""

    name: str
    terms: tuple[TermInfo, ...]
    folded: bool = False

    @property
    def has_heading(self) -> bool:
        """Whether there is something to put together."""
        return self.name != PINNED and (len(self.terms) > 1 or self.folded)


class Grouping:
    """A person's pins and folds. They last over new sessions of a run, and over terms that come and go.

    While a filter is on, every match is shown: folds made then are for that filter alone.
    """

    def __init__(self) -> None:
        self.pins: tuple[str, ...] = ()
        self._folded: set[str] = set()
        self._folded_matches: set[str] = set()
        self._known: set[str] = set()
        self._filtered = False

    def meet(self, terms: Sequence[TermInfo]) -> None:
        """The terms of a run, at its start or when another session has others: of many the details are folded."""
        if len(terms) > MANY:
            self._folded |= {term.group for term in terms if term.group in DETAILS} - self._known
        self._known |= {term.group for term in terms}

    def filtering(self, on: bool) -> None:
        """A filter was typed, changed or taken off."""
        self._filtered = on
        self._folded_matches.clear()

    def groups(self, terms: Iterable[TermInfo]) -> tuple[Group, ...]:
        """Those terms in groups, in the order of each group's first; the pinned before all others, as pinned."""
        terms = tuple(terms)
        by_name = {term.name: term for term in terms}
        pinned = tuple(by_name[name] for name in self.pins if name in by_name)
        collected: dict[str, list[TermInfo]] = {}
        for term in terms:
            if term not in pinned:
                collected.setdefault(term.group, []).append(term)
        rest = (Group(name, tuple(members), name in self._folds) for name, members in collected.items())
        return (*((Group(PINNED, pinned),) if pinned else ()), *rest)

    def fold(self, group: str) -> None:
        """Fold the group, or unfold it."""
        self._folds.symmetric_difference_update({group})

    def fold_all(self, groups: Iterable[Group]) -> None:
        """Fold every group of more than one term; if all of them are, unfold every group."""
        names = {group.name for group in groups if len(group.terms) > 1 and group.name != PINNED}
        if names <= self._folds:
            self._folds.clear()
        else:
            self._folds.update(names)

    def pin(self, term: str) -> None:
        """Pin the term after those that are pinned, or let it go back to its place."""
        kept = tuple(name for name in self.pins if name != term)
        self.pins = kept if len(kept) < len(self.pins) else (*kept, term)

    @property
    def _folds(self) -> set[str]:
        return self._folded_matches if self._filtered else self._folded
