"""How loud sounds are played: steps of 3 dB downwards from the file's own level."""

from dataclasses import dataclass

STEP_DB, SOFTEST_DB, LOUDEST_DB = 3, -30, 0


@dataclass
class Volume:
    """A level in decibels, 0 the file's own: nothing can clip. One is kept as long as the program runs."""

    db: int = LOUDEST_DB

    def change(self, steps: int) -> None:
        """So many steps louder, or softer; at the ends it stays."""
        self.db = max(SOFTEST_DB, min(LOUDEST_DB, self.db + STEP_DB * steps))

    @property
    def gain(self) -> float:
        """What samples are multiplied with, at most 1."""
        return float(10 ** (self.db / 20))

    @property
    def words(self) -> str:
        """The level for a person."""
        return "volume 0 dB, the file's own" if self.db == LOUDEST_DB else f"volume {self.db} dB"
