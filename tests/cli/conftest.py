"""A few real sounds and the command line that trains on them in seconds."""

import io
import math
from collections.abc import Callable
from contextlib import redirect_stdout
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import soundfile

from distill_tui.cli import main

RATE = 8000
TINY = {
    "batch_size": 4,
    "threads": 1,
    "device": "cpu",
    "data.chunk_seconds": 0.25,
    "spectrogram.sample_rate": RATE,
    "spectrogram.n_fft": 256,
    "spectrogram.hop_length": 64,
    "spectrogram.n_mels": 32,
    "spectrogram.griffin_lim_iterations": 2,
    "model.latent_dim": 4,
    "model.width": 16,
    "model.components": 16,
    "model.blocks": 1,
    "regularization.augmentation_expansion": 2,
    "loss.stft.fft_sizes": [64],
    "loss.stft.hop_sizes": [16],
    "loss.stft.win_lengths": [64],
    "preview.sounds": 1,
}


@pytest.fixture(scope="session")
def tones(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of six short decaying tones."""
    folder = tmp_path_factory.mktemp("data") / "tönes & bells"
    folder.mkdir()
    time = np.arange(round(0.5 * RATE)) / RATE
    for index in range(6):
        tone = np.exp(-4 * time) * np.sin(2 * math.pi * 220 * 2 ** (index / 4) * time)
        soundfile.write(folder / f"tone-{index}.wav", (0.5 * tone).astype(np.float32), RATE)
    return folder


def training_on(tones: Path) -> list[str]:
    settings = [word for key, value in TINY.items() for word in ("--set", f"{key}={value}")]
    return ["train", str(tones), "--name", "tones", *settings]


@pytest.fixture
def tiny_training(tones: Path) -> list[str]:
    """`train` with a config that makes steps of milliseconds."""
    return training_on(tones)


@pytest.fixture(scope="session")
def trained(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function from "global" or "sequence" to the folder of a run with that latent, trained for four epochs."""

    @cache
    def train(latent: str) -> Path:
        runs = tmp_path_factory.mktemp("runs")
        settings = [f"--set=model.latent={latent}", "--set=model.latent_dim=16", "--set=checkpoint.every=1"]
        with redirect_stdout(io.StringIO()):
            assert main([*training_on(tones), *settings, "--epochs", "4", "--headless", "--runs", str(runs)]) == 0
        return runs / "tones"

    return train
