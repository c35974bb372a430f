"""The chart as rows: frame, title, legend, curves, marks and axis."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from core.run.events import TermInfo
from distill_tui.axes import Steps, axis_row, axis_unit
from distill_tui.cells import Row, Run
from distill_tui.chart_cursor import crossed, reading, validated
from distill_tui.chart_marks import Cells, MarkCells, marks_row, words_at
from distill_tui.chart_view import View
from distill_tui.format import clean
from distill_tui.panels import chart_legend as legend
from distill_tui.panels.chart_plot import LABELS, Look, Plot, Plotted
from distill_tui.panels.chart_source import Curves
from distill_tui.panels.chart_words import empty_chart
from distill_tui.panels.curves import Best, Bests, has_best
from distill_tui.panels.frame import fit, framed, width_of
from distill_tui.reader import Snapshot

MARKS_APART = 12  # rows from which marks have a line of their own
NAMES_APART = 8  # rows from which the names of overlaid runs have one


@dataclass(frozen=True)
class Scene:
    """What is to be seen. `cursor` is a step or None; `pointed` the cell of a mark under the pointer, or None."""

    snapshot: Snapshot
    term: TermInfo | None
    curves: Curves
    x: Steps
    view: View
    look: Look
    cursor: int | None = None
    pointed: int | None = None
    focused: bool = False
    whole: bool = False

    @property
    def at(self) -> int | None:
        """The cursor, if it is in view."""
        return self.cursor if self.cursor is not None and self.x.lo <= self.cursor < self.x.hi else None

    @property
    def steps_per_epoch(self) -> int:
        """0 before the run has told."""
        started = self.snapshot.state.started
        return started.steps_per_epoch if started else 0


class Face:
    """Draws scenes, and draws again only what has changed since the last one."""

    def __init__(self) -> None:
        self._plot = Plot()
        self._mark_cells = MarkCells()
        self._bests = Bests()

    def rows(self, scene: Scene, width: int, height: int) -> tuple[Row, ...]:
        """The frame with the x axis as its bottom line, the labels, the curves."""
        term, snapshot = scene.term, scene.snapshot
        if term is None or scene.curves.train is None or snapshot.state.step is None:
            title = clean(term.label) if term else "Loss"
            words = empty_chart(snapshot, width - 2, height - 2, term)
            return framed(words, width, height, title=(Run(title, "strong"),), focused=scene.focused)
        best = self._bests(snapshot.state).get(term.name) if has_best(term) else None
        above = _above(scene, term, width - 2, height)
        apart = height >= MARKS_APART
        wide, tall = width - 2 - LABELS, max(1, height - 2 - len(above) - apart)
        plotted = self._plotted(scene, best, wide, tall)
        cells = self._mark_cells(snapshot.state, scene.x)
        content = [*above, *plotted.rows(wide, tall, scene.at, _told(scene))]
        if apart:
            content.append((Run(" " * LABELS, "text"), *_marks_line(scene, cells, wide)))
        title_row, corner = _top(scene, term, plotted, cells, best, width, height)
        bottom = _axis(scene, {} if apart else cells, wide)
        return framed(content, width, height, title=title_row, corner=corner, bottom=bottom, focused=scene.focused)

    def cells(self, scene: Scene) -> Cells:
        """The marks in the cells of the axis."""
        return self._mark_cells(scene.snapshot.state, scene.x)

    def _plotted(self, scene: Scene, best: Best | None, width: int, height: int) -> Plotted:
        curves = scene.curves
        assert curves.train is not None
        look = replace(scene.look, best=best.step if best else None)
        below = [(overlay.role, series) for overlay, series in reversed(curves.others)]  # the baseline on top
        return self._plot(curves.train, curves.valid, below, scene.x, width, height, look)


def marks_line(height: int) -> int:
    """The row of the panel in which marks stand."""
    return height - 2 if height >= MARKS_APART else height - 1


def _above(scene: Scene, term: TermInfo, width: int, height: int) -> list[Row]:
    """What the term means, full screen, and the names of overlaid runs with their values at the cursor."""
    rows: list[Row] = []
    if scene.whole and term.help:
        rows.append((Run(f" {clean(term.help)}", "muted"),))
    if scene.snapshot.overlays and height >= NAMES_APART:
        names = legend.names_of(scene.snapshot.overlays, _values(scene), width - LABELS)
        rows.append((Run(" " * LABELS, "text"), *names))
    return rows


def _values(scene: Scene) -> Mapping[str, str]:
    """Each overlaid run's value at the cursor."""
    if scene.at is None:
        return {}
    found = {overlay.name: reading(series, scene.x, scene.at) for overlay, series in scene.curves.others}
    reads = {overlay.name: found.get(overlay.name) for overlay in scene.snapshot.overlays}
    return {name: legend.exact(read.value) if read else "–" for name, read in reads.items()}


