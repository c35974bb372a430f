"""Small real runs of both kinds, and the command as a person types it."""

import io
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path

import pytest
import torch

from core.midi.demo import make_demo_tunes
from distill_tui.cli import Parser, main
from distill_tui.commands import export
from tests.midi.test_midi_runs import TINY as TINY_TUNES
from tests.training.conftest import TINY, write_tones

Trained = Callable[[str], Path]
NOT_SETTINGS = ("epochs", "threads", "device")
SOUNDS = {
    "global": {"model.latent": "global"},
    "sequence": {"model.latent": "sequence", "spectrogram.n_mels": 0},
    "rounds": {"model.latent": "global", "spectrogram.griffin_lim_iterations": 32},
    "log_mel": {"model.latent": "global", "spectrogram.representation": "log_mel"},
}


def exported(*words: object) -> int:
    """`distill-tui export WORDS`, with its errors raised."""
    parser = Parser(prog="distill-tui export")
    export.add_arguments(parser)
    return export.run(parser.parse_all([str(word) for word in words]))


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A function from "global", "sequence", "rounds", "log_mel" (sounds) or "tunes" to a run's folder."""

    @cache
    def train(kind: str) -> Path:
        base = tmp_path_factory.mktemp(kind)
        if kind == "tunes":
            make_demo_tunes(base / "data", 6)
            settings = {**TINY_TUNES, "adversarial.mode": "off"}
        else:
            write_tones(base / "data")
            settings = {**TINY, **SOUNDS[kind]}
        words = [f"--set={key}={value}" for key, value in settings.items() if key not in NOT_SETTINGS]
        options = ["--epochs", "2", "--threads", "1", "--device", "cpu", "--headless", "--runs", str(base / "runs")]
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            assert main(["train", str(base / "data"), "--name", kind, *words, *options]) == 0
        return base / "runs" / kind

    return train
