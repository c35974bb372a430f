"""What goes into an exported decoder and what comes out: the one description that exporters and sidecars share."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

import torch
from torch import Tensor


@dataclass(frozen=True)
class Port:
    """A tensor by its name. A side of `shape` that is a name ("batch", "length") is free, the same for all ports."""

    name: str
    dtype: Literal["float32", "int64"]
    shape: tuple[int | str, ...]
    meaning: str

    def example(self) -> Tensor:
        """A tensor of this shape, 2 in a batch and 7 long, for those who look at what a module does with it."""
        sides = [{"batch": 2, "length": 7}[side] if isinstance(side, str) else side for side in self.shape]
        return torch.zeros(sides) if self.dtype == "float32" else torch.full(sides, -1)

    def free(self) -> dict[int, str]:
        """The free sides, by their place."""
        return {place: side for place, side in enumerate(self.shape) if isinstance(side, str)}

    def described(self) -> dict[str, Any]:
        """As JSON-ready values."""
        return asdict(self)


class Decoder(Protocol):
    """A module that says itself what it takes and gives."""

    @property
    def inputs(self) -> tuple[Port, ...]:
        """In the order of the arguments."""

    @property
    def output(self) -> Port:
        """What a call returns."""

    @property
    def about(self) -> dict[str, Any]:
        """What else a person must know to use it, as JSON-ready values."""
