"""How the lines of the preview panel are shared among its header, the list, the selected tune and the notice."""

from dataclasses import dataclass

ROOMY_HEIGHT = 8  # lines from which the header and a notice of several lines have room
TALKATIVE_HEIGHT = 20  # lines from which a long notice and a tune both have room
LEAST_ROWS, LEAST_ROLL = 3, 6  # lines of the list and of the roll below it, where there is a tune to show
USUAL_ROWS, FULL_ROWS = 5, 8  # lines of the list beside a roll in its place, and beside one that has the screen


@dataclass(frozen=True)
class Room:
    """The panel's `height` in lines, how many previews are listed, whether any are tunes, and whether it is maximized.

    What neither header, roll nor notice takes is the list's.
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
        """Whether a notice may take several lines: not from a tune's room."""
        return self.height >= (TALKATIVE_HEIGHT if self.tunes else ROOMY_HEIGHT)

    def roll(self, notice: int) -> int:
        """Lines for the roll beside a notice of so many: what the list can spare; 0 where a tune cannot be seen in it.

        The list keeps a quarter of the height, within its limits, but no more than it has previews.
        """
        if not self.tunes:
            return 0
        most = FULL_ROWS if self.maximized else USUAL_ROWS
        rows = max(LEAST_ROWS, min(most, self.previews, self.height // 4))
        height = self.height - self.header - rows - notice
        return height if height >= LEAST_ROLL else 0
