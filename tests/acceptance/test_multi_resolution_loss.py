"""The seven acceptance tests of specification 3, through public names only, with `distill.` read as `core.`."""

import importlib.metadata
import json

import pytest
import torch
from torch import Tensor, nn

from core.models import (
    ConvVAE,
    compute_combined_loss,
    compute_kl_divergence,
    create_stft_loss,
    get_kl_weight,
    vae_loss,
)
from core.training import (
    EpochMetrics,
    KLLossConfig,
    LossConfig,
    MetricsHistory,
    PreviewEvent,
    ReconLossConfig,
    StepMetrics,
    STFTLossConfig,
    TrainingConfig,
    train_epoch,
    validate_epoch,
)

COMPONENTS = {"total_loss", "stft_loss", "mag_recon_loss", "if_recon_loss", "kl_loss", "recon_loss"}


def dummy(channels: int = 2, bands: int = 128, frames: int = 24) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Reconstruction, target, mu and logvar."""
    generator = torch.Generator().manual_seed(0)
    recon, target = (torch.randn(2, channels, bands, frames, generator=generator) for _ in range(2))
    mu, logvar = (torch.randn(2, 64, generator=generator) for _ in range(2))
    return recon, target, mu, logvar


class CountingSTFTLoss(nn.Module):
    """The real STFT loss, and how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.loss = create_stft_loss(STFTLossConfig(fft_sizes=(64,), hop_sizes=(16,), win_lengths=(64,)))
        self.calls = 0

    def forward(self, recon: Tensor, target: Tensor) -> Tensor:
        self.calls += 1
        value: Tensor = self.loss(recon, target)
        return value


@pytest.fixture
def model() -> ConvVAE:
    torch.manual_seed(0)
    return ConvVAE(2, 16, 12, latent_dim=4, components=16, width=16, blocks=1)


@pytest.fixture
def batches() -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(4, 2, 16, 12, generator=generator) for _ in range(3)]


def test_1_auraloss_is_available() -> None:
    import auraloss

    version = tuple(int(part) for part in importlib.metadata.version("auraloss").split(".")[:2])
    assert version >= (0, 4)
    assert auraloss.freq.MultiResolutionSTFTLoss


def test_2_loss_config_nests() -> None:
    config = LossConfig()

    assert config.stft.weight == 1.0
    assert config.reconstruction.weight == 0.1
    assert config.reconstruction.magnitude_weight == 1.0
    assert config.reconstruction.if_weight == 0.5
    assert config.kl.weight_max == 0.01
    assert isinstance(config.stft, STFTLossConfig)
    assert isinstance(config.reconstruction, ReconLossConfig)
    assert isinstance(config.kl, KLLossConfig)
    assert TrainingConfig().loss == config
    assert config.stft.fft_sizes == (512, 1024, 2048)


@pytest.mark.parametrize("channels", [1, 2])
def test_3_combined_loss_returns_finite_scalar_components(channels: int) -> None:
    losses = compute_combined_loss(*dummy(channels), LossConfig(), kl_weight=0.01)

    assert losses.keys() == COMPONENTS
    assert all(value.ndim == 0 and value.isfinite() for value in losses.values())


def test_4_stft_sees_the_magnitude_and_if_is_weighted_by_it() -> None:
    recon, target, mu, logvar = dummy()
    same_magnitude = torch.stack([target[:, 0], recon[:, 1]], dim=1)
    same_frequency = torch.stack([recon[:, 0], target[:, 1]], dim=1)

    frequency_off = compute_combined_loss(same_magnitude, target, mu, logvar, LossConfig())
    magnitude_off = compute_combined_loss(same_frequency, target, mu, logvar, LossConfig())
    both_off = compute_combined_loss(recon, target, mu, logvar, LossConfig())

    assert frequency_off["stft_loss"] == frequency_off["mag_recon_loss"] == 0
    assert frequency_off["if_recon_loss"] > 0
    assert magnitude_off["if_recon_loss"] == 0
    assert magnitude_off["stft_loss"] == both_off["stft_loss"] > 0

    target[:, 0] = -4.0
    target[:, 0, :8] = 4.0
    errors = {}
    for name, bands in (("loud", slice(0, 8)), ("quiet", slice(8, 16))):
        off = target.clone()
        off[:, 1, bands] += 1
        errors[name] = compute_combined_loss(off, target, mu, logvar, LossConfig())["if_recon_loss"]
    assert errors["loud"] > 10 * errors["quiet"]


