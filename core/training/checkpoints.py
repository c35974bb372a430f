"""Checkpoints: written whole or not at all, read without unpickling, refused in one line when they do not fit."""

import hashlib
import io
import json
import random
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.run.folder import atomic_write
from core.training.checkpoint_files import CheckpointError, is_full, read_summary
from core.training.config import TrainingConfig, flatten, to_dict

FORMAT = "distill-tui checkpoint 1"

# What the weights depend on: a checkpoint made with other values is of another model.
STRUCTURAL = (
    "recipe",
    "spectrogram.",
    "model.",
    "data.chunk_seconds",
    "tunes.window_tokens",
    "token_model.",
    "loss.balance",
)
_NOT_STRUCTURAL = ("spectrogram.griffin_lim_iterations", "token_model.token_dropout")


def save_checkpoint(path: Path, contents: dict[str, Any], summary: dict[str, Any]) -> None:
    """Write `contents` to `path` and `summary` with the file's SHA-256 beside it as .json; each atomic, .pt first.

    Raises CheckpointError when the disk refuses; an older file of that name is then still whole.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **contents}, buffer)
    data = buffer.getbuffer()
    described = {**summary, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "saved": _later(path)}
    try:
        free = shutil.disk_usage(path.parent).free
        if free < len(data) * 1.05:
            raise CheckpointError(
                f"{path}: not saved, the disk has {free / 1e6:.0f} MB left and {len(data) / 1e6:.0f} MB are needed; "
                "free some space"
            )
        # The old summary must not vouch for the new file, nor the new one for the old file, were we killed between.
        path.with_suffix(".json").unlink(missing_ok=True)
        atomic_write(path, data)
        atomic_write(path.with_suffix(".json"), json.dumps(described, indent=1, allow_nan=False).encode())
    except OSError as error:
        remedy = "free some space" if is_full(error) else "see that its folder is there and can be written to"
        raise CheckpointError(f"{path}: not saved ({error.strerror or error}); {remedy}") from error


def _later(path: Path) -> float:
    """Now, or just after the newest checkpoint there: a host whose clock is behind must not write into the past."""
    saved = [read_summary(other).get("saved") for other in path.parent.glob("*.pt")]
    return max([time.time(), *(moment + 1e-3 for moment in saved if isinstance(moment, float))])


def load_checkpoint(path: Path) -> dict[str, Any]:
    """The contents that `save_checkpoint` wrote, on the CPU. Nothing is unpickled (`weights_only=True`).

    Raises CheckpointError for a missing, truncated, altered or foreign file.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror or error})") from error
    expected = read_summary(path).get("sha256")
    if expected is not None and hashlib.sha256(data).hexdigest() != expected:
        raise CheckpointError(f"{path}: damaged (its bytes are not the ones that were saved); use another checkpoint")
    try:
        contents = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises RuntimeError, EOFError, UnpicklingError, KeyError, ... for bad bytes
        raise CheckpointError(f"{path}: not a checkpoint that can be read safely; use another checkpoint") from error
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a checkpoint of this program; use one from a run folder's checkpoints/")
    return contents


