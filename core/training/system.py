"""The machine under a training: GPU, processor, memory and disk, read once a second in a thread of its own."""

import logging
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType

import torch

from core.training.gpu_meter import GpuMeter, identity

log = logging.getLogger(__name__)

INTERVAL_S = 1.0
RETRY_S = 30.0

Figures = dict[str, float]


class SystemSampler:
    """`newest` holds the newest figures by name; it is replaced as a whole, so that reading it never waits.

    `folder` is where the run lies: its disk is watched. `names` are the figures that this machine has, as a first look
    found them; nothing else is ever told, and what cannot be read at a moment is left out of `newest` then.

        with SystemSampler(folder, device) as system:
            ... system.newest ...
    """

    def __init__(
        self, folder: Path, device: torch.device, interval: float = INTERVAL_S, retry: float = RETRY_S
    ) -> None:
        self._interval = interval
        looks: list[tuple[str, Callable[[], Callable[[], Figures]]]] = [
            ("processor and memory", _process_meter),
            ("disk", lambda: lambda: {"system/disk_free_bytes": float(shutil.disk_usage(folder).free)}),
        ]
        if device.type == "cuda":
            looks.insert(0, ("GPU", lambda: GpuMeter(identity(device)).read))
        self._parts = [part for label, look in looks if (part := Part(label, look, retry)).names]
        self.names = tuple(name for part in self._parts for name in part.names)
        self.newest: Mapping[str, float] = MappingProxyType({})  # a load needs a second to be measured over
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="system", daemon=True)

    def __enter__(self) -> "SystemSampler":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()  # not waited for: a disk that hangs must not hold up the end of a run

    def _work(self) -> None:
        while not self._ended.wait(self._interval):
            self.newest = MappingProxyType(self.sample())

    def sample(self) -> Figures:
        """All that can be read now."""
        return {name: value for part in self._parts for name, value in part.read().items() if name in part.names}


class Part:
    """A part of the machine. `look` gives what reads its figures; where either fails it is left alone for a while."""

    def __init__(self, label: str, look: Callable[[], Callable[[], Figures]], retry: float) -> None:
        self._label, self._look, self._retry = label, look, retry
        self._read: Callable[[], Figures] | None = None
        self._rests_until = 0.0
        self.names: tuple[str, ...] = tuple(self.read())

    def read(self) -> Figures:
        """Its figures, none while it rests."""
        if time.monotonic() < self._rests_until:
            return {}
        try:
            self._read = self._read or self._look()
            return self._read()
        except Exception as error:  # a telemetry's failure, of whatever kind, is no training's
            log.info("%s: no figures (%s)", self._label, error, exc_info=True)
            self._read, self._rests_until = None, time.monotonic() + self._retry
            return {}


def _process_meter() -> Callable[[], Figures]:
    """Load since the reading before, so the first one means nothing."""
    import psutil

    process = psutil.Process()
    process.cpu_percent()
    psutil.cpu_percent()

    def read() -> Figures:
        return {
            "system/cpu_percent": process.cpu_percent(),
            "system/host_cpu_percent": psutil.cpu_percent(),
            "system/memory_bytes": float(process.memory_info().rss),
            "system/host_memory_percent": psutil.virtual_memory().percent,
        }

    return read
