"""Augmentation does what physics says: pitches, levels and ratios are measured, not assumed."""

import math
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.audio.augment import Augmenter
from core.audio.bank import SoundBank, training_batch
from core.audio.fractional import read_at_rates, source_span
from core.training.config import AugmentConfig, DataConfig, TrainingConfig
from tests.audio.conftest import peak_hz, tone

RATE = 48_000
CPU = torch.device("cpu")
OFF = {f"{name}_probability": 0.0 for name in ("gain", "noise", "speed", "pitch", "polarity")}


def only(**values: float) -> Augmenter:
    return Augmenter(AugmentConfig(**{**OFF, **values}))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def read(waveform: torch.Tensor, rate: float, samples: int) -> torch.Tensor:
    """`waveform` [samples] read at `rate` from its first sample, as a batch of one would be."""
    rates = torch.tensor([rate], dtype=torch.float64)
    before, span = source_span(samples, rates)
    bank = SoundBank([Path("a.wav")], [waveform], RATE)
    return read_at_rates(bank.crop([0], [-before], span), rates, before, samples)[0]


@pytest.mark.parametrize("semitones", [-12, -5.5, -0.1, 0.1, 3, 12])
@pytest.mark.parametrize("hz", [110.0, 1000.0, 5000.0])
def test_a_tone_moves_by_the_semitones_asked_for(hz: float, semitones: float) -> None:
    rate = 2 ** (semitones / 12)
    moved = read(torch.tensor(tone(hz, 2.0)).float(), rate, 24_000)
    assert abs(1200 * math.log2(peak_hz(moved) / hz) - 100 * semitones) < 2


@pytest.mark.parametrize("rate", [0.5, 0.93, 1.0001, 1.37, 2.0])
@pytest.mark.parametrize("hz", [200.0, 3000.0, 9000.0])
def test_reading_at_a_rate_is_exact_to_80_db(rate: float, hz: float) -> None:
    moved = read(torch.tensor(tone(hz, 2.0)).float(), rate, 24_000)
    ideal = torch.tensor(tone(hz * rate, 0.5)).float()
    error = (moved - ideal)[2000:].square().mean().sqrt() / ideal.square().mean().sqrt()
    assert 20 * torch.log10(error) < -80


@pytest.mark.parametrize("hz", [13_000.0, 17_000.0, 23_000.0])
def test_what_would_pass_the_nyquist_frequency_is_gone(hz: float) -> None:
    moved = read(torch.tensor(tone(hz, 2.0)).float(), 2.0, 24_000)
    assert 20 * torch.log10(moved[2000:-2000].abs().max() / 0.5) < -60


def test_a_crop_that_is_read_faster_has_no_edges() -> None:
    """The context around a crop is the sound's own, so the first and last samples are as good as any."""
    whole = torch.tensor(tone(440, 3.0)).float()
    bank = SoundBank([Path("a.wav")], [whole], RATE)
    rates = torch.tensor([1.3], dtype=torch.float64)
    before, span = source_span(12_000, rates)
    crop = read_at_rates(bank.crop([0], [20_000 - before], span), rates, before, 12_000)[0]
    ideal = 0.5 * torch.sin(2 * torch.pi * 440 / RATE * (20_000 + 1.3 * torch.arange(12_000, dtype=torch.float64)))
    assert (crop - ideal).abs().max() < 1e-4


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 2**40), probability=st.sampled_from([0.0, 0.3, 1.0]))
def test_rates_stay_in_their_bounds(seed: int, probability: float) -> None:
    augmenter = only(speed_probability=probability, pitch_probability=probability, speed_percent=8, pitch_semitones=2)
    rates = augmenter.rates(200, seeded(seed))
    assert rates.min() >= 0.92 * 2 ** (-2 / 12)
    assert rates.max() <= 1.08 * 2 ** (2 / 12)
    share = (rates != 1).double().mean()
    assert abs(share - (1 - (1 - probability) ** 2)) < 0.15


