"""Weights and decoders that leave the program sound, and play, as they do within it."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from torch import Tensor

from core.audio.building import build_model
from core.audio.remake import Remaker
from core.audio.voice import AudioVoice
from core.export.density import drawing
from core.export.trained import Trained as Averaged
from core.midi.recipe import build_model as build_tune_model
from core.models.conv_vae import ConvVAE
from core.models.token_vae import TokenVAE
from core.training.config import TrainingConfig
from core.training.config_file import from_dict
from tests.export.conftest import Trained, exported

WITHIN = 1e-4
OF_A_SOUND = 1e-6  # a hundredth of what is promised, after 32 rounds of Griffin-Lim too
Runner = Callable[..., np.ndarray]
Export = Callable[[str, str], Path]


@pytest.fixture(scope="module")
def made(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """A function from a kind of run and a format to the exported file; each is made once."""

    @cache
    def make(kind: str, target: str) -> Path:
        path = tmp_path_factory.mktemp("out") / f"{kind}.{target}"
        with redirect_stderr(io.StringIO()) as said:
            assert exported(trained(kind), "--to", target, "-o", path, "--checkpoint", "latest") == 0
        assert said.getvalue() == ("writing ONNX, about half a minute\n" if target == "onnx" else "")
        return path

    return make


def averaged(run: Path) -> Averaged:
    return Averaged.load(sorted((run / "checkpoints").glob("step-*.pt"))[-1])


def sound_model(run: Path) -> tuple[ConvVAE, TrainingConfig]:
    found = averaged(run)
    model = build_model(found.config)
    found.into(model)
    return model, found.config


def tune_model(run: Path) -> TokenVAE:
    found = averaged(run)
    model = build_tune_model(found.config)
    found.into(model)
    return model


def rendered(model: ConvVAE, config: TrainingConfig, count: int) -> np.ndarray:
    """[count, 1, samples]: what `generate --seed 0` writes."""
    renderings = AudioVoice(Remaker(model, config)).samples(count, 0, 1.0, None)
    return np.stack([soundfile.read(io.BytesIO(each.data), dtype="float32")[0][None] for each in renderings])


def latents(model: ConvVAE, config: TrainingConfig, count: int) -> Tensor:
    remaker = Remaker(model, config)
    return torch.cat([remaker.drawn(number, remaker.chunk_samples) for number in range(count)])


def run_alone(program: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Without this project on the path."""
    words = [sys.executable, "-I", "-c", program]
    return subprocess.run(words, check=False, cwd=folder, capture_output=True, text=True)


def runner(path: Path, target: str) -> Runner:
    """The exported file as a function of arrays, without a part of this program."""
    if target == "torchscript":
        module = torch.jit.load(path)
        return lambda *inputs: module(*map(torch.from_numpy, inputs)).numpy()
    session = pytest.importorskip("onnxruntime").InferenceSession(str(path))
    names = [port.name for port in session.get_inputs()]
    return lambda *inputs: session.run(None, dict(zip(names, inputs, strict=True)))[0]


WRITTEN = [
    ("global", "torchscript"), ("sequence", "torchscript"), ("log_mel", "torchscript"),
    ("rounds", "torchscript"), ("sequence", "onnx"), ("rounds", "onnx"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "target"), WRITTEN)
def test_a_decoder_gives_the_sounds_that_generate_writes(
    kind: str, target: str, trained: Trained, made: Export
) -> None:
    model, config = sound_model(trained(kind))
    run, z = runner(made(kind, target), target), latents(model, config, 3).numpy()
    expected = rendered(model, config, 3)
    assert np.abs(expected).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)
    np.testing.assert_allclose(run(z), expected, atol=OF_A_SOUND, rtol=0)
    np.testing.assert_allclose(run(z[:1]), expected[:1], atol=OF_A_SOUND, rtol=0)


