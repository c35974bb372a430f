"""The audio model as a config describes it: what the recipe trains and the voice speaks with."""

from core.models.conv_vae import ConvVAE
from core.training.config import TrainingConfig


def build_model(config: TrainingConfig) -> ConvVAE:
    """The model that a resolved config describes, not yet fitted to any sound."""
    spec, model = config.spectrogram, config.model
    return ConvVAE(
        in_channels=spec.channels,
        bands=spec.bands,
        frames=1 + round(config.data.chunk_seconds * spec.sample_rate) // spec.hop_length,
        latent_dim=model.latent_dim,
        latent=model.latent,
        patch_frames=model.patch_frames,
        components=model.components,
        width=model.width,
        blocks=model.blocks,
        dropout=config.regularization.dropout,
    )
