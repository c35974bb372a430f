"""Other runs drawn over the one that is watched: which they are, and their curves."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from core.errors import UsageError
from core.run.link import LinkError, RunLink, Series

ROLES = ("series3", "series4", "series5", "series6", "series7", "series8")  # the first two look like the run's own
MOST = len(ROLES)
LOOK_AGAIN_SECONDS = 2.0
CLOCK = "learning_rate"  # which every step of every run has


@dataclass(frozen=True)
class Overlay:
    """One run over the watched one. `role` is its colour; `last_step` is -1 until it has one."""

    name: str
    target: Path
    role: str
    baseline: bool = False
    config: dict[str, Any] = field(default_factory=dict)
    last_step: int = -1


class Overlays:
    """The links to other runs. Every method may block on the disk and belongs to the reader's thread.

    `say` takes one line for a person about a run that cannot be drawn; it is then left out.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._links: dict[str, RunLink] = {}
        self._looked_at = 0.0
        self.shown: tuple[Overlay, ...] = ()

    def choose(self, targets: Sequence[Path], baseline: Path | None) -> None:
        """From now on these runs, in this order, each in a colour of its own; the baseline first."""
        self.close()
        found: list[Overlay] = []
        for target in sorted(targets, key=lambda path: path != baseline)[:MOST]:
            name = _free_name(target.name, self._links)
            try:
                self._links[name] = _open(target)
                config = self._links[name].info().config
            except UsageError as error:
                self._drop(name, str(error))
                continue
            found.append(Overlay(name, target, ROLES[len(found)], target == baseline, config))
        self.shown = tuple(found)
        self._looked_at = 0.0

    def look(self) -> None:
        """How far the runs are by now; asked of the disk every few seconds at most."""
        now = time.monotonic()
        if not self.shown or now - self._looked_at < LOOK_AGAIN_SECONDS:
            return
        self._looked_at = now
        for overlay in self.shown:
            if not overlay.target.is_dir():
                self._drop(overlay.name, f"{overlay.target}: is gone, and no longer drawn")
        self.shown = tuple(
            replace(overlay, last_step=self.series(overlay.name, CLOCK, 0, None, 1).highest_step)
            for overlay in self.shown
            if overlay.name in self._links
        )

    def last_step(self, name: str) -> int:
        """The newest step of a run as last looked at; -1 for a run that is not shown."""
        return next((overlay.last_step for overlay in self.shown if overlay.name == name), -1)

    def series(self, name: str, term: str, lo: int, hi: int | None, width: int) -> Series:
        """As `RunLink.series`; an empty curve for a run that is not shown, or can no longer be read."""
        try:
            return self._links[name].series(term, lo, hi, width) if name in self._links else Series(term)
        except LinkError as error:
            self._drop(name, str(error))
            return Series(term)

    def _drop(self, name: str, why: str) -> None:
        self._say(why)
        if link := self._links.pop(name, None):
            link.close()

    def close(self) -> None:
        """Let go of all runs."""
        for link in self._links.values():
            link.close()
        self._links.clear()
        self.shown = ()


def _open(target: Path) -> RunLink:
    from core.run.links import open_link

    return open_link(str(target))


def _free_name(name: str, taken: dict[str, RunLink]) -> str:
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name} ({number})"
    return free
