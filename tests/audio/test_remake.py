"""Sounds of any length go through a model and come back as long, without a seam, and in bounded memory."""

import math
from pathlib import Path

import pytest
import soundfile
import torch
from torch import Tensor

from core.audio.building import build_model
from core.audio.remake import Remaker
from core.audio.seams import joined_sound
from core.audio.spectrogram import AudioSpectrogram
from core.audio.voice import AudioVoice
from core.models.conv_vae import ConvVAE
from core.training.config import LatentKind, TrainingConfig
from core.training.config_file import load_config
from core.training.previews import mrstft_distance

RATE = 8000
CHUNK = 2000
LATENTS: list[LatentKind] = ["global", "sequence"]


def config_for(latent: LatentKind, **changes: object) -> TrainingConfig:
    small = {
        "data.chunk_seconds": CHUNK / RATE,
        "spectrogram.sample_rate": RATE,
        "spectrogram.n_fft": 256,
        "spectrogram.hop_length": 64,
        "spectrogram.n_mels": 0,
        "spectrogram.griffin_lim_iterations": 8,
        "model.latent": latent,
        "model.latent_dim": 32,
        "model.components": 64,
        "model.width": 16,
        "model.blocks": 1,
    }
    return load_config(None, [], {**small, **changes})[0]


def sine(hz: float, samples: int, level: float = 0.5) -> Tensor:
    time = torch.arange(samples, dtype=torch.float64) / RATE
    return (level * torch.sin(2 * math.pi * hz * time)).float()


def level_db(waveform: Tensor, size: int = 80) -> Tensor:
    """The level of each stretch of 10 ms, against that of a sine of 0.5."""
    return 10 * (waveform.unfold(0, size, size).square().mean(1) / 0.125).log10()


class Parrot(ConvVAE):
    """A model whose latent is the spectrogram itself, and which notes how many frames it was shown.

    With `forgetful` it has each chunk begin at another phase and level, as models do.
    """

    forgetful = False

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.shown = [*getattr(self, "shown", []), x]
        if self.latent == "global":
            return x.flatten(1), x.flatten(1)
        missing = -x.shape[3] % 4
        x = torch.cat([x, x[..., -1:].expand(-1, -1, -1, missing)], dim=3)
        patches = x.unflatten(3, (-1, 4)).permute(0, 1, 2, 4, 3).flatten(1, 3)
        return patches, patches

    def decode(self, z: Tensor, frames: int | None = None) -> Tensor:
        channels, bands, _ = self.shape
        if self.latent == "global":
            x = z.view(len(z), channels, bands, -1).clone()
        else:
            patches = z.unflatten(1, (channels, bands, 4)).permute(0, 1, 2, 4, 3).flatten(3)
            x = patches[..., :frames]
        if self.forgetful:
            number = torch.arange(len(x)).view(-1, 1, 1)
            x[:, 1, :, 0] = 2.0 * number[:, 0]
            x[:, 0] += 0.1 * (-1.0) ** number
        return x


