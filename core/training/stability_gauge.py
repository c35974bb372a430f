"""How the parts of a model fare in a step: their gradients, how far they move, their dead units; and empty material."""

import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

SHARE_OF_TIME = 0.005
"""Of a session's time that the measuring may take."""
MOST_PARTS = 12
REST = "other"
EMPTY = "data/empty"

ACTIVATIONS = (
    functional.silu, functional.relu, functional.leaky_relu, functional.gelu, functional.elu, torch.relu,
)  # fmt: skip
DEAD = 0.01
"""A unit whose output stays nearer to 0 than this says nothing: layers see values of about unit size, after a norm."""


def names(model: nn.Module) -> tuple[str, ...]:
    """The extras that a step may hold: "norm/PART", "update/PART", "dead/PART" and "data/empty".

    Units are those of parts that are made of blocks of layers, where the activations are.
    """
    own = parts(model)
    blocks = {_part_of(name) for name, _ in model.named_modules() if name.count(".") >= 3}
    named = [f"{what}/{part}" for what in ("norm", "update") for part in own]
    return (*named, *(f"dead/{part}" for part in own if part in blocks), EMPTY)


def parts(model: nn.Module) -> dict[str, list[nn.Parameter]]:
    """The model's trained weights by part: "encoder.blocks"; at most 12 of them, the smallest ones together "other"."""
    found: defaultdict[str, list[nn.Parameter]] = defaultdict(list)
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            found[_part_of(name.rpartition(".")[0]) or name].append(parameter)
    if len(found) <= MOST_PARTS:
        return dict(found)
    largest = sorted(found, key=lambda part: -sum(p.numel() for p in found[part]))[: MOST_PARTS - 1]
    kept = {part: parameters for part, parameters in found.items() if part in largest}
    return kept | {REST: [p for part, parameters in found.items() if part not in largest for p in parameters]}


def _part_of(module: str) -> str:
    """The part that a module or weight of this dotted name belongs to: two levels deep."""
    return ".".join(module.split(".")[:2])


class StabilityGauge:
    """Measures the parts of a model, as rarely as `share_of_time` asks; the session's first step never.

    It draws no random numbers and changes nothing: the trained bits are the same. What it takes by the `clock`, in
    seconds, says how long to wait; about as much as the norm of all weights, and a copy of them for a moment.
    """

    def __init__(self, share_of_time: float | None = None, clock: Callable[[], float] = time.perf_counter) -> None:
        self._share_of_time, self._clock = SHARE_OF_TIME if share_of_time is None else share_of_time, clock
        self._next = 0.0
        self._begun = False

    def reading(self, model: nn.Module, batch: Tensor) -> "Reading | None":
        """The reading of the step that is about to be made; None where none is due. To be asked once a step."""
        begun, self._begun = self._begun, True
        return Reading(self, model, batch) if begun and self._clock() >= self._next else None

    @contextmanager
    def timed(self, reading: "Reading") -> Iterator[None]:
        """Count what is done inside; a device runs behind the host's clock, and is waited for."""
        _settle(reading.device)
        began = self._clock()
        yield
        _settle(reading.device)
        reading.seconds += self._clock() - began
        self._next = self._clock() + reading.seconds / self._share_of_time


class Reading:
    """One step's: `watched` around its forward pass, `after_backward`, `after_update`; then `values`."""

    def __init__(self, gauge: StabilityGauge, model: nn.Module, batch: Tensor) -> None:
        self.seconds = 0.0
        self.device = batch.device
        self._gauge, self._model = gauge, model
        self._outputs: list[tuple[str, Tensor]] = []
        self._found: dict[str, Tensor] = {}
        with gauge.timed(self):
            self._parts = parts(model)
            self._found[EMPTY] = empty(batch)

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at what the activations in the model put out while this is open."""
        within: list[str] = []
        handles = []
        for name, module in self._model.named_modules():
            if _part_of(name) in self._parts:
                handles.append(module.register_forward_pre_hook(partial(_enter, within, _part_of(name))))
                handles.append(module.register_forward_hook(partial(_leave, within)))
        try:
            with _Watch(within, self._outputs):
                yield
        finally:
            for handle in handles:
                handle.remove()

    def after_backward(self, norm: Tensor) -> None:
        """`norm` is that of the whole gradient, before it was clipped."""
        with self._gauge.timed(self):
            norms = {part: _norm([p.grad for p in weights], self.device) for part, weights in self._parts.items()}
            # Clipping has made all of them smaller by the same factor.
            clipped = torch.stack(list(norms.values())).norm().clamp(min=torch.finfo(torch.float32).tiny)
            self._found |= {f"norm/{part}": each * (norm.float() / clipped) for part, each in norms.items()}
            self._dead_units()
            self._before = {part: [p.detach().clone() for p in weights] for part, weights in self._parts.items()}

    def after_update(self) -> None:
        """The optimizer has moved the weights."""
        with self._gauge.timed(self):
            for part, weights in self._parts.items():
                before = self._before[part]
                moved = torch._foreach_sub([p.detach() for p in weights], before)
                size = _norm(before, self.device).clamp(min=torch.finfo(torch.float32).tiny)
                self._found[f"update/{part}"] = _norm(moved, self.device) / size
            del self._before

    def values(self) -> dict[str, float]:
        """What was measured and is a number, by the names of `names`."""
        with self._gauge.timed(self):
            numbers = torch.stack([value.detach().float() for value in self._found.values()]).tolist()
        return {name: value for name, value in zip(self._found, numbers, strict=True) if math.isfinite(value)}

    def _dead_units(self) -> None:
        """The share of each part's units whose output was nothing all over the batch; of parts with activations."""
        silent: defaultdict[str, list[Tensor]] = defaultdict(list)
        for part, output in self._outputs:
            silent[part].append(output.abs().flatten(0, -2).amax(dim=0) < DEAD)
        self._outputs.clear()
        self._found |= {f"dead/{part}": torch.cat(units).float().mean() for part, units in silent.items()}


def _enter(within: list[str], part: str, *_: Any) -> None:
    within.append(part)


def _leave(within: list[str], *_: Any) -> None:
    within.pop()


class _Watch(TorchFunctionMode):
    """Keeps what activations within a part put out: [..., units], units last, as the layers of these models have it."""

    def __init__(self, within: list[str], outputs: list[tuple[str, Tensor]]) -> None:
        super().__init__()
        self._within, self._outputs = within, outputs

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if self._within and func in ACTIVATIONS and output.ndim > 1:
            self._outputs.append((self._within[-1], output.detach()))
        return output


def empty(batch: Tensor) -> Tensor:
    """The share of a batch's items in which nothing ever changes: silence, a constant, nothing but padding."""
    items = batch.flatten(1)
    low, high = items.amin(dim=1), items.amax(dim=1)
    shares: Tensor = (high == low).float().mean()
    return shares


def _norm(tensors: Sequence[Tensor | None], device: torch.device) -> Tensor:
    there = [tensor for tensor in tensors if tensor is not None]
    if not there:
        return torch.zeros((), device=device)
    norm: Tensor = torch.stack(torch._foreach_norm([tensor.detach() for tensor in there])).float().norm()
    return norm


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()
