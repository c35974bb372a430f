from .conv_vae import ConvDecoder as ConvDecoder
from .conv_vae import ConvEncoder as ConvEncoder
from .conv_vae import ConvVAE as ConvVAE
from .losses import compute_combined_loss as compute_combined_loss
from .losses import compute_kl_divergence as compute_kl_divergence
from .losses import create_stft_loss as create_stft_loss
from .losses import get_kl_weight as get_kl_weight
from .losses import vae_loss as vae_loss
