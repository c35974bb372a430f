"""The VAE's losses at the place where the specification names them; they live in `core.losses`."""

from core.losses.kl import compute_kl_divergence, get_kl_weight, vae_loss
from core.losses.spectral import compute_combined_loss, create_stft_loss

__all__ = ["compute_combined_loss", "compute_kl_divergence", "create_stft_loss", "get_kl_weight", "vae_loss"]
