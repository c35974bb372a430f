"""A tune as a picture: time to the right, pitch up, two pitches in a cell. Pure functions of notes and room."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.midi.vocabulary import PITCHES, STEP_SECONDS, Note
from distill_tui.cells import Row, Run, merged

LABELS = 4  # cells for the names of the octaves
# Columns a second, of which the first that shows all is taken: few, so that an original and its reconstruction, which
# seldom last equally long, stand alike. The last is an eighth at 120 quarters a minute; what is longer comes in pages.
SPEEDS = (32, 24, 16, 12, 10, 8, 7, 6, 5, 4)
SHADES = 4  # from the faintest to the brightest
EMPTY = -1
SPACINGS = (1, 2, 5, 10, 15, 30, 60, 120, 300)  # seconds between labels of the time axis
LABEL_APART = 9


@dataclass(frozen=True)
class View:
    """Which part of a tune is seen where.

    `columns` and `rows` are cells; time begins at `first_second`; `top` is the pitch of the highest half row, and
    `halves` are the half rows of a pitch: 2, 1, or less where several pitches share one.
    """

    columns: int
    rows: int
    first_second: float
    columns_per_second: int
    top: int
    halves: float

    @property
    def last_second(self) -> float:
        """Where the view ends."""
        return self.first_second + self.columns / self.columns_per_second

    def column(self, second: float) -> int:
        """The column of a time; outside 0 to `columns` where it is not in view."""
        return int((second - self.first_second) * self.columns_per_second // 1)

    def half(self, pitch: int) -> int:
        """The highest half row of a pitch."""
        return int((self.top - pitch) * self.halves // 1)


def view_of(notes: Sequence[Note], seconds: float, columns: int, rows: int, at: float = 0.0) -> View:
    """The view of a tune that lasts `seconds`: all of it where it fits, else the page in which second `at` lies."""
    columns, rows = max(1, columns), max(1, rows)
    speed = next((speed for speed in SPEEDS if seconds * speed <= columns), SPEEDS[-1])
    page = columns / speed
    first = at // page * page if seconds > page else 0.0
    pitches = [note.pitch for note in notes] or [60]
    low, high = min(pitches), max(pitches)
    whole_low, whole_high = low // 12 * 12, high // 12 * 12 + 11
    halves = _halves(high - low + 1, 2 * rows)
    if _halves(whole_high - whole_low + 1, 2 * rows) == halves:  # whole octaves where they cost nothing: see SPEEDS
        low, high = whole_low, whole_high
    spare = int(2 * rows / halves) - (high - low + 1)
    return View(columns, rows, first, speed, high + spare // 2, halves)


def painted(notes: Iterable[Note], view: View) -> list[list[int]]:
    """[half rows][columns] of shades, EMPTY where nothing sounds.

    A louder note is brighter and so is its beginning; one that is struck again where it ended leaves a gap.
    """
    picture = [[EMPTY] * view.columns for _ in range(2 * view.rows)]
    tall = max(1, int(view.halves))
    before: dict[int, tuple[int, int]] = {}
    for note in sorted(notes):
        start = view.column(note.start * STEP_SECONDS)
        end = max(start + 1, view.column(note.end * STEP_SECONDS))
        struck_again = before.get(note.pitch, (0, 0))
        before[note.pitch] = start, end
        shade = max(0, min(SHADES - 2, note.level // 2))
        for line in picture[max(0, view.half(note.pitch)) :][:tall]:
            if struck_again[1] == start > struck_again[0] + 1 and 0 < start <= view.columns:
                line[start - 1] = EMPTY
            for column in range(max(0, start), min(end, view.columns)):
                line[column] = shade + (column == start)
    return picture


def octaves(view: View) -> dict[int, str]:
    """The names of the Cs by the row that each lies in; where rows are few, every other one or fewer."""
    names: dict[int, str] = {}
    apart = 12 * view.halves / 2  # rows
    every = 1 if apart >= 2 else 2 if apart >= 1 else 4
    for pitch in range(0, PITCHES, 12):
        half = view.half(pitch)
        if 0 <= half < 2 * view.rows and (pitch // 12 - 1) % every == 0:
            names[half // 2] = f"C{pitch // 12 - 1}"
    return names


def seconds_axis(view: View, seconds: float) -> Row:
    """Seconds under the view of a tune that lasts `seconds`, with a mark at each."""
    spacing = next((s for s in SPACINGS if s * view.columns_per_second >= LABEL_APART), SPACINGS[-1])
    line = [" "] * view.columns
    second = -(-int(view.first_second) // spacing) * spacing
    while second <= seconds and (column := view.column(second + 1e-6)) < view.columns:
        text = f"│{second} s" if second == 0 else f"│{second}"
        if column >= 0 and column + len(text) <= view.columns:
            line[column : column + len(text)] = text
        second += spacing
    return merged((Run(" " * LABELS), *(Run(part, "faint" if part == "│" else "muted") for part in line)))


def in_words(notes: Sequence[Note], view: View, seconds: float) -> str:
    """How many notes there are, and which part of the tune is in view where that is not all of it."""
    words = f"{len(notes):,} note{'' if len(notes) == 1 else 's'}"
    if seconds > view.last_second + 0.5 or view.first_second > 0:
        words += f"   {view.first_second:.0f} to {min(seconds, view.last_second):.0f} of {seconds:.0f} s"
    return words


def _halves(span: int, room: int) -> float:
    """The half rows of a pitch, for `span` pitches in `room` half rows."""
    return 2.0 if 2 * span <= room else 1.0 if span <= room else 1 / -(-span // room)
