"""What a training loop may rely on: any size, any value, finite KL, and statistics that travel with the weights."""

import io
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from core.losses import compute_combined_loss, compute_kl_divergence
from core.models import ConvDecoder, ConvEncoder, ConvVAE

SMALL = {"latent_dim": 8, "channels": (8, 16)}


@pytest.mark.parametrize(
    ("channels", "bands", "frames"), [(1, 128, 24), (2, 256, 94), (2, 257, 95), (2, 1025, 24), (1, 128, 940)]
)
def test_reconstruction_has_the_input_s_shape(channels: int, bands: int, frames: int) -> None:
    model = ConvVAE(channels, bands, frames)
    x = torch.randn(2, channels, bands, frames)

    recon, mu, logvar = model(x)

    assert recon.shape == x.shape
    assert mu.shape == logvar.shape == (2, 64)


@settings(max_examples=15, deadline=None)
@given(
    channels=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    bands=st.integers(1, 70),
    frames=st.integers(1, 70),
)
def test_any_size_and_any_blocks_fit_together(channels: list[int], bands: int, frames: int) -> None:
    model = ConvVAE(2, bands, frames, latent_dim=3, channels=channels)
    x = torch.randn(2, 2, bands, frames)

    assert model(x)[0].shape == x.shape


@pytest.mark.parametrize(("bands", "frames"), [(128, 24), (256, 94), (1025, 94), (1025, 940)])
def test_the_model_stays_small_whatever_the_chunk_length(bands: int, frames: int) -> None:
    parameters = sum(parameter.numel() for parameter in ConvVAE(2, bands, frames).parameters())

    assert 1e6 < parameters < 4e6


def test_encoder_and_decoder_stand_alone() -> None:
    mu, logvar = ConvEncoder(2, 40, 30, **SMALL)(torch.randn(3, 2, 40, 30))

    assert mu.shape == logvar.shape == (3, 8)
    assert ConvDecoder(2, 40, 30, **SMALL)(mu).shape == (3, 2, 40, 30)


def test_another_size_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"\(1, 2, 64, 33\).*\[batch, 2, 64, 32\]"):
        ConvVAE(2, 64, 32, **SMALL).encode(torch.zeros(1, 2, 64, 33))


def test_every_z_scored_target_can_be_reached() -> None:
    """Outputs squashed by Softplus or Tanh put most z-scored targets out of reach."""
    torch.manual_seed(0)
    item, channel, band, frame = torch.meshgrid(*map(torch.arange, (4, 2, 16, 12)), indexing="ij")
    target = 3 * torch.sin(0.4 * (item + 1) * band + 0.7 * frame + 2 * channel)
    model = ConvVAE(2, 16, 12, latent_dim=16, channels=(16, 32))
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)

    for step in range(300):
        optimizer.param_groups[0]["lr"] = 1e-2 * (1 - step / 300)
        loss = (model(target)[0] - target).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    model.eval()
    recon, *_ = model(target)
    assert (recon - target).abs().mean() < 0.1 * target.std()
    assert recon.min() < -2.5
    assert recon.max() > 2.5


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e3, 1e6])
def test_kl_is_finite_whatever_the_input(scale: float) -> None:
    """An unclamped log-variance overflowed the KL while its weight was still 0."""
    torch.manual_seed(0)
    model = ConvVAE(1, 32, 16, **SMALL)
    with torch.no_grad():
        model.encoder.log_variance.weight.mul_(1e4)
    mu, logvar = model.encode(scale * torch.randn(4, 1, 32, 16))

    assert logvar.abs().max() <= 10
    assert compute_kl_divergence(mu, logvar).isfinite()


def test_a_log_variance_at_its_bound_can_come_back() -> None:
    encoder = ConvEncoder(1, 32, 16, **SMALL)
    nn.init.constant_(encoder.log_variance.bias, 30.0)

    _, logvar = encoder(torch.randn(2, 1, 32, 16))
    logvar.sum().backward()

    assert logvar.min() > 9.8
    assert (encoder.log_variance.bias.grad > 0).all()


def test_training_samples_and_evaluation_does_not() -> None:
    model, x = ConvVAE(1, 32, 16, **SMALL, dropout=0.5), torch.randn(2, 1, 32, 16)

    assert not torch.equal(model(x)[0], model(x)[0])
    torch.manual_seed(3)
    first = model(x)[0]
    torch.manual_seed(3)
    assert torch.equal(model(x)[0], first)

    model.eval()
    recon, mu, _ = model(x)
    assert torch.equal(recon, model(x)[0])
    assert torch.equal(recon, model.decode(mu))


