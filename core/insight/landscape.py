"""The loss landscape around a model's weights: lines and surfaces through it, and how sharply it bends there."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn

from core.insight import curvature
from core.insight.landscape_directions import Direction, difference, orthogonal_direction, random_direction
from core.insight.landscape_record import (
    FARTHEST,
    FEWEST_POINTS,
    MOST_POINTS,
    Curvature,
    EpsilonSharpness,
    LandscapeError,
    Line,
    Surface,
)
from core.insight.landscape_weights import Move, Weights, kept, trainable

Moves = tuple[Move, ...]
Loss = Callable[[nn.Module], Tensor]
Progress = Callable[[int, int, str], None]  # so many done, of so many at most, of what

POINTS = 21
SPAN = 1.0
RHO = 0.05  # of Foret et al. 2021


class Cancelled(Exception):
    """`cancelled` said so; the model is as it was."""


class LossLandscapeAnalyzer:
    """Looks at `loss` around the weights of `model`.

    Parameters, buffers and `.grad` are afterwards as they were to the bit, also where something raises.

    `loss(model)` is a scalar and has to be the same function every time: on one batch, with the same noise. torch's
    CPU generator is set to `seed` before each call, and put back in the end. Directions and starting vectors follow
    from `seed`. `progress` is called after each measurement, and `cancelled` asked before it; when that says so,
    `Cancelled` is raised. Values that are not finite are kept.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        *,
        seed: int = 0,
        progress: Progress = lambda done, most, what: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self._model, self._loss, self._seed = model, loss, seed
        self._progress, self._cancelled = progress, cancelled

    def line(self, points: int = POINTS, span: float = SPAN) -> Line:
        """The loss from -span to span along one filter-normalised random direction (Li et al. 2018).

        At distance 1 each filter has moved by its own length. Raises LandscapeError for a number of points that is
        not odd: the weights themselves must be one of them.
        """
        positions = _around(points, span)
        with kept(self._model):
            weights = trainable(self._model)
            first, _ = self._directions(weights)
            losses = self._measured(weights, [((x, first),) for x in positions], "points of the line")
        return Line(positions, losses)

    def surface(self, points: int = POINTS, span: float = SPAN) -> Surface:
        """The loss on a square of `points` by `points`, along two such directions at right angles to each other.

        The first is that of `line`. Raises LandscapeError as `line` does.
        """
        positions = _around(points, span)
        with kept(self._model):
            weights = trainable(self._model)
            first, second = self._directions(weights)
            moves: list[Moves] = [((x, first), (y, second)) for y in positions for x in positions]
            losses = self._measured(weights, moves, "points of the surface")
        rows = [losses[start : start + points] for start in range(0, len(losses), points)]
        return Surface(positions, tuple(rows))

    def path(self, to: Mapping[str, Tensor], points: int = POINTS) -> Line:
        """The loss on the straight line to the state dict `to` (Goodfellow et al. 2015), and a quarter beyond each end.

        Position 0 is the model, 1 is `to`, `points` are from the one to the other. Statistics and other numbers of the
        model that are not trained go along, so that the end is `to` itself. Raises LandscapeError where `to` lacks a
        number of the model or has it in another size.
        """
        if not FEWEST_POINTS <= points <= MOST_POINTS:
            raise LandscapeError(f"{points} points: expected {FEWEST_POINTS} to {MOST_POINTS}")
        steps, beyond = points - 1, (points - 1) // 4
        positions = tuple(number / steps for number in range(-beyond, points + beyond))
        own = {n: t for n, t in self._model.state_dict(keep_vars=True).items() if t.is_floating_point()}
        for name, tensor in own.items():
            if name not in to or to[name].shape != tensor.shape:
                raise LandscapeError(f"{name}: missing in the second checkpoint, or of another size there")
        with kept(self._model):
            weights = Weights(own.values())
            way = difference(weights.start, [to[name] for name in own])
            losses = self._measured(weights, [((x, way),) for x in positions], "points of the way")
        return Line(positions, losses)

    def top_eigenvalue(
        self, iterations: int = curvature.ITERATIONS, tolerance: float = curvature.TOLERANCE
    ) -> Curvature:
        """The Hessian's eigenvalue of largest magnitude over all trainable weights; see
        `core.insight.curvature.top_eigenvalue`. Raises `core.insight.curvature.NoGradient`.
        """

        def ask(done: int, most: int) -> None:
            self._progress(done, most, "products with the Hessian")
            self._check()

        self._check()
        with kept(self._model):
            generator = torch.Generator().manual_seed(self._seed)
            tensors = trainable(self._model).tensors
            return curvature.top_eigenvalue(self._value, tensors, generator, iterations, tolerance, ask)

    def epsilon_sharpness(self, rho: float = RHO) -> EpsilonSharpness:
        """The loss a step of length `rho` straight uphill, beside that at the weights (Foret et al. 2021, "SAM").

        To first order that is the worst place so near. Where the gradient is not finite nothing leads uphill, and the
        loss there is NaN. Raises `core.insight.curvature.NoGradient`.
        """
        self._check()
        with kept(self._model):
            weights = trainable(self._model)
            uphill = curvature.gradient(self._value, weights.tensors)
            size = curvature.norm(uphill)
            there: list[Moves] = [((rho / size, uphill),) if size > 0 else ()] if math.isfinite(size) else []
            losses = self._measured(weights, [(), *there], "steps uphill")
        raised = losses[1] if there else math.nan
        return EpsilonSharpness(rho, losses[0], raised, size, curvature.norm(weights.start))

    def _directions(self, weights: Weights) -> tuple[Direction, Direction]:
        generator = torch.Generator().manual_seed(self._seed)
        first = random_direction(weights.start, generator)
        return first, orthogonal_direction(weights.start, first, generator)

    def _measured(self, weights: Weights, places: Sequence[Moves], what: str) -> tuple[float, ...]:
        """The loss at each place, given as moves from the weights."""
        losses = []
        for moves in places:
            self._check()
            weights.place(*moves)
            with torch.no_grad():
                losses.append(float(self._value()))
            self._progress(len(losses), len(places), what)
        return tuple(losses)

    def _value(self) -> Tensor:
        torch.default_generator.manual_seed(self._seed)
        return self._loss(self._model)

    def _check(self) -> None:
        if self._cancelled():
            raise Cancelled


def _around(points: int, span: float) -> tuple[float, ...]:
    """Positions from -span to span, 0 among them."""
    if points % 2 == 0 or not FEWEST_POINTS <= points <= MOST_POINTS:
        raise LandscapeError(f"{points} points: expected an odd number from {FEWEST_POINTS} to {MOST_POINTS}")
    if not 0 < span <= FARTHEST:
        raise LandscapeError(f"a span of {span:g}: expected a number above 0 and at most {FARTHEST:g}")
    return tuple(span * (2 * number - points + 1) / (points - 1) for number in range(points))
