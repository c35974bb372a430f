"""Which terms drive the training: what each one counts, and now and then its share of the gradient."""

import math
import time
from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn

from core.training.recipe import Losses, Recipe

SHARE_OF_TIME = 0.01
"""Of a session's time that measuring gradients may take; the first measurement is made all the same."""


def names(recipe: Recipe) -> tuple[str, ...]:
    """The extras that the steps of a recipe may hold: "weight/TERM" and "gradient/TERM", for `RunStarted.extras`."""
    return tuple(f"{what}/{term}" for what in ("weight", "gradient") for term in recipe.weighted)


class GradientGauge:
    """Measures how strongly each term pulls at the model's weights, as rarely as `share_of_time` asks.

    VQGAN (Esser et al. 2021, eq. 7) and audiocraft's Balancer compare gradients at the decoder's last layer or output.
    The KL never gets there, and whether it wins against the reconstruction is the first question about a VAE: here the
    norm is over all weights of the model. It is one more pass back for each term, about one or two steps' worth of
    time, so that 1 % of the time comes to every hundredth step or so.

    Measuring draws no random numbers and leaves gradients and graph as they are: the trained bits are the same. What
    it takes by the `clock`, in seconds, says how long to wait. A device without the memory for it trains on without.
    """

    def __init__(self, share_of_time: float = SHARE_OF_TIME, clock: Callable[[], float] = time.perf_counter) -> None:
        self._share_of_time, self._clock = share_of_time, clock
        self._next = 0.0
        self._begun = False

    def is_due(self) -> bool:
        """Whether this step is to be measured; to be asked once a step.

        The first step of a session is not: it is slow in ways that no other is.
        """
        begun, self._begun = self._begun, True
        return begun and self._clock() >= self._next

    def measure(self, losses: Losses, terms: Iterable[str], model: nn.Module) -> dict[str, Tensor]:
        """The norm of each unweighted term's gradient over all weights of `model`, scalars on its device.

        `terms` that are not among the losses or have no gradient are left out. The graph is kept for the step's own
        way back.
        """
        weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
        measured = {name: losses[name] for name in terms if name in losses and losses[name].requires_grad}
        _settle(weights)
        began = self._clock()
        try:
            norms = {name: _pull(term, weights) for name, term in measured.items()}
        except torch.cuda.OutOfMemoryError:
            self._next = math.inf
            return {}
        _settle(weights)
        ended = self._clock()
        self._next = ended + (ended - began) / self._share_of_time
        return norms


def shares(weights: Mapping[str, float], norms: Mapping[str, float]) -> dict[str, float]:
    """Each term's part, 0 to 1, of the sum of all terms' |weight| times gradient norm.

    Empty where that sum is 0 or not finite: such a step tells nothing.
    """
    pulls = {name: abs(weights[name]) * norm for name, norm in norms.items() if weights.get(name)}
    total = sum(pulls.values())  # not fsum, which raises where this comes to infinity
    return {name: pull / total for name, pull in pulls.items()} if 0 < total < math.inf else {}


def _pull(term: Tensor, weights: list[nn.Parameter]) -> Tensor:
    slopes = torch.autograd.grad(term, weights, retain_graph=True, allow_unused=True)
    reached = [slope for slope in slopes if slope is not None]
    return torch.stack(torch._foreach_norm(reached)).norm() if reached else torch.zeros_like(term)


def _settle(weights: list[nn.Parameter]) -> None:
    """Wait until the device has done what it was asked: it runs behind the host's clock."""
    device = weights[0].device.type if weights else "cpu"
    if device == "cuda":
        torch.cuda.synchronize(weights[0].device)
    elif device == "mps":
        torch.mps.synchronize()