def _told(scene: Scene) -> dict[str, float]:
    """What is said of each curve at the cursor, by its role; of smoothed lines their own crossing is shown."""
    if scene.at is None or scene.look.smoothing != "off" or scene.curves.train is None:
        return {}
    curves = [("train", scene.curves.train), *((overlay.role, series) for overlay, series in scene.curves.others)]
    found = [(role, reading(series, scene.x, scene.at)) for role, series in curves]
    return {role: read.value for role, read in found if read is not None}


def _marks_line(scene: Scene, cells: Cells, width: int) -> Row:
    line = marks_row(cells, width)
    return line if scene.at is None else crossed([line], scene.x.dot(scene.at) // 2)[0]


def _axis(scene: Scene, cells: Cells, width: int) -> Row:
    per_epoch = scene.steps_per_epoch
    unit = fit((Run(f"{axis_unit(scene.x, per_epoch):>{LABELS - 1}}", "muted"),), LABELS)
    axis = axis_row(scene.x, width, per_epoch, {cell: marks[0].run for cell, marks in cells.items()})
    border = "focus" if scene.focused else "border"
    return (*unit, *(run._replace(role=border) if run.role == "border" else run for run in axis))


def _top(
    scene: Scene, term: TermInfo, plotted: Plotted, cells: Cells, best: Best | None, width: int, height: int
) -> tuple[Row, Row]:
    """Title and corner: values and legend, or what the cursor reads and what the marks under it are."""
    state, overlays = scene.snapshot.state, scene.snapshot.overlays
    told = words_at(cells, scene.pointed) if scene.pointed is not None else ()
    facts = legend.settings(scene.view, scene.look, plotted.drawing)
    inside = height >= NAMES_APART  # the names of overlaid runs, and their values
    if scene.at is None:
        title = legend.heading(term, state, scene.curves.train, best, width)
        room = width - width_of(title) - 9
        names = () if inside else legend.names_of(overlays, {}, min(room // 2, 24 * len(overlays)))
        parts = [fit(told, min(width_of(told), room))] if told else [facts, names, legend.CURVES, legend.MARKS]
        return title, legend.beside_each_other(parts, room)
    told = told or words_at(cells, scene.x.dot(scene.at) // 2, reach=0)
    kept = min(width_of(told), width * 2 // 5)  # cells for it, and what the values leave
    smooth = plotted.smoothed("train", scene.at) if scene.look.smoothing != "off" else None
    title = legend.cursor_heading(
        term, scene.at, reading(scene.curves.train, scene.x, scene.at), validated(state.epochs, term.name, scene.at),
        smooth, scene.steps_per_epoch, width - 9 - kept,
        () if inside else legend.valued_names(overlays, _values(scene)),
    )  # fmt: skip
    room = width - width_of(title) - 9
    parts = [fit(told, min(width_of(told), room))] if told else [facts, legend.CURVES]
    return title, legend.beside_each_other(parts, room)
