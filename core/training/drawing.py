"""Which files a training batch is made of."""

from collections.abc import Sequence

import torch


def drawn(weights: Sequence[int], count: int, generator: torch.Generator) -> list[int]:
    """`count` places in `weights`, in proportion to them, evenly over the batch and in any order.

    Systematic sampling (Madow 1949): one long file does not crowd out the rest by luck. A pure function of the CPU
    generator's state.
    """
    order = torch.randperm(len(weights), generator=generator)
    upto = torch.tensor(weights, dtype=torch.float64)[order].cumsum(0)
    offset = torch.rand(1, generator=generator, dtype=torch.float64)
    points = (torch.arange(count) + offset) / count * upto[-1]
    places = order[torch.searchsorted(upto, points, right=True).clamp(max=len(order) - 1)]
    return [int(place) for place in places[torch.randperm(count, generator=generator)]]
