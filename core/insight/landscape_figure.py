"""A loss landscape as a picture for a report: bands of equal loss, or the curve of a line. matplotlib loads here."""

import io
import logging
import math
from typing import TYPE_CHECKING, Any

from core.errors import UsageError
from core.insight.landscape_record import Landscape, Line, Surface
from core.insight.landscape_scale import Scale
from core.insight.landscape_words import UNIT, facts, remarks, verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PROGRAM = "distill-tui"  # written into each picture, so that an earlier one may be replaced and nothing else
INCHES, DPI = (9.0, 5.4), 150
PAPER, INK, QUIET, LINE_INK, GOOD = "#fbfaf6", "#25292f", "#5a616b", "#1b5fb4", "#266b33"
RAMP = ("#f1ede0", "#e0c28f", "#d49057", "#bf5c4e", "#923367", "#532367", "#231440")
BANDS = 14
LEAST_RANGE = 0.1  # of an axis of losses, as a share of them
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png(landscape: Landscape) -> bytes:
    """The picture as PNG, 1350 x 810. Raises UsageError where matplotlib is missing."""
    figure = _figure()
    picture: Axes = figure.add_axes((0.085, 0.13, 0.50, 0.70))
    if landscape.surface is not None:
        _draw_surface(figure, picture, landscape.surface)
    else:
        line = landscape.path or landscape.line
        assert line is not None
        _draw_line(picture, line, landscape)
    _write_words(figure, landscape)
    for side in ("top", "right"):
        picture.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        picture.spines[side].set_color("#cfccc2")
    picture.tick_params(colors=QUIET, labelsize=9)
    data = io.BytesIO()
    figure.savefig(data, format="png", metadata={"Software": PROGRAM})
    return data.getvalue()


def is_our_png(data: bytes) -> bool:
    """Whether the bytes are a picture that may be replaced by a newer one."""
    return data.startswith(_SIGNATURE) and b"tEXtSoftware\0" + PROGRAM.encode() in data[:1024]


def _figure() -> "Figure":
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of font caches and of homes it cannot write to
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(f"no picture can be drawn ({error}); install it with: pip install matplotlib") from error
    figure = Figure(figsize=INCHES, dpi=DPI, facecolor=PAPER)
    FigureCanvasAgg(figure)
    return figure


def _draw_surface(figure: "Figure", picture: "Axes", surface: Surface) -> None:
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    scale = Scale.of(loss for row in surface.losses for loss in row)
    heights = np.ma.masked_invalid([[scale.height(loss) for loss in row] for row in surface.losses])
    colors = LinearSegmentedColormap.from_list("paper", RAMP)
    levels = np.linspace(0, 1, BANDS + 1)
    x = surface.positions
    picture.set_facecolor("#dfdcd3")
    bands = picture.contourf(x, x, heights, levels=levels, cmap=colors)
    picture.contour(x, x, heights, levels=levels, colors=INK, linewidths=0.35, alpha=0.5)
    _mark(picture, 0, 0, "checkpoint")
    picture.set_aspect("equal")
    for axis in (picture.xaxis, picture.yaxis):
        axis.set_major_formatter(PercentFormatter(1))
        axis.set_major_locator(MaxNLocator(5))
    picture.set_xlabel("first direction, in percent of the weights' own size", color=QUIET, fontsize=9)
    picture.set_ylabel("second direction", color=QUIET, fontsize=9)
    beside: Any = figure.add_axes((0.565, 0.13, 0.014, 0.70))
    shown = levels[:: BANDS // 7]
    figure.colorbar(bands, cax=beside, ticks=shown).outline.set_visible(False)
    beside.set_yticklabels([f"{scale.loss(level):.4g}" for level in shown])
    beside.tick_params(colors=QUIET, labelsize=8, length=2)
    beside.set_title("loss", color=QUIET, fontsize=9)


def _draw_line(picture: "Axes", line: Line, landscape: Landscape) -> None:
    from matplotlib.ticker import PercentFormatter

    picture.set_facecolor(PAPER)
    losses = [loss if math.isfinite(loss) else math.nan for loss in line.losses]
    picture.plot(line.positions, losses, color=LINE_INK, linewidth=2, marker="o", markersize=3.5)
    finite = [loss for loss in losses if loss == loss] or [0.0]
    low, high = min(finite), max(finite)
    if low > 0 and high > 100 * low:
        picture.set_yscale("log")
    elif (least := LEAST_RANGE * max(abs(low), abs(high))) > high - low:  # so that nothing looks like a mountain
        picture.set_ylim((low + high - least) / 2, (low + high + least) / 2)
    picture.grid(axis="y", color="#cfccc2", linewidth=0.6)
    picture.set_ylabel(f"loss ({landscape.label})", color=QUIET, fontsize=9)
    _mark(picture, 0, line.at(0.0), "checkpoint" if landscape.path is None else landscape.checkpoint)
    if landscape.path is not None:
        _mark(picture, 1, line.at(1.0), landscape.other)
        picture.set_xlabel("share of the way", color=QUIET, fontsize=9)
    else:
        picture.xaxis.set_major_formatter(PercentFormatter(1))
        picture.set_xlabel("a random direction, in percent of the weights' own size", color=QUIET, fontsize=9)


def _mark(picture: "Axes", x: float, y: float, name: str) -> None:
    if not math.isfinite(y):
        return
    picture.plot([x], [y], marker="o", markersize=8, color=GOOD, markeredgecolor=PAPER, markeredgewidth=1.5)
    picture.annotate(
        _plain(name), (x, y), xytext=(9, -15), textcoords="offset points", color=INK, fontsize=9,
        bbox={"boxstyle": "round,pad=0.2", "facecolor": PAPER, "edgecolor": "none", "alpha": 0.75},
    )  # fmt: skip


def _write_words(figure: "Figure", landscape: Landscape) -> None:
    word, meaning = verdict(landscape)
    chunks = f"{landscape.items} held-out chunk{'s' if landscape.items != 1 else ''}"
    figure.text(0.03, 0.935, "Loss landscape", color=INK, fontsize=15, weight="bold")
    to = f" to {landscape.other}" if landscape.other else ""
    where = f"{landscape.run} · {landscape.checkpoint}{to} · step {landscape.step:,} · {chunks}"
    figure.text(0.03, 0.885, _plain(where), color=QUIET, fontsize=9)
    figure.text(0.65, 0.79, word.capitalize(), color=INK, fontsize=14 if len(word) <= 18 else 11, weight="bold")
    y = 0.74
    for line in [*_wrapped(f"{meaning[0].upper()}{meaning[1:]}."), ""]:
        figure.text(0.65, y, line, color=INK, fontsize=9.5)
        y -= 0.04
    for label, value in facts(landscape):
        figure.text(0.65, y, label, color=QUIET, fontsize=8.5)
        figure.text(0.75, y, _plain(value), color=INK, fontsize=8.5)
        y -= 0.042
    for remark in [*remarks(landscape), UNIT]:
        y -= 0.015
        for line in _wrapped(remark):
            figure.text(0.65, y, line, color=QUIET, fontsize=8.5)
            y -= 0.038


def _plain(text: str) -> str:
    """Text of a file, not a formula: matplotlib reads what stands between dollars."""
    return "".join(character if character.isprintable() else " " for character in text).replace("$", r"\$")


def _wrapped(text: str) -> list[str]:
    import textwrap

    return textwrap.wrap(text, 44)
