"""How the model's latent is used: how much each of its dimensions says, and which sounds it holds for alike."""

from dataclasses import dataclass
from typing import ClassVar

from core.run.events import EpochMetrics, LatentMap
from core.run.state import RunState
from distill_tui import ascii
from distill_tui.axes import axis_row, steps_axis
from distill_tui.cells import Row, Run
from distill_tui.format import number, percent
from distill_tui.heat import heat_rows
from distill_tui.latent_scatter import scatter
from distill_tui.latent_strip import ACTIVE_NATS, FULL_NATS, strip
from distill_tui.latent_words import measures, suggestion, summary
from distill_tui.panels.curves import newest_step
from distill_tui.panels.frame import beside, fit, framed, joined, spread, width_of, wrapped
from distill_tui.panels.panel import Panel
from distill_tui.panels.words import PanelHelp
from distill_tui.theme import palette_of

GAP = 3  # columns between strip and map
SMALLEST_MAP = (20, 5)
NUMBERED = 30  # columns from which the strip's lines have numbers beside them
HEADED = 9  # lines from which strip and map have a line of words above them
FOOTED = 4  # and from which there is an axis below
BAR = 12
MEASURED = 10  # lines from which the other measures are told
SPACIOUS = 8  # lines from which the suggestion is written out


@dataclass(frozen=True)
class _Room:
    """Columns and lines of the strip and of the map (0: none), and whether they stand side by side."""

    strip: tuple[int, int]
    map: tuple[int, int] = (0, 0)
    side_by_side: bool = False


