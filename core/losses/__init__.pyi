from .kl import compute_kl_divergence as compute_kl_divergence
from .kl import get_kl_weight as get_kl_weight
from .kl import kl_per_dimension as kl_per_dimension
from .kl import vae_loss as vae_loss
from .spectral import compute_combined_loss as compute_combined_loss
from .spectral import create_stft_loss as create_stft_loss
