"""The machine that trained: its figures as they last were, each with its curve over the steps."""

import math
from dataclasses import dataclass

from distill_tui.report import paths
from distill_tui.report.record import Record
from distill_tui.system_figures import WAITING, figures, lately, waiting

WIDTH, HEIGHT = 300, 24


@dataclass(frozen=True)
class FigureView:
    """A figure: its name, how it last was, whether that needs a word, and its curve with its top."""

    label: str
    value: str
    wrong: bool
    path: str
    top: str


def machine_view(record: Record) -> tuple[FigureView, ...]:
    """The figures of the run's machine; none where it measured none."""
    share = waiting(record.curve("data_time_s"), record.curve("step_time_s"))
    measured = {
        name: value for name, value in (record.state.step.extras if record.state.step else {}).items()
        if name.startswith("system/")
    }  # fmt: skip
    curves = {WAITING: share} | {name: record.curve(name) for name in measured}
    found = figures(measured, lately(share, record.state))
    views = []
    for figure in found:
        series = curves.get(figure.name)
        points = [] if series is None else [
            (min(series.first + (place + 0.5) * series.bucket, record.newest), value)
            for place, value in enumerate(series.mean) if math.isfinite(value)
        ]  # fmt: skip
        top = figure.top(series)
        path = paths.line([(x / record.newest * WIDTH, _height(value, top)) for x, value in points])
        views.append(FigureView(figure.label, figure.value, figure.role != "text", path, figure.text(top)))
    return tuple(views)


def _height(value: float, top: float) -> float:
    return HEIGHT * (1 - min(1.0, max(0.0, value / top))) if top > 0 else HEIGHT
