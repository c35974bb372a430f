"""Weights that give each loss its share of the gradient, by the norms of the gradients at the model's output."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

DECAY = 0.99  # of the norms' average: a memory of 100 steps. EnCodec's runs are hundreds of times as long as ours
LARGEST = 100.0  # what a weight by hand is multiplied by at most: a loss that is all but met has hardly a gradient


class GradientBalancer:
    """w_i = lambda_i / sum(lambda) * R / <|g_i|>, with g_i the gradient of loss i at the model's output.

    EnCodec's balancer (Defossez et al. 2022, "High Fidelity Neural Audio Compression", section 3.4): the weights by
    hand, lambda, are shares of the gradient, whatever size the losses have. <|g_i|> is the norm of an item's gradient,
    the mean over the batch, in a moving average. EnCodec's R is 1. Here it is sum(lambda_i * <|g_i|>), what the weights
    by hand would come to: what is not balanced (a KL, which has no gradient at the output) keeps its standing against
    those that are, and so do the learning rate and the limit of the gradient.

    All state is plain numbers: a step measures with tensors, and `update` takes the norms once the step was good. So
    weights follow from the steps before; a loss that was not measured yet counts as by hand.
    """

    def __init__(self, decay: float = DECAY) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay = {decay!r}: expected 0 up to, not including, 1")
        self.decay = decay
        # Each average is a sum over a count that decay alike, so that it is that of the first steps from the start on.
        self._sums: dict[str, float] = {}
        self._counts: dict[str, float] = {}
        self._measured: dict[str, Tensor] = {}

    @property
    def norms(self) -> dict[str, float]:
        """The average norm of each loss' gradient, unweighted."""
        return {name: total / self._counts[name] for name, total in self._sums.items()}

    def weights(self, by_hand: Mapping[str, float]) -> dict[str, float]:
        """What each loss counts now. One of weight 0 by hand stays out."""
        norms = {name: norm for name, norm in self.norms.items() if norm > 0 and by_hand.get(name, 0.0) > 0}
        asked = sum(by_hand[name] for name in norms)
        pull = sum(by_hand[name] * norm for name, norm in norms.items())
        factors = {name: min(LARGEST, pull / asked / norm) for name, norm in norms.items()}
        return {name: weight * factors.get(name, 1.0) for name, weight in by_hand.items()}

    def total(self, losses: Mapping[str, Tensor], by_hand: Mapping[str, float], output: Tensor) -> Tensor:
        """sum(weights * losses), a scalar; losses of weight 0 need not be there.

        `output` [batch, ...] is what all of the losses are made from: each goes back to it once, here, and the total
        leads from it to the model. The graphs of the losses are kept. Without gradients nothing is measured.
        """
        counted = {name: weight for name, weight in self.weights(by_hand).items() if weight > 0}
        if not counted:
            return output.new_zeros((), dtype=torch.float32)
        value = torch.stack([weight * losses[name].float() for name, weight in counted.items()]).sum()
        if not (torch.is_grad_enabled() and output.requires_grad):
            return value
        self._measured = {}
        gradient = torch.zeros_like(output, dtype=torch.float32)
        for name, weight in counted.items():
            slope = _slope(losses[name], output)
            if slope is not None:
                self._measured[name] = slope.flatten(1).norm(dim=1).mean()
                gradient += weight * slope
        # A product with a constant has that constant for its gradient; its own value means nothing and is taken off.
        pull = (gradient * output).sum()
        return value.detach() + (pull - pull.detach())

    def update(self) -> None:
        """Take what the last `total` measured into the averages; what is not finite changes nothing."""
        if self._measured:
            found = torch.stack(list(self._measured.values())).tolist()
            for name, norm in zip(self._measured, found, strict=True):
                if math.isfinite(norm):
                    self._sums[name] = self.decay * self._sums.get(name, 0.0) + (1 - self.decay) * norm
                    self._counts[name] = self.decay * self._counts.get(name, 0.0) + (1 - self.decay)
        self._measured = {}

    def state(self) -> dict[str, Any]:
        """Everything that later weights depend on, as plain values."""
        return {"sums": dict(self._sums), "counts": dict(self._counts)}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self._sums, self._counts = dict(state["sums"]), dict(state["counts"])


def _slope(loss: Tensor, output: Tensor) -> Tensor | None:
    if not loss.requires_grad:
        return None
    (slope,) = torch.autograd.grad(loss, output, retain_graph=True, allow_unused=True)
    return None if slope is None else slope.float()
