"""Sounds survive the way into the representation and back, and its frequencies are those of the sound."""

import math
from dataclasses import asdict

import pytest
import torch
from auraloss.freq import MultiResolutionSTFTLoss
from hypothesis import given, settings
from hypothesis import strategies as st

from core.audio.filterbank import mel_filterbank
from core.audio.phase import griffin_lim, istft, stft
from core.audio.spectrogram import FLOOR, AudioSpectrogram
from core.losses.spectral import compute_combined_loss
from core.training.config import SpectrogramConfig
from tests.audio.conftest import tone

RATE = 48_000
DISTANCE = MultiResolutionSTFTLoss()


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def mrstft(render: torch.Tensor, original: torch.Tensor) -> float:
    return float(DISTANCE(render, original))


@pytest.fixture(scope="module")
def sounds() -> torch.Tensor:
    """[3, 1, 24000]: a decaying chord of inharmonic partials, a drum hit after a rest, and a filtered noise."""
    t = torch.arange(24_000) / RATE
    chord = sum(torch.sin(2 * torch.pi * hz * t + n) * torch.exp(-3 * t) for n, hz in enumerate((220, 554.4, 1391.7)))
    hit = torch.sin(2 * torch.pi * 60 * t + 8 * torch.exp(-30 * t)) * torch.exp(-8 * t)
    hit = torch.cat([torch.zeros(6000), hit + 0.3 * torch.randn(24_000, generator=seeded()) * torch.exp(-60 * t)])
    noise = torch.randn(24_003, generator=seeded(1)).unfold(0, 4, 1).mean(-1)
    return torch.stack([0.2 * chord, 0.5 * hit[:24_000], 0.2 * noise])[:, None]


def spectrogram(**values: object) -> AudioSpectrogram:
    known: dict[str, object] = {"n_fft": 2048, "hop_length": 512, "n_mels": 256}
    return AudioSpectrogram(SpectrogramConfig(**{**known, **values}))