@settings(deadline=None, max_examples=20)
@given(snr=st.floats(0, 60), seed=st.integers(0, 2**40))
def test_noise_has_the_ratio_asked_for(snr: float, seed: int) -> None:
    clean = torch.tensor(tone(440, 0.5, level=0.1)).float().repeat(4, 1) * torch.tensor([[0.01], [0.1], [1.0], [0.0]])
    noise = only(noise_probability=1, noise_snr_db=snr)(clean, seeded(seed)) - clean
    measured = 10 * torch.log10(clean.square().mean(1) / noise.square().mean(1))
    assert ((measured[:3] - snr).abs() < 0.5).all()
    assert not noise[3].any()  # silence stays silent
    assert abs(torch.corrcoef(noise[:2])[0, 1]) < 0.1  # a noise of its own for each


@settings(deadline=None, max_examples=20)
@given(gain_db=st.floats(0, 60), seed=st.integers(0, 2**40))
def test_gain_stays_in_its_bounds_and_never_passes_full_scale(gain_db: float, seed: int) -> None:
    clean = torch.tensor(tone(440, 0.1, level=1.0)).float() * torch.tensor([0.001, 0.2, 1.0])[:, None]
    loud = only(gain_probability=1, gain_db=gain_db)(clean, seeded(seed))
    change = 20 * torch.log10(loud.abs().amax(1) / clean.abs().amax(1))
    assert (change.abs() <= gain_db + 1e-3).all()
    assert loud.abs().max() <= 1 + 1e-6


def test_polarity_turns_about_as_many_as_asked_for() -> None:
    clean = torch.tensor(tone(440, 0.01)).float().repeat(1000, 1)
    turned = only(polarity_probability=0.5)(clean, seeded())
    signs = turned[:, 10] / clean[:, 10]
    assert set(signs.tolist()) == {1.0, -1.0}
    assert 420 < (signs == -1).sum() < 580
    assert torch.equal(turned, clean * signs[:, None])


def test_with_every_probability_0_a_batch_comes_out_bit_for_bit() -> None:
    clean = torch.randn(5, 4000, generator=seeded())
    augmenter = only()
    assert torch.equal(augmenter(clean, seeded(1)), clean)
    rates = augmenter.rates(5, seeded(1))
    assert torch.equal(read_at_rates(clean, rates, 0, 4000), clean)
    assert source_span(4000, rates) == (0, 4000)


def test_rows_that_keep_their_rate_are_untouched_by_those_that_do_not() -> None:
    waveform = torch.randn(60_000, generator=seeded())
    rates = torch.tensor([1.0, 1.2, 1.0], dtype=torch.float64)
    before, span = source_span(9000, rates)
    bank = SoundBank([Path("a.wav")], [waveform], RATE)
    crops = read_at_rates(bank.crop([0] * 3, [5000 - before] * 3, span), rates, before, 9000)
    assert torch.equal(crops[0], waveform[5000:14_000])
    assert torch.equal(crops[2], crops[0])


def test_one_kind_of_augmentation_does_not_change_the_draws_of_another() -> None:
    """So that an ablation of one compares like with like."""
    waveform = torch.tensor(tone(440, 2.0)).float()
    bank = SoundBank([Path("a.wav")], [waveform], RATE)

    def batch(**values: float) -> torch.Tensor:
        config = TrainingConfig(data=DataConfig(chunk_seconds=0.25), augment=AugmentConfig(**{**OFF, **values}))
        return training_batch(bank, config, 8, seeded(3), CPU)

    flipped = batch(polarity_probability=1)
    assert torch.equal(batch(), -flipped)
    assert torch.equal(batch(gain_probability=0.5), -batch(gain_probability=0.5, polarity_probability=1))


def test_reading_happens_on_the_device_of_the_source() -> None:
    """The meta device refuses to meet a tensor of the CPU, as a GPU would."""
    rates = torch.tensor([1.0, 1.2, 0.9], dtype=torch.float64)
    before, span = source_span(2000, rates)
    assert read_at_rates(torch.zeros(3, span, device="meta"), rates, before, 2000).shape == (3, 2000)
