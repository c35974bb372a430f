"""The large chart of the selected term."""

from core.run.events import AlertStarted, NoteAdded, TermInfo
from core.run.link import Series
from distill_tui.axes import Mark, Steps, Values, axis_row, axis_unit, label_column, marks_row, steps_axis, values_axis
from distill_tui.cells import Row, Run
from distill_tui.chart import SMOOTHING, draw, trend
from distill_tui.format import clean, number, plural
from distill_tui.panels.curves import (
    Bests,
    Tracer,
    has_best,
    is_to_come,
    newest_step,
    present,
    read_so_far,
    training_query,
    validation,
    validation_query,
)
from distill_tui.panels.frame import fit, framed, width_of, wrapped
from distill_tui.panels.panel import Panel
from distill_tui.reader import Query, Snapshot

LABELS = 8  # cells for the y axis: seven for a number, one of air
NARROWEST_SPAN = 16
MARKS_APART = 12  # rows from which marks have a line of their own
CURVES_LEGEND: Row = (
    Run("train ", "muted"), Run("━━", "train"), Run("  validation ", "muted"), Run("╍╍", "validation"),
)  # fmt: skip
MARKS_LEGEND: Row = (
    Run("◆", "best"), Run(" checkpoint  ", "muted"), Run("♪", "accent"), Run(" preview  ", "muted"),
    Run("▲", "warning"), Run(" warning", "muted"),
)  # fmt: skip


