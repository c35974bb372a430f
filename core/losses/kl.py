"""KL divergence of the latent to its standard normal prior, and the plain VAE loss made with it."""

from torch import Tensor
from torch.nn import functional

from core.training.schedules import get_kl_weight

__all__ = ["ACTIVE_NATS", "compute_kl_divergence", "get_kl_weight", "kl_per_dimension", "kl_with_free_bits", "vae_loss"]

ACTIVE_NATS = 0.1  # a latent dimension under this KL says nothing (specification 5, open question 1)


def kl_per_dimension(mu: Tensor, logvar: Tensor) -> Tensor:
    """Raw KL of each latent dimension in nats, mean over the batch: [batch, latent_dim] twice to [latent_dim].

    Of a sequence latent [batch, latent_dim, positions] it is the mean over positions too, here and below: nats for one
    vector, whatever the length of a sound. A dimension below 0.1 nats counts as inactive.
    """
    return _kl(mu, logvar).mean(dim=0)


def compute_kl_divergence(mu: Tensor, logvar: Tensor) -> Tensor:
    """Raw KL(N(mu, exp(logvar)) || N(0, 1)) in nats, summed over dimensions, mean over the batch: a scalar."""
    return _kl(mu, logvar).sum(dim=1).mean()


def kl_with_free_bits(mu: Tensor, logvar: Tensor, free_bits: float) -> Tensor:
    """As `compute_kl_divergence`, but every dimension of every item counts as `free_bits` nats at least.

    Below that a dimension has no gradient, so that the prior cannot switch it off (Kingma et al. 2016, "Improved
    Variational Inference with Inverse Autoregressive Flow", with the floor per item as in specification 5).
    """
    return _kl(mu, logvar).clamp(min=free_bits).sum(dim=1).mean()


def vae_loss(
    recon: Tensor, target: Tensor, mu: Tensor, logvar: Tensor, kl_weight: float = 1.0, free_bits: float = 0.5
) -> tuple[Tensor, Tensor, Tensor]:
    """Mean squared error plus `kl_weight` times the KL with free bits: (total, reconstruction, KL), scalars.

    `recon` and `target` have one shape; `mu` and `logvar` are [batch, latent_dim]. A KL of weight 0 is measured but
    is no part of the total. Specification 5, "Full VAE Loss Function".
    """
    recon_loss = functional.mse_loss(recon.float(), target.float())
    kl_loss = kl_with_free_bits(mu, logvar, free_bits)
    if kl_weight == 0:
        return recon_loss, recon_loss, kl_loss.detach()
    return recon_loss + kl_weight * kl_loss, recon_loss, kl_loss


def _kl(mu: Tensor, logvar: Tensor) -> Tensor:
    """[vectors, latent_dim]."""
    mu, logvar = mu.float(), logvar.float()
    if mu.ndim == 3:
        mu, logvar = mu.mT.flatten(0, 1), logvar.mT.flatten(0, 1)
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar)
