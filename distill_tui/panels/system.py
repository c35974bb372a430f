"""The machine that trains: GPU, processor, memory and disk as they are now and were lately, and the wait for data."""

from collections.abc import Iterable
from typing import ClassVar

from core.run.link import Series
from core.run.state import RunState
from distill_tui.cells import Row, Run
from distill_tui.format import clean
from distill_tui.panels.frame import framed, wrapped
from distill_tui.panels.panel import Panel
from distill_tui.panels.system_lines import figure_rows, shape, stretch
from distill_tui.panels.words import PanelHelp
from distill_tui.reader import Query, Snapshot
from distill_tui.system_figures import WAITING, Figure, advice, figures, lately, waiting

BUCKETS = 4  # asked for a cell
ROOMY = 120  # cells from which the empty panel says more
WAIT = ("data_time_s", "step_time_s")  # what the wait for data is worked out from


class SystemPanel(Panel):
    """A line a figure, more where there is room; what the machine does not have takes none."""

    DEFAULT_CSS = "SystemPanel { height: 1fr; width: 1fr; }"

    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "System",
        "How busy the machine is that trains, looked at once a second, with the last five minutes as a curve. The data "
        "wait is the share of each step in which the model stands still until its next sounds are ready. The disk is "
        "the one that the run is saved on.",
        "On a GPU: load high and steady, a data wait under 10 %, memory with some room left. On a processor: as many "
        "cores busy as the run may use. Disk left for many checkpoints.",
        "A long data wait: vary the sounds less (augment.pitch_probability, augment.speed_probability); hours of "
        "sounds are best kept in memory (data.memory_mb). A GPU out of memory: a smaller batch_size. Little disk "
        "left: delete old runs.",
    )

    def __init__(self, id: str = "system") -> None:
        super().__init__(id=id)
        self._curves: dict[str, Series] = {}
        self._session = -1
        self._asked: frozenset[Query] = frozenset()

    def show(self, snapshot: Snapshot) -> None:
        """As any panel; a curve stays until a newer stretch of it has been read."""
        started = snapshot.state.started
        if started is not None and started.session != self._session:
            self._session = started.session
            self._curves.clear()
        self._curves |= {query.term: curve for query, curve in snapshot.series.items() if query in self._asked}
        super().show(snapshot)
        if self.is_on_screen and frozenset(self._queries()) != self._asked:
            self.post_message(self.Wants())

    def queries(self) -> Iterable[Query]:
        """The last stretch of every figure that there is."""
        self._asked = frozenset(self._queries())
        return self._asked

    def copied(self) -> str:
        """All figures as text."""
        return "\n".join(f"{figure.label}: {figure.value}" for figure in self._figures()[0])

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """As many figures as fit, those that tell most first, and a word on what is wrong."""
        state, over = self.snapshot.state, _is_over(self.snapshot)
        inner, lines = width - 4, height - 2
        found, curves = self._figures()
        told = None if over else advice(found, self.snapshot)
        words: list[Row] = [(Run(line, "muted"),) for line in wrapped(_missing(state, found, inner * lines), inner)]
        foot: Row = ()
        if told is not None:
            role = "danger" if found[0].role == "danger" else "warning"
            in_full: list[Row] = [(Run(line, role),) for line in wrapped(f"▲ {told[1]}", inner)]
            columns, _ = shape(len(found), inner, lines - len(in_full))
            if -(-len(found) // columns) + len(in_full) <= lines:
                words = [*words, *in_full]
            else:
                foot = (Run(f"▲ {told[0]}", role),)
        drawn, hidden = figure_rows(found, curves, state, inner, lines - len(words), dim=over)
        return framed(
            [(Run(" "), *row) for row in (*drawn, *words)],
            width,
            height,
            title=(Run("System", "strong"),),
            corner=(Run("as last seen", "muted"),) if over else _machine(state, inner),
            foot=foot,
            foot_corner=(Run(f"{hidden} more", "muted"),) if hidden else (),
            focused=self.has_focus,
        )

    def _queries(self) -> list[Query]:
        x = stretch(self.snapshot.state, 2)
        width = max(16, (self.size.width - 4) * BUCKETS)
        return [Query(term, x.lo, None, width) for term in _terms(self.snapshot.state)]

    def _figures(self) -> tuple[list[Figure], dict[str, Series]]:
        """The figures, and their curves by name."""
        state, share = self.snapshot.state, waiting(*(self._curves.get(term) for term in WAIT))
        measured = state.step.extras if state.step else {}
        curves = {**self._curves, WAITING: share} if share is not None else self._curves
        return figures(measured, lately(share, state)), curves


def _terms(state: RunState) -> tuple[str, ...]:
    """What is asked for: all that the session declared of its machine, and what the wait for data is made of."""
    declared = state.started.extras if state.started and state.step else ()
    own = (name for name in declared if name.startswith("system/") and name != "system/gpu_memory_total_bytes")
    return (*own, *WAIT) if state.step else ()


def _is_over(snapshot: Snapshot) -> bool:
    """Whether nothing measures any more; in a replay it still does."""
    if snapshot.replay is not None:
        return False
    gone = snapshot.info is not None and not snapshot.info.live and not snapshot.trains
    return snapshot.state.step is not None and (snapshot.state.complete is not None or gone)


def _machine(state: RunState, width: int) -> Row:
    started = state.started
    text = clean(f"{started.device} on {started.host}") if started else ""
    return (Run(text, "muted"),) if 0 < len(text) <= width // 2 else ()


def _missing(state: RunState, found: list[Figure], room: int) -> str:
    """A line for what is not there, or none; in `room` cells."""
    if not found:
        wait = ", and how long the model waits for its data" if room >= ROOMY else ""
        return f"From the first step on: how busy the machine is{wait}."
    declared = state.started.extras if state.started else ()
    if not any(name.startswith("system/") for name in declared):
        return "This run kept no other figures of its machine."
    return ""
