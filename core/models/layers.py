"""The building block of the models: a residual convolution over positions in time."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class ResidualBlock(nn.Module):
    """x + f(x) over sequences [batch, positions, width]: norm, convolution over time, SiLU, norm, linear layer.

    Layer norm (Ba et al. 2016) looks at one position of one item at a time: the result depends neither on the batch
    size nor on how long a sound is, and a long sound may be worked off in pieces that overlap by the convolution's
    reach. Pre-activation as in He et al. 2016; the last layer starts at zero, so that a new block passes its input on
    (Goyal et al. 2017; Zhang et al. 2019, "Fixup").
    """

    def __init__(self, width: int, kernel: int = 3, dropout: float = 0.0) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.over_time = nn.Conv1d(width, width, kernel, padding=kernel // 2)
        self.inner_norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        self.out = zero_initialised(nn.Linear(width, width))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.over_time(functional.silu(self.norm(x)).mT).mT
        change: Tensor = self.out(self.dropout(functional.silu(self.inner_norm(hidden))))
        return x + change


def zero_initialised(layer: nn.Linear) -> nn.Linear:
    """`layer` with weights and biases at zero: what it adds to begins as if it were not there."""
    with torch.no_grad():
        layer.weight.zero_()
        layer.bias.zero_()
    return layer