@settings(deadline=None, max_examples=60)
@given(
    samples=st.integers(1, 6000),
    n_fft=st.sampled_from([64, 130, 256, 1024, 2048]),
    hop_share=st.floats(0.05, 0.5),
    seed=st.integers(0, 2**31),
)
def test_linear_bins_come_back_exactly_at_any_length(samples: int, n_fft: int, hop_share: float, seed: int) -> None:
    hop = max(1, int(n_fft * hop_share))
    module = spectrogram(n_mels=0, n_fft=n_fft, hop_length=hop, griffin_lim_iterations=0)
    waveform = 0.3 * torch.randn(2, 1, samples, generator=seeded(seed))
    spec = module(waveform)
    assert spec.shape == (2, 2, n_fft // 2 + 1, 1 + samples // hop)
    back = module.inverse(spec, samples)
    assert back.shape == waveform.shape
    # Where a hop is over a third of the window the last samples fade, see core.audio.phase.
    whole = samples if hop <= n_fft // 3 else samples - hop
    torch.testing.assert_close(back[..., :whole], waveform[..., :whole], atol=3e-3, rtol=0)


@settings(deadline=None, max_examples=40)
@given(
    samples=st.integers(1, 9000),
    wanted=st.integers(1, 12_000),
    n_mels=st.sampled_from([0, 1, 2, 40, 128, 256, 500]),
    kind=st.sampled_from(["magnitude_if", "log_mel"]),
)
def test_the_inverse_has_as_many_samples_as_asked_for(samples: int, wanted: int, n_mels: int, kind: str) -> None:
    n_mels = n_mels or (1 if kind == "log_mel" else 0)
    module = spectrogram(representation=kind, n_mels=n_mels, n_fft=1024, hop_length=256, griffin_lim_iterations=2)
    spec = module(0.1 * torch.randn(1, 1, samples, generator=seeded(samples)))
    assert spec.shape == (1, module.config.channels, module.config.bands, 1 + samples // 256)
    back = module.inverse(spec, wanted)
    assert back.shape == (1, 1, wanted)
    assert back.isfinite().all()


def test_linear_magnitude_and_frequency_sound_the_same(sounds: torch.Tensor) -> None:
    module = spectrogram(n_mels=0, griffin_lim_iterations=0)
    assert mrstft(module.inverse(module(sounds), sounds.shape[-1]), sounds) < 0.05


def test_griffin_lim_leaves_a_consistent_phase_alone(sounds: torch.Tensor) -> None:
    module = spectrogram(n_mels=0, griffin_lim_iterations=16)
    assert mrstft(module.inverse(module(sounds), sounds.shape[-1]), sounds) < 0.05


def with_noise(spec: torch.Tensor, share: float) -> torch.Tensor:
    """Noise on every channel, its standard deviation a share of the channel's own."""
    deviation = spec.std(dim=(0, 2, 3), keepdim=True)
    return spec + share * deviation * torch.randn(spec.shape, generator=seeded(5))


@pytest.mark.parametrize("config", [{}, {"n_mels": 512}, {"n_mels": 0}, asdict(SpectrogramConfig())])
@pytest.mark.parametrize("noise", [0, 0.05])
def test_instantaneous_frequency_beats_griffin_lim_from_the_same_magnitude(
    sounds: torch.Tensor, config: dict[str, object], noise: float
) -> None:
    """Known mistake 3: frequencies averaged over bands must help, even where a model gets them a little wrong."""
    module = spectrogram(**config)
    hop = module.config.hop_length
    spec = with_noise(module(sounds), noise)
    samples = sounds.shape[-1]
    guided = mrstft(module.inverse(spec, samples), sounds)
    magnitude = module._from_bands(module.energy(spec))
    phase = 2 * torch.pi * torch.rand(magnitude.shape, generator=seeded())
    blind = griffin_lim(magnitude, phase, module.window, hop, samples, 32)
    plain = mrstft(istft(blind, module.window, hop, samples)[:, None], sounds)
    assert guided < 0.95 * plain


def test_the_default_comes_back_as_it_was(sounds: torch.Tensor) -> None:
    module = AudioSpectrogram(SpectrogramConfig())

    assert mrstft(module.inverse(module(sounds), sounds.shape[-1]), sounds) < 0.1


@pytest.mark.parametrize("config", [SpectrogramConfig(), SpectrogramConfig("log_mel", n_mels=128)])
def test_another_sound_s_phase_makes_magnitudes_audible(sounds: torch.Tensor, config: SpectrogramConfig) -> None:
    module = AudioSpectrogram(config)
    spec = module(sounds)
    same = module.with_phase_of(sounds, spec)
    quieter = spec.clone().requires_grad_()
    with torch.no_grad():
        quieter[:, 0] -= math.log(2)

    if not config.n_mels:
        assert mrstft(same, sounds) < 0.02
    heard = module.with_phase_of(sounds, quieter)
    torch.testing.assert_close(heard.square().mean().sqrt(), same.square().mean().sqrt() / 2, rtol=0.05, atol=0)
    heard.square().sum().backward()
    assert quieter.grad[:, 0].sum() > 0


def test_what_a_model_puts_into_silence_is_heard(sounds: torch.Tensor) -> None:
    """Where the target is digital silence it has no phase: noise there must not vanish with it."""
    module = AudioSpectrogram(SpectrogramConfig())
    padded = torch.nn.functional.pad(sounds[:1], (0, 24_000))
    loud = module(torch.nn.functional.pad(sounds[:1], (24_000, 0)))

    heard = module.with_phase_of(padded, loud)

    assert heard[..., 30_000:].square().mean() > 0.1 * sounds[:1].square().mean()


def test_a_model_that_overshoots_does_not_drown_everything(sounds: torch.Tensor) -> None:
    module = AudioSpectrogram(SpectrogramConfig())
    spec = module(sounds)
    spec[:, 0, 100, 50] = 30.0

    assert module.with_phase_of(sounds, spec).abs().max() < 10
    assert module.inverse(spec, sounds.shape[-1], guessed=True).abs().max() < 10


def test_a_guess_without_pitch_is_noise_and_not_a_buzz() -> None:
    """Frequencies of 0, as models answer for noise, put all bins in step: pulses a window apart."""
    noise = 0.1 * torch.randn(1, 1, 48_000, generator=seeded())
    module = AudioSpectrogram(SpectrogramConfig())
    spec = module(noise)
    spec[:, 0] = spec[:, 0].mean()
    spec[:, 1] = 0

    def periodicity(guessed: bool) -> float:
        power = torch.fft.rfft(module.inverse(spec, 48_000, guessed)[0, 0], n=96_000).abs().square()
        correlation = torch.fft.irfft(power)
        return float(correlation[1024] / correlation[0])

    assert periodicity(guessed=False) > 0.5
    assert abs(periodicity(guessed=True)) < 0.05


def test_a_guessed_tone_keeps_its_pitch() -> None:
    time = torch.arange(48_000) / RATE
    tones = sum(0.1 * torch.sin(2 * torch.pi * hz * time) for hz in (443.0, 1871.0))
    module = AudioSpectrogram(SpectrogramConfig())

    heard = module.inverse(module(tones[None, None]), 48_000, guessed=True)[0, 0]

    spectrum = torch.fft.rfft(heard).abs()
    assert set(spectrum.topk(2).indices.tolist()) == {443, 1871}
    assert spectrum[[443, 1871]].square().sum() > 0.9 * spectrum.square().sum()


def test_a_model_that_is_right_does_not_sound_like_noise(sounds: torch.Tensor) -> None:
    """Known mistake 3, as it was measured: even a perfect model gave 4.24, where white noise gives 5.87."""
    for n_mels, limit in ((256, 0.8), (512, 0.6)):
        module = spectrogram(n_mels=n_mels)
        assert mrstft(module.inverse(module(sounds), sounds.shape[-1]), sounds) < limit


@pytest.mark.parametrize("n_mels", [0, 256])
@pytest.mark.parametrize("offset", [-0.4, 0.0, 0.25])
def test_a_sine_has_the_frequency_that_it_is_off_its_bin(n_mels: int, offset: float) -> None:
    """Beyond its bin's own advance a sine `offset` bins off the centre advances 2 pi offset hop / n_fft a frame."""
    module = spectrogram(n_mels=n_mels)
    hz = (40 + offset) * RATE / 2048  # bin 40 is a band of its own in either case
    spec = module(torch.tensor(tone(hz, 0.5)).float()[None, None])
    frequency = spec[0, 1, 40, 3:-3]
    torch.testing.assert_close(frequency, torch.full_like(frequency, 2 * math.pi * offset / 4), atol=0.02, rtol=0)
    assert spec[0, 0, :, 20].argmax() == 40


def test_a_full_scale_sine_has_magnitude_one() -> None:
    module = spectrogram(n_mels=0)
    spec = module(torch.tensor(tone(100 * RATE / 2048, 0.5, level=1.0)).float()[None, None])
    assert float(module.energy(spec)[0, 100, 20]) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("n_mels", [0, 256])
def test_silence_has_no_frequency(n_mels: int) -> None:
    """Neither digital silence nor the dither of a 16-bit file is a target to learn."""
    module = spectrogram(n_mels=n_mels)
    assert not module(torch.zeros(1, 1, 9000))[:, 1].any()
    rounding = torch.randint(-1, 2, (1, 1, 24_000), generator=seeded()) / 2**15 / 2
    spec = module(rounding)
    assert (spec[:, 1] != 0).float().mean() < 0.02
    assert (spec[:, 0] - math.log(FLOOR)).abs().max() < 1


def test_frequency_stays_within_pi_and_everything_is_finite(sounds: torch.Tensor) -> None:
    for n_mels in (0, 128, 256):
        spec = spectrogram(n_mels=n_mels)(sounds)
        assert spec.isfinite().all()
        assert spec[:, 1].abs().max() <= math.pi + 1e-5


def test_a_gap_of_silence_does_not_lose_the_phase(sounds: torch.Tensor) -> None:
    gap = torch.cat([sounds[:1], torch.zeros(1, 1, 12_000), sounds[:1]], dim=-1)
    module = spectrogram(n_mels=0, griffin_lim_iterations=0)
    torch.testing.assert_close(module.inverse(module(gap), gap.shape[-1]), gap, atol=2e-3, rtol=0)


def test_weights_of_the_frequency_loss_are_energies(sounds: torch.Tensor) -> None:
    """Known mistake 2: weights from z-scored magnitudes ran from -221 to +26."""
    module = spectrogram()
    spec = module(sounds)
    energy = module.energy(spec)
    assert energy.shape == (3, 256, spec.shape[-1])
    assert energy.min() >= 0
    assert energy.max() <= 1
    wild = torch.randn(1, 2, 256, 9, generator=seeded()) * 20
    assert module.energy(wild).min() >= 0

    # An error of the frequency where it is silent weighs nothing; the same one where it is loud does.
    def loss(where: torch.Tensor) -> float:
        wrong = spec.clone()
        wrong[:, 1] += where
        mu = torch.zeros(3, 4)
        return float(compute_combined_loss(wrong, spec, mu, mu, if_weights=energy)["if_recon_loss"])

    silent = energy < 1e-4
    assert 0.1 < silent.float().mean() < 0.9
    assert loss(silent.float()) < 0.1 * loss((~silent).float())
    assert loss(torch.ones_like(energy)) == pytest.approx(1, rel=0.05)  # the weights' mean is 1


def test_log_mel_comes_back_the_same_each_time(sounds: torch.Tensor) -> None:
    module = spectrogram(representation="log_mel", n_mels=128)
    spec = module(sounds)
    assert spec.shape[1:3] == (1, 128)
    torch.manual_seed(1)
    first = module.inverse(spec, sounds.shape[-1])
    torch.manual_seed(2)
    assert torch.equal(first, module.inverse(spec, sounds.shape[-1]))
    assert mrstft(first, sounds) < 1.2


@pytest.mark.parametrize("n_mels", [0, 64])
def test_gradients_pass_through_the_inverse(n_mels: int, sounds: torch.Tensor) -> None:
    module = spectrogram(n_mels=n_mels, n_fft=512, hop_length=128, griffin_lim_iterations=2)
    spec = module(sounds[:, :, :3000]).requires_grad_()
    module.inverse(spec, 3000).square().sum().backward()
    assert spec.grad is not None
    assert spec.grad.isfinite().all()
    assert (spec.grad[:, 0] != 0).float().mean() > 0.1
    assert (spec.grad[:, 1] != 0).any()


@pytest.mark.parametrize("n_mels", [1, 2, 40, 128, 256, 512, 800, 1024])
def test_every_band_carries_something_of_its_own(n_mels: int) -> None:
    bands = mel_filterbank(n_mels, 2048, RATE).double()
    assert bands.shape == (n_mels, 1025)
    torch.testing.assert_close(bands.sum(1), torch.ones(n_mels, dtype=torch.float64), atol=1e-5, rtol=0)
    assert bands.sum(0).min() > 0  # no bin is lost
    assert torch.linalg.matrix_rank(bands) == n_mels
    assert torch.linalg.cond(bands * (bands > 0).sum(1, keepdim=True)) < 100


def test_low_bands_of_256_are_single_bins() -> None:
    bands = mel_filterbank(256, 2048, RATE)
    torch.testing.assert_close(bands[:40, :40], torch.eye(40))


@settings(deadline=None, max_examples=40)
@given(samples=st.integers(1, 4000), hop=st.integers(1, 128), half=st.integers(32, 128))
def test_the_transform_and_its_inverse_agree_with_torch(samples: int, hop: int, half: int) -> None:
    hop = min(hop, 2 * half // 3)
    window = torch.hann_window(2 * half)
    waveform = torch.randn(1, samples, generator=seeded())
    spectrum = stft(waveform, window, hop)
    torch.testing.assert_close(istft(spectrum, window, hop, samples), waveform, atol=1e-4, rtol=0)


def test_the_module_has_no_parameters_and_moves_as_one() -> None:
    module = spectrogram()
    assert list(module.parameters()) == []
    assert module.state_dict() == {}  # all of it follows from the config
    assert all(buffer.device.type == "meta" for buffer in module.to("meta").buffers())


@pytest.mark.parametrize("kind", ["magnitude_if", "log_mel"])
def test_everything_happens_on_the_device_of_its_input(kind: str) -> None:
    """The meta device refuses to meet a tensor of the CPU, as a GPU would."""
    module = spectrogram(representation=kind).to("meta")
    spec = module(torch.zeros(2, 1, 9000, device="meta"))
    assert module.inverse(spec, 9000).shape == (2, 1, 9000)
