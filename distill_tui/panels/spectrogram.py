"""The waveform and the mel spectrogram of the selected preview, with a playhead through both."""

from collections.abc import Sequence

from rich.segment import Segment

from core.run.events import PreviewEvent
from distill_tui.cells import Row, Run, merged
from distill_tui.heat import heat_rows
from distill_tui.panels.preview_picture import LABELS, PreviewPicture
from distill_tui.panels.preview_row import ROLES
from distill_tui.sounds import Spectra
from distill_tui.spectrogram import Spectrum, envelope, frequency_labels, second_marks, shades
from distill_tui.theme import palette_of

DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille cell, [line][column]


class SpectrogramPicture(PreviewPicture):
    """The preview's sound. `spectra` bring what is drawn, worked out in a thread.

    The original and its reconstruction are drawn on one scale: the longer of them fills the width, and both are
    SPAN_DB from the original's loudest moment down.
    """

    def __init__(self, spectra: Spectra, id: str | None = None) -> None:
        super().__init__(id=id)
        self.spectra = spectra
        self._spectrum: Spectrum | None = None
        self._seconds = self._loudest_db = 0.0
        self._role = "text"
        self._columns = 0
        self._wave: tuple[Row, ...] = ()
        self._heat: tuple[Row, ...] = ()
        self._names: dict[int, str] = {}

    def _ready(self, preview: PreviewEvent, other: PreviewEvent | None) -> bool:
        return all(self.spectra.kept(one.audio_path) for one in (preview, other) if one is not None)

    async def _fetch(self, preview: PreviewEvent, other: PreviewEvent | None) -> None:
        await self.spectra.get(preview.audio_path)
        if other is not None:
            await self.spectra.get(other.audio_path)

    def _show(self, preview: PreviewEvent, other: PreviewEvent | None) -> None:
        spectrum = self.spectra.kept(preview.audio_path)
        against = self.spectra.kept(other.audio_path) if other is not None else None
        if spectrum is None:
            return
        both = [spectrum] if against is None else [spectrum, against]
        original = against if against is not None and preview.kind == "reconstruction" else spectrum
        look = spectrum, max(one.seconds for one in both), original.loudest_db, ROLES[preview.kind], ""
        if look != (self._spectrum, self._seconds, self._loudest_db, self._role, self._message):
            self._spectrum, self._seconds, self._loudest_db, self._role, self._message = look
            self.repaint()

    def _forget(self) -> None:
        self._spectrum = None

    def _lay_out(self) -> None:
        spectrum, columns, rows = self._spectrum, self.size.width - LABELS, self.size.height - 1
        self._wave, self._heat, self._columns = (), (), columns
        if spectrum is None or columns < 1 or rows < 2:
            return
        lines = wave_lines(rows)
        levels = palette_of(self.app).heat if not getattr(self.app, "ascii_only", False) else 0
        bands = shades(spectrum, columns, 2 * (rows - lines), self._seconds, self._loudest_db)
        self._wave = drawn_wave(envelope(spectrum, 2 * columns, self._seconds), columns, lines, self._role)
        self._heat = heat_rows(bands, levels)
        self._names = frequency_labels(spectrum.nyquist, len(self._heat))

    def _line(self, y: int) -> Row | list[Segment]:
        if not self._heat:
            return ()
        if y < len(self._wave):
            return (Run(" " * LABELS), *self._wave[y])
        if y < self._rows:
            y -= len(self._wave)
            return (Run(f"{self._names.get(y, ''):>{LABELS - 1}} ", "muted"), *self._heat[y])
        return time_axis(self._seconds, self._columns) if y == self._rows else ()

    def _column(self, second: float | None) -> int | None:
        if second is None or not self._heat or self._seconds <= 0:
            return None
        return max(0, min(self._columns - 1, int(second / self._seconds * self._columns)))

    @property
    def _rows(self) -> int:
        return len(self._wave) + len(self._heat)


def wave_lines(rows: int) -> int:
    """How many of `rows` lines the waveform takes: a quarter, the spectrogram the rest."""
    return max(1, min(6, rows // 4))


def drawn_wave(extremes: Sequence[tuple[float, float]], columns: int, lines: int, role: str) -> tuple[Row, ...]:
    """The lowest and highest sample (-1 to 1) of each column of dots, two a cell, as braille around a middle line."""
    height = 4 * lines
    cells = [[0] * columns for _ in range(lines)]
    for x, (low, high) in enumerate(extremes):
        top, bottom = (round((1 - value) / 2 * (height - 1)) for value in (high, low))
        for y in range(max(0, top), min(height - 1, bottom) + 1):
            cells[y // 4][x // 2] |= DOTS[y % 4][x % 2]
    return tuple(merged([Run("".join(chr(0x2800 + dots) if dots else " " for dots in line), role)]) for line in cells)


def time_axis(seconds: float, columns: int) -> Row:
    """Seconds under the picture with a mark at each, and at the left the unit of the frequencies above it."""
    line = [" "] * columns
    for column, text in second_marks(seconds, columns):
        line[column : column + 1 + len(text)] = f"│{text}"
    return merged((Run("kHz ", "muted"), *(Run(part, "faint" if part == "│" else "muted") for part in line)))
