"""What `generate --traverse` does: the dimensions of a run's latent as a list, and what lies along one of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from distill_tui.errors import CommandError
from distill_tui.format import number
from distill_tui.rendering import checkpoint_of, tell

if TYPE_CHECKING:
    from core.training.traverse import Dimension
    from core.training.voice import Rendering, Voice

SPAN = 2.0  # spreads to both sides: 95 % of the material lies within
NUMBERS = "its number, top, or list"


@dataclass(frozen=True)
class Traversal:
    """The voice of a run's checkpoint, and the dimensions of its latent, those that say most first."""

    voice: "Voice"
    dimensions: "tuple[Dimension, ...]"

    @classmethod
    def of(cls, run: str, checkpoint: str, threads: int) -> "Traversal":
        """Load it. Raises CommandError, RunFolderError and CheckpointError."""
        folder, path = checkpoint_of(run, checkpoint)
        from core.training.traverse import dimensions
        from core.training.voice import load_voice

        voice = load_voice(path, threads)
        return cls(voice, tuple(dimensions(voice, folder, path)))

    def dimension(self, wanted: str) -> int:
        """The number, from 1, of the dimension that a person means. Raises CommandError."""
        if wanted == "top":
            return self.dimensions[0].number
        total = len(self.dimensions)
        if wanted.isascii() and wanted.isdigit() and 1 <= int(wanted[:9]) <= total:
            return int(wanted)
        raise CommandError(f"--traverse {wanted}: the latent has dimensions 1 to {total}; give {NUMBERS}")

    def stem(self, dimension: int, place: int) -> str:
        """What the file of a point is called."""
        return f"dimension-{dimension:0{len(str(len(self.dimensions)))}d}-{place:03d}"

    def along(
        self, dimension: int, count: int, span: float, like: Path | None, seed: int | None
    ) -> "Iterator[tuple[float, Rendering]]":
        """`count` points from -`span` to `span`, each with its place in standard deviations. Raises SourceError."""
        origin = self.voice.origin(like, seed)
        for step in range(count):
            place = span * (2 * step / (count - 1) - 1)
            yield place, self.voice.turned(origin, {dimension - 1: place})

    def tell(self, *, as_json: bool) -> None:
        """Print the dimensions: what each says, and how far the material spreads in it."""
        if as_json:
            for each in self.dimensions:
                tell(dimension=each.number, kl=each.kl, spread=round(each.spread, 6), active=each.active)
            return
        lines = ["dimension    says (KL)      spread"]
        for each in self.dimensions:
            says = "not known" if each.kl is None else f"{number(each.kl)} nats"
            row = f"{each.number:>9}  {says:>11}  {number(each.spread):>10}"
            lines.append(row if each.active else f"{row}  inactive")
        print("\n".join(lines), flush=True)  # noqa: T201
