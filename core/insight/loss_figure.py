"""The losses of a monitor as one figure: a row for each group, each loss with its smoothed curve and its odd values."""

import math
from pathlib import Path
from typing import TYPE_CHECKING

from core.insight.figures import LOOKS, Look, LookName, check_path, new_figure, plain, settle, write
from core.insight.robust import outliers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from core.insight.loss_monitor import LossMonitor

ROW, EDGE = 1.9, 0.9  # inches: of a group, and of title and steps together
SMOOTHED = 0.05  # of a curve's points
MANY = 2.5  # in decades: what spans more is drawn on a logarithmic scale


def draw(monitor: "LossMonitor", path: Path, look: LookName, title: str) -> Path:
    """Write the figure; see `LossMonitor.plot`."""
    check_path(path)
    groups = {group: names for group, names in monitor.groups.items() if names}
    colors = LOOKS[look]
    rows = max(1, len(groups))
    height = ROW * rows + EDGE
    figure = new_figure(colors, 9.0, height)
    figure.text(0.075, 1 - 0.38 / height, plain(title), color=colors.ink, fontsize=14, weight="bold")
    first: Axes | None = None
    for row, (group, names) in enumerate(groups.items()):
        bottom = (0.45 + ROW * (rows - 1 - row) + 0.12) / height
        axes = figure.add_axes((0.075, bottom, 0.72, (ROW - 0.5) / height), sharex=first)
        first = first or axes
        settle(axes, colors)
        axes.set_title(plain(group), loc="left", color=colors.quiet, fontsize=9, pad=4)
        _draw_group(axes, monitor, names, colors)
        if row < rows - 1:
            axes.tick_params(labelbottom=False)
        else:
            axes.set_xlabel("step", color=colors.quiet, fontsize=8)
    if not groups:
        figure.text(0.075, 0.5, "nothing was measured yet", color=colors.quiet, fontsize=10)
    write(figure, path)
    return path


def _draw_group(axes: "Axes", monitor: "LossMonitor", names: list[str], look: Look) -> None:
    shown = []
    labels = {term.name: term.label for term in monitor.terms}
    for number, name in enumerate(names):
        steps, values = monitor.history(name)
        color = look.lines[number % len(look.lines)]
        finite = [value if math.isfinite(value) else math.nan for value in values]
        shown += [value for value in finite if not math.isnan(value)]
        axes.plot(steps, finite, color=color, linewidth=0.6, alpha=0.35)
        axes.plot(steps, smoothed(finite), color=color, linewidth=1.5, label=plain(labels.get(name, name)))
        odd = [place for place in outliers(values) if not math.isnan(finite[place])]
        axes.plot([steps[p] for p in odd], [finite[p] for p in odd], ".", color=look.danger, markersize=3)
    if shown and min(shown) > 0 and max(shown) > 10**MANY * min(shown):
        axes.set_yscale("log")
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1.06), frameon=False, fontsize=7.5, labelcolor=look.ink,
        handlelength=1.2, ncols=1 + (len(names) - 1) // 9,
    )  # fmt: skip


def smoothed(values: list[float]) -> list[float]:
    """The median of about a twentieth of the values around each: what is odd leaves no bump, and no end is pulled."""
    import numpy as np

    around = max(1, round(SMOOTHED * len(values) / 2))
    if np.isnan(values).all():
        return values
    padded = np.pad(np.asarray(values, np.float64), around, constant_values=np.nan)
    windows = np.lib.stride_tricks.sliding_window_view(padded, 2 * around + 1)
    middle = np.full(len(values), np.nan)
    there = ~np.isnan(windows).all(axis=1)
    middle[there] = np.nanmedian(windows[there], axis=1)
    return [float(value) for value in middle]