def test_an_item_does_not_depend_on_its_batch() -> None:
    torch.manual_seed(0)
    model, x = ConvVAE(2, 32, 16, **SMALL).train(), torch.randn(6, 2, 32, 16)

    torch.testing.assert_close(model.encode(x)[0][:1], model.encode(x[:1])[0], rtol=1e-4, atol=1e-5)


def test_weights_and_statistics_survive_a_weights_only_file() -> None:
    torch.manual_seed(0)
    model = ConvVAE(2, 32, 16, **SMALL).eval()
    model.fit_normalization([torch.randn(4, 2, 32, 16) * 3 + 7])
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)

    other = ConvVAE(2, 32, 16, **SMALL).eval()
    other.load_state_dict(torch.load(file, weights_only=True))

    x = torch.randn(2, 2, 32, 16)
    assert torch.equal(other.normalize(x), model.normalize(x))
    assert torch.equal(other(x)[0], model(x)[0])


def test_autocast_keeps_the_latent_and_the_loss_in_float32() -> None:
    torch.manual_seed(0)
    model, x = ConvVAE(2, 32, 32, **SMALL), torch.randn(2, 2, 32, 32)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        recon, mu, logvar = model(x)
        losses = compute_combined_loss(recon, x, mu, logvar)
    losses["total_loss"].backward()

    assert recon.dtype == torch.bfloat16
    assert {mu.dtype, logvar.dtype, *(loss.dtype for loss in losses.values())} == {torch.float32}
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


class TestNormalization:
    @settings(max_examples=25, deadline=None)
    @given(cuts=st.lists(st.integers(1, 39), max_size=6, unique=True), offset=st.sampled_from([0.0, -50.0, 1e4]))
    def test_any_batching_gives_the_statistics_of_the_whole(self, cuts: list[int], offset: float) -> None:
        spec = torch.randn(40, 2, 5, 7, generator=torch.Generator().manual_seed(1)) + offset
        model = ConvVAE(2, 5, 7, latent_dim=1, channels=(1,))

        model.fit_normalization(spec.tensor_split(sorted(cuts)))

        expected = spec.double()
        torch.testing.assert_close(model.mean, expected.mean((0, 3), keepdim=True).float())
        torch.testing.assert_close(model.std, expected.std((0, 3), keepdim=True, correction=0).float())

    def test_normalised_spectrograms_are_z_scores_and_come_back(self) -> None:
        spec = torch.randn(30, 2, 5, 7) * torch.tensor([0.1, 1, 2, 5, 9])[:, None] - 20
        model = ConvVAE(2, 5, 7, latent_dim=1, channels=(1,))
        model.fit_normalization([spec])

        z = model.normalize(spec)

        torch.testing.assert_close(z.mean((0, 3)), torch.zeros(2, 5), atol=1e-4, rtol=0)
        torch.testing.assert_close(z.std((0, 3), correction=0)[:, 1:], torch.ones(2, 4), atol=1e-3, rtol=0)
        torch.testing.assert_close(model.denormalize(z), spec)

    def test_a_band_that_never_changed_does_not_blow_up_a_new_sound(self) -> None:
        spec = torch.randn(8, 1, 4, 6)
        spec[:, :, 3] = -11.5
        model = ConvVAE(1, 4, 6, latent_dim=1, channels=(1,))
        model.fit_normalization([spec])

        assert model.normalize(torch.zeros(1, 1, 4, 6)).abs().max() < 200

        model.fit_normalization([torch.full((2, 1, 4, 6), 5.0)])
        assert model.normalize(torch.full((2, 1, 4, 6), 5.0)).abs().max() == 0

    @pytest.mark.parametrize("value", [math.nan, math.inf])
    def test_what_cannot_be_fitted_is_refused(self, value: float) -> None:
        model = ConvVAE(1, 4, 6, latent_dim=1, channels=(1,))
        with pytest.raises(ValueError, match="NaN or infinity"):
            model.fit_normalization([torch.full((1, 1, 4, 6), value)])
        with pytest.raises(ValueError, match="no spectrograms"):
            model.fit_normalization([])
        with pytest.raises(ValueError, match=r"takes \[batch, 1, 4, 6\]"):
            model.fit_normalization([torch.zeros(1, 2, 4, 6)])
