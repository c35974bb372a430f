"""One run as one line of the home screen."""

import shlex
import time
from dataclasses import dataclass

from rich.text import Text

from core.run.folder import RunSummary
from distill_tui.format import MISSING, clean, count, duration, number, shortened
from distill_tui.panels.rows import cell
from distill_tui.theme import Palette

LOOKS = {
    "finished": ("✓", "good"),
    "cancelled": ("■", "warning"),
    "preempted": ("■", "warning"),
    "interrupted": ("■", "warning"),
    "failed": ("✗", "danger"),
    "broken": ("✗", "danger"),
    "waiting": ("○", "muted"),
}
LIVE = ("●", "good")
STATE, EPOCH, BEST, WHEN = 13, 13, 8, 14


@dataclass(frozen=True)
class Columns:
    """The widths of the columns that depend on the room: 0 leaves one out."""

    gap: int
    name: int
    data: int
    recipe: int
    when: int

    @classmethod
    def within(cls, width: int) -> "Columns":
        """Narrow screens leave out the recipe, then where the sounds are, then when."""
        gap = 3 if width >= 100 else 2
        recipe = 8 if width >= 130 else 0
        when = WHEN if width >= 66 else 0
        rest = width - STATE - EPOCH - BEST - 3 * gap - (recipe + gap if recipe else 0) - (when + gap if when else 0)
        if rest < 34:
            return cls(gap, max(0, rest), 0, recipe, when)
        name = min(36, max(16, rest // 3))
        return cls(gap, name, rest - name - gap, recipe, when)


def run_line(run: RunSummary, width: int, palette: Palette, now: float | None = None) -> Text:
    """Name, state in a symbol and a word, epoch, best validation loss, the sounds' folder, and when."""
    columns = Columns.within(width)
    gap = " " * columns.gap
    symbol, role = LIVE if run.live else LOOKS.get(run.status, LOOKS["waiting"])
    line = Text(no_wrap=True, end="")
    line.append(cell(clean(run.name), columns.name), palette["strong" if run.live else "text"])
    line.append(gap + cell(f"{symbol} {run.status}", STATE), palette[role])
    if run.error:
        line.append(
            gap + cell(clean(run.error), max(0, width - columns.name - STATE - 2 * columns.gap)), palette["muted"]
        )
        return line
    line.append(gap + cell(_epoch(run), EPOCH, right=True), palette["text"])
    line.append(gap + cell(number(run.best_val_loss), BEST, right=True), palette["best"])
    if columns.recipe:
        line.append(gap + cell(clean(run.recipe), columns.recipe), palette["muted"])
    if columns.data:
        line.append(gap + cell(shortened(clean(run.data), columns.data), columns.data), palette["muted"])
    if columns.when:
        line.append(gap + cell(_when(run, time.time() if now is None else now), WHEN, right=True), palette["muted"])
    return line


def header_line(width: int, palette: Palette) -> Text:
    """What the columns are."""
    columns = Columns.within(width)
    words = [cell("run", columns.name), cell("state", STATE), cell("epoch", EPOCH, right=True)]
    words.append(cell("best", BEST, right=True))
    if columns.recipe:
        words.append(cell("recipe", columns.recipe))
    if columns.data:
        words.append(cell("data", columns.data))
    if columns.when:
        words.append(cell("last seen", WHEN, right=True))
    return Text((" " * columns.gap).join(words), palette["faint"], no_wrap=True, end="")


def detail_words(run: RunSummary, palette: Palette) -> Text:
    """What else is known of the run, a line each, with the command that shows it again."""
    lines = [("folder", clean(str(run.path)))]
    if run.error:
        lines.append(("problem", clean(run.error)))
    else:
        lines.append(("data", clean(run.data) or MISSING))
        step = f", step {count(run.step)}" if run.step else ""
        lines.append(("state", f"{run.status}, epoch {_epoch(run)}{step}"))
        at = f" at epoch {count(run.best_epoch)}" if run.best_epoch is not None else ""
        lines.append(("best", f"{number(run.best_val_loss)}{at}"))
        verb = "watch" if run.live or run.status == "finished" else "resume"
        lines.append(("command", f"distill-tui {verb} {shlex.quote(clean(str(run.path)))}"))
    words = Text()
    for label, value in lines:
        words.append(f"{label:<9}", palette["muted"])
        words.append(f"{value}\n", palette["text"])
    words.rstrip()
    return words


def _epoch(run: RunSummary) -> str:
    if not run.epoch and not run.total_epochs:
        return MISSING
    if not run.total_epochs:
        return count(run.epoch)
    roomy, tight = (f"{count(run.epoch)}{slash}{count(run.total_epochs)}" for slash in (" / ", "/"))
    return roomy if len(roomy) <= EPOCH else tight


def _when(run: RunSummary, now: float) -> str:
    if run.live:
        return "now"
    return f"{duration(max(0.0, now - run.updated))} ago" if run.updated else MISSING