def room(width: int, height: int, has_map: bool) -> _Room:
    """Share the lines below the summary; the map gives way first."""
    if has_map and height >= SMALLEST_MAP[1] and width >= 2 * (SMALLEST_MAP[0] + GAP):
        left = (width - GAP) // 2
        return _Room((left, height), (width - GAP - left, height), True)
    lines = height - max(4, height * 2 // 5)
    if has_map and width >= SMALLEST_MAP[0] and lines >= SMALLEST_MAP[1] + 2:
        return _Room((width, height - lines), (width, lines))
    return _Room((width, height))


class LatentPanel(Panel):
    """How many dimensions say something, how that went over time, and a map of the validation material."""

    DEFAULT_CSS = "LatentPanel { height: 1fr; width: 1fr; }"

    WORDS: ClassVar[PanelHelp] = PanelHelp(
        "Latent",
        "The model squeezes every sound into a short list of numbers, the latent, and makes the sound again from it. "
        "Each row of the strip is one of them, a dimension; the farther its colour from the background's, the more it "
        "tells. Below 0.1 nats (the unit of that) it is inactive; an active one that does not differ is the same for "
        "all sounds. Told apart: as many as their latents alone give away. On the map, alike sounds of validation lie "
        "close together.",
        "More than half of the dimensions are active, and stay so while the losses fall; nearly all sounds are told "
        "apart. On the map alike sounds are neighbours, and the dots fill it.",
        "Many inactive dimensions: the latent is too large for your material, or the prior, which keeps it simple, too "
        "strong. Train again with a smaller latent (model.latent_dim, for tunes token_model.latent_dim), a weaker "
        "prior (loss.kl.weight_max) or a floor per dimension (loss.kl.free_bits). Choose a preview to find it on the "
        "map.",
    )

    def __init__(self, id: str = "latent") -> None:
        super().__init__(id=id)
        self._selected: str | None = None
        self._drawn: tuple[object, ...] = ()
        self._body: list[Row] = []

    def select(self, name: str | None) -> None:
        """Mark the validation file of this name on the map; None for what is not of a file."""
        if name != self._selected:
            self._selected = name
            self.redraw()

    def copied(self) -> str:
        """The summary in words."""
        epoch = self.snapshot.state.epoch
        return summary(epoch) if epoch else ""

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """Summary, suggestion, strip and map, as far as there is room."""
        state = self.snapshot.state
        inner, lines = width - 4, height - 2
        epoch = state.epoch
        if epoch is None or not epoch.latent_dimensions:
            content: list[Row] = [(Run(line, "muted"),) for line in wrapped(_empty(epoch), inner)]
            corner: Row = ()
        else:
            content = [self._summary(epoch, inner), *self._measures(state, inner, lines)]
            content += self._advice(state, inner, lines)
            content += self._cached(state, inner, lines - len(content))
            corner = (Run("KL ", "muted"), Run(f"{number(epoch.kl_divergence)} nats", "text"))
        shown = [(Run(" "), *row) for row in content[:lines]]
        return framed(shown, width, height, title=(Run("Latent", "strong"),), corner=corner, focused=self.has_focus)

    def repaint(self) -> None:
        """Other colours may be other shades."""
        self._drawn = ()
        super().repaint()
        self.redraw()

    def _summary(self, epoch: EpochMetrics, width: int) -> Row:
        active, all_ = epoch.active_dimensions, epoch.latent_dimensions
        role = "warning" if 2 * active < all_ else "good"
        words = f" of {all_} dimensions active" if width >= 40 else f" of {all_} active"
        size = min(BAR, max(0, width - len(words) - 8))
        full = round(size * active / all_)
        bar: Row = (Run("━" * full, role), Run("─" * (size - full), "track"))
        return (Run(f"{active}", "strong"), Run(words, "text"), Run("  "), *bar)

    def _measures(self, state: RunState, width: int, lines: int) -> list[Row]:
        """What the count above does not say; where there is little room, nothing."""
        if lines < MEASURED:
            return []
        config = self.snapshot.info.config if self.snapshot.info else {}
        told: list[Row] = [(Run(words, "muted"),) for words in measures(state, config)]
        return [fit(joined(enumerate(told), width), width)] if told else []

    def _advice(self, state: RunState, width: int, lines: int) -> list[Row]:
        config = self.snapshot.info.config if self.snapshot.info else {}
        words = suggestion(state, config)
        if words is None or lines < 3:
            return []
        short, long = words
        text = wrapped(f"▲ {long}", width) if lines >= SPACIOUS else [f"▲ {short}"]
        return [fit((Run(line, "warning"),), width) for line in text[:4]]

    def _cached(self, state: RunState, width: int, height: int) -> list[Row]:
        """Strip and map, drawn again only when an epoch, a map or another size has come."""
        ended = state.complete is not None
        x = steps_axis(newest_step(state), 2 * width)
        key = state.epochs, state.latent_map, self._selected, x.span, ended, width, height
        if len(key) != len(self._drawn) or any(a is not b and a != b for a, b in zip(key, self._drawn, strict=True)):
            self._drawn, self._body = key, self._draw(state, width, height)
        return self._body

    def _draw(self, state: RunState, width: int, height: int) -> list[Row]:
        if height < 1:
            return []
        shares = room(width, height, state.latent_map is not None)
        left = self._strip(state, *shares.strip)
        if state.latent_map is None or not shares.map[1]:
            return left
        right = self._map(state.latent_map, state, *shares.map)
        if not shares.side_by_side:
            return left + right
        middle: Row = (Run(" " * (GAP // 2)), Run("│", "border"), Run(" " * (GAP - GAP // 2 - 1)))
        return beside(
            [[fit(row, shares.strip[0]) for row in left], [middle] * height, [fit(row, shares.map[0]) for row in right]]
        )

    def _strip(self, state: RunState, width: int, height: int) -> list[Row]:
        head = [self._legend(width)] if height >= HEADED else []
        foot = height >= FOOTED
        lines = height - len(head) - foot
        dimensions = state.epochs[-1].kl_per_dimension
        if not dimensions:
            return [(Run("no record of each dimension", "muted"),), *[()] * (height - 1)]
        gutter = len(str(len(dimensions))) + 1 if width >= NUMBERED and lines >= 3 else 0
        columns = width - gutter
        x = steps_axis(newest_step(state), 2 * columns)
        ended = state.complete is not None
        values = strip(state.epochs, x, columns, 2 * lines, ended=ended)
        drawn = list(heat_rows(values, self._shades))[:lines]
        numbers = _numbers(len(drawn), state.epochs[-1], gutter)
        rows: list[Row] = [(*label, *row) for label, row in zip(numbers, drawn, strict=True)]
        started = state.started
        axis = axis_row(x, columns, started.steps_per_epoch if started else 0)
        foots: list[Row] = [(Run(" " * gutter), *axis)] if foot else []
        return [*head, *rows, *foots, *[()] * (height - len(head) - len(rows) - len(foots))]

    def _map(self, latent_map: LatentMap, state: RunState, width: int, height: int) -> list[Row]:
        head: list[Row] = []
        if height >= HEADED:
            files = len(set(latent_map.names))
            tunes = state.started is not None and state.started.recipe == "midi"
            parts = f"{len(latent_map.names)} parts of " if len(latent_map.names) > files else ""
            what = ("tune" if tunes else "sound") + ("" if files == 1 else "s")
            head = [fit((Run(f"{parts}{files} validation {what}, like near like", "muted"),), width)]
        foot = [self._shares(latent_map, state, width)] if height >= FOOTED + 2 else []
        lines = height - len(head) - len(foot)
        return [*head, *scatter(latent_map, width, lines, self._selected), *foot]

    def _shares(self, latent_map: LatentMap, state: RunState, width: int) -> Row:
        across, up = latent_map.explained
        words: Row = (Run(f"→ {percent(across)}  ↑ {percent(up)} of what differs", "muted"),)
        late = state.epoch is not None and latent_map.epoch != state.epoch.epoch
        return spread(words, (Run(f"epoch {latent_map.epoch}", "muted"),) if late else (), width)

    def _legend(self, width: int) -> Row:
        cells = heat_rows([[(step + 0.5) / 10 for step in range(2, 10)]] * 2, self._shades)[0]
        ramp: Row = (Run(f"{ACTIVE_NATS:g} ", "muted"), *cells, Run(f" {FULL_NATS:g} nats", "muted"))
        words = "what each dimension says"
        if len(words) + width_of(ramp) >= width:
            words = "each dimension"
        return spread((Run(words, "muted"),), ramp, width)

    @property
    def _shades(self) -> int:
        """Half blocks need colours, and a font that has them."""
        return 0 if ascii.wanted() else palette_of(self.app).heat


def _numbers(lines: int, epoch: EpochMetrics, width: int) -> list[Row]:
    """Beside the lines of the strip, the place of the first dimension, of the last active one and of the last."""
    labels = [""] * lines
    if width and lines:
        total = len(epoch.kl_per_dimension)
        labels[0], labels[-1] = "1", str(total)
        edge = max(0, epoch.active_dimensions - 1) * lines // total
        if 0 < edge < lines - 1:
            labels[edge] = str(epoch.active_dimensions)
    return [(Run(f"{label:>{width - 1}} ", "muted"),) if width else () for label in labels]


def _empty(epoch: EpochMetrics | None) -> str:
    if epoch is not None:
        return "This model has no latent."
    return "After the first epoch: how much of the latent is used, and a map of the validation sounds."
