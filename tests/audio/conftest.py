"""Sounds to test on: made here, written by soundfile, as any person's files would be."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

Write = Callable[..., Path]


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """write(name, samples, rate=48_000, **options): an audio file under `sounds/` of the test's own folder."""

    def _write(name: str, samples: object, rate: int = 48_000, **options: object) -> Path:
        path = tmp_path / "sounds" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.asarray(samples), rate, **options)
        return path

    return _write


def tone(hz: float, seconds: float = 0.5, rate: int = 48_000, level: float = 0.5) -> np.ndarray:
    """A sine [samples] that starts at phase 0."""
    return level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)


def peak_hz(waveform: torch.Tensor, rate: int = 48_000) -> float:
    """The frequency in Hz at which the spectrum of a waveform [samples] is highest."""
    windowed = waveform * torch.hann_window(len(waveform))
    return int(torch.fft.rfft(windowed, n=8 * len(waveform)).abs().argmax()) * rate / (8 * len(waveform))
