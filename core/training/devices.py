"""Which device and how many threads a run gets."""

import os
from pathlib import Path

import torch

from core.errors import UsageError

MOST_THREADS = 8  # a model of this size gains nothing from more


class DeviceError(UsageError):
    """The device that was asked for is not there; one line: what, and what there is."""


def choose_device(name: str) -> torch.device:
    """The torch device for a config's `device`; "auto" takes cuda, then mps, then cpu. Raises DeviceError."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise DeviceError(f"device {name!r} is not available here; there is: {', '.join(available())}") from error
    return device


def available() -> list[str]:
    """The names of the devices of this machine."""
    names = ["cpu"]
    if torch.backends.mps.is_available():
        names.insert(0, "mps")
    return [f"cuda:{index}" for index in range(torch.cuda.device_count())] + names


def describe_device(device: torch.device) -> str:
    """The device as a person knows it: "cuda:0 H200", "cpu"."""
    if device.type == "cuda":
        index = device.index or 0
        return f"cuda:{index} {torch.cuda.get_device_name(index).removeprefix('NVIDIA ')}"
    return device.type


def choose_threads(wanted: int) -> int:
    """Torch's threads: as asked, else all cores but one (for the screen), at least one and at most MOST_THREADS."""
    return wanted or max(1, min(cores() - 1, MOST_THREADS))


def cores() -> int:
    """How many cores this process may use: by its affinity, and by its container's quota (cgroup v2)."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return max(1, min(allowed, int(quota) // int(period)))
    except (OSError, ValueError):  # no such limit
        return allowed
