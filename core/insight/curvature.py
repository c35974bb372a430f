"""How sharply a loss bends at a place: its Hessian's top eigenvalue, and the steepest small step."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from core.insight.landscape_record import Curvature

ITERATIONS = 50
TOLERANCE = 0.05  # of the residual: the eigenvalue itself is then nearer by far, its error being of second order

DIFFERENCE = 1e-4  # of the weights' length

Product = Callable[[list[Tensor]], list[Tensor]]
Ask = Callable[[int, int], None]  # after so many, of at most so many; raises to end it


class NoGradient(Exception):
    """The loss does not depend on the parameters, or does not say how."""


def gradient(loss: Callable[[], Tensor], parameters: Sequence[Tensor], *, twice: bool = False) -> list[Tensor]:
    """The gradient of the loss, zeros for parameters it does not use; with `twice` it can be differentiated again.

    `.grad` of the parameters stays as it is. Raises NoGradient.
    """
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):  # fused attention has no second derivative
        value = loss()
        if not value.requires_grad:
            raise NoGradient
        return list(torch.autograd.grad(value, parameters, create_graph=twice, materialize_grads=True))


def top_eigenvalue(
    loss: Callable[[], Tensor],
    parameters: Sequence[Tensor],
    generator: torch.Generator,
    iterations: int = ITERATIONS,
    tolerance: float = TOLERANCE,
    ask: Ask = lambda done, most: None,
) -> Curvature:
    """The Hessian's eigenvalue of largest magnitude, with its sign, by power iteration from a random vector.

    Hessian-vector products come from differentiating the gradient again (Pearlmutter 1994), exactly; of a loss with
    kinks (L1, ReLU) they are those of the smooth pieces. Where torch knows no second derivative of something in the
    loss, they come from differences of the gradient, during which the parameters are moved by a ten thousandth, and
    the result is not `exact`. Ends when the residual is at most `tolerance`. Raises NoGradient.
    """
    multiply: Product = _exactly(loss, parameters)
    vector = _unit([torch.randn(p.shape, generator=generator).to(p) for p in parameters])
    value, residual, done = math.nan, math.nan, 0
    exact = True
    while done < iterations:
        try:
            product = multiply(vector)
        except NotImplementedError:
            if not exact:
                raise
            exact, multiply = False, _by_differences(loss, parameters)
            continue
        done += 1
        size = norm(product)
        if not math.isfinite(size):
            return Curvature(math.nan, math.nan, done, False, exact)
        if size == 0:  # straight in every direction, as far as a random vector can tell
            return Curvature(0.0, 0.0, done, True, exact)
        value = _dot(vector, product)
        residual = norm([h - value * v for h, v in zip(product, vector, strict=True)]) / max(abs(value), 1e-300)
        ask(done, iterations)
        if residual <= tolerance:
            return Curvature(value, residual, done, True, exact)
        vector = [h / size for h in product]
    return Curvature(value, residual, done, False, exact)


def norm(vector: Sequence[Tensor]) -> float:
    """The Euclidean length of a vector in pieces."""
    return math.sqrt(_dot(vector, vector))


def _exactly(loss: Callable[[], Tensor], parameters: Sequence[Tensor]) -> Product:
    """Products with the Hessian from the graph of the gradient.

    It is made once and used for every product: memory for two backward passes, and no forward pass after the first.
    """
    slopes = gradient(loss, parameters, twice=True)

    def product(vector: list[Tensor]) -> list[Tensor]:
        bent = [(g, v) for g, v in zip(slopes, vector, strict=True) if g.requires_grad]
        if not bent:
            return [torch.zeros_like(p) for p in parameters]
        firsts, seconds = [g for g, _ in bent], [v for _, v in bent]
        with sdpa_kernel(SDPBackend.MATH):
            return list(torch.autograd.grad(firsts, parameters, seconds, retain_graph=True, materialize_grads=True))

    return product


def _by_differences(loss: Callable[[], Tensor], parameters: Sequence[Tensor]) -> Product:
    """Products with the Hessian from the gradients a little way to both sides."""
    start = [p.detach().clone() for p in parameters]
    step = DIFFERENCE * (norm(start) or 1.0)

    def slopes(vector: list[Tensor], distance: float) -> list[Tensor]:
        with torch.no_grad():
            for parameter, before, direction in zip(parameters, start, vector, strict=True):
                parameter.copy_(before).add_(direction, alpha=distance)
        return gradient(loss, parameters)

    def product(vector: list[Tensor]) -> list[Tensor]:
        try:
            ahead, behind = slopes(vector, step), slopes(vector, -step)
        finally:
            with torch.no_grad():
                for parameter, before in zip(parameters, start, strict=True):
                    parameter.copy_(before)
        return [(a - b) / (2 * step) for a, b in zip(ahead, behind, strict=True)]

    return product


def _unit(vector: list[Tensor]) -> list[Tensor]:
    size = norm(vector)
    return [v / size for v in vector]


def _dot(a: Sequence[Tensor], b: Sequence[Tensor]) -> float:
    """In double precision: a model has millions of numbers."""
    return sum(float(torch.dot(x.flatten().double(), y.flatten().double())) for x, y in zip(a, b, strict=True))
