"""Load, memory, temperature and power of one NVIDIA GPU, as its driver tells them (NVML, by nvidia-ml-py)."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import torch

MILLIWATTS = 1e-3


@dataclass(frozen=True)
class GpuIdentity:
    """What tells a GPU from others whatever CUDA_VISIBLE_DEVICES hides or reorders: its UUID, and its PCI bus id.

    Either is empty where torch does not know it.
    """

    uuid: str = ""
    bus_id: str = ""


def identity(device: torch.device) -> GpuIdentity:
    """Who the GPU of a CUDA device is."""
    properties = torch.cuda.get_device_properties(device)
    uuid, bus = getattr(properties, "uuid", ""), getattr(properties, "pci_bus_id", None)
    if bus is None:
        return GpuIdentity(str(uuid))
    domain, slot = getattr(properties, "pci_domain_id", 0), getattr(properties, "pci_device_id", 0)
    return GpuIdentity(str(uuid), f"{domain:08x}:{bus:02x}:{slot:02x}.0")


class GpuMeter:
    """Reads one GPU. Making it raises ImportError without the library, and NVML's error without driver or right."""

    def __init__(self, gpu: GpuIdentity) -> None:
        self._nvml: Any = import_module("pynvml")
        self._nvml.nvmlInit()
        self._handle = self._found(gpu)

    def read(self) -> dict[str, float]:
        """The figures that this GPU has; a virtual one lacks some. Raises NVML's error when it is gone."""
        nvml, handle = self._nvml, self._handle
        figures: dict[str, float] = {}

        def put(*names: str, of: Callable[[], tuple[float, ...]]) -> None:
            try:
                values = of()
            except (nvml.NVMLError_NotSupported, nvml.NVMLError_NoPermission):
                return
            figures.update({f"system/{name}": float(value) for name, value in zip(names, values, strict=True)})

        def memory() -> tuple[float, ...]:
            info = nvml.nvmlDeviceGetMemoryInfo(handle)
            return info.used, info.total

        put("gpu_percent", of=lambda: (nvml.nvmlDeviceGetUtilizationRates(handle).gpu,))
        put("gpu_memory_bytes", "gpu_memory_total_bytes", of=memory)
        put("gpu_celsius", of=lambda: (nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU),))
        put("gpu_watts", of=lambda: (nvml.nvmlDeviceGetPowerUsage(handle) * MILLIWATTS,))
        return figures

    def _found(self, gpu: GpuIdentity) -> Any:
        """NVML's handle of the GPU; a slice of one (MIG) has a UUID of another kind."""
        nvml = self._nvml
        ways = [(nvml.nvmlDeviceGetHandleByUUID, f"{kind}-{gpu.uuid}") for kind in ("GPU", "MIG") if gpu.uuid]
        if gpu.bus_id:
            ways.append((nvml.nvmlDeviceGetHandleByPciBusId, gpu.bus_id))
        for find, name in ways:
            try:
                return find(name)
            except (nvml.NVMLError_NotFound, nvml.NVMLError_InvalidArgument):
                continue
        if nvml.nvmlDeviceGetCount() == 1:
            return nvml.nvmlDeviceGetHandleByIndex(0)
        raise LookupError(f"none of the driver's GPUs is {gpu.uuid or gpu.bus_id or 'the one in use'}")
