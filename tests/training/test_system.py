"""The machine's figures: there when they can be read, absent when not, and never in the trainer's way."""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import psutil
import pytest
import torch

from core.training.gpu_meter import GpuIdentity, GpuMeter, identity
from core.training.system import Part, SystemSampler

CPU = torch.device("cpu")
GPU_NAMES = {
    "system/gpu_percent", "system/gpu_memory_bytes", "system/gpu_memory_total_bytes", "system/gpu_celsius",
    "system/gpu_watts",
}  # fmt: skip


def until(condition: Any, seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "still not so"
        time.sleep(0.01)


def test_a_machine_without_gpu_tells_of_processor_memory_and_disk(tmp_path: Path) -> None:
    with SystemSampler(tmp_path, CPU, interval=0.02) as system:
        assert system.names == (
            "system/cpu_percent", "system/host_cpu_percent", "system/memory_bytes", "system/host_memory_percent",
            "system/disk_free_bytes",
        )  # fmt: skip
        until(lambda: system.newest)
        newest = system.newest
        assert set(newest) == set(system.names)
        assert newest["system/memory_bytes"] == pytest.approx(psutil.Process().memory_info().rss, rel=0.5)
        assert newest["system/disk_free_bytes"] == pytest.approx(psutil.disk_usage(str(tmp_path)).free, rel=0.2)
        assert 0 <= newest["system/host_memory_percent"] <= 100


def test_a_busy_process_is_seen(tmp_path: Path) -> None:
    system = SystemSampler(tmp_path, CPU)
    end = time.process_time() + 0.2
    while time.process_time() < end:
        sum(range(1000))
    assert system.sample()["system/cpu_percent"] > 20


def test_it_is_replaced_as_a_whole_and_ends_with_the_run(tmp_path: Path) -> None:
    with SystemSampler(tmp_path, CPU, interval=0.01) as system:
        until(lambda: system.newest)
        first = system.newest
        until(lambda: system.newest is not first)
        with pytest.raises(TypeError):
            first["system/cpu_percent"] = 1.0  # type: ignore[index]
    until(lambda: not any(thread.name == "system" for thread in threading.enumerate()))


def test_the_end_of_a_run_waits_for_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hangs = threading.Event()
    system = SystemSampler(tmp_path, CPU, interval=0.001)
    monkeypatch.setattr("shutil.disk_usage", lambda _: hangs.wait(10))
    began = time.monotonic()
    with system:
        time.sleep(0.05)
    assert time.monotonic() - began < 1
    hangs.set()


def test_a_folder_that_vanishes_takes_only_its_own_figure(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    system = SystemSampler(folder, CPU, retry=0.0)
    folder.rmdir()
    assert "system/disk_free_bytes" not in system.sample()
    assert "system/memory_bytes" in system.sample()
    folder.mkdir()
    assert "system/disk_free_bytes" in system.sample()


def test_what_fails_is_left_alone_for_a_while() -> None:
    asked = []

    def read() -> dict[str, float]:
        asked.append(1)
        if len(asked) > 1:
            raise OSError("gone")
        return {"system/x": 1.0}

    part = Part("x", lambda: read, retry=60.0)
    assert part.names == ("system/x",)
    assert [part.read() for _ in range(5)] == [{}] * 5
    assert len(asked) == 2


def test_without_psutil_the_disk_is_still_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert SystemSampler(tmp_path, CPU).names == ("system/disk_free_bytes",)


class Driver(ModuleType):
    """What nvidia-ml-py is to us: two GPUs, of which a test may take one, or a right, away."""

    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        pass

    class NVMLError_NotSupported(NVMLError):
        pass

    class NVMLError_NoPermission(NVMLError):
        pass

    class NVMLError_NotFound(NVMLError):
        pass

    class NVMLError_InvalidArgument(NVMLError):
        pass

    def __init__(self) -> None:
        super().__init__("pynvml")
        self.uuids = {"GPU-aaaa": 0, "GPU-bbbb": 1}
        self.buses = {"00000000:1b:00.0": 0, "00000000:3f:00.0": 1}
        self.gone = False
        self.powerless = False
        self.started = 0

    def nvmlInit(self) -> None:
        self.started += 1
        if self.gone:
            raise self.NVMLError("driver not loaded")

    def nvmlDeviceGetCount(self) -> int:
        return len(self.uuids)

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> int:
        if uuid not in self.uuids:
            raise self.NVMLError_NotFound
        return self.uuids[uuid]

    def nvmlDeviceGetHandleByPciBusId(self, bus: str) -> int:
        if bus not in self.buses:
            raise self.NVMLError_NotFound
        return self.buses[bus]

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        if self.gone:
            raise self.NVMLError("GPU is lost")
        return SimpleNamespace(gpu=50 + handle)

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(used=3_000_000_000, total=80_000_000_000)

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        return 61

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        if self.powerless:
            raise self.NVMLError_NotSupported
        return 312_500


@pytest.fixture
def driver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Driver]:
    driver = Driver()
    monkeypatch.setitem(sys.modules, "pynvml", driver)
    return driver


def test_the_gpu_is_the_one_that_torch_means(driver: Driver) -> None:
    assert GpuMeter(GpuIdentity("bbbb")).read()["system/gpu_percent"] == 51
    assert GpuMeter(GpuIdentity(bus_id="00000000:1b:00.0")).read()["system/gpu_percent"] == 50
    assert GpuMeter(GpuIdentity("unknown", "00000000:3f:00.0")).read()["system/gpu_percent"] == 51
    with pytest.raises(LookupError, match="cccc"):  # never the figures of somebody else's GPU
        GpuMeter(GpuIdentity("cccc"))


def test_of_a_virtual_gpu_what_it_has_is_told(driver: Driver) -> None:
    driver.powerless = True
    assert set(GpuMeter(GpuIdentity("aaaa")).read()) == GPU_NAMES - {"system/gpu_watts"}
    driver.powerless = False
    assert GpuMeter(GpuIdentity("aaaa")).read() == {
        "system/gpu_percent": 50.0, "system/gpu_memory_bytes": 3e9, "system/gpu_memory_total_bytes": 80e9,
        "system/gpu_celsius": 61.0, "system/gpu_watts": 312.5,
    }  # fmt: skip


def test_a_gpu_that_vanishes_and_comes_back(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.system.identity", lambda device: GpuIdentity("aaaa"))
    system = SystemSampler(tmp_path, torch.device("cuda"), retry=0.0)
    assert set(system.names) > GPU_NAMES
    assert system.names[0] == "system/gpu_percent"
    driver.gone = True
    assert not GPU_NAMES & set(system.sample())
    assert not GPU_NAMES & set(system.sample())
    driver.gone = False
    assert set(system.sample()) >= GPU_NAMES


def test_no_library_and_no_driver_give_nothing(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("core.training.system.identity", lambda device: GpuIdentity("aaaa"))
    driver.gone = True
    assert not GPU_NAMES & set(SystemSampler(tmp_path, torch.device("cuda")).names)
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert not GPU_NAMES & set(SystemSampler(tmp_path, torch.device("cuda")).names)


def test_who_a_gpu_is(monkeypatch: pytest.MonkeyPatch) -> None:
    properties = SimpleNamespace(uuid="aaaa", pci_domain_id=0, pci_bus_id=0x3F, pci_device_id=0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    assert identity(torch.device("cuda")) == GpuIdentity("aaaa", "00000000:3f:00.0")
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace())
    assert identity(torch.device("cuda")) == GpuIdentity()


def test_the_gpu_of_this_machine_if_it_has_one(tmp_path: Path) -> None:
    if not torch.cuda.is_available():
        assert not any(name.startswith("system/gpu") for name in SystemSampler(tmp_path, torch.device("cpu")).names)
        return
    figures = GpuMeter(identity(torch.device("cuda"))).read()
    assert 0 < figures["system/gpu_memory_bytes"] < figures["system/gpu_memory_total_bytes"]
