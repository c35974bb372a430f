"""What a training loop may rely on: any size, any value, finite KL, and statistics that travel with the weights."""

import io

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from core.losses import compute_combined_loss, compute_kl_divergence
from core.models import ConvVAE
from core.training.config import LatentKind

SMALL = {"latent_dim": 8, "components": 24, "width": 16, "blocks": 1}
LATENTS: list[LatentKind] = ["global", "sequence"]


@pytest.mark.parametrize("latent", LATENTS)
@pytest.mark.parametrize(("channels", "bands", "frames"), [(1, 128, 24), (2, 256, 94), (2, 513, 95), (1, 128, 940)])
def test_reconstruction_has_the_input_s_shape(channels: int, bands: int, frames: int, latent: LatentKind) -> None:
    model = ConvVAE(channels, bands, frames, latent=latent)
    x = torch.randn(2, channels, bands, frames)

    recon, mu, logvar = model(x)

    assert recon.shape == x.shape
    assert mu.shape == logvar.shape == ((2, 64) if latent == "global" else (2, 64, -(-frames // 4)))


@settings(max_examples=15, deadline=None)
@given(
    latent=st.sampled_from(LATENTS),
    sizes=st.tuples(*[st.integers(1, 12)] * 4),
    bands=st.integers(1, 40),
    frames=st.integers(1, 40),
)
def test_any_sizes_fit_together(latent: LatentKind, sizes: tuple[int, ...], bands: int, frames: int) -> None:
    patch_frames, components, width, latent_dim = sizes
    model = ConvVAE(
        2, bands, frames, min(latent_dim, 2 * bands * patch_frames), latent, patch_frames, components, width
    )
    x = torch.randn(2, 2, bands, frames)

    assert model(x)[0].shape == x.shape


@pytest.mark.parametrize("latent", LATENTS)
@pytest.mark.parametrize(("bands", "frames"), [(128, 24), (513, 188)])
def test_the_default_model_is_small(bands: int, frames: int, latent: LatentKind) -> None:
    parameters = sum(parameter.numel() for parameter in ConvVAE(2, bands, frames, latent=latent).parameters())

    assert 1e6 < parameters < 4e6


def test_a_sequence_model_takes_any_length_and_hears_only_what_is_near() -> None:
    torch.manual_seed(0)
    model = ConvVAE(2, 16, 12, latent="sequence", **SMALL).eval()
    awaken(model)
    x = torch.randn(1, 2, 16, 400)

    whole, part = model.encode(x)[0], model.encode(x[..., 40:])[0]

    assert whole.shape == (1, 8, 100)
    torch.testing.assert_close(whole[..., 20:], part[..., 10:], rtol=1e-4, atol=1e-5)
    recon = model.decode(whole, 398)
    assert recon.shape == (1, 2, 16, 398)
    torch.testing.assert_close(
        model.decode(whole[..., 10:])[..., 40:], model.decode(whole)[..., 80:], rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("latent", LATENTS)
def test_a_fitted_model_hears_before_it_has_learned(latent: LatentKind) -> None:
    """Twelve sounds that differ in a few ways only: the principal components carry them from the first step."""
    generator = torch.Generator().manual_seed(0)
    directions = torch.randn(4, 2, 16, 12, generator=generator)
    x = torch.einsum("nk,kcbt->ncbt", torch.randn(40, 4, generator=generator), directions) - 5
    model = ConvVAE(2, 16, 12, latent=latent, latent_dim=24, components=64, width=8).eval()
    model.fit([x[:20], x[20:30]])

    unseen = model.normalize(x[30:])
    recon, _, logvar = model(unseen)

    assert (recon - unseen)[:, 0].abs().mean() < 0.05 * unseen[:, 0].abs().mean()
    assert logvar.max() < 0
    if latent == "global":
        fitted = model.encode(model.normalize(x[:30]))[0]
        torch.testing.assert_close(fitted[:, :4].std(dim=0, correction=0), torch.ones(4), rtol=0.05, atol=0)


@pytest.mark.parametrize("latent", LATENTS)
def test_new_latents_come_from_where_the_material_lies(latent: LatentKind) -> None:
    generator = torch.Generator().manual_seed(0)
    model = ConvVAE(1, 16, 12, latent=latent, **SMALL).eval()
    x = torch.randn(30, 1, 16, 12, generator=generator)
    model.fit([x])
    model.fit_density([model.normalize(x) + 3])

    def draw(count: int, seed: int) -> Tensor:
        return model.sample(count, torch.Generator().manual_seed(seed))

    latents = model.encode(model.normalize(x) + 3)[0].detach()
    drawn = draw(400, 1)
    assert drawn.shape[1:] == latents.shape[1:]
    assert (drawn.mean(0) - latents.mean(0)).abs().max() < 0.3 * latents.std()
    assert 0.8 < float(drawn.std(0).mean() / latents.std(0).mean()) < 1.2
    assert torch.equal(draw(3, 7), draw(5, 7)[:3])
    assert not torch.equal(draw(3, 7), draw(3, 8))


@pytest.mark.parametrize("latent", LATENTS)
def test_a_latent_without_a_direction_starts_at_the_prior(latent: LatentKind) -> None:
    """Three sounds have few directions: what is left over says nothing and must not count as used."""
    model = ConvVAE(1, 3, 4, latent=latent, latent_dim=20, components=8, width=8).eval()
    x = torch.randn(3, 1, 3, 4, generator=torch.Generator().manual_seed(0))
    model.fit([x])

    mean, log_variance = model.encode(model.normalize(x))

    used = compute_kl_divergence(mean, log_variance)
    assert used.isfinite()
    assert mean[:, 10:].abs().max() == log_variance[:, 10:].abs().max() == 0


def test_a_drawn_sequence_is_as_long_as_asked_for() -> None:
    model = ConvVAE(1, 16, 12, latent="sequence", **SMALL).eval()
    for frames in (1, 12, 13, 100):
        drawn = model.sample(2, torch.Generator().manual_seed(0), frames)
        assert drawn.shape == (2, 8, -(-frames // 4))
        assert drawn.isfinite().all()
        assert model.decode(drawn, frames).shape == (2, 1, 16, frames)


def test_another_size_is_refused_in_one_line() -> None:
    with pytest.raises(ValueError, match=r"\(1, 2, 64, 33\).*\[batch, 2, 64, 32\]"):
        ConvVAE(2, 64, 32, **SMALL).encode(torch.zeros(1, 2, 64, 33))
    with pytest.raises(ValueError, match=r"\(1, 1, 64, 33\).*\[batch, 2, 64, frames\]"):
        ConvVAE(2, 64, 32, latent="sequence", **SMALL).encode(torch.zeros(1, 1, 64, 33))


def test_every_z_scored_target_can_be_reached() -> None:
    """Outputs squashed by Softplus or Tanh put most z-scored targets out of reach."""
    torch.manual_seed(0)
    item, channel, band, frame = torch.meshgrid(*map(torch.arange, (4, 2, 16, 12)), indexing="ij")
    target = 3 * torch.sin(0.4 * (item + 1) * band + 0.7 * frame + 2 * channel)
    model = ConvVAE(2, 16, 12, latent_dim=16, width=64)
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
        nn.init.normal_(model.encoder.log_variance.weight, std=1e4)
    mu, logvar = model.encode(scale * torch.randn(4, 1, 32, 16))

    assert logvar.abs().max() <= 10
    assert compute_kl_divergence(mu, logvar).isfinite()


def test_a_log_variance_at_its_bound_can_come_back() -> None:
    model = ConvVAE(1, 32, 16, **SMALL)
    nn.init.constant_(model.encoder.log_variance.bias, 30.0)

    _, logvar = model.encode(torch.randn(2, 1, 32, 16))
    logvar.sum().backward()

    assert logvar.min() > 9.8
    assert (model.encoder.log_variance.bias.grad > 0).all()


def test_training_samples_and_evaluation_does_not() -> None:
    model, x = ConvVAE(1, 32, 16, **SMALL, dropout=0.5), torch.randn(2, 1, 32, 16)
    awaken(model)

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
    model.fit([torch.randn(4, 2, 32, 16) * 3 + 7])
    model.fit_density([torch.randn(4, 2, 32, 16)])
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)

    other = ConvVAE(2, 32, 16, **SMALL).eval()
    other.load_state_dict(torch.load(file, weights_only=True))

    x = torch.randn(2, 2, 32, 16)
    assert torch.equal(other.normalize(x), model.normalize(x))
    assert torch.equal(other(x)[0], model(x)[0])
    seeded = [m.sample(2, torch.Generator().manual_seed(0)) for m in (model, other)]
    assert torch.equal(*seeded)


def test_autocast_keeps_the_latent_and_the_loss_in_float32() -> None:
    torch.manual_seed(0)
    model, x = ConvVAE(2, 32, 32, **SMALL), torch.randn(2, 2, 32, 32)

    with torch.autocast("cpu", dtype=torch.bfloat16):
        recon, mu, logvar = model(x)
        losses = compute_combined_loss(recon, x, mu, logvar)
    losses["total_loss"].backward()

    assert recon.shape == x.shape
    assert {mu.dtype, logvar.dtype, *(loss.dtype for loss in losses.values())} == {torch.float32}
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def awaken(model: ConvVAE) -> None:
    """Give the layers that start at zero something to say, as training does."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear) and not layer.weight.any():
            nn.init.normal_(layer.weight, std=0.1)