def rng_state(device: torch.device) -> dict[str, Any]:
    """The random number generators of python, numpy and torch as plain values and tensors."""
    version, internal, gauss = random.getstate()
    numpy_state: Any = np.random.get_state(legacy=True)
    _, keys, position, has_gauss, cached = numpy_state
    state: dict[str, Any] = {
        "python": [version, list(internal), gauss],
        "numpy": [torch.from_numpy(keys.astype(np.int64)), int(position), int(has_gauss), float(cached)],
        "torch": torch.get_rng_state(),
    }
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_rng(state: dict[str, Any], device: torch.device) -> None:
    """The inverse of `rng_state`."""
    version, internal, gauss = state["python"]
    random.setstate((version, tuple(internal), gauss))
    keys, position, has_gauss, cached = state["numpy"]
    np.random.set_state(("MT19937", keys.numpy().astype(np.uint32), position, has_gauss, cached))
    torch.set_rng_state(state["torch"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


def config_of(contents: dict[str, Any], path: Path) -> dict[str, Any]:
    """The config in a checkpoint's contents, as nested plain values. Raises CheckpointError where there is none."""
    config = contents.get("config")
    if not isinstance(config, dict):
        raise CheckpointError(f"{path}: holds no config; use another checkpoint")
    return config


def check_fits(contents: dict[str, Any], config: TrainingConfig, path: Path) -> None:
    """Raise CheckpointError when the checkpoint's model was made with other structural values than `config`."""
    saved, wanted = flatten(config_of(contents, path)), flatten(to_dict(config))
    saved.setdefault("loss.balance", "manual")  # older checkpoints of sounds do not say
    if missing := [key for key in wanted if key.startswith(STRUCTURAL) and key not in saved]:
        raise CheckpointError(f"{path}: was made by another version of this program, without {missing[0]}; train anew")
    for key, value in wanted.items():
        if key.startswith(STRUCTURAL) and key not in _NOT_STRUCTURAL and saved.get(key) != value:
            raise CheckpointError(
                f"{path}: was made with {key} = {saved.get(key)!r}, this run has {value!r}; "
                "give the config its value back or start a new run"
            )


def load_weights(module: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """`load_state_dict` with the CheckpointError of `check_weights`; nothing is changed then."""
    check_weights(module, weights, path)
    module.load_state_dict(weights)


def check_weights(module: nn.Module, weights: object, path: Path) -> None:
    """Raise a one-line CheckpointError, which names the first tensor that does not fit, where one does not."""
    if misfit := _misfit(module, weights):
        raise CheckpointError(f"{path}: its weights do not fit this model ({misfit})")


def check_optimizer(optimizer: torch.optim.Optimizer, saved: Any, path: Path) -> None:
    """Raise CheckpointError where the state `saved` is of an optimizer of other weights than this one moves.

    A moving average of another size would be taken without a word, and fail at the next step.
    """
    own = [[parameter.shape for parameter in group["params"]] for group in optimizer.param_groups]
    shapes = dict(enumerate(shape for group in own for shape in group))
    try:
        sizes = [len(group["params"]) for group in saved["param_groups"]]
        means = {number: kept["exp_avg"].shape for number, kept in saved["state"].items()}
    except (KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: holds no optimizer's state; use another checkpoint") from error
    if sizes != [len(group) for group in own] or any(shapes.get(number) != mean for number, mean in means.items()):
        raise CheckpointError(f"{path}: its optimizer does not fit this model; use another checkpoint")


def _misfit(module: nn.Module, weights: object) -> str:
    """Which tensor is missing, of another size or of no place in `module`, in a few words; "" where all fit."""
    if not isinstance(weights, dict):
        return "they are no table of tensors"
    own = module.state_dict()
    for name, tensor in own.items():
        given = weights.get(name)
        if not isinstance(given, Tensor):
            return f"{name} is missing" if given is None else f"{name} is no tensor"
        if given.shape != tensor.shape:
            return f"{name} is {_size(given)} and should be {_size(tensor)}"
    return next((f"{name} has no place in it" for name in weights if name not in own), "")


def _size(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "one number"


def describe(path: Path) -> dict[str, Any]:
    """What `distill-tui inspect` prints: the summary, the config and the weights' count. Raises CheckpointError.

    `parameters` are what was trained, and None where the checkpoint does not tell (it was saved before the first step);
    `weights` are all numbers of the model, with the fixed ones (bases, statistics, density).
    """
    contents = load_checkpoint(path)
    config, model = config_of(contents, path), contents.get("model")
    if not isinstance(model, dict) or not all(isinstance(weight, Tensor) for weight in model.values()):
        raise CheckpointError(f"{path}: holds no model; use another checkpoint")
    return {
        **read_summary(path),
        "path": str(path),
        "step": contents.get("step"),
        "recipe": config.get("recipe"),
        "parameters": _trained(contents.get("optimizer")),
        "weights": sum(weight.numel() for weight in model.values()),
        "tensors": len(model),
        "config": config,
    }


def _trained(optimizer: Any) -> int | None:
    """How many numbers of the model the optimizer moves, by its own averages of their gradients.

    Its first two groups are the model's; a third is what is learned beside it (`core.training.optimize`).
    """
    try:
        numbers = [number for group in optimizer["param_groups"][:2] for number in group["params"]]
        return sum(int(optimizer["state"][number]["exp_avg"].numel()) for number in numbers)
    except (KeyError, TypeError, AttributeError):
        return None
