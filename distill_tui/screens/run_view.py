"""Which runs a list shows, in which order, and what they are shown with."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.run.facts import Order
from core.run.folder import RunSummary

if TYPE_CHECKING:
    from core.run.query import Query

CYCLE = ("age", "best", "name", "epoch")
ALWAYS = frozenset({"age", "best", "name", "epoch", "status", "live", "archived", "baseline", "note", "data", "recipe"})
MOST_COLUMNS = 4


@dataclass(frozen=True)
class RunView:
    """What a person has asked to see; without a `query` all of it. Values of this kind are replaced, never changed."""

    query: "Query | None" = None
    order: Order = field(default_factory=Order)
    archived: bool = False

    @property
    def asked(self) -> tuple[str, ...]:
        """The keys that the filter names."""
        return self.query.keys if self.query else ()

    @property
    def with_archived(self) -> bool:
        """Whether archived runs are shown too: asked for by the person or by the filter."""
        return self.archived or "archived" in self.asked

    def shown(self, runs: Iterable[RunSummary], now: float) -> list[RunSummary]:
        """The runs that are wanted, in order."""
        wanted = [run for run in runs if self.with_archived or not run.archived]
        if self.query:
            wanted = [run for run in wanted if self.query.matches(run, now)]
        return self.order.sorted(wanted, now)

    @property
    def named(self) -> tuple[str, ...]:
        """The settings and results that the filter and the order name and that no column of every list has."""
        keys = dict.fromkeys((*self.asked, self.order.key))
        return tuple(key for key in keys if key not in ALWAYS)[:MOST_COLUMNS]

    def next_order(self) -> "RunView":
        """Sorted by the next of what one sorts by most: last seen, best, name, epoch, and what the filter names."""
        keys = tuple(dict.fromkeys((*CYCLE, *self.named)))
        at = keys.index(self.order.key) if self.order.key in keys else -1
        return replace(self, order=Order(keys[(at + 1) % len(keys)]))

    def sorted_by(self, key: str) -> "RunView":
        """Sorted by `key`; the other way round when it is sorted by it already."""
        return replace(self, order=Order(key, key == self.order.key and not self.order.turned))
