"""One preview as one line: epoch, kind, name, length, waveform, distance, its trend, and how far it has been heard."""

from dataclasses import dataclass

from rich.style import Style
from rich.text import Text

from core.run.events import PreviewEvent
from distill_tui.cells import cell
from distill_tui.format import clean
from distill_tui.panels.preview_order import BEST
from distill_tui.theme import Palette
from distill_tui.waveform import waveform

ROLES = {"original": "text", "reconstruction": "accent", "sample": "train"}
MARK, EPOCH, TIME, TREND = 1, 5, 10, 2
SHORT_KINDS = {"original": "orig.", "reconstruction": "recon.", "sample": "sample"}


@dataclass(frozen=True)
class Columns:
    """The widths of a row's columns, in cells; a width of 0 leaves the column out."""

    gap: int
    kind: int
    name: int
    wave: int
    distance: int
    bar: int

    @classmethod
    def within(cls, width: int) -> "Columns":
        """The columns that fit into `width`: wide screens add a progress bar, narrow ones shorten the words."""
        gap = 2 if width >= 96 else 1
        kind = 14 if width >= 62 else 6
        distance = 11 if width >= 70 else 5 if width >= 54 else 0
        bar = 32 if width >= 160 else 16 if width >= 112 else 0
        fixed = (
            MARK
            + EPOCH
            + kind
            + TIME
            + distance
            + TREND * (distance > 0)
            + bar
            + gap * (5 + (distance > 0) + (bar > 0))
        )
        rest = max(0, width - fixed)
        name = min(40, max(min(8, rest), rest // 2))
        return cls(gap, kind, name, min(64, rest - name), distance, bar)


@dataclass(frozen=True)
class Heard:
    """How far the sound of a row is: still on its way here, or playing with so many seconds heard."""

    seconds: float = 0.0
    loading: bool = False


def preview_line(
    preview: PreviewEvent,
    width: int,
    palette: Palette,
    heard: Heard | None = None,
    *,
    first: bool = True,
    trend: str = "",
) -> Text:
    """The row. `first` of its step shows the epoch plainly; of what plays, the part heard so far is coloured.

    `trend` is the mark behind the distance.
    """
    columns = Columns.within(width)
    gap = " " * columns.gap
    kind = preview.kind if columns.kind >= len("reconstruction") else SHORT_KINDS[preview.kind]
    share = min(1.0, heard.seconds / preview.seconds) if heard and preview.seconds > 0 else 0.0
    shape = waveform(preview.peaks, columns.wave)
    played = round(share * len(shape))
    line = Text(no_wrap=True, end="")
    line.append(_mark(heard), palette["focus"])
    line.append(cell(str(preview.epoch), EPOCH, right=True), palette["text" if first else "muted"])
    line.append(gap + cell(kind, columns.kind), palette[ROLES[preview.kind]])
    line.append(gap + cell(clean(preview.name), columns.name))
    line.append(gap + cell(_time(preview, heard), TIME, right=True), palette["focus" if heard else "muted"])
    line.append(gap + shape[:played], palette["focus"])
    line.append(shape[played:], palette["muted"])
    if columns.distance:
        line.append(gap + cell(_distance(preview, columns.distance), columns.distance, right=True), palette["text"])
        line.append(cell(f" {trend}", TREND), palette["best" if trend == BEST else "muted"])
    if columns.bar and heard:
        line.append(gap)
        line.append_text(_bar(share, columns.bar, palette))
    return line


def header_line(width: int, style: Style) -> Text:
    """What the columns are."""
    columns = Columns.within(width)
    gap = " " * columns.gap
    words = [cell("epoch", MARK + EPOCH, right=True), cell("kind", columns.kind), cell("sound", columns.name)]
    words += [cell("length", TIME, right=True), cell("waveform", columns.wave)]
    if columns.distance > 5:
        words.append(cell("to original", columns.distance, right=True))
    return Text(gap.join(words), style, no_wrap=True, end="")


def _mark(heard: Heard | None) -> str:
    if heard is None:
        return " "
    if heard.loading:
        return "…"
    return "▶"


def _time(preview: PreviewEvent, heard: Heard | None) -> str:
    if heard is None or heard.loading:
        return f"{preview.seconds:.2f} s"
    if preview.seconds < 10:
        return f"{heard.seconds:.1f}/{preview.seconds:.1f} s"
    return f"{heard.seconds:.0f}/{preview.seconds:.0f} s"


def _distance(preview: PreviewEvent, width: int) -> str:
    if preview.mrstft is None:
        likeness = clean(preview.likeness)
        return likeness if width >= 11 else likeness.rpartition(" ")[2]
    return f"MRSTFT {preview.mrstft:.2f}" if width >= 11 else f"{preview.mrstft:.2f}"


def _bar(share: float, width: int, palette: Palette) -> Text:
    halves = round(share * 2 * width)
    full, half = divmod(halves, 2)
    bar = Text(end="")
    bar.append("━" * full + "╸" * half, palette["focus"])
    bar.append("─" * (width - full - half), palette["faint"])
    return bar