@pytest.mark.parametrize("target", ["torchscript", "onnx"])
def test_a_tune_s_decoder_says_what_may_come_next(target: str, trained: Trained, made: Export) -> None:
    model = tune_model(trained("tunes"))
    run = runner(made("tunes", target), target)
    z = model.sample(3, torch.Generator().manual_seed(0))
    written = model.write(z, 40, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        expected = model.decode(z, written).numpy()
    tokens = np.concatenate([np.full((3, 1), -1), written.numpy()], axis=1)

    logits = run(z.numpy(), tokens)[:, :-1]
    possible = np.isfinite(logits)
    np.testing.assert_allclose(logits[possible], expected[possible], atol=WITHIN)
    assert 0 < possible.mean() < 1
    taken = np.take_along_axis(possible, written.clamp(min=0).numpy()[..., None], axis=2)[..., 0]
    assert taken[written.numpy() >= 0].all()  # what the model itself wrote

    greedy = model.write(z[:1], 12, generator=torch.Generator(), temperature=0.0)[0].tolist()
    row = [-1]
    while len(row) <= len(greedy):
        row.append(int(run(z[:1].numpy(), np.array([row]))[0, -1].argmax()))
    assert row[1:] == greedy


@pytest.mark.parametrize(
    ("kind", "target"), [("global", "torchscript"), ("sequence", "onnx"), ("tunes", "torchscript"), ("tunes", "onnx")]
)
def test_the_example_in_the_sidecar_runs(kind: str, target: str, made: Export, tmp_path: Path) -> None:
    path = made(kind, target)
    about = json.loads(path.with_name(f"{path.name}.json").read_bytes(), parse_constant=pytest.fail)
    if target == "onnx":
        pytest.importorskip("onnxruntime")
    program = "\n".join(about["example"])
    done = run_alone(program, path.parent)
    assert done.returncode == 0, done.stderr
    if kind == "tunes":
        assert len(json.loads(done.stdout)) == about["longest"] - 1
        return
    samples, rate = soundfile.read(path.parent / "new.wav")
    assert (len(samples), rate) == (about["outputs"][0]["shape"][2], about["sample_rate"])
    assert np.abs(samples).max() == pytest.approx(10 ** (-1 / 20), abs=1e-3)


@pytest.mark.parametrize("kind", ["global", "sequence"])
def test_the_sidecar_s_density_draws_what_the_model_draws(kind: str, trained: Trained) -> None:
    model, _ = sound_model(trained(kind))
    d = {name: np.array(values) for name, values in drawing(averaged(trained(kind)).weights).items()}
    generator = torch.Generator().manual_seed(5)
    point = d["points"][int(torch.randint(len(d["points"]), (), generator=generator))]
    every = torch.randn(model.density.points.shape[1], generator=generator).numpy()
    noise = every[model.density.components.found.numpy()]
    p = (1 - d["bandwidth"] ** 2) ** 0.5 * point + d["bandwidth"] * d["spread"] * noise
    expected = model.density.sample(1, torch.Generator().manual_seed(5))[0].numpy()
    np.testing.assert_allclose(d["mean"] + p @ d["directions"], expected, atol=1e-4)


def test_before_the_density_is_fitted_a_latent_comes_from_the_prior() -> None:
    unfitted = TokenVAE(latent_dim=8, width=32, heads=2).density.state_dict()
    weights = {f"density.{name}": value for name, value in unfitted.items()}
    d = {name: np.array(values) for name, values in drawing(weights).items()}
    noise = np.arange(8.0)
    np.testing.assert_allclose(d["mean"] + (d["bandwidth"] * d["spread"] * noise) @ d["directions"], noise)


@pytest.mark.parametrize("kind", ["global", "tunes"])
def test_weights_load_into_a_new_model_that_sounds_the_same(kind: str, trained: Trained, made: Export) -> None:
    safetensors = pytest.importorskip("safetensors")
    with safetensors.safe_open(made(kind, "safetensors"), "pt") as file:
        metadata: dict[str, Any] = file.metadata()
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    config = from_dict(json.loads(metadata["config"]))
    assert (metadata["program"], metadata["run"], metadata["recipe"]) == ("distill-tui", kind, config.recipe)
    assert int(metadata["step"]) == averaged(trained(kind)).step > 0
    if kind == "tunes":
        tune = build_tune_model(config)
        tune.load_state_dict(weights)
        both = (tune.eval(), tune_model(trained(kind)))
        one, other = (m.write(torch.ones(1, 8), 20, generator=torch.Generator().manual_seed(0)) for m in both)
        assert one.tolist() == other.tolist()
        return
    assert metadata["sample_rate"] == "8000"
    model = build_model(config)
    model.load_state_dict(weights)
    expected, _ = sound_model(trained(kind))
    np.testing.assert_array_equal(rendered(model.eval(), config, 2), rendered(expected, config, 2))
