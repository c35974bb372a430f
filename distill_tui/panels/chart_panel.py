"""The large chart of the selected term: its keys and its mouse."""

from typing import ClassVar

from textual import events

from core.run.events import TermInfo
from distill_tui.axes import Steps
from distill_tui.cells import Row
from distill_tui.chart import SMOOTHING
from distill_tui.chart_cursor import reading, step_at, stepped
from distill_tui.chart_view import View
from distill_tui.format import number
from distill_tui.panels import chart_legend as legend
from distill_tui.panels.chart_face import Face, Scene, marks_line
from distill_tui.panels.chart_plot import LABELS, Look
from distill_tui.panels.chart_source import Curves, Source, reach
from distill_tui.panels.chart_words import WORDS, help_of
from distill_tui.panels.curves import present
from distill_tui.panels.panel import Panel
from distill_tui.panels.words import PanelHelp
from distill_tui.reader import Query, Snapshot


class ChartPanel(Panel):
    """Training and validation of one term over steps, and other runs below them.

    Zoom and pan choose the steps, `follow` keeps to the newest, a cursor reads them. The wheel zooms about the
    pointer, dragging pans, a click sets the cursor.
    """

    DEFAULT_CSS = "ChartPanel { height: 1fr; width: 1fr; }"
    WORDS: ClassVar[PanelHelp] = WORDS
    ALLOW_SELECT = False  # dragging pans

    def __init__(self, id: str = "chart") -> None:
        super().__init__(id=id)
        self.term: TermInfo | None = None
        self.log_scale = False
        self.smoothing = "off"
        self.view = View()
        self.cursor: int | None = None  # the step that is read; it may be out of view
        self._cursor_before: int | None = None
        self._grabbed: tuple[int, View] | None = None  # column and view where dragging began
        self._dragged = False
        self._pointed: int | None = None  # cell of the mark under the pointer
        self._source = Source()
        self._face = Face()

    @property
    def span(self) -> int | None:
        """Steps in view; None: the whole run."""
        return self.view.span

    @property
    def lo(self) -> int | None:
        """The first step in view; None: the newest are followed."""
        return self.view.lo

    def help_words(self) -> PanelHelp:
        """What `?` says: the selected term's own meaning first."""
        return help_of(self.term)

    def select(self, term: TermInfo) -> None:
        """Show this term."""
        if self.term is None or self.term.name != term.name:
            self.term = term
            self._source.forget()
            self._changed()

    def zoom(self, direction: int, about: int | None = None) -> None:
        """Half (1) or twice (-1) as many steps; the step `about`, else the cursor's, keeps its place."""
        newest, longest = reach(self.snapshot)
        if longest >= 0:
            about = about if about is not None else self._scene().at
            self._see(self.view.zoomed(direction, newest, longest, about))

    def pan(self, direction: int) -> None:
        """A quarter of the view to earlier (-1) or later (1) steps; past the newest it follows again."""
        self._see(self.view.panned(direction * max(1, (self.view.span or 0) // 4), *reach(self.snapshot)))

    def follow(self) -> None:
        """Keep to the newest steps; with them in view already, back to the whole run."""
        self._see(self.view.followed())

    def toggle_log(self) -> None:
        """Linear or logarithmic."""
        self.log_scale = not self.log_scale
        self.redraw()

    def next_smoothing(self) -> str:
        """Off, light, strong; returns which."""
        levels = list(SMOOTHING)
        self.smoothing = levels[(levels.index(self.smoothing) + 1) % len(levels)]
        self.redraw()
        return self.smoothing

    def toggle_cursor(self) -> None:
        """A cursor at the newest step in view, and none."""
        if self.cursor is not None:
            self.drop_cursor()
        elif (newest := reach(self.snapshot)[0]) >= 0:
            x = self._steps()
            self.cursor = max(x.lo, min(newest, x.hi - 1))
            self.focus()  # so that the arrow keys move it
            self.redraw()

    def move_cursor(self, columns: int) -> None:
        """So many columns to the right (negative: left), each at least a step; the view comes along."""
        if self.cursor is None:
            return
        newest, longest = reach(self.snapshot)
        x = self._steps()
        self.cursor = stepped(x, max(x.lo, min(self.cursor, x.hi - 1)), columns, longest)
        if not self._see(self.view.holding(self.cursor, newest, longest)):
            self.redraw()

    def drop_cursor(self) -> bool:
        """Take the cursor off; False when there is none."""
        if self.cursor is None:
            return False
        self.cursor = None
        self.redraw()
        return True

    def moved(self, direction: str) -> bool:
        """Left and right move the cursor while it is on, and begin one full screen."""
        if direction not in ("left", "right"):
            return False
        if self.cursor is not None:
            self.move_cursor(-1 if direction == "left" else 1)
        elif self.has_class("-maximized"):
            self.toggle_cursor()
        return self.cursor is not None

    def copied(self) -> str:
        """The value under the cursor and its step, else the term's value."""
        scene = self._scene()
        if scene.term is None:
            return ""
        if scene.at is None:
            return number(present(scene.curves.train, scene.snapshot.state, scene.term))
        read = reading(scene.curves.train, scene.x, scene.at)
        return legend.copied(scene.term, scene.at, read)

    def queries(self) -> tuple[Query, ...]:
        """Both curves over the steps in view, and one of each overlaid run."""
        if self.term is None or self.size.width < LABELS + 4:
            return ()
        return self._source.queries(self.snapshot, self.term, self.view, self._steps())

    def show(self, snapshot: Snapshot) -> None:
        """Draw; when the window moved on with the newest step, its curves are wanted from there."""
        before = self.queries()
        self.snapshot = snapshot
        if self.queries() != before:
            self.post_message(self.Wants())
        self.redraw()

    def rows(self, width: int, height: int) -> tuple[Row, ...]:
        """The frame with the x axis as its bottom line, the labels, the curves."""
        return self._face.rows(self._scene(), width, height)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Closer, about the pointer."""
        event.stop()
        self.zoom(1, self._step_under(event.x))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Farther, about the pointer."""
        event.stop()
        self.zoom(-1, self._step_under(event.x))

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of the curve."""
        self._dragged = False
        if event.button == 1:
            self._grabbed = event.x, self.view
            self.capture_mouse()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Pan while a button is down; else say what the mark under the pointer is."""
        if self._grabbed is None:
            self._point(event.x, event.y)
        elif not event.button:  # it was let go outside the terminal
            self.on_mouse_up()
        elif event.x != self._grabbed[0]:
            self._dragged, x = True, self._steps()
            steps = round((self._grabbed[0] - event.x) * 2 * x.span / x.dots)
            self._see(self._grabbed[1].panned(steps, *reach(self.snapshot)))

    def on_mouse_up(self) -> None:
        """Let go."""
        self._grabbed = None
        self.release_mouse()

    def on_click(self, event: events.Click) -> None:
        """The cursor to this step; a double click, which is for full screen, leaves it as it was."""
        step, longest = self._step_under(event.x), reach(self.snapshot)[1]
        if event.chain == 1 and step is not None and not self._dragged and longest >= 0:
            self._cursor_before, self.cursor = self.cursor, min(step, longest)
        elif event.chain == 2:
            self.cursor = self._cursor_before
        self.redraw()

    def on_leave(self) -> None:
        """Nothing is pointed at."""
        self._point(-1, -1)

    def _point(self, column: int, row: int) -> None:
        cell = column - 1 - LABELS
        on_marks = row == marks_line(self.size.height) and cell >= 0
        marked = on_marks and any(abs(cell - other) <= 1 for other in self._face.cells(self._scene()))
        pointed = cell if marked else None
        if pointed != self._pointed:
            self._pointed = pointed
            self.redraw()

    def _step_under(self, column: int) -> int | None:
        cell, x = column - 1 - LABELS, self._steps()
        return step_at(x, cell) if 0 <= cell < x.dots // 2 else None

    def _see(self, view: View) -> bool:
        if view == self.view:
            return False
        self.view = view
        self._changed()
        return True

    def _scene(self) -> Scene:
        x = self._steps()
        curves = self._source.curves(self.snapshot, self.term, self.view, x) if self.term else Curves()
        return Scene(
            self.snapshot, self.term, curves, x, self.view, Look(self.log_scale, self.smoothing), self.cursor,
            self._pointed, self.has_focus, self.has_class("-maximized"),
        )  # fmt: skip

    def _steps(self) -> Steps:
        return self.view.steps(*reach(self.snapshot), 2 * max(1, self.size.width - 2 - LABELS))

    def _changed(self) -> None:
        self.post_message(self.Wants())
        self.redraw()
