"""Checkpoints: written whole or not at all, read without unpickling, refused in one line when they do not fit."""

import hashlib
import io
import json
import random
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from core.errors import UsageError
from core.run.folder import RunFolder, atomic_write
from core.training.config import TrainingConfig, flatten, to_dict

FORMAT = "distill-tui checkpoint 1"
_NAME = re.compile(r"step-(\d{8,})\.pt")

# What the weights depend on: a checkpoint made with other values is of another model.
STRUCTURAL = ("recipe", "spectrogram.", "model.", "data.chunk_seconds")
_NOT_STRUCTURAL = ("spectrogram.griffin_lim_iterations",)


class CheckpointError(UsageError):
    """A checkpoint cannot be written, read or used here; one line: what, where, what to do."""


@dataclass(frozen=True)
class CheckpointFile:
    """A checkpoint on disk, as its name and its readable .json tell it, without loading a weight."""

    path: Path
    step: int
    summary: dict[str, Any]


def save_checkpoint(path: Path, contents: dict[str, Any], summary: dict[str, Any]) -> None:
    """Write `contents` to `path` and `summary` with the file's SHA-256 beside it as .json; each atomic, .pt first.

    Raises CheckpointError when the disk refuses; an older file of that name is then still whole.
    """
    buffer = io.BytesIO()
    torch.save({"format": FORMAT, **contents}, buffer)
    data = buffer.getbuffer()
    described = {**summary, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest(), "saved": time.time()}
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
        raise CheckpointError(
            f"{path}: not saved ({error.strerror or error}); free some space or make it writable"
        ) from error


def load_checkpoint(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """The contents that `save_checkpoint` wrote. Nothing is unpickled (`weights_only=True`).

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
        contents = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    except Exception as error:  # torch.load raises RuntimeError, EOFError, UnpicklingError, KeyError, ... for bad bytes
        raise CheckpointError(f"{path}: not a checkpoint that can be read safely; use another checkpoint") from error
    if not isinstance(contents, dict) or contents.get("format") != FORMAT:
        raise CheckpointError(f"{path}: not a checkpoint of this program; use one from a run folder's checkpoints/")
    return contents


def read_summary(path: Path) -> dict[str, Any]:
    """The readable .json beside a checkpoint; empty where there is none."""
    try:
        summary = json.loads(path.with_suffix(".json").read_bytes())
    except (OSError, ValueError):
        return {}
    return summary if isinstance(summary, dict) else {}


def list_checkpoints(folder: RunFolder) -> list[CheckpointFile]:
    """The step checkpoints of a run in the order they were saved; `best.pt` is not among them.

    After a resume from an earlier one, a lower step may be the newer checkpoint.
    """
    found = []
    for path in folder.checkpoints.glob("step-*.pt"):
        if match := _NAME.fullmatch(path.name):
            found.append(CheckpointFile(path, int(match[1]), read_summary(path)))
    return sorted(found, key=_saved)


def get_best_checkpoint(folder: RunFolder) -> Path | None:
    """The checkpoint with the lowest validation loss so far."""
    path = folder.checkpoints / "best.pt"
    return path if path.exists() else None


def find_checkpoint(folder: RunFolder, which: str) -> Path:
    """The file for "latest", "best", a step checkpoint's name, or a path. Raises CheckpointError if it is not there."""
    if which == "latest":
        checkpoints = list_checkpoints(folder)
        if not checkpoints:
            raise CheckpointError(f"{folder.path}: no checkpoint yet; start again with: distill-tui train")
        return checkpoints[-1].path
    if which == "best":
        best = get_best_checkpoint(folder)
        if best is None:
            raise CheckpointError(f"{folder.path}: no best checkpoint yet (it comes with the first validation)")
        return best
    for path in (Path(which), folder.checkpoints / which, folder.checkpoints / f"{which}.pt"):
        if path.is_file():
            return path
    raise CheckpointError(f"{which}: no such checkpoint; there are {', '.join(_names(folder)) or 'none'}")


def is_good(checkpoint: CheckpointFile) -> bool:
    """Whether a rollback may return to it: saved at an epoch's end, and not amid steps that were not finite."""
    return checkpoint.summary.get("reason") == "interval" and not checkpoint.summary.get("skipped_in_a_row")


def prune_checkpoints(folder: RunFolder, keep: int) -> None:
    """Delete all but the `keep` newest checkpoints and the newest that a rollback would return to."""
    checkpoints = list_checkpoints(folder)
    kept = {c.path for c in checkpoints[-keep:]}
    kept.update([c.path for c in checkpoints if is_good(c)][-1:])
    for checkpoint in checkpoints:
        if checkpoint.path not in kept:
            checkpoint.path.unlink(missing_ok=True)
            checkpoint.path.with_suffix(".json").unlink(missing_ok=True)


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
    torch.set_rng_state(state["torch"].cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].cpu(), device)


def check_fits(contents: dict[str, Any], config: TrainingConfig, path: Path) -> None:
    """Raise CheckpointError when the checkpoint's model was made with other structural values than `config`."""
    saved, wanted = flatten(contents["config"]), flatten(to_dict(config))
    for key, value in wanted.items():
        if key.startswith(STRUCTURAL) and key not in _NOT_STRUCTURAL and saved.get(key) != value:
            raise CheckpointError(
                f"{path}: was made with {key} = {saved.get(key)!r}, this run has {value!r}; "
                "give the config its value back or start a new run"
            )


def load_weights(module: nn.Module, weights: dict[str, Tensor], path: Path) -> None:
    """`load_state_dict` with a one-line CheckpointError."""
    try:
        module.load_state_dict(weights)
    except (RuntimeError, AttributeError) as error:
        raise CheckpointError(f"{path}: its weights do not fit this model ({str(error).splitlines()[0]})") from error


def describe(path: Path) -> dict[str, Any]:
    """What `distill-tui inspect` prints: the summary, the config and the weights' count. Raises CheckpointError."""
    contents = load_checkpoint(path)
    model = contents["model"]
    return {
        **read_summary(path),
        "path": str(path),
        "step": contents["step"],
        "recipe": contents["config"].get("recipe"),
        "parameters": sum(weight.numel() for weight in model.values()),
        "tensors": len(model),
        "config": contents["config"],
    }


def _saved(checkpoint: CheckpointFile) -> tuple[float, int]:
    saved = checkpoint.summary.get("saved")
    return (saved if isinstance(saved, float) else checkpoint.path.stat().st_mtime, checkpoint.step)


def _names(folder: RunFolder) -> list[str]:
    return [checkpoint.path.stem for checkpoint in list_checkpoints(folder)]
