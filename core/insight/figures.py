"""The look that figures have in common: paper, ink, thin axes, and colours of the themes. matplotlib loads here."""

import io
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from core.errors import UsageError
from core.run.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LookName = Literal["light", "dark"]
DPI = 150
FORMATS = (".png", ".svg")


@dataclass(frozen=True)
class Look:
    """The colours of a figure. `lines` are told apart in their order; `raw` is a curve behind its smoothed one."""

    paper: str
    ink: str
    quiet: str
    faint: str
    rule: str
    raw: str
    good: str
    warning: str
    danger: str
    lines: tuple[str, ...]


LIGHT = Look(
    paper="#fbfaf6", ink="#25292f", quiet="#5a616b", faint="#a5a69f", rule="#cfccc2", raw="#a9c1de", good="#266b33",
    warning="#7a4e00", danger="#b3261e",
    lines=("#1b5fb4", "#a84a06", "#046d50", "#850061", "#6c3ede", "#644701", "#be2752", "#23318c"),
)  # fmt: skip
DARK = Look(
    paper="#14171c", ink="#d6dae1", quiet="#959eac", faint="#555e6b", rule="#353c47", raw="#3f5a7d", good="#86cf95",
    warning="#ecc069", danger="#f2858a",
    lines=("#7cb0f2", "#f0a868", "#40c29a", "#f6a0c8", "#9d8bf9", "#e0ce55", "#e17e4d", "#4c9cc2"),
)  # fmt: skip
LOOKS: dict[LookName, Look] = {"light": LIGHT, "dark": DARK}


def new_figure(look: Look, width: float = 9.0, height: float = 5.4) -> "Figure":
    """An empty figure of so many inches, on its own canvas: no window, nothing that other code could share.

    Raises UsageError where matplotlib is missing.
    """
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # it tells of font caches and of homes it cannot write to
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(f"no picture can be drawn ({error}); install it with: pip install matplotlib") from error
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=look.paper)
    FigureCanvasAgg(figure)
    return figure


def settle(axes: "Axes", look: Look, sides: Iterable[str] = ("left", "bottom")) -> None:
    """Thin, quiet axes on the `sides`, and lines across to read values by."""
    axes.set_facecolor(look.paper)
    for name, spine in axes.spines.items():
        spine.set_visible(name in sides)
        spine.set_color(look.rule)
        spine.set_linewidth(0.8)
    axes.tick_params(colors=look.quiet, labelsize=8, length=2, width=0.8)
    axes.grid(axis="y", color=look.rule, linewidth=0.5, alpha=0.7)
    axes.set_axisbelow(True)


def check_path(path: Path) -> None:
    """Raise UsageError unless the figure can be written as what `path` ends with."""
    if path.suffix.lower() not in FORMATS:
        raise UsageError(f"{path}: figures are written as {' or '.join(FORMATS)}; end the name with one of them")


def write(figure: "Figure", path: Path) -> None:
    """Write `figure` as PNG or SVG, by the ending of `path`; the same figure gives the same bytes.

    Raises UsageError for another ending and where the disk refuses.
    """
    check_path(path)
    kind = path.suffix.lower()[1:]
    try:
        atomic_write(path, data_of(figure, kind))
    except OSError as error:
        raise UsageError(f"{path}: the figure cannot be written ({error.strerror or error})") from error


def data_of(figure: "Figure", kind: str = "png") -> bytes:
    """The figure's bytes as "png" or "svg"; without a date, so that they are the same each time."""
    from matplotlib import rc_context

    data = io.BytesIO()
    with rc_context({"svg.hashsalt": "distill-tui", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(data, format=kind, metadata={"Date": None} if kind == "svg" else {"Software": "distill-tui"})
    return data.getvalue()


def plain(text: str) -> str:
    """Text of a file, not a formula: matplotlib reads what stands between dollars."""
    return "".join(character if character.isprintable() else " " for character in text).replace("$", r"\$")
