"""Weights of several losses that are learned beside the model, by uncertainty."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn


class MultiObjectiveLossBalancer(nn.Module):
    """total = sum_i exp(-s_i) L_i + s_i, with log-variances s_i that learn (Kendall, Gal & Cipolla 2018, eq. 10).

    Their factor of 1/2, which stands before both parts for a Gaussian likelihood, is left out: it would only halve the
    total. The best s_i is log L_i, so that the weight exp(-s_i) comes to 1 / L_i and every loss to the same size.

    Weights stay within `min_weight` and `max_weight`. At the border s_i is used as the border has it, and of its
    gradient only what leads back inside is left: it neither runs away nor stays there for good.

    `names` says which losses the `num_objectives` log-variances belong to; without names a mapping's order says it.
    Raises ValueError for bounds out of order or for another number of names.
    """

    def __init__(
        self,
        num_objectives: int = 6,
        init_log_var: float = 0.0,
        min_weight: float = 1e-4,
        max_weight: float = 100.0,
        *,
        names: Sequence[str] = (),
    ) -> None:
        super().__init__()
        if not 0 < min_weight < max_weight:
            raise ValueError(f"min_weight = {min_weight}: expected above 0 and under max_weight = {max_weight}")
        if names and len(names) != num_objectives:
            raise ValueError(f"num_objectives = {num_objectives}: expected {len(names)}, one for each name")
        self.names = tuple(names)
        self.lowest, self.highest = -math.log(max_weight), -math.log(min_weight)
        self.log_vars = nn.Parameter(torch.full((num_objectives,), float(init_log_var)))

    def forward(
        self, losses: Mapping[str, Tensor], by_hand: Mapping[str, float] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The total of `losses` (scalars, 0 or more) and the weight that each has learned, without a gradient.

        Named objectives that are not among the losses add nothing and learn nothing at this step. A loss' part of the
        total counts `by_hand` times, its log-variance too: what it learns is the same, what it counts is not.
        Raises ValueError for a loss that has no log-variance.
        """
        places = self._places(losses)
        log_vars = self._bounded()
        weights = (-log_vars).exp()
        values = torch.stack([loss.float() for loss in losses.values()])
        parts = weights[places] * values + log_vars[places]
        if by_hand is not None:
            parts = parts * parts.new_tensor([by_hand[name] for name in losses])
        total = parts.sum()
        return total, dict(zip(losses, weights[places].detach().unbind(), strict=True))

    @torch.no_grad()
    def weights(self) -> dict[str, Tensor]:
        """Every named objective's weight now."""
        return dict(zip(self.names, (-self._bounded()).exp().unbind(), strict=True))

    def _places(self, losses: Mapping[str, Tensor]) -> list[int]:
        unknown = [name for name in losses if name not in self.names] if self.names else []
        if unknown or len(losses) > len(self.log_vars):
            known = ", ".join(self.names) or f"{len(self.log_vars)} at most"
            raise ValueError(f"{', '.join(unknown or losses)}: expected {known}")
        return [self.names.index(name) for name in losses] if self.names else list(range(len(losses)))

    def _bounded(self) -> Tensor:
        log_vars = self.log_vars
        inside = log_vars.clamp(self.lowest, self.highest).detach()
        straight = log_vars + (inside - log_vars).detach()
        if straight.requires_grad:
            under, over = log_vars.detach() <= self.lowest, log_vars.detach() >= self.highest
            straight.register_hook(  # type: ignore[no-untyped-call]
                lambda slope: torch.where(under & (slope > 0) | over & (slope < 0), 0.0, slope)
            )
        return straight
