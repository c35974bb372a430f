"""The combined loss: named finite terms, each weighted once, none of weight 0 felt."""

import math
from dataclasses import replace

import auraloss
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.losses import compute_combined_loss, create_stft_loss
from core.losses.spectral import energy_weights
from core.training.config import LogMagnitudeLossConfig, LossConfig, ReconLossConfig, STFTLossConfig

SHORT_STFT = STFTLossConfig(fft_sizes=(64, 128), hop_sizes=(16, 32), win_lengths=(64, 128))
CONFIG = LossConfig(stft=SHORT_STFT)


def tensors(channels: int = 2, bands: int = 16, frames: int = 12, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shape = (3, channels, bands, frames)
    return {
        "recon": torch.randn(shape, generator=generator),
        "target": torch.randn(shape, generator=generator),
        "mu": torch.randn(3, 8, generator=generator),
        "logvar": torch.randn(3, 8, generator=generator),
    }


def with_weights(stft: float, recon: float, magnitude: float, frequency: float) -> LossConfig:
    return LossConfig(replace(SHORT_STFT, weight=stft), ReconLossConfig(recon, magnitude, frequency))


@settings(max_examples=30, deadline=None)
@given(weights=st.tuples(*[st.floats(0.01, 10)] * 5))
def test_the_total_is_every_term_times_its_weight_once(weights: tuple[float, ...]) -> None:
    stft, recon, magnitude, frequency, kl = weights
    loss = compute_combined_loss(**tensors(), loss_config=with_weights(stft, recon, magnitude, frequency), kl_weight=kl)

    recon_loss = magnitude * loss["mag_recon_loss"] + frequency * loss["if_recon_loss"]
    torch.testing.assert_close(loss["recon_loss"], recon_loss)
    torch.testing.assert_close(loss["total_loss"], stft * loss["stft_loss"] + recon * recon_loss + kl * loss["kl_loss"])


@pytest.mark.parametrize("position", range(5))
def test_doubling_a_weight_doubles_the_term_s_share_of_total_and_gradient(position: int) -> None:
    data = tensors()
    inputs = [data[name].requires_grad_() for name in ("recon", "mu", "logvar")]
    base = [1.0, 0.5, 1.0, 0.5, 0.1]

    def total(factor: float) -> tuple[Tensor, Tensor]:
        *weights, kl_weight = [weight * (factor if i == position else 1) for i, weight in enumerate(base)]
        loss = compute_combined_loss(**data, loss_config=with_weights(*weights), kl_weight=kl_weight)["total_loss"]
        gradients = torch.autograd.grad(loss, inputs)
        return loss.detach(), torch.cat([gradient.flatten() for gradient in gradients])

    (once, once_gradient), (twice, twice_gradient), (thrice, thrice_gradient) = total(1), total(2), total(3)

    assert twice > once
    torch.testing.assert_close(twice - once, thrice - twice)
    torch.testing.assert_close(twice_gradient - once_gradient, thrice_gradient - twice_gradient, rtol=1e-4, atol=1e-6)
    assert not torch.equal(twice_gradient, once_gradient)


def test_log_magnitude_counts_what_is_heard_and_not_what_lies_far_below() -> None:
    generator = torch.Generator().manual_seed(0)
    target = torch.rand(2, 16, 12, generator=generator) + 0.5
    twice = compute_combined_loss(**tensors(), loss_config=CONFIG, magnitudes=(2 * target, target))
    torch.testing.assert_close(twice["log_mag_loss"], torch.tensor(math.log(2)), rtol=2e-3, atol=0)

    target[:, 8:] = 1e-7 * target[:, 8:]
    louder = target.clone()
    louder[:, 8:] *= 10  # still 120 dB below the rest
    faint = compute_combined_loss(**tensors(), loss_config=CONFIG, magnitudes=(louder, target))["log_mag_loss"]
    assert faint < 1e-2
    silence = torch.zeros(2, 16, 12)
    assert compute_combined_loss(**tensors(), loss_config=CONFIG, magnitudes=(silence, silence))["log_mag_loss"] == 0


def test_log_magnitude_is_a_term_of_the_total_with_a_gradient() -> None:
    target = torch.rand(3, 16, 12, generator=torch.Generator().manual_seed(0)) + 0.5
    magnitude = (0.7 * target).requires_grad_()
    config = replace(CONFIG, log_magnitude=LogMagnitudeLossConfig(weight=2.0))

    plain = compute_combined_loss(**tensors(), loss_config=config)
    loss = compute_combined_loss(**tensors(), loss_config=config, magnitudes=(magnitude, target))

    assert "log_mag_loss" not in plain
    torch.testing.assert_close(loss["total_loss"] - plain["total_loss"], 2 * loss["log_mag_loss"])
    loss["total_loss"].backward()
    assert (magnitude.grad < 0).all()


def test_waveforms_are_compared_where_they_are_given() -> None:
    waveforms = torch.randn(2, 3, 1, 400, generator=torch.Generator().manual_seed(0)).unbind()
    distance = create_stft_loss(SHORT_STFT)

    loss = compute_combined_loss(**tensors(), loss_config=CONFIG, stft_loss_fn=distance, waveforms=waveforms)

    torch.testing.assert_close(loss["stft_loss"], distance(*waveforms))


def test_waveforms_shorter_than_a_window_are_filled_up() -> None:
    waveforms = torch.randn(2, 3, 1, 500, generator=torch.Generator().manual_seed(0)).unbind()

    assert compute_combined_loss(**tensors(), waveforms=waveforms)["stft_loss"] > 0


def test_perceptual_weighting_hears_a_middle_tone_more_than_a_deep_one() -> None:
    config = replace(STFTLossConfig(), perceptual_weighting=True)
    time = torch.arange(8000) / 16_000
    noise = 0.1 * torch.randn(1, 1, 8000, generator=torch.Generator().manual_seed(0))
    hum, tone = (noise + torch.sin(2 * math.pi * hz * time) for hz in (40.0, 2000.0))

    weighted, plain = create_stft_loss(config, 16_000), create_stft_loss(STFTLossConfig())

    assert weighted(hum, noise) / weighted(tone, noise) < 0.7 * plain(hum, noise) / plain(tone, noise)


def test_perceptual_weighting_is_for_sound_and_not_for_magnitudes_in_a_row() -> None:
    config = replace(SHORT_STFT, target="magnitude", perceptual_weighting=True)
    pair = torch.randn(2, 1, 1, 400, generator=torch.Generator().manual_seed(0)).unbind()

    assert torch.equal(create_stft_loss(config)(*pair), create_stft_loss(SHORT_STFT)(*pair))


def test_defaults_are_the_specification_s() -> None:
    loss = compute_combined_loss(**tensors(bands=64, frames=40))

    expected = loss["stft_loss"] + 0.1 * (loss["mag_recon_loss"] + 0.5 * loss["if_recon_loss"]) + 0.01 * loss["kl_loss"]
    torch.testing.assert_close(loss["total_loss"], expected)


def test_stft_loss_is_auraloss_on_the_magnitude_band_after_band_and_frame_after_frame() -> None:
    data = tensors(bands=64, frames=40)
    reference = auraloss.freq.MultiResolutionSTFTLoss([512, 1024, 2048], [128, 256, 512], [512, 1024, 2048])
    silence = data["target"][:, 0].amin(dim=(1, 2), keepdim=True)
    pair = [data[name][:, 0] - silence for name in ("recon", "target")]
    ways = [reference(*(order(signal).reshape(3, 1, -1) for signal in pair)) for order in (lambda x: x, lambda x: x.mT)]

    torch.testing.assert_close(compute_combined_loss(**data)["stft_loss"], (ways[0] + ways[1]) / 2)


def test_stft_loss_tells_the_first_frames_from_the_last() -> None:
    data = tensors(bands=64, frames=40)
    data["target"][:, 0] *= 0.1
    data["recon"] = data["target"].clone()
    data["target"][:, 0, :, :3] += 3
    on_time = compute_combined_loss(**{**data, "recon": data["target"]})["stft_loss"]
    data["recon"][:, 0, :, -3:] += 3

    assert compute_combined_loss(**data)["stft_loss"] > on_time + 0.5


def test_stft_loss_tells_loud_from_quiet_on_normalised_magnitudes() -> None:
    data = tensors(bands=64, frames=40)
    data["target"][:, 0, :32] += 3  # loud below, quiet above: the mean stays 0
    data["target"][:, 0, 32:] -= 3
    same = compute_combined_loss(**{**data, "recon": data["target"]})["stft_loss"]
    data["recon"] = -data["target"]

    assert compute_combined_loss(**data)["stft_loss"] > same + 0.5


def test_stft_loss_feels_the_magnitude_channel_only() -> None:
    data = tensors(bands=64, frames=40)
    data["recon"].requires_grad_()

    (gradient,) = torch.autograd.grad(compute_combined_loss(**data)["stft_loss"], data["recon"])

    assert gradient[:, 0].abs().sum() > 0
    assert gradient[:, 1].abs().sum() == 0


def test_the_caller_s_stft_module_is_used_and_may_be_made_from_either_config() -> None:
    data = tensors()
    for made in (create_stft_loss(SHORT_STFT), create_stft_loss(CONFIG)):
        given = compute_combined_loss(**data, loss_config=CONFIG, stft_loss_fn=made)
        assert torch.equal(given["stft_loss"], compute_combined_loss(**data, loss_config=CONFIG)["stft_loss"])
    zero = compute_combined_loss(**data, stft_loss_fn=lambda recon, target: (recon - target).sum() * 0)
    assert zero["stft_loss"] == 0


@pytest.mark.parametrize(("bands", "frames"), [(1, 1), (2, 3), (16, 16), (128, 24)])
def test_spectrograms_shorter_than_the_longest_window_are_fine(bands: int, frames: int) -> None:
    loss = compute_combined_loss(**tensors(bands=bands, frames=frames))

    assert all(value.isfinite() for value in loss.values())


@pytest.mark.parametrize("case", ["silence", "identical", "silent target", "silent reconstruction", "loud"])
def test_loss_and_gradient_are_finite(case: str) -> None:
    data = tensors(bands=32, frames=40)
    if case in ("silence", "silent target"):
        data["target"].zero_()
    if case in ("silence", "silent reconstruction"):
        data["recon"].zero_()
    if case == "identical":
        data["recon"] = data["target"].clone()
    if case == "loud":
        data["target"] *= 1e4
    data["recon"].requires_grad_()

    loss = compute_combined_loss(**data)
    loss["total_loss"].backward()

    assert all(value.isfinite() for value in loss.values())
    assert data["recon"].grad.isfinite().all()
    if case == "identical":
        assert loss["stft_loss"] == loss["recon_loss"] == 0


def test_one_channel_has_no_frequency_term() -> None:
    loss = compute_combined_loss(**tensors(channels=1), loss_config=CONFIG)

    assert loss["if_recon_loss"] == 0
    assert torch.equal(loss["recon_loss"], loss["mag_recon_loss"])


class TestTermsOfWeightZero:
    """A KL that overflowed at weight 0 made the total NaN: 0 * infinity."""

    def test_they_may_be_infinite(self) -> None:
        data = tensors()
        data["recon"].requires_grad_()
        data["logvar"] = torch.full((3, 8), 200.0).requires_grad_()
        loss = compute_combined_loss(**data, loss_config=CONFIG, kl_weight=0.0)
        loss["total_loss"].backward()

        assert loss["kl_loss"] == math.inf
        assert loss["total_loss"].isfinite()
        assert data["recon"].grad.isfinite().all()
        assert data["logvar"].grad is None
        assert not loss["kl_loss"].requires_grad

    @pytest.mark.parametrize("term", ["stft", "magnitude", "frequency"])
    def test_they_may_be_nan(self, term: str) -> None:
        data = tensors()
        weights = {"stft": 1.0, "recon": 1.0, "magnitude": 1.0, "frequency": 1.0, term: 0.0}
        options = {"stft_loss_fn": lambda recon, target: (recon * math.nan).sum()} if term == "stft" else {}
        if term != "stft":
            data["target"][:, 0 if term == "magnitude" else 1] = math.nan
            weights["stft"] = 0.0
            options["if_weights"] = torch.ones(3, 16, 12)
        data["recon"].requires_grad_()

        loss = compute_combined_loss(**data, loss_config=with_weights(**weights), **options)
        loss["total_loss"].backward()

        assert loss[{"stft": "stft_loss", "magnitude": "mag_recon_loss", "frequency": "if_recon_loss"}[term]].isnan()
        assert loss["total_loss"].isfinite()
        assert data["recon"].grad.isfinite().all()


class TestFrequencyWeights:
    """Weights from z-scored magnitudes over their mean (about 0) ran from -221 to +26."""

    @settings(max_examples=60, deadline=None)
    @given(
        scale=st.sampled_from([1e-30, 1e-12, 1e-3, 1.0, 1e3, 1e12, 1e30]),
        power=st.sampled_from([0.0, 1.0, 8.0]),
        seed=st.integers(0, 1000),
    )
    def test_are_energies_of_mean_one(self, scale: float, power: float, seed: int) -> None:
        noise = torch.rand(3, 9, 11, generator=torch.Generator().manual_seed(seed))
        weights = energy_weights(scale * noise**power)

        assert (weights >= 0).all()
        torch.testing.assert_close(weights.mean((1, 2)), torch.ones(3), rtol=1e-4, atol=0)

    def test_silence_weighs_nothing_and_harms_nothing(self) -> None:
        energy = torch.rand(2, 4, 5)
        energy[0] = 0

        weights = energy_weights(energy)

        assert (weights[0] == 0).all()
        torch.testing.assert_close(weights[1].mean(), torch.tensor(1.0))

    def test_z_scored_targets_cannot_make_the_loss_negative(self) -> None:
        data = tensors()
        data["target"][:, 0] -= data["target"][:, 0].mean()

        assert compute_combined_loss(**data, loss_config=CONFIG)["if_recon_loss"] > 0

    def test_an_error_counts_where_the_energy_is(self) -> None:
        target = torch.zeros(1, 2, 4, 4)
        target[0, 0, 1, 2] = 5.0
        quiet, loud = target.clone(), target.clone()
        quiet[0, 1, 3, 3] += 1
        loud[0, 1, 1, 2] += 1
        latent = {"mu": torch.zeros(1, 2), "logvar": torch.zeros(1, 2)}

        def frequency_loss(recon: Tensor, **options: Tensor) -> float:
            return float(compute_combined_loss(recon, target, **latent, **options)["if_recon_loss"])

        assert frequency_loss(loud) > 100 * frequency_loss(quiet) > 0
        energy = torch.zeros(1, 4, 4)
        energy[0, 3, 3] = 1e-6
        assert frequency_loss(loud, if_weights=energy) == 0
        assert frequency_loss(quiet, if_weights=energy) == pytest.approx(1.0)

    def test_no_gradient_runs_into_the_weights(self) -> None:
        data = tensors()
        data["target"].requires_grad_()
        loss = compute_combined_loss(**data, loss_config=CONFIG)["if_recon_loss"]
        (gradient,) = torch.autograd.grad(loss, data["target"])

        assert gradient[:, 0].abs().sum() == 0

    def test_an_item_s_loss_does_not_depend_on_a_louder_one_beside_it(self) -> None:
        data = tensors()
        energy = torch.rand(3, 16, 12)
        louder = energy * torch.tensor([1.0, 1e6, 1.0])[:, None, None]

        first, second = (
            compute_combined_loss(**data, loss_config=CONFIG, if_weights=weights)["if_recon_loss"]
            for weights in (energy, louder)
        )

        torch.testing.assert_close(first, second)


@pytest.mark.parametrize(
    ("recon", "target", "weights"),
    [
        ((2, 2, 8, 8), (2, 2, 8, 9), None),
        ((2, 3, 8, 8), (2, 3, 8, 8), None),
        ((2, 8, 8), (2, 8, 8), None),
        ((2, 2, 8, 8), (2, 2, 8, 8), (2, 1, 8, 8)),
    ],
)
def test_shapes_that_do_not_fit_are_refused_in_one_line(recon: tuple, target: tuple, weights: tuple | None) -> None:
    latent = torch.zeros(2, 4)
    energy = torch.ones(weights) if weights else None
    with pytest.raises(ValueError, match="expected") as refused:
        compute_combined_loss(torch.zeros(recon), torch.zeros(target), latent, latent, if_weights=energy)
    assert "\n" not in str(refused.value)
