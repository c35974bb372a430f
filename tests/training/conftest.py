"""Small real runs: half a second of real audio per file, a model of a few thousand weights, steps of milliseconds."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from core.training.config import TrainingConfig
from core.training.config_file import load_config

TINY = {
    "epochs": 3,
    "batch_size": 4,
    "warmup_steps": 2,
    "threads": 1,
    "device": "cpu",
    "data.chunk_seconds": 0.25,
    "spectrogram.sample_rate": 8000,
    "spectrogram.n_fft": 256,
    "spectrogram.hop_length": 64,
    "spectrogram.n_mels": 32,
    "spectrogram.griffin_lim_iterations": 2,
    "model.latent_dim": 4,
    "model.width": 16,
    "model.components": 16,
    "model.blocks": 1,
    "regularization.augmentation_expansion": 3,
    "loss.stft.fft_sizes": [64, 128],
    "loss.stft.hop_sizes": [16, 32],
    "loss.stft.win_lengths": [64, 128],
    "preview.every": 1,
    "checkpoint.every": 1,
}


def write_tones(folder: Path, count: int = 6, seconds: float = 0.6, sample_rate: int = 8000) -> Path:
    """`count` decaying tones of different pitch."""
    folder.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * sample_rate)) / sample_rate
    for index in range(count):
        tone = np.exp(-4 * time) * np.sin(2 * math.pi * 220 * 2 ** (index / 4) * time)
        soundfile.write(folder / f"tone-{index}.wav", (0.5 * tone).astype(np.float32), sample_rate)
    return folder


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tones(tmp_path_factory.mktemp("tones"))


@pytest.fixture
def tiny(tones: Path) -> Callable[..., tuple[TrainingConfig, frozenset[str]]]:
    """A function from config overrides (dotted keys) to a small config on real tones, and the keys given."""

    def make(**changes: object) -> tuple[TrainingConfig, frozenset[str]]:
        overrides = {key.replace("__", "."): value for key, value in changes.items()}
        return load_config(None, [], {"data.path": str(tones), **TINY, **overrides})

    return make
