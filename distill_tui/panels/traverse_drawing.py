"""What the traversal's panel is drawn from: a slider for a dimension, and the picture of a sound."""

from distill_tui.cells import Row, Run, merged
from distill_tui.format import number
from distill_tui.heat import heat_rows
from distill_tui.panels.frame import fit, width_of
from distill_tui.panels.spectrogram import drawn_wave, wave_lines
from distill_tui.points import Dimension
from distill_tui.spectrogram import Spectrum, envelope, shades

FARTHEST = 3.0  # spreads from the middle to a slider's ends
KNOB, MIDDLE, TRACK = "●", "┼", "─"
PLACE, SAYS = 5, 6  # cells of the columns
SMALLEST_SLIDER, LARGEST_SLIDER = 9, 37


def slider(place: float, width: int, *, selected: bool, active: bool) -> Row:
    """A track of `width` cells from -FARTHEST to FARTHEST with a knob; beyond its ends the knob is at the end."""
    middle = width // 2
    share = max(-1.0, min(1.0, place / FARTHEST))
    knob = round(middle + share * (width - 1 - middle if share > 0 else middle))
    cells = [Run(MIDDLE if x == middle else TRACK, "track") for x in range(width)]
    for x in range(min(knob, middle), max(knob, middle)):  # from the middle to the knob
        cells[x] = Run("━", "focus" if selected else "muted")
    cells[knob] = Run(KNOB, "focus" if selected else "text" if active else "muted")
    return merged(cells)


def columns(width: int, digits: int) -> int:
    """How wide a slider may be in a line of so many cells."""
    return max(SMALLEST_SLIDER, min(LARGEST_SLIDER, (width - digits - PLACE - SAYS - 6) | 1))


def head(width: int, digits: int) -> Row:
    """The words above the lines."""
    size = columns(width, digits)
    row: Row = (Run(f"{'':{digits + 3}}less{'more':>{size - 4}} {'':{PLACE}}", "muted"),)
    return _saying("says", row, width)


def line(dimension: Dimension, place: float, width: int, digits: int, *, selected: bool) -> Row:
    """A dimension: its number, its slider, where it stands, and what it says."""
    role = "strong" if selected else "text" if dimension.active else "muted"
    says = number(dimension.kl) if dimension.kl is not None else ""
    row = (
        Run("▸" if selected else " ", "focus"),
        Run(f"{dimension.number:>{digits}}  ", role),
        *slider(place, columns(width, digits), selected=selected, active=dimension.active),
        Run(f" {signed(place):>{PLACE}}", role),
    )
    return _saying(says, row, width)


def _saying(words: str, row: Row, width: int) -> Row:
    """The row with the last column, where there is room for it."""
    room = width_of(row) + 1 + SAYS <= width
    return fit((*row, Run(f" {words:>{SAYS}}", "muted")) if room else row, width)


def signed(place: float) -> str:
    """A place in spreads: +1.5, 0, -0.4."""
    rounded = round(place, 1)
    return f"{rounded:+.1f}" if rounded else "0"


def picture(
    title: Row, spectrum: Spectrum | None, width: int, height: int, *,
    seconds: float, loudest_db: float, peak: float, role: str, shade_count: int, heard: float | None,
) -> list[Row]:  # fmt: skip
    """`height` lines: a title, the waveform with a playhead at the second that is heard, and the spectrogram.

    They reach over `seconds`, from `loudest_db` down, and the waveform to `peak`: scales that sounds may share.
    """
    if height < 1:
        return []
    rows: list[Row] = [fit(title, width)]
    room = height - 1
    if spectrum is not None and room >= 2 and width >= 2:
        lines = wave_lines(room)
        bands = shades(spectrum, width, 2 * (room - lines), seconds, loudest_db)
        wave = [(low / peak, high / peak) for low, high in envelope(spectrum, 2 * width, seconds)] if peak > 0 else []
        drawn = drawn_wave(wave, width, lines, role)
        if heard is not None and seconds > 0:  # through the waveform only: over a slow line every cell of it counts
            at = max(0, min(width - 1, int(heard / seconds * width)))
            drawn = tuple(with_playhead(row, at) for row in drawn)
        rows += [fit(row, width) for row in (*drawn, *heat_rows(bands, shade_count))]
    return [*rows, *[()] * height][:height]


def with_playhead(row: Row, at: int) -> Row:
    """The row with a line through its cell `at`."""
    left = _cut(row, 0, at)
    return merged([*left, Run(" " * (at - width_of(left))), Run("│", "validation"), *_cut(row, at + 1, width_of(row))])


def _cut(row: Row, start: int, end: int) -> list[Run]:
    """The cells from `start` to `end` of a row whose characters are a cell wide each."""
    kept: list[Run] = []
    x = 0
    for run in row:
        kept.append(run._replace(text=run.text[max(0, start - x) : max(0, end - x)]))
        x += len(run.text)
    return kept