def test_5_metrics_carry_the_components() -> None:
    step = StepMetrics(epoch=0, step=1, total_steps=10, train_loss=1.0)
    epoch = EpochMetrics(epoch=0, total_epochs=1, train_loss=1.0, val_loss=1.1)

    assert step.stft_loss == step.mag_recon_loss == step.if_recon_loss == 0.0
    assert epoch.val_stft_loss == epoch.val_mag_recon_loss == epoch.val_if_recon_loss == 0.0


def test_5_history_keeps_the_components_and_reads_older_records() -> None:
    history = MetricsHistory()
    step = StepMetrics(
        epoch=0, step=1, total_steps=10, train_loss=1.0, stft_loss=0.5, mag_recon_loss=0.25, if_recon_loss=0.125
    )
    epoch = EpochMetrics(
        epoch=0, total_epochs=1, train_loss=1.0, val_loss=1.1, val_stft_loss=0.5, val_mag_recon_loss=0.25,
        val_if_recon_loss=0.125,
    )  # fmt: skip
    preview = PreviewEvent(epoch=0, audio_path="previews/a.wav", sample_rate=48_000)
    for event in (step, epoch, preview):
        history(event)

    plain = json.loads(json.dumps(history.to_dict()))
    assert MetricsHistory.from_dict(plain) == history

    for record in (*plain["steps"], *plain["epochs"]):
        for name in [name for name in record if name.endswith(("stft_loss", "mag_recon_loss", "if_recon_loss"))]:
            del record[name]
    older = MetricsHistory.from_dict(plain)
    assert older.steps[0].train_loss == 1.0
    assert older.steps[0].stft_loss == older.steps[0].mag_recon_loss == older.steps[0].if_recon_loss == 0.0
    assert older.epochs[0].val_stft_loss == older.epochs[0].val_if_recon_loss == 0.0


def test_6_public_names() -> None:
    assert all(map(callable, (compute_combined_loss, create_stft_loss, vae_loss, get_kl_weight, compute_kl_divergence)))
    assert all(map(callable, (LossConfig, STFTLossConfig, ReconLossConfig, KLLossConfig)))


def test_7_the_loop_uses_the_combined_loss_and_the_caller_s_stft_module(model: ConvVAE, batches: list[Tensor]) -> None:
    stft_loss = CountingSTFTLoss()
    optimizer = torch.optim.AdamW(model.parameters(), 1e-2)
    before = validate_epoch(model, batches, loss_config=LossConfig(), stft_loss_fn=stft_loss, kl_weight=0.01)
    assert stft_loss.calls == len(batches)

    for _ in range(3):
        means = train_epoch(model, batches, optimizer, loss_config=LossConfig(), stft_loss_fn=stft_loss, kl_weight=0.01)
    after = validate_epoch(model, batches, loss_config=LossConfig(), stft_loss_fn=stft_loss, kl_weight=0.01)

    assert stft_loss.calls == 5 * len(batches)
    assert means.keys() >= COMPONENTS
    assert before.keys() >= COMPONENTS
    assert after["total_loss"] < before["total_loss"]


def test_7_the_loop_falls_back_to_the_plain_vae_loss(model: ConvVAE, batches: list[Tensor]) -> None:
    stft_loss = CountingSTFTLoss()
    batch = batches[0]
    model.eval()
    recon, mu, logvar = model(batch)
    total, recon_loss, kl_loss = vae_loss(recon, batch, mu, logvar, kl_weight=0.5)

    means = validate_epoch(model, [batch], stft_loss_fn=stft_loss, kl_weight=0.5)
    assert means["total_loss"] == pytest.approx(total.item())
    assert means["recon_loss"] == pytest.approx(recon_loss.item())
    assert means["kl_loss"] == pytest.approx(kl_loss.item())

    trained = train_epoch(model, batches, torch.optim.AdamW(model.parameters(), 1e-3), stft_loss_fn=stft_loss)
    assert trained["total_loss"] > 0
    assert stft_loss.calls == 0
