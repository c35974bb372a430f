"""A single short sound to learn from is enough to draw new ones that are not all the same."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from core.audio.recipe import AudioRecipe
from core.audio.remake import Remaker
from core.audio.voice import AudioVoice
from core.models.conv_vae import ConvVAE
from core.training.config_file import load_config
from tests.audio.conftest import Write, tone

RATE = 8000
TINY = {
    "threads": 1, "device": "cpu", "data.chunk_seconds": 0.25, "spectrogram.sample_rate": RATE,
    "spectrogram.n_fft": 256, "spectrogram.hop_length": 64, "spectrogram.n_mels": 32,
    "spectrogram.griffin_lim_iterations": 2, "model.latent_dim": 16, "model.width": 16, "model.components": 32,
    "model.blocks": 1,
}  # fmt: skip


def prepared(latent: str, write: Write, files: int) -> AudioRecipe:
    for number in range(files):
        path = write(f"{number}.wav", tone(300 * 1.5**number, 0.2, RATE), RATE)
    config, given = load_config(None, [], {**TINY, "model.latent": latent, "data.path": str(path.parent)})
    torch.manual_seed(0)
    return AudioRecipe.prepare(config, given, torch.device("cpu"), lambda done, total, what: None)


def drawn(model: torch.nn.Module, count: int = 30) -> Tensor:
    """[count, features]."""
    assert isinstance(model, ConvVAE)
    return torch.cat([model.sample(1, torch.Generator().manual_seed(seed)) for seed in range(count)]).flatten(1)


@pytest.mark.parametrize("latent", ["global", "sequence"])
@pytest.mark.parametrize("files", [2, 4])
def test_new_latents_vary_in_more_directions_than_there_are_chunks(latent: str, files: int, write: Write) -> None:
    recipe = prepared(latent, write, files)
    assert len(recipe.data.held_out) == files // 2

    latents = drawn(recipe.model.eval())

    spread = torch.linalg.svdvals(latents - latents.mean(dim=0))
    assert spread[0] > 0.1
    assert (spread > 0.01 * spread[0]).sum() > 4


def test_they_are_found_alike_every_time_and_take_no_other_s_random_numbers(write: Write) -> None:
    recipe = prepared("global", write, 2)
    before, first = torch.get_rng_state(), drawn(recipe.model)
    recipe.fit_density(recipe.model.eval())

    assert torch.equal(drawn(recipe.model), first)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("latent", ["global", "sequence"])
def test_new_sounds_and_those_like_a_file_differ(latent: str, write: Write) -> None:
    recipe = prepared(latent, write, 2)
    assert isinstance(recipe.model, ConvVAE)
    voice = AudioVoice(Remaker(recipe.model.eval(), recipe.config))
    source = Path(recipe.config.data.path) / "0.wav"

    made = [
        *voice.samples(3, 0, 1.0, None), *voice.samples(3, 1, 1.0, None), *voice.samples(1, 0, 0.3, None),
        *voice.variations(source, 3, 0, 1.0),
    ]  # fmt: skip

    assert len({rendering.data for rendering in made}) == 10
