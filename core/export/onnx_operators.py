"""Operators that ONNX, or its usual runtime, does not have, in terms of those that it has."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

Arguments = dict[str, Any]


class WithKnownOperators(nn.Module):
    """`module`, whose calls of other operators are replaced while it is looked at.

    `longest` is the most places that a cumulative maximum has to look over.
    """

    def __init__(self, module: nn.Module, longest: int) -> None:
        super().__init__()
        self.module, self.longest = module, longest

    def forward(self, *inputs: Tensor) -> Tensor:
        """What the module returns."""
        with _KnownOperators(self.longest):
            result: Tensor = self.module(*inputs)
        return result


class _KnownOperators(TorchFunctionMode):
    def __init__(self, longest: int) -> None:
        super().__init__()
        self.longest = longest

    def __torch_function__(
        self, function: Callable[..., Any], types: Sequence[type], args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if function is torch.Tensor.cummax:
            return torch.return_types.cummax(_cummax(self.longest, *args, **kwargs))
        if function is torch.Tensor.cumsum and kwargs.get("dtype") == torch.int16:  # ONNX adds up 32 bits or more
            return args[0].int().cumsum(kwargs["dim"]).to(torch.int16)
        if function is torch.where and all(_is_flags(value) for value in args):  # onnxruntime has none between flags
            condition, yes, no = args
            return (condition & yes) | (~condition & no)
        if function is functional.embedding_bag:  # a loop over the bags, whose rows here are [bags, places]
            return functional.embedding(args[0], args[1]).sum(dim=1)
        if function is torch.conv1d and args[0].dtype == torch.float64:  # onnxruntime has these two in float32 alone
            return _conv1d(*args, **kwargs)
        if function is torch.avg_pool1d and args[0].dtype == torch.float64:
            return _avg_pool1d(*args, **kwargs)
        return function(*args, **kwargs)


def _cummax(longest: int, x: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """By doubling (Hillis & Steele 1986). The places of the maxima, for which nobody here asks, are all 0."""
    latest = x.movedim(dim, -1)
    lowest, back = torch.iinfo(x.dtype).min, 1
    while back < longest:
        earlier = functional.pad(latest, (back, 0), value=lowest)[..., : latest.shape[-1]]
        latest, back = torch.maximum(latest, earlier), 2 * back
    latest = latest.movedim(-1, dim)
    return latest, torch.zeros_like(latest, dtype=torch.long)


def _conv1d(
    x: Tensor, weight: Tensor, bias: Tensor, stride: Sequence[int], padding: Sequence[int], *_: object
) -> Tensor:
    """At a stride of 1: a product of matrices for each place of the kernel."""
    assert tuple(stride) == (1,)
    padded = functional.pad(x, (padding[0], padding[0]))
    length = padded.shape[-1] - weight.shape[-1] + 1
    terms = [weight[..., place] @ padded[..., place : place + length] for place in range(weight.shape[-1])]
    return torch.stack(terms).sum(dim=0) + bias[:, None]


def _avg_pool1d(x: Tensor, size: int, stride: int, padding: int, *_: object, count_include_pad: bool) -> Tensor:
    """At a stride of 1, of what there is within `size` places."""
    assert stride == 1
    assert not count_include_pad
    length = x.shape[-1]
    sums = [_shifted_sum(each, size, padding, length) for each in (x, torch.ones(length, dtype=x.dtype))]
    return sums[0] / sums[1]


def _shifted_sum(x: Tensor, size: int, padding: int, length: int) -> Tensor:
    padded = functional.pad(x, (padding, padding))
    total = padded[..., :length]
    for place in range(1, size):
        total = total + padded[..., place : place + length]
    return total


def _is_flags(value: object) -> bool:
    return isinstance(value, Tensor) and value.dtype == torch.bool
