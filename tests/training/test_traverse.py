"""Turning a latent's dimensions: in spreads of the material, for sounds and tunes, here and in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from core.midi.voice import MidiVoice
from core.models.density import LatentDensity
from core.models.token_vae import TokenVAE
from core.run.folder import RunFolder
from core.training.checkpoint_files import find_checkpoint
from core.training.config import TrainingConfig
from core.training.config_file import load_config
from core.training.latents import Material
from core.training.train import train
from core.training.traverse import Dimension, Renderings, dimensions
from core.training.tunes_config import TunesConfig
from core.training.voice import load_voice
from distill_tui.wav import read_wav
from tests.training.conftest import TINY


def cloud(items: int, dimensions: int, positions: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    sizes = torch.linspace(0.5, 2, dimensions)[:, None]
    drawn: Tensor = torch.randn(items, dimensions, positions, generator=generator) * sizes
    return drawn + torch.arange(dimensions)[:, None] + torch.linspace(0, 3, positions)


def fitted(latents: Tensor) -> Material:
    density = LatentDensity(latents[0].numel())
    density.fit(latents.flatten(1))
    return Material.of(density, latents.shape[1])


@pytest.mark.parametrize("positions", [1, 5])
def test_middle_and_spread_are_those_of_the_material(positions: int) -> None:
    latents = cloud(200, 4, positions)
    material = fitted(latents)
    torch.testing.assert_close(material.middle, latents.mean(0), atol=0.1, rtol=0)
    expected = (latents - latents.mean(0)).square().mean((0, 2)).sqrt()
    torch.testing.assert_close(material.spread, expected, rtol=0.05, atol=0)


def test_before_anything_was_fitted_it_is_the_prior() -> None:
    material = Material.of(LatentDensity(6), 3)
    assert material.middle.shape == (3, 2)
    assert not material.middle.any()
    assert material.spread.tolist() == [1, 1, 1]


@given(st.dictionaries(st.integers(0, 3), st.floats(-5, 5)), st.integers(0, 20), st.sampled_from([1, 5]))
def test_what_is_turned_stands_there_and_all_else_stays(to: dict[int, float], item: int, positions: int) -> None:
    latents = cloud(40, 4, positions)
    material = fitted(latents)
    latent = latents[item : item + 1] if positions > 1 else latents[item : item + 1, :, 0]
    moved = material.turned(latent, to)
    expected = [to.get(place, value) for place, value in enumerate(material.standing(latent))]
    assert material.standing(moved) == pytest.approx(expected, abs=1e-3)
    if positions > 1:  # what happens along the sequence is the same
        torch.testing.assert_close(moved - moved.mean(2, keepdim=True), latent - latent.mean(2, keepdim=True))
    others = [place for place in range(4) if place not in to]
    assert torch.equal(moved[:, others], latent[:, others])


def test_a_dimension_in_which_all_are_alike_cannot_be_turned() -> None:
    material = Material(torch.ones(2, 1), torch.tensor([1.0, 0.0]))
    assert material.standing(torch.tensor([[3.0, 5.0]])) == (2.0, 0.0)
    assert material.turned(torch.ones(1, 2), {1: 3.0}).tolist() == [[1.0, 1.0]]


def test_a_dimension_is_active_by_its_nats_or_else_by_its_spread() -> None:
    assert Dimension(1, 0.0, 0.2).active
    assert not Dimension(1, 9.0, 0.05).active
    assert Dimension(1, 0.2).active
    assert not Dimension(1, 0.05).active


def test_a_tune_is_written_and_played_the_same_every_time() -> None:
    torch.manual_seed(0)
    voice = MidiVoice(TokenVAE(8, 16, 1, 1, 2).eval(), TrainingConfig(tunes=TunesConfig(window_tokens=48)))
    assert voice.spread == (1.0,) * 8
    for origin in (voice.origin(), voice.origin(seed=3)):
        files = [voice.turned(origin, {2: place}) for place in (-9.0, 9.0, -9.0)]
        assert files[0].data == files[2].data
        heard = read_wav(voice.waveform(files[1]))
        assert heard.sample_rate == 32_000
        assert heard.frames > 0
    told, sound, score = Renderings(voice).of(3, {2: 9.0})
    assert (sound, score) == (voice.waveform(files[1]), files[1].data)
    assert told["standing"] == pytest.approx(voice.origin(seed=3).standing, abs=1e-3)
    assert voice.origin(seed=3).standing != voice.origin(seed=4).standing
    assert voice.origin().standing == (0.0,) * 8


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, tones: Path) -> RunFolder:
    """A tiny run of two epochs."""
    config, given = load_config(None, [], {"data.path": str(tones), **TINY, "epochs": 2})
    folder = RunFolder.create(tmp_path_factory.mktemp("runs"), "tones")
    train(folder, config=config, given=given)
    return folder


def test_without_a_record_of_validation_the_spread_puts_them_in_order(run: RunFolder, tmp_path: Path) -> None:
    path = find_checkpoint(run, "best")
    voice = load_voice(path)
    found = dimensions(voice, run, path)
    assert [each.kl for each in found] == sorted((each.kl or 0 for each in found), reverse=True)
    bare = dimensions(voice, RunFolder(tmp_path), path)
    assert all(each.kl is None for each in bare)
    assert [each.spread for each in bare] == sorted(voice.spread, reverse=True)


class Child:
    """The process that renders, spoken to by hand."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "core.training.traverse", str(folder)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.stdin, self.stdout = self.process.stdin, self.process.stdout

    def ask(self, *requests: tuple[int, int | None, dict[str, float]]) -> None:
        for number, seed, to in requests:
            self.stdin.write(json.dumps({"number": number, "seed": seed, "to": to}).encode() + b"\n")
        self.stdin.flush()

    def told(self) -> tuple[dict[str, Any], bytes]:
        facts = json.loads(self.stdout.readline())
        return facts, self.stdout.read(facts.get("sound", 0))


def test_a_process_answers_the_newest_request_and_ends_with_who_asks(run: RunFolder) -> None:
    child = Child(run.path)
    child.ask(*((number, None, {"0": float(number)}) for number in range(1, 6)))  # while it loads
    ready, _ = child.told()
    path = find_checkpoint(run, "best")
    voice = load_voice(path, 1)
    assert [each["number"] for each in ready["dimensions"]] == [each.number for each in dimensions(voice, run, path)]
    answer, sound = child.told()
    assert answer["number"] == 5
    assert sound == voice.turned(voice.origin(), {0: 5.0}).data
    child.ask((6, 2, {}))
    answer, other = child.told()
    assert answer["standing"] == pytest.approx(voice.origin(seed=2).standing, abs=1e-3)
    assert other != sound
    child.stdin.close()
    assert child.process.wait(10) == 0


def test_a_run_without_a_checkpoint_is_refused_in_a_line(tmp_path: Path) -> None:
    child = Child(tmp_path)
    facts, _ = child.told()
    assert "not a run folder" in facts["error"]
    assert child.process.wait(10) == 2
