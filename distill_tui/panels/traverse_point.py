"""The point of the latent space that a person has turned to: which dimension stands where, and what it is called."""

from dataclasses import dataclass, field

from core.run.command_lines import run_line
from core.run.events import PreviewEvent
from core.run.link import RunInfo
from distill_tui.panels.traverse_drawing import FARTHEST, signed
from distill_tui.points import Dimension

MOST_NAMED = 3  # of the dimensions that were turned


@dataclass
class Turned:
    """Where a person has turned the latent to: from the middle, or a sample of `seed`, some dimensions elsewhere.

    `standing` and `to` are by the dimension's place, counted from 0; `order` is what the list shows.
    """

    order: tuple[Dimension, ...] = ()
    selected: int = 0
    seed: int | None = None
    to: dict[int, float] = field(default_factory=dict)
    standing: tuple[float, ...] = ()

    @property
    def dimension(self) -> Dimension | None:
        """The selected one."""
        return self.order[self.selected] if self.order else None

    def place(self, dimension: Dimension) -> float:
        """Where a dimension stands, in spreads from the middle."""
        index = dimension.number - 1
        return self.to.get(index, self.standing[index] if index < len(self.standing) else 0.0)

    def choose(self, steps: int) -> bool:
        """Select another, so many lines further down; whether that is another one."""
        before, self.selected = self.selected, max(0, min(len(self.order) - 1, self.selected + steps))
        return self.selected != before

    def turn(self, by: float) -> bool:
        """Turn the selected dimension, to the slider's end at most; whether it moved."""
        chosen = self.dimension
        if chosen is None:
            return False
        before = self.place(chosen)
        reach = max(FARTHEST, abs(before))  # a sample may lie beyond the ends; it is not pulled back by a touch
        return self._put(chosen, max(-reach, min(reach, round(before + by, 6))))

    def back(self) -> bool:
        """The selected dimension to the middle; whether it moved."""
        return self.dimension is not None and self._put(self.dimension, 0.0)

    def leave(self, seed: int | None) -> None:
        """To the middle, or to the sample of a seed, with nothing turned."""
        self.seed = seed
        self.to.clear()

    def words(self) -> str:
        """Which point it is."""
        start = "The middle of the material" if self.seed is None else f"Sample of seed {self.seed}"
        names = {each.number - 1: each.number for each in self.order}
        turned = [f"{names[index]} at {signed(place)}" for index, place in self.to.items() if index in names]
        if not turned:
            return start
        shown = ", ".join(turned[-MOST_NAMED:]) + (" …" if len(turned) > MOST_NAMED else "")
        return f"{start}, dimension{'s' if len(turned) > 1 else ''} {shown}"

    def as_preview(self, run: str, epoch: int | None, tune: bool) -> PreviewEvent:
        """The point as what saves previews knows it: by a name that says where it lies."""
        parts = [run]
        if self.seed is not None:
            parts.append(f"seed-{self.seed}")
        for index, place in list(self.to.items())[-MOST_NAMED:]:
            parts.append(f"dimension-{index + 1}-{'up' if place >= 0 else 'down'}-{abs(place):.1f}")
        name = "-".join(parts if len(parts) > 1 else [run, "middle"])
        return PreviewEvent(epoch or 0, f"{name}.wav", 0, name=name, score_path=f"{name}.mid" if tune else "")

    def command(self, info: RunInfo | None) -> str:
        """What a person types, where the run's folder is, for files along the selected dimension."""
        dimension = self.dimension.number if self.dimension is not None else "top"
        seed = f" --seed {self.seed}" if self.seed is not None else ""
        words = f"--traverse {dimension}{seed} -o traversal"
        return f"distill-tui generate RUN {words}" if info is None else run_line("generate", info, words)

    def _put(self, dimension: Dimension, place: float) -> bool:
        if place == self.place(dimension):
            return False
        index = dimension.number - 1
        self.to.pop(index, None)  # the last one turned is named last
        if place != 0.0 or self.seed is not None:
            self.to[index] = place
        return True
