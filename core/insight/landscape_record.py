"""What is known of a loss landscape: plain frozen values, their JSON, and the file that they travel in. No torch."""

import json
import math
from dataclasses import asdict, dataclass, fields
from itertools import pairwise
from typing import Any

import msgspec

from core.errors import UsageError
from core.run.plain import from_json_ready, to_json_ready

FORMAT = "distill-tui landscape 1"
FOLDER = "landscape"
JSON_NAME, PNG_NAME = "landscape.json", "landscape.png"
FEWEST_POINTS, MOST_POINTS = 3, 201  # along an axis
# What is drawn takes distances between two places and between two losses, which of any numbers need not be finite.
FARTHEST, HIGHEST = 1e9, 1e300


class LandscapeError(UsageError):
    """Not a landscape that can be shown, or one that cannot be computed; one line: what, where, what to do."""


@dataclass(frozen=True)
class Line:
    """The loss along a line: `losses[i]` at `positions[i]`, in increasing order; NaN and infinity stay as they are.

    Along a random direction a position is in units of the weights' own size, 0 being the checkpoint. Between two
    checkpoints 0 is the first and 1 the second. Raises ValueError without a position 0.
    """

    positions: tuple[float, ...]
    losses: tuple[float, ...]

    def __post_init__(self) -> None:
        _check_positions(self.positions)
        if len(self.losses) != len(self.positions):
            raise ValueError(f"{len(self.losses)} losses at {len(self.positions)} positions")
        _check_losses(self.losses)
        if 0.0 not in self.positions:
            raise ValueError("position 0, the checkpoint itself, is missing")

    def at(self, position: float) -> float:
        """The loss at a position of the line; NaN where it has none there."""
        return next((loss for x, loss in zip(self.positions, self.losses, strict=True) if x == position), math.nan)

    @property
    def nonfinite(self) -> int:
        """How many losses are NaN or infinite."""
        return sum(not math.isfinite(loss) for loss in self.losses)

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values, non-finite ones as `core.run.plain` writes them."""
        return _to_json(self)


@dataclass(frozen=True)
class Surface:
    """The loss on a plane through the weights: `losses[row][column]` at (`positions[column]`, `positions[row]`).

    Positions along both directions are in units of the weights' own size; (0, 0) is the checkpoint and in the middle:
    their number is odd. Raises ValueError where that is not so.
    """

    positions: tuple[float, ...]
    losses: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        _check_positions(self.positions)
        if [len(row) for row in self.losses] != [len(self.positions)] * len(self.positions):
            raise ValueError(f"losses are not {len(self.positions)} rows of {len(self.positions)}")
        for row in self.losses:
            _check_losses(row)
        if len(self.positions) % 2 == 0 or self.positions[len(self.positions) // 2] != 0:
            raise ValueError("position 0, the checkpoint itself, is not in the middle")

    @property
    def center(self) -> float:
        """The loss at the checkpoint."""
        middle = len(self.positions) // 2
        return self.losses[middle][middle]

    @property
    def nonfinite(self) -> int:
        """How many losses are NaN or infinite."""
        return sum(not math.isfinite(loss) for row in self.losses for loss in row)

    def lines(self) -> tuple[Line, Line]:
        """The two lines through the checkpoint."""
        middle = len(self.positions) // 2
        return (
            Line(self.positions, self.losses[middle]),
            Line(self.positions, tuple(row[middle] for row in self.losses)),
        )

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values, non-finite ones as `core.run.plain` writes them."""
        return _to_json(self)


@dataclass(frozen=True)
class Curvature:
    """The eigenvalue of largest magnitude of the loss' Hessian, with its sign, as power iteration found it.

    `residual` is |Hv - eigenvalue * v| / |eigenvalue| of the unit vector v it ended with: some eigenvalue lies within
    that share of it. Not converged after so many iterations, two of nearly equal magnitude may have been mixed. Not
    `exact`, its products with the Hessian were taken from differences of the gradient.
    """

    eigenvalue: float
    residual: float
    iterations: int
    converged: bool
    exact: bool = True

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values, non-finite ones as `core.run.plain` writes them."""
        return _to_json(self)


@dataclass(frozen=True)
class EpsilonSharpness:
    """How far the loss rises by a step of length `rho` straight uphill (Foret et al. 2021): `raised` - `loss`.

    Where the gradient is not finite nothing leads uphill, and `raised` is NaN.
    `weight_norm` is the length of all trainable weights together, beside which `rho` can be judged.
    """

    rho: float
    loss: float
    raised: float
    gradient_norm: float
    weight_norm: float

    @property
    def rise(self) -> float:
        """The sharpness itself."""
        return self.raised - self.loss

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values, non-finite ones as `core.run.plain` writes them."""
        return _to_json(self)


