"""One optimizer step and what it is made of, and whole epochs over plain batches of spectrograms."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from core.losses.kl import vae_loss
from core.losses.spectral import compute_combined_loss
from core.training.config import LossConfig

Losses = dict[str, Tensor]


def make_optimizer(
    model: nn.Module, learning_rate: float, weight_decay: float, beside: nn.Module | None = None
) -> torch.optim.AdamW:
    """AdamW (Loshchilov 2019); biases and norm gains (one dimension) are not decayed, nor what is trained `beside`."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": weight_decay}, {"params": vectors, "weight_decay": 0.0}]
    if beside is not None:
        groups.append({"params": list(beside.parameters()), "weight_decay": 0.0})
    return torch.optim.AdamW(groups, lr=learning_rate)


def averaged(model: nn.Module, decay: float) -> AveragedModel:
    """Exponential moving average of the weights; its decay grows with the steps, so that the start is forgotten."""

    def update(averages: Any, weights: Any, count: Tensor | int) -> None:
        steps = int(count)
        torch._foreach_lerp_(averages, weights, 1 - min(decay, (1 + steps) / (10 + steps)))

    return AveragedModel(model, multi_avg_fn=update, use_buffers=False)


def gradients(total: Tensor, model: nn.Module, clip_norm: float) -> Tensor:
    """Backpropagate `total` and clip by global norm; returns the norm before clipping (a scalar tensor)."""
    total.backward()  # type: ignore[no-untyped-call]
    return nn.utils.clip_grad_norm_(model.parameters(), clip_norm)


def spectrogram_losses(
    model: nn.Module,
    batch: Tensor,
    loss_config: LossConfig | None,
    stft_loss_fn: nn.Module | None,
    kl_weight: float,
) -> Losses:
    """Terms of a VAE on `batch` [B, C, bands, frames]; with `loss_config` None the legacy `vae_loss`."""
    reconstruction, mu, logvar = model(batch)
    if loss_config is not None:
        return compute_combined_loss(
            reconstruction, batch, mu, logvar, loss_config, kl_weight=kl_weight, stft_loss_fn=stft_loss_fn
        )
    total, recon, kl = vae_loss(reconstruction, batch, mu, logvar, kl_weight)
    return {"total_loss": total, "recon_loss": recon, "kl_loss": kl}


def train_epoch(
    model: nn.Module,
    batches: Iterable[Tensor],
    optimizer: torch.optim.Optimizer,
    *,
    loss_config: LossConfig | None = None,
    stft_loss_fn: nn.Module | None = None,
    kl_weight: float = 1.0,
    clip_norm: float = 1.0,
    cancelled: Callable[[], bool] = lambda: False,
) -> dict[str, float]:
    """One pass over `batches` (spectrograms [B, C, bands, frames]); returns the mean of every term.

    A batch whose total or gradient is not finite changes nothing and is counted as "skipped_steps".
    """
    model.train()
    means = Means()
    skipped = 0
    for batch in batches:
        if cancelled():
            break
        optimizer.zero_grad(set_to_none=True)
        losses = spectrogram_losses(model, batch, loss_config, stft_loss_fn, kl_weight)
        norm = gradients(losses["total_loss"], model, clip_norm)
        if torch.isfinite(norm) and torch.isfinite(losses["total_loss"]):
            optimizer.step()
            means.add(fetched(losses), len(batch))
        else:
            skipped += 1
    return {**means.values(), "skipped_steps": float(skipped)}


@torch.no_grad()
def validate_epoch(
    model: nn.Module,
    batches: Iterable[Tensor],
    *,
    loss_config: LossConfig | None = None,
    stft_loss_fn: nn.Module | None = None,
    kl_weight: float = 1.0,
) -> dict[str, float]:
    """The mean of every term over `batches`, with the model in evaluation mode."""
    was_training = model.training
    model.eval()
    means = Means()
    for batch in batches:
        losses = spectrogram_losses(model, batch, loss_config, stft_loss_fn, kl_weight)
        means.add(fetched(losses), len(batch))
    model.train(was_training)
    return means.values()


class Means:
    """Running means of named values, weighted by batch size. Its `state` fits into a checkpoint.

    Each name is averaged over the steps that had it: some terms are measured now and then, or begin late.
    """

    def __init__(self, state: dict[str, Any] | None = None) -> None:
        self.sums: dict[str, float] = dict(state["sums"]) if state else {}
        # Older checkpoints count all names together.
        counts = state.get("counts") or dict.fromkeys(state["sums"], state.get("count", 0)) if state else {}
        self.counts: dict[str, int] = dict(counts)

    @property
    def state(self) -> dict[str, Any]:
        return {"sums": dict(self.sums), "counts": dict(self.counts)}

    def add(self, values: dict[str, float], weight: int) -> None:
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value * weight
            self.counts[name] = self.counts.get(name, 0) + weight

    def values(self) -> dict[str, float]:
        return {name: total / self.counts[name] for name, total in self.sums.items()}


def unwrapped(average: AveragedModel) -> nn.Module:
    """The averaged model itself, without the counter around it."""
    return average.module


def fetched(values: dict[str, Tensor]) -> dict[str, float]:
    """Scalars as floats, with one wait for the device."""
    numbers = torch.stack([value.detach().float() for value in values.values()]).tolist()
    return dict(zip(values, numbers, strict=True))
