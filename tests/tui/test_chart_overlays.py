"""Other runs laid over the watched one, and the chart at every size."""

from pathlib import Path

import pytest
from textual.app import App, ComposeResult

from core.run.state import RunState, fold
from distill_tui.overlay import Overlay
from distill_tui.panels.chart_panel import ChartPanel
from distill_tui.panels.panel import Panel
from distill_tui.reader import Snapshot
from tests.fakes import AUDIO_TERMS, FakeLink


class Laid(App[None]):
    """A chart alone, with one run watched and others laid over it."""

    def __init__(self, link: FakeLink, others: dict[str, FakeLink], baseline: str = "") -> None:
        super().__init__()
        self.link, self.others = link, others
        self.overlays = tuple(
            Overlay(name, Path(name), f"series{3 + place}", name == baseline, {}, other.step)
            for place, (name, other) in enumerate(others.items())
        )
        self.state = RunState()

    def compose(self) -> ComposeResult:
        yield ChartPanel()

    def on_mount(self) -> None:
        self.chart.select(self.link.terms[1])
        self.call_after_refresh(self.read)

    @property
    def chart(self) -> ChartPanel:
        return self.query_one(ChartPanel)

    def on_panel_wants(self, _: Panel.Wants) -> None:
        self.read()

    def read(self) -> None:
        """What a reader does in a round."""
        self.state = fold(self.state, self.link.read(self.state.seq))
        links = {"": self.link, **self.others}
        series = {q: links[q.run].series(q.term, q.lo, q.hi, q.width) for q in self.chart.queries()}
        self.chart.show(Snapshot(state=self.state, series=series, overlays=self.overlays))

    def lines(self) -> list[str]:
        return [strip.text for strip in self.screen._compositor.render_strips()]

    def roles(self) -> set[str]:
        return {run.role for row in self.chart._rows for run in row if run.text.strip()}


def shorter() -> FakeLink:
    return FakeLink(steps=500, curve=lambda term, step: 0.4)


def longer() -> FakeLink:
    return FakeLink(steps=2500, curve=lambda term, step: 0.5)


async def test_other_runs_are_drawn_in_their_colours_and_named() -> None:
    app = Laid(FakeLink(), {"bells-01": longer(), "bells-02": shorter()}, baseline="bells-01")
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.pause()
        assert {"series3", "series4", "train", "validation"} <= app.roles()
        assert "⚑ bells-01  ┄┄ bells-02" in app.lines()[1]
        assert app.chart._steps().hi > 2500, "the axis covers the longest"
        assert {query.run for query in app.chart.queries()} == {"", "bells-01", "bells-02"}
        app.chart.toggle_cursor()
        await pilot.pause()
        assert "⚑ bells-01 0.5  ┄┄ bells-02 –" in app.lines()[1]
        app.chart.cursor = 300
        app.chart.redraw()
        await pilot.pause()
        assert "⚑ bells-01 0.5  ┄┄ bells-02 0.4" in app.lines()[1]
        app.chart.move_cursor(1000)
        assert app.chart.cursor == 2500
        await pilot.pause()
        assert "train –" in app.lines()[0]


async def test_low_charts_name_the_runs_in_the_frame() -> None:
    app = Laid(FakeLink(), {"bells-01": longer(), "bells-02": shorter()}, baseline="bells-01")
    async with app.run_test(size=(120, 7)) as pilot:
        await pilot.pause()
        assert "⚑ bells-01  ┄┄ bells-02" in app.lines()[0]
        app.chart.toggle_cursor()
        await pilot.pause()
        assert "bells-01 0.5" in app.lines()[0]


class Validated(FakeLink):
    """A run that has a term only where it validates."""

    def series(self, term: str, lo: int = 0, hi: int | None = None, width: int = 100):  # type: ignore[no-untyped-def]
        return super().series(term if term.startswith("val/") else "nothing", lo, hi, width)


async def test_a_run_without_training_values_shows_its_validation() -> None:
    app = Laid(FakeLink(), {"judged": Validated()})
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.pause()
        await pilot.pause()
        assert [query.term for query in app.chart.queries() if query.run] == ["stft_loss", "val/stft_loss"]
        assert "series3" in app.roles()


async def test_a_run_that_does_not_know_the_term_has_a_dash() -> None:
    app = Laid(FakeLink(), {"tunes": FakeLink(terms=(AUDIO_TERMS[0],))})
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.pause()
        app.chart.toggle_cursor()
        await pilot.pause()
        assert "┄┄ tunes –" in app.lines()[1]


async def test_nothing_is_painted_when_nothing_has_changed() -> None:
    app = Laid(FakeLink(), {"bells-01": longer()})
    async with app.run_test(size=(120, 24)) as pilot:
        await pilot.pause()
        plotted = app.chart._face._plot._plotted
        rows = app.chart._rows
        app.chart.redraw()
        assert app.chart._rows == rows
        assert app.chart._face._plot._plotted is plotted
        app.chart.toggle_cursor()
        assert app.chart._face._plot._plotted is plotted, "the cursor draws no curve anew"
        app.chart.toggle_cursor()
        assert app.chart._rows == rows


@pytest.mark.parametrize("size", [(24, 4), (30, 5), (80, 9), (200, 30)])
@pytest.mark.parametrize("steps", [0, 1, 2, 700])
async def test_every_size_and_age_can_be_drawn_with_everything_on(size: tuple[int, int], steps: int) -> None:
    others = {"a": FakeLink(steps=0), "音-very-long-name-of-a-run-\x1b[31m": longer()}
    app = Laid(FakeLink(steps=steps), others, baseline="a")
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        for act in (app.chart.toggle_cursor, lambda: app.chart.move_cursor(-3), app.chart.toggle_log,
                    app.chart.next_smoothing, lambda: app.chart.zoom(1), lambda: app.chart.pan(-1)):  # fmt: skip
            act()
            await pilot.pause()
            lines = app.lines()
            assert all(len(line) <= size[0] for line in lines)
            assert "\x1b" not in "".join(lines)
