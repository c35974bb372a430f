"""A model's weights, moved about for a while and put back to the bit."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

Move = tuple[float, Sequence[Tensor]]  # so far, in this direction


class Weights:
    """Some tensors of a model as they were, and ways to move them from there."""

    def __init__(self, tensors: Iterable[Tensor]) -> None:
        self.tensors = list(tensors)
        self.start = [tensor.detach().clone() for tensor in self.tensors]

    @torch.no_grad()
    def place(self, *moves: Move) -> None:
        """Set the tensors to the start plus each distance times its direction: always from the start, so that no
        rounding adds up.
        """
        for index, (tensor, start) in enumerate(zip(self.tensors, self.start, strict=True)):
            tensor.copy_(start)
            for distance, direction in moves:
                if distance:
                    tensor.add_(direction[index], alpha=distance)


@contextmanager
def kept(model: nn.Module) -> Iterator[None]:
    """However the block ends, all parameters and buffers are then as they were to the bit, and the random numbers of
    torch on the CPU go on as if nothing had been drawn.
    """
    tensors = [*model.parameters(), *model.buffers()]
    former = [tensor.detach().clone() for tensor in tensors]
    random = torch.get_rng_state()
    try:
        yield
    finally:
        with torch.no_grad():
            for tensor, before in zip(tensors, former, strict=True):
                tensor.copy_(before)
        torch.set_rng_state(random)


def trainable(model: nn.Module) -> Weights:
    """What training moves."""
    return Weights(parameter for parameter in model.parameters() if parameter.requires_grad)
