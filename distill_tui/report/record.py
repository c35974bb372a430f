"""Everything that a report tells of a run, read once through its link."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from core.run.events import StepMetrics, Stored
from core.run.link import LinkError, RunInfo, RunLink, Series
from core.run.state import RunState, fold
from distill_tui.report.private import Hiding

WIDE, NARROW = 300, 150  # buckets of the first chart and of the others
OF_THE_TRAINING = ("learning_rate", "grad_norm", "kl_weight")
SHORTEST = 4  # steps that a chart spans, so that the first one is seen
OF_THE_TIME = ("data_time_s", "step_time_s")


@dataclass(frozen=True)
class Record:
    """A run at one moment. `events` are all of them, oldest first, without the newest step; `curves` by term.

    `trouble` is one line where the link itself was in trouble; `taken` is the moment, in seconds since 1970.
    """

    info: RunInfo
    events: tuple[Stored, ...]
    state: RunState
    curves: Mapping[str, Series] = field(default_factory=dict)
    trouble: str = ""
    taken: float = 0.0

    @property
    def newest(self) -> int:
        """The newest step on the run's path that anything is known of: where the charts end. At least `SHORTEST`."""
        steps = [self.state.step.step if self.state.step else 0, self.state.epoch.step if self.state.epoch else 0]
        return max(SHORTEST, *steps)

    def curve(self, name: str) -> Series:
        """The curve of a term or column; an empty one for what was not logged."""
        return self.curves.get(name) or Series(name)


def gather(link: RunLink, *, private: bool = False) -> Record:
    """What `link` knows of its run now. Raises LinkError where it cannot be read.

    `private`: without the name of its host and without folders, as `report.private` has it.
    """
    info = link.info()
    events = tuple(_all_events(link))
    trouble = link.trouble or ""
    if not events and trouble:
        raise LinkError(trouble)
    if private:
        hiding = Hiding(info, events)
        info, events, trouble = hiding.info(), hiding.events(events), hiding.text(trouble)
    state = fold(RunState(), events)
    wanted = [(name, 0, None, width) for name, width in _wanted(state)]
    link.expect(wanted)
    curves = {name: link.series(name, lo, hi, width) for name, lo, hi, width in wanted}
    stored = tuple(each for each in events if not isinstance(each.event, StepMetrics))
    return Record(info, stored, state, curves, trouble, time.time())


def _all_events(link: RunLink) -> Iterable[Stored]:
    """Over a slow line a run's history may come in several pieces."""
    after = 0
    while True:
        news = link.read(after)
        yield from news
        newest = max((stored.seq for stored in news), default=after)
        if newest == after:
            return
        after = newest


def _wanted(state: RunState) -> list[tuple[str, int]]:
    """The curves to ask for, each once, with its width in buckets."""
    terms = [term.name for term in state.started.terms] if state.started else []
    names = dict.fromkeys(terms[1:], NARROW)
    names |= {f"val/{term}": NARROW for term in terms[1:]}
    names |= dict.fromkeys([*OF_THE_TRAINING, *OF_THE_TIME, *(state.started.extras if state.started else ())], NARROW)
    for term in terms[:1]:
        names |= {term: WIDE, f"val/{term}": WIDE}
    return list(names.items())
