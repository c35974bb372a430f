"""Which term drives the training: each one's weight, what it adds, and its share of the gradient, now and over time."""

from collections.abc import Mapping
from typing import ClassVar

from rich.cells import cell_len

from core.run.events import TermInfo
from core.run.link import Series
from distill_tui.axes import steps_axis
from distill_tui.balance import (
    Balance,
    balance,
    by_step,
    headlines,
    in_words,
    weighted_terms,
    weights_of,
)
from distill_tui.cells import Row, Run
from distill_tui.panels.balance_drawing import area, legend, stacked_bar, table
from distill_tui.panels.balance_weights import CELLS, has_moved, weight_cells
from distill_tui.panels.curves import newest_step, present, read_so_far, training_query
from distill_tui.panels.frame import framed, wrapped
from distill_tui.panels.panel import Panel
from distill_tui.panels.words import PanelHelp
from distill_tui.reader import Query, Snapshot
from distill_tui.theme import palette_of

DOTS = 24  # of the curves that only the present value is taken from
BUCKETS = 4  # asked for a cell, so that any whole number of them can make one
LOWEST_AREA = 5  # lines, the axis included

COMING = "Which part of the loss drives the training is shown here from the first step on."
OLD = (
    "This run was trained before the weights of its terms were logged: there is nothing to show. Resume it, and what "
    "drives the training is shown from then on."
)


class BalancePanel(Panel):
    """A stacked bar of shares, a line a term, and the shares over time where there is room."""

    DEFAULT_CSS = "BalancePanel { height: 1fr; width: 1fr; }"
    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "Balance",
        "What the model learns from is a sum of terms, each times its weight. A term that is a large number need not "
        "pull hard: what moves the model is the slope. So every hundred steps or so the pull of each term on the "
        "model's weights is measured, and its share of all pulls is what the bar shows. Until the first measurement "
        "it shows what each term adds to the loss instead, and says so. A small curve beside a weight is how it moved: "
        "with the KL's schedule, a warm-up (loss.warmup_fraction) or loss.balance.",
        "The reconstruction leads, the term that sounds best first (stft, for sounds). The KL stays well below it. "
        "The shares shift slowly.",
        "If the KL leads, the model is about to stop using its latent: lower loss.kl.weight_max. If a term that you "
        "care about is under a few percent, raise its weight with =. If one term drowns the others, train with "
        "another loss.balance, where weights are shares.",
    )

    def __init__(self, id: str = "balance") -> None:
        super().__init__(id=id)
        self._weights: dict[str, float] = {}
        self._measured: tuple[tuple[Series | None, ...], dict[int, dict[str, float]]] = (), {}
        self._area: tuple[Mapping[int, Mapping[str, float]], tuple[object, ...], list[Row]] | None = None

    def show(self, snapshot: Snapshot) -> None:
        """As any panel. A skipped step has no weights: those before it stay."""
        new = weighted_terms(snapshot.state) != weighted_terms(self.snapshot.state)
        self._weights = ({} if new else self._weights) | weights_of(snapshot.state)
        super().show(snapshot)
        if new:
            self.post_message(self.Wants())

    def queries(self) -> tuple[Query, ...]:
        """The shares and weights over the whole run, and the terms' own curves for their values now."""
        if self.size.width < 4:
            return ()
        terms = weighted_terms(self.snapshot.state)
        weights = (_weight_query(term) for term in terms)
        return (*map(self._shares_query, terms), *(training_query(term, DOTS) for term in terms), *weights)

    def copied(self) -> str:
        """Every term's weight and share."""
        return in_words(self._balance(self._by_step()))

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """In words, as a bar, a line a term, over time: as much as there is room for."""
        state, inner, lines = self.snapshot.state, width - 4, height - 2
        corner: Row = ()
        if state.step is None or not weighted_terms(state):
            text = OLD if state.step is not None else COMING
            content: list[Row] = [(Run(line, "muted"),) for line in wrapped(text, inner)]
        else:
            measured = self._by_step()
            found = self._balance(measured)
            corner = Run("share of ", "muted"), Run(f"the {found.of}", "text")
            content = self._content(found, measured, inner, lines)
        return framed(
            [(Run(" "), *row) for row in content], width, height,
            title=(Run("Balance", "strong"),), corner=corner if width >= 40 else (), focused=self.has_focus,
        )  # fmt: skip

    def _content(
        self, found: Balance, measured: Mapping[int, Mapping[str, float]], width: int, lines: int
    ) -> list[Row]:
        textured = palette_of(self.app).heat == 0
        said = next((words for words in headlines(found) if cell_len(words) <= width), headlines(found)[-1])
        content: list[Row] = [(Run(said, "strong"),), stacked_bar(found, width, textured)]
        amount, room = len(found.parts), lines - len(content)
        if room <= amount and room < 2:
            return [*content, legend(found, found.ranked, width, textured)]
        if room < amount:
            first, rest = found.ranked[: room - 1], found.ranked[room - 1 :]
            kept = [part for part in found.parts if part in first]
            return [*content, *table(found, kept, width, textured, headed=False), legend(found, rest, width, textured)]
        content += table(found, found.parts, width, textured, room > amount, self._moves())
        if measured and lines - len(content) > LOWEST_AREA:
            content += [(), *self._history(found, measured, width, lines - len(content) - 1, textured)]
        return content

    def _history(
        self, found: Balance, measured: Mapping[int, Mapping[str, float]], width: int, height: int, textured: bool
    ) -> list[Row]:
        """The area, drawn anew when there is a new measurement or another size."""
        state = self.snapshot.state
        x = steps_axis(newest_step(state), 2 * width)
        key = x, width, height, textured
        if self._area is None or self._area[0] is not measured or self._area[1] != key:
            epoch = state.started.steps_per_epoch if state.started else 1
            self._area = measured, key, area(found, measured, x, width, height, epoch, textured)
        return self._area[2]

    def _moves(self) -> dict[str, str]:
        """The curves of those weights that move."""
        newest = newest_step(self.snapshot.state)
        curves = {
            term.name: read_so_far(self.snapshot, _weight_query(term)) for term in weighted_terms(self.snapshot.state)
        }
        return {name: weight_cells(series, newest) for name, series in curves.items() if series and has_moved(series)}

    def _balance(self, measured: Mapping[int, Mapping[str, float]]) -> Balance:
        state = self.snapshot.state
        terms = weighted_terms(state)
        values = {term.name: present(read_so_far(self.snapshot, training_query(term, DOTS)), state, term)
                  for term in terms}  # fmt: skip
        return balance(terms, self._weights, {k: v for k, v in values.items() if v is not None}, measured)

    def _by_step(self) -> dict[int, dict[str, float]]:
        terms = weighted_terms(self.snapshot.state)
        curves = {term.name: read_so_far(self.snapshot, self._shares_query(term)) for term in terms}
        read = tuple(curves.values())
        if self._measured[0] != read:
            self._measured = read, by_step(curves)
        return self._measured[1]

    def _shares_query(self, term: TermInfo) -> Query:
        return Query(f"gradient/{term.name}", 0, None, max(16, (self.size.width - 4) * BUCKETS))


def _weight_query(term: TermInfo) -> Query:
    return Query(f"weight/{term.name}", 0, None, 4 * CELLS)
