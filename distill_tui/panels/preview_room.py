"""How the lines of the preview panel are shared among its header, the list, a picture and the notice."""

from dataclasses import dataclass

ROOMY_HEIGHT = 8  # lines from which the header has room
TALKATIVE_HEIGHT = 20  # lines from which a long notice and a picture both have room
LEAST_ROWS = 3  # lines of the list beside a picture
LEAST_ROLL, LEAST_SPECTROGRAM = 6, 7  # lines in which a tune, or a sound, can be seen
USUAL_ROWS, FULL_ROWS = 5, 8  # lines of the list beside a picture in its place, and beside one that has the screen


@dataclass(frozen=True)
class Room:
    """The panel's `height` in lines, how many previews are listed, whether they are tunes, and whether it is maximized.

    What neither header, picture nor notice takes is the list's.
    """

    height: int
    previews: int
    tunes: bool
    maximized: bool = False

    @property
    def header(self) -> int:
        """Lines for the names of the columns: 1 or 0."""
        return int(self.height >= ROOMY_HEIGHT)

    @property
    def talkative(self) -> bool:
        """Whether a notice may take several lines: not from a picture's room."""
        return self.height >= TALKATIVE_HEIGHT

    def picture(self, notice: int) -> int:
        """Lines for the picture beside a notice of so many: what the list can spare; 0 where nothing is seen in it.

        The list keeps a quarter of the height, within its limits, but no more than it has previews.
        """
        most = FULL_ROWS if self.maximized else USUAL_ROWS
        rows = max(LEAST_ROWS, min(most, self.previews, self.height // 4))
        height = self.height - self.header - rows - notice
        return height if height >= (LEAST_ROLL if self.tunes else LEAST_SPECTROGRAM) else 0