@dataclass(frozen=True)
class Landscape:
    """Everything that one command found out about a checkpoint. One of `surface`, `line` and `path` is there.

    `term` names the loss, `label` is what a person calls it; `items` counts the held-out chunks it was taken on.
    `path` leads from `checkpoint` to `other`. Without a gradient (a term that is only measured) there is neither
    `curvature` nor `epsilon`. `seconds` is the time it took.
    """

    run: str
    checkpoint: str
    step: int
    epoch: int
    term: str
    label: str
    loss: float
    items: int
    seed: int
    surface: Surface | None = None
    line: Line | None = None
    path: Line | None = None
    other: str = ""
    curvature: Curvature | None = None
    epsilon: EpsilonSharpness | None = None
    seconds: float = 0.0

    def __post_init__(self) -> None:
        if sum(part is not None for part in (self.surface, self.line, self.path)) != 1:
            raise ValueError("expected one of surface, line and path")
        if self.path is not None and 1.0 not in self.path.positions:
            raise ValueError("position 1, the other checkpoint, is missing")

    @property
    def nonfinite(self) -> int:
        """How many losses are NaN or infinite."""
        return sum(part.nonfinite for part in (self.surface, self.line, self.path) if part is not None)

    @property
    def lines(self) -> tuple[Line, ...]:
        """The lines through the checkpoint in random directions: two of a surface, or one; none of a path."""
        if self.surface is not None:
            return self.surface.lines()
        return (self.line,) if self.line is not None else ()

    def to_json(self) -> dict[str, Any]:
        """JSON-ready values with the file's format first; non-finite ones as `core.run.plain` writes them."""
        return {"format": FORMAT, **_to_json(self)}


def encode(landscape: Landscape) -> bytes:
    """The bytes of landscape.json."""
    return json.dumps(landscape.to_json(), allow_nan=False).encode() + b"\n"


def decode(data: bytes, where: str) -> Landscape:
    """The inverse of `encode`. Raises LandscapeError, naming `where`, for anything else."""
    try:
        tree = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError) as error:
        raise LandscapeError(f"{where}: damaged or not a landscape; make it anew") from error
    if not isinstance(tree, dict) or tree.get("format") != FORMAT:
        raise LandscapeError(f"{where}: not a landscape that this version can read; make it anew")
    known = {field.name for field in fields(Landscape)}
    try:
        plain = {key: from_json_ready(value) for key, value in tree.items() if key in known}
        return msgspec.convert(plain, Landscape)
    except (msgspec.ValidationError, RecursionError) as error:
        raise LandscapeError(f"{where}: not a whole landscape ({error}); make it anew") from error


def is_ours(data: bytes) -> bool:
    """Whether the bytes begin as a landscape.json that may be replaced by a newer one."""
    return data.startswith(json.dumps({"format": FORMAT})[:-1].encode())


def _to_json(value: Any) -> dict[str, Any]:
    plain: dict[str, Any] = to_json_ready(asdict(value))
    return plain


def _check_positions(positions: tuple[float, ...]) -> None:
    rising = all(a < b for a, b in pairwise(positions))
    near = all(abs(x) <= FARTHEST for x in positions)
    if not FEWEST_POINTS <= len(positions) <= 2 * MOST_POINTS or not rising or not near:
        raise ValueError(f"positions are not three or more numbers in increasing order, {FARTHEST:g} at most")


def _check_losses(losses: tuple[float, ...]) -> None:
    if any(math.isfinite(loss) and abs(loss) > HIGHEST for loss in losses):
        raise ValueError(f"a loss is beyond {HIGHEST:g} and not infinite")
