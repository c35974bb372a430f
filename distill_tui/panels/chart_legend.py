"""The words around the chart: values, what the cursor reads, how it is set, and which colour is which run."""

import math
from collections.abc import Mapping, Sequence

from rich.cells import cell_len

from core.run.events import TermInfo
from core.run.link import Series
from core.run.state import RunState
from distill_tui.cells import Row, Run
from distill_tui.chart import Drawing, trend
from distill_tui.chart_cursor import Reading, epoch_of
from distill_tui.chart_view import View
from distill_tui.format import clean, count, number, plural
from distill_tui.overlay import Overlay
from distill_tui.panels.chart_plot import Look
from distill_tui.panels.curves import Best, present, validation
from distill_tui.panels.frame import fit, width_of

CURVES: Row = (
    Run("train ", "muted"), Run("━━", "train"), Run("  validation ", "muted"), Run("╍╍", "validation"),
)  # fmt: skip
MARKS: Row = (
    Run("◆", "best"), Run(" checkpoint  ", "muted"), Run("♪", "accent"), Run(" preview  ", "muted"),
    Run("▲", "warning"), Run(" warning", "muted"),
)  # fmt: skip
SHORTEST_NAME = 6


def exact(value: float) -> str:
    """Four significant digits: 0.3121, 14.21, 12345, 1.234e-12."""
    if not math.isfinite(value):
        return number(value)
    if 1e4 <= abs(value) < 1e7:
        return f"{value:.0f}"
    return f"{value:.4g}".replace("e-0", "e-").replace("e+0", "e").replace("e+", "e")


def steps_of(read: Reading | None, step: int) -> str:
    """The steps that a reading is of, or the one that was asked for: step 1,184."""
    if read is None or read.exact:
        return f"step {count(read.first if read else step)}"
    return f"steps {count(read.first)}–{count(read.last)}"


def heading(term: TermInfo, state: RunState, train: Series | None, best: Best | None, width: int) -> Row:
    """The term and its values now."""
    arrow = trend(train) if train else ""
    row = [
        Run(clean(term.label), "strong"),
        Run("  ", "text"),
        Run(f"{number(present(train, state, term))} {arrow}", "train"),
    ]
    if (value := validation(state.epoch, term)) is not None:
        row += [Run("  validation ", "muted"), Run(number(value), "validation")]
    if best is not None and width > 100:
        row += [Run("  best ", "muted"), Run(number(best.value), "best"), Run(f" at epoch {best.epoch}", "muted")]
    return tuple(row)


def cursor_heading(
    term: TermInfo,
    step: int,
    train: Reading | None,
    valid: tuple[float, int] | None,
    smooth: float | None,
    steps_per_epoch: int,
    room: int,
    others: Sequence[Row] = (),
) -> Row:
    """What the cursor reads, the least important left out where there is little room."""
    epoch = epoch_of(step, steps_per_epoch)
    apart, close = Run(" · ", "faint"), Run(" ", "text")
    parts: list[tuple[int, Row]] = [
        (0, (Run(clean(term.label), "strong"), Run("  ", "text"), Run(steps_of(train, step), "focus"))),
    ]
    if epoch is not None:
        parts.append((6, (apart, Run(f"epoch {count(epoch)}", "muted"))))
    parts.append((1, (apart, *_valued("train", "–" if train is None else exact(train.value), "train"))))
    if train is not None and train.broken:
        parts.append((3, (close, Run("× not a number", "danger"))))
    if train is not None and not train.exact and math.isfinite(train.value):
        parts.append((4, (close, Run(f"({exact(train.minimum)} to {exact(train.maximum)})", "muted"))))
    if smooth is not None:
        parts.append((5, (apart, *_valued("smoothed", exact(smooth), "train"))))
    if valid is not None:
        value, at = valid
        parts.append((2, (apart, *_valued("validation", exact(value), "validation"))))
        if at != epoch:
            parts.append((7, (close, Run(f"of epoch {count(at)}", "muted"))))
    parts += [(8 + place, (apart, *row)) for place, row in enumerate(others)]
    while len(parts) > 1 and sum(width_of(row) for _, row in parts) > room:
        parts.remove(max(parts, key=lambda part: part[0]))
    return tuple(run for _, row in parts for run in row)


def copied(term: TermInfo, step: int, read: Reading | None) -> str:
    """What the cursor reads, as text to keep: step 1184  stft 0.3121."""
    steps = steps_of(read, step).replace(",", "").replace("–", "-")
    return f"{steps}  {clean(term.label)} {exact(read.value) if read else '–'}"


def settings(view: View, look: Look, drawing: Drawing) -> Row:
    """How the chart is set and what it leaves out, where that is not as usual."""
    words = ["log"] if look.log else []
    words += [f"{look.smoothing} smoothing"] if look.smoothing != "off" else []
    words += [plural(drawing.spikes, "spike") + " cut"] if drawing.spikes else []
    words += ["▾ 0 or below, g for linear"] if drawing.hidden else []
    if view.span is not None:
        words.append(plural(view.span, "step") + ("" if view.lo is None else ", f follows"))
    return (Run(" · ".join(words), "accent"),) if words else ()


def beside_each_other(parts: Sequence[Row], room: int) -> Row:
    """The parts in order, two cells apart, up to the first that has no room."""
    row: list[Run] = []
    for part in parts:
        if not part:
            continue
        if width_of(row) + width_of(part) + 2 > room:
            break
        row += [Run("  ", "text"), *part] if row else part
    return tuple(row)


def names_of(overlays: Sequence[Overlay], values: Mapping[str, str], width: int) -> Row:
    """The overlaid runs in their colours, the baseline with a flag, and their values at the cursor if it is on."""
    if not overlays:
        return ()
    shown = max(1, min(len(overlays), (width + 2) // (SHORTEST_NAME + 6)))
    more = f"+{len(overlays) - shown}" if shown < len(overlays) else ""
    taken = (5 + (len(values.get(overlay.name, "")) + 1 if values else 0) for overlay in overlays[:shown])
    spare = width - len(more) - sum(taken)
    row: list[Run] = []
    lengths = _shares([cell_len(clean(overlay.name)) for overlay in overlays[:shown]], spare)
    for overlay, length in zip(overlays, lengths, strict=False):
        row += [Run("  ", "text")] if row else []
        row += [Run("⚑ " if overlay.baseline else "┄┄ ", overlay.role)]
        row += fit((Run(clean(overlay.name), overlay.role),), length)
        if overlay.name in values:
            row.append(Run(f" {values[overlay.name]}", "text"))
    return (*row, Run(f"  {more}", "muted")) if more else tuple(row)


def valued_names(overlays: Sequence[Overlay], values: Mapping[str, str]) -> list[Row]:
    """Each overlaid run's name and value, short: for where they have no line of their own."""
    return [
        (*fit((Run(clean(overlay.name), overlay.role),), min(12, cell_len(clean(overlay.name)))),
         Run(f" {values.get(overlay.name, '–')}", "text"))
        for overlay in overlays
    ]  # fmt: skip


def _shares(lengths: Sequence[int], room: int) -> list[int]:
    """Cells for each name: all that it needs, or an even share of what the shorter ones leave."""
    result = [0] * len(lengths)
    left = max(room, SHORTEST_NAME * len(lengths))
    for done, place in enumerate(sorted(range(len(lengths)), key=lambda i: lengths[i])):
        result[place] = min(lengths[place], left // (len(lengths) - done))
        left -= result[place]
    return result


def _valued(word: str, value: str, role: str) -> Row:
    return Run(f"{word} ", "muted"), Run(value, role)