class ChartPanel(Panel):
    """Training and validation of one term over steps. Zoom and pan choose the steps, `follow` keeps to the newest."""

    DEFAULT_CSS = "ChartPanel { height: 1fr; width: 1fr; }"

    def __init__(self, id: str = "chart") -> None:
        super().__init__(id=id)
        self.term: TermInfo | None = None
        self.log_scale = False
        self.smoothing = "off"
        self.span: int | None = None  # steps in view; None: the whole run
        self.lo: int | None = None  # first step in view; None: follow the newest
        self._values: Values | None = None
        self._drawn = (0, 0, 0)
        self._held: dict[str, Series] = {}
        self._trace = Tracer()
        self._bests = Bests()

    def select(self, term: TermInfo) -> None:
        """Show this term."""
        if self.term is None or self.term.name != term.name:
            self.term, self._values, self._held = term, None, {}
            self._changed()

    def zoom(self, direction: int) -> None:
        """Half (1) or twice (-1) as many steps; the newest stay in view while they are followed."""
        newest = newest_step(self.snapshot.state)
        if newest < 0:
            return
        x = self._steps()
        if direction > 0:
            span = max(NARROWEST_SPAN, _power_of_two((self.span or x.span) - 1))
            if self.lo is not None:
                self.lo += max(0, (x.span - span) // 2)
            self.span = span
        elif self.span is not None:
            span = self.span * 2
            if self.lo is not None:
                self.lo = max(0, self.lo - (span - self.span) // 2)
            self.span = span
        if self.span is not None and self.span > newest + 1:
            self.span = self.lo = None
        self._changed()

    def pan(self, direction: int) -> bool:
        """A quarter of the view to earlier (-1) or later (1) steps; past the newest it follows again."""
        newest = newest_step(self.snapshot.state)
        if self.span is None:
            return False
        x = self._steps()
        lo = max(0, x.lo + direction * max(1, self.span // 4))
        self.lo = None if lo + self.span > newest + 1 else lo
        self._changed()
        return self.lo is None or self.lo != x.lo

    def follow(self) -> None:
        """Keep to the newest steps; with them in view already, back to the whole run."""
        if self.lo is not None:
            self.lo = None
        else:
            self.span = None
        self._changed()

    def toggle_log(self) -> None:
        """Linear or logarithmic."""
        self.log_scale, self._values = not self.log_scale, None
        self.redraw()

    def next_smoothing(self) -> str:
        """Off, light, strong; returns which."""
        levels = list(SMOOTHING)
        self.smoothing = levels[(levels.index(self.smoothing) + 1) % len(levels)]
        self.redraw()
        return self.smoothing

    def queries(self) -> tuple[Query, ...]:
        """Both curves over the steps in view."""
        if self.term is None or self.size.width < LABELS + 4:
            return ()
        x = self._steps()
        lo, hi = (0, None) if self.span is None else (x.lo, None if self.lo is None else x.hi)
        return training_query(self.term, x.dots, lo, hi), validation_query(self.term, x.dots, lo, hi)

    def show(self, snapshot: Snapshot) -> None:
        """Draw; when the window moved on with the newest step, its curves are wanted from there."""
        before = self.queries()
        self.snapshot = snapshot
        if self.queries() != before:
            self.post_message(self.Wants())
        self.redraw()

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """The frame with the x axis as its bottom line, the labels, the curves."""
        if self.term is None:
            return framed(_empty(self.snapshot, width - 2, height - 2), width, height, title=_plain("Loss"),
                          focused=self.has_focus)  # fmt: skip
        snapshot, term = self.snapshot, self.term
        train, valid = self._curve(0), self._curve(1)
        if newest_step(snapshot.state) < 0 or train is None:
            return framed(_empty(snapshot, width - 2, height - 2, term), width, height, title=_plain(clean(term.label)),
                          focused=self.has_focus)  # fmt: skip
        x = self._steps()
        title = self._title(train, width)
        per_epoch = snapshot.state.started.steps_per_epoch if snapshot.state.started else 0
        apart = height >= MARKS_APART
        content, spikes = self._plot(train, valid, x, width - 2 - LABELS, height - 2, apart)
        unit = fit((Run(f"{axis_unit(x, per_epoch):>{LABELS - 1}}", "muted"),), LABELS)
        axis = axis_row(x, width - 2 - LABELS, per_epoch, () if apart else self._marks())
        corner = self._legend(width - width_of(title) - 9, spikes)
        bottom = (*unit, *_in_frame(axis, self.has_focus))
        return framed(content, width, height, title=title, corner=corner, bottom=bottom, focused=self.has_focus)

    def _plot(
        self, train: Series, valid: Series | None, x: Steps, width: int, height: int, apart: bool
    ) -> tuple[list[Row], int]:
        """Labels and curves, full screen below what the term means, and how many spikes were cut."""
        assert self.term is not None
        curves = [self._trace(train, x, "train")]
        if valid:
            curves.append(self._trace(valid, x, "validation", dashed=True))
        whole = self.has_class("-maximized") and bool(self.term.help)
        tall = height - apart - whole
        if self._drawn != (len(curves), width, tall):  # another size is another chart: its axis is its own
            self._drawn, self._values = (len(curves), width, tall), None
        self._values = values_axis(
            [curve.points for curve in curves], log=self.log_scale, former=self._values, ticks=max(3, min(6, tall // 3))
        )
        best = self._bests(self.snapshot.state).get(self.term.name) if has_best(self.term) else None
        reach, best_step = SMOOTHING[self.smoothing], best.step if best else None
        drawing = draw(curves, x, self._values, width, tall, smoothing=reach, best=best_step)
        labels = label_column(self._values, LABELS - 1, tall)
        rows: list[Row] = [(Run(f" {clean(self.term.help)}", "muted"),)] if whole else []
        rows += [(Run(f"{label} ", "muted"), *row) for label, row in zip(labels, drawing.rows, strict=True)]
        if apart:
            rows.append((Run(" " * LABELS, "text"), *marks_row(x, width, self._marks())))
        return rows, drawing.spikes

    def copied(self) -> str:
        """The term's value."""
        if self.term is None:
            return ""
        return number(present(self._curve(0), self.snapshot.state, self.term))

    def _title(self, train: Series, width: int) -> Row:
        assert self.term is not None
        state = self.snapshot.state
        row = [Run(clean(self.term.label), "strong"), Run("  ", "text"),
               Run(number(present(train, state, self.term)), "train"), Run(f" {trend(train)}", "train")]  # fmt: skip
        if (value := validation(state.epoch, self.term)) is not None:
            row += [Run("  validation ", "muted"), Run(number(value), "validation")]
        best = self._bests(state).get(self.term.name) if has_best(self.term) else None
        if best is not None and width > 100:
            row += [Run("  best ", "muted"), Run(number(best.value), "best"), Run(f" at epoch {best.epoch}", "muted")]
        return tuple(row)

    def _legend(self, room: int, spikes: int) -> Row:
        """How the chart is set, then what the colours and marks mean, as far as there is room."""
        words = ["log"] if self.log_scale else []
        words += [f"{self.smoothing} smoothing"] if self.smoothing != "off" else []
        words += [plural(spikes, "spike") + " cut"] if spikes else []
        if self.span is not None:
            words.append(plural(self.span, "step") + ("" if self.lo is None else ", f follows"))
        parts: list[Row] = [(Run(" · ".join(words), "accent"),)] if words else []
        parts += [CURVES_LEGEND, MARKS_LEGEND]
        row: list[Run] = []
        for part in parts:
            if width_of(row) + width_of(part) + 2 > room:
                break
            row += [Run("  ", "text"), *part] if row else part
        return tuple(row)

    def _marks(self) -> list[Mark]:
        state = self.snapshot.state
        marks = [(preview.step, "♪", "accent") for preview in state.previews]
        marks += [(saved.step, "◆", "best") for saved in state.checkpoints]
        marks += [(stored.event.step, "✎", "accent") for stored in state.log if isinstance(stored.event, NoteAdded)]
        alerts = [stored.event for stored in state.log if isinstance(stored.event, AlertStarted)]
        marks += [(alert.step, "▲", "danger" if alert.severity == "danger" else "warning") for alert in alerts]
        return list(dict.fromkeys(marks))

    def _steps(self) -> Steps:
        dots = 2 * max(1, self.size.width - 2 - LABELS)
        return steps_axis(newest_step(self.snapshot.state), dots, span=self.span, lo=self.lo)

    def _curve(self, index: int) -> Series | None:
        """The curve as read; while a moved window is still being read, what was read before."""
        queries = self.queries()
        if not queries:
            return None
        query = queries[index]
        if (series := read_so_far(self.snapshot, query)) is not None:
            self._held[query.term] = series
        held = self._held.get(query.term)
        return held if held is None or held.mean else None

    def _changed(self) -> None:
        self.post_message(self.Wants())
        self.redraw()


def _in_frame(axis: Row, focused: bool) -> Row:
    return tuple(run._replace(role="focus") if focused and run.role == "border" else run for run in axis)


def _plain(title: str) -> Row:
    return (Run(title, "strong"),)


def _empty(snapshot: Snapshot, width: int, height: int, term: TermInfo | None = None) -> list[Row]:
    """What will be here, in the middle of the panel."""
    if snapshot.failure:
        lines = ["There is nothing to show.", clean(snapshot.failure)]
    elif term is not None and is_to_come(snapshot.state, term):
        over = snapshot.state.complete is not None
        lines = [
            "Nothing has measured this so far." if over else "Not measured yet.",
            *wrapped(clean(term.help), width),
        ]
    elif snapshot.state.complete is not None:
        lines = ["This run ended before its first step."]
    else:
        lines = ["The loss is drawn here from the first step on,", "training and validation together."]
    above = max(0, (height - len(lines)) // 2)
    rows: list[Row] = [()] * above
    return rows + [(Run(" " * max(0, (width - len(line)) // 2) + line, "muted"),) for line in lines]


def _power_of_two(value: int) -> int:
    """The largest power of two that is not above `value`."""
    return 1 << max(0, value.bit_length() - 1)