def parrot(latent: LatentKind) -> Parrot:
    return Parrot(2, 129, 1 + CHUNK // 64, latent_dim=8, latent=latent, width=8).eval()


@pytest.mark.parametrize("latent", LATENTS)
@pytest.mark.parametrize("samples", [1, 63, 100, CHUNK - 1, CHUNK, CHUNK + 1, 7111])
def test_a_sound_of_any_length_comes_back_as_long(latent: LatentKind, samples: int) -> None:
    config = config_for(latent)
    model = build_model(config).eval()

    remade = Remaker(model, config).remade(sine(440, samples))

    assert remade.shape == (samples,)
    assert remade.isfinite().all()


@pytest.mark.parametrize("latent", LATENTS)
@pytest.mark.parametrize(("samples", "nepers"), [(300, 0.15), (CHUNK, 0.05), (9000, 0.005)])
def test_what_the_model_keeps_is_heard(latent: LatentKind, samples: int, nepers: float) -> None:
    """The magnitudes, that is: phases are guessed where there is no pitch."""
    sound = sine(440, samples) * torch.linspace(1, 0, samples)

    remade = Remaker(parrot(latent), config_for(latent)).remade(sound)

    spectrogram = AudioSpectrogram(config_for(latent).spectrogram)
    wanted, heard = (spectrogram(waveform[None, None])[0, 0] for waveform in (sound, remade))
    assert (wanted - heard).abs()[wanted > wanted.max() - 4].mean() < nepers
    assert remade.square().mean() == pytest.approx(float(sound.square().mean()), rel=0.02)


@pytest.mark.parametrize("hz", [200.0, 500.0, 1300.0])
def test_a_steady_tone_has_no_seams_though_every_chunk_has_a_phase_of_its_own(hz: float) -> None:
    model = parrot("global")
    model.forgetful = True
    sound = sine(hz, 4 * RATE)

    remade = Remaker(model, config_for("global")).remade(sound)

    inside = level_db(remade)[5:-5]
    assert inside.abs().max() < 1.2  # each chunk is 0.9 dB too loud or too soft, and nothing is added to that
    assert inside.diff().abs().max() < 0.7
    spectrum = torch.stft(remade, 256, 64, window=torch.hann_window(256), return_complex=True).abs()
    far = spectrum[round(hz / RATE * 256) + 20 :, 8:-8]
    assert far.max() < 0.002 * spectrum.max()


@pytest.mark.parametrize("latent", LATENTS)
def test_a_real_model_s_tone_is_steady_over_many_chunks(latent: LatentKind) -> None:
    """Fitted to tones and chunks of them, without a step of training: a linear VAE, as every run begins."""
    config = config_for(latent)
    spectrogram = AudioSpectrogram(config.spectrogram)
    generator = torch.Generator().manual_seed(0)
    starts = torch.randint(4 * RATE - CHUNK, (48,), generator=generator).tolist()
    chunks = torch.stack([sine(hz, 4 * RATE)[start : start + CHUNK]
                          for hz in (500.0, 750.0) for start in starts])  # fmt: skip
    model = build_model(config).eval()
    model.fit([spectrogram(chunks[:, None])])

    remade = Remaker(model, config).remade(sine(500, 3 * RATE))

    assert level_db(remade)[20:-20].abs().max() < 2


@pytest.mark.parametrize("latent", LATENTS)
def test_a_short_sound_stands_at_the_start_of_a_chunk_and_silence_follows(latent: LatentKind) -> None:
    model, config = parrot(latent), config_for(latent)
    sound = sine(440, 500)

    Remaker(model, config).remade(sound)

    padded = torch.nn.functional.pad(sound, (0, CHUNK - 500))
    (shown,) = model.shown
    assert torch.equal(shown, AudioSpectrogram(config.spectrogram)(padded[None, None]))


def test_chunks_are_shown_to_the_model_as_in_training() -> None:
    """Each cut out alone, anywhere within the sound: a model knows what the frames at a cut look like."""
    model, config = parrot("global"), config_for("global")
    sound = sine(440, 9000) + sine(623, 9000)

    Remaker(model, config).remade(sound)

    spectrogram = AudioSpectrogram(config.spectrogram)
    shown = torch.cat(model.shown)
    cut_anywhere = spectrogram(sound.unfold(0, CHUNK, 64)[:, None])
    assert len(shown) > 4
    assert all(any(torch.allclose(chunk, cut, atol=1e-3) for cut in cut_anywhere) for chunk in shown[:-1])


@pytest.mark.parametrize("latent", LATENTS)
def test_a_long_sound_is_made_in_sections_and_has_no_seams_either(latent: LatentKind) -> None:
    model, config = parrot(latent), config_for(latent)
    sound = sine(500, 30 * RATE + 17)

    remade = Remaker(model, config, section_seconds=5).remade(sound)

    assert remade.shape == sound.shape
    assert len(model.shown) > 5
    assert max(part.shape[0] * part.shape[3] for part in model.shown) < 1.4 * 5 * RATE / 64
    assert level_db(remade)[2:-2].abs().max() < 0.05
    assert mrstft_distance(remade, sound) < 0.15


def test_a_joint_takes_in_no_more_of_a_sound_the_longer_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or an hour would be copied once for each half minute of it."""
    joined: list[int] = []

    def noted(before: Tensor, after: Tensor, overlap: int, window: Tensor, hop: int) -> Tensor:
        joined.append(len(before) + len(after))
        return joined_sound(before, after, overlap, window, hop)

    monkeypatch.setattr("core.audio.remake.joined_sound", noted)
    remaker = Remaker(parrot("sequence"), config_for("sequence"), section_seconds=5)

    assert len(remaker.remade(sine(500, 45 * RATE))) == 45 * RATE
    assert len(joined) > 8
    assert max(joined) <= 2 * 6 * RATE


def test_a_sequence_latent_is_the_sound_that_it_was_taken_from() -> None:
    config = config_for("sequence")
    torch.manual_seed(0)
    model = build_model(config).eval()
    remaker = Remaker(model, config)
    sound = sine(440, 5000)

    place = remaker.place_of(sound)

    assert place.latent.shape == (1, 32, -(-(1 + 5000 // 64) // 4))
    assert torch.equal(remaker.sound_of(place), remaker.remade(sound))


@pytest.mark.parametrize("latent", LATENTS)
def test_a_drawn_latent_depends_on_its_seed_alone_and_lies_nearer_when_colder(latent: LatentKind) -> None:
    config = config_for(latent)
    model = build_model(config).eval()
    remaker = Remaker(model, config)

    hot, again, other = (remaker.drawn(seed, CHUNK) for seed in (3, 3, 4))

    assert torch.equal(hot, again)
    assert not torch.equal(hot, other)
    torch.testing.assert_close(
        remaker.drawn(3, CHUNK, temperature=0.25), 0.25 * hot + 0.75 * remaker.drawn(3, CHUNK, 0)
    )


def test_on_the_way_between_two_lengths_a_latent_reaches_to_the_sound_s_end(tmp_path: Path) -> None:
    """The samples and the positions of a few frames each, rounded apart, left up to half a patch without a latent."""
    decoded: list[tuple[int, int]] = []

    class Noted(Parrot):
        def decode(self, z: Tensor, frames: int | None = None) -> Tensor:
            assert frames is not None
            decoded.append((z.shape[2], frames))
            return super().decode(z, frames)

    model = Noted(2, 129, 1 + CHUNK // 64, latent_dim=8, latent="sequence", width=8).eval()
    first, last = tmp_path / "first.wav", tmp_path / "last.wav"
    soundfile.write(first, sine(440, CHUNK + 10).numpy(), RATE)
    soundfile.write(last, sine(440, CHUNK + 1100).numpy(), RATE)

    assert len(list(AudioVoice(Remaker(model, config_for("sequence"))).between(first, last, 12))) == 12

    assert len({frames for _, frames in decoded}) > 8
    assert all(positions == -(-frames // 4) for positions, frames in decoded)
