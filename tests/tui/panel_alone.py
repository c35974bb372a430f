"""A panel by itself in a little app, shown a run at one moment: for tests of what it draws at any size."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from textual.app import App, ComposeResult

from core.run.state import RunState, fold
from distill_tui import theme
from distill_tui.panels.panel import Panel
from distill_tui.reader import Snapshot
from tests.fakes import FakeLink


class Alone(App[None]):
    """One panel and a theme."""

    def __init__(self, panel: Panel, name: str) -> None:
        super().__init__()
        self.panel = panel
        self.palette = theme.load(theme.available()[name]).palette

    def compose(self) -> ComposeResult:
        """Only the panel."""
        yield self.panel


class Shown:
    """The panel and its run."""

    def __init__(self, panel: Panel, link: FakeLink) -> None:
        self.panel, self.link = panel, link

    def show(self, live: bool = True) -> None:
        """Read the run as it is now, with the curves that the panel wants once it has seen it."""
        state = fold(RunState(), self.link.read(0))
        snapshot = Snapshot(state=state, info=replace(self.link.info(), live=live and self.link.live))
        self.panel.show(snapshot)
        curves = {
            query: self.link.series(query.term, query.lo, query.hi, query.width) for query in self.panel.queries()
        }
        self.panel.show(replace(snapshot, series=curves))

    @property
    def lines(self) -> list[str]:
        """The panel as text."""
        width, height = self.panel.size
        return ["".join(run.text for run in row) for row in self.panel.rows(width, height)]

    @property
    def text(self) -> str:
        """The panel as one text."""
        return "\n".join(self.lines)

    def role_of(self, text: str) -> str:
        """The role of the first run that holds the text."""
        width, height = self.panel.size
        return next(run.role for row in self.panel.rows(width, height) for run in row if text in run.text)


@asynccontextmanager
async def alone(
    panel: Panel, link: FakeLink, size: tuple[int, int] = (74, 20), name: str = "distill-dark"
) -> AsyncIterator[Shown]:
    """The panel in a terminal of that size."""
    async with Alone(panel, name).run_test(size=size):
        shown = Shown(panel, link)
        shown.show()
        yield shown
