"""The convolutional VAE over spectrograms: encoder, decoder, and the statistics that normalise what they see."""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.models.layers import UpsamplingConv, norm_and_activation

LOG_VARIANCE_BOUND = 10.0

# Features that a dense layer beside the latent sees, for as long as MIN_NARROW channels a grid position allow it.
# At 256 bands x 94 frames this makes a model of 2 million parameters where flattening the last block would make 5.
DENSE_FEATURES = 6144
MIN_NARROW = 4

# Deviations below this share of their channel's average are raised to it, so that a band that is silent in the
# training sounds does not blow up a new sound's z-score; the absolute floor covers channels that never change.
RELATIVE_STD_FLOOR = 0.1
ABSOLUTE_STD_FLOOR = 1e-3


class ConvEncoder(nn.Module):
    """Spectrograms [batch, in_channels, bands, frames] to mean and log-variance of q(z|x), each [batch, latent_dim].

    Every block halves bands and frames. The log-variance is bounded smoothly to +-10 (standard deviations of 0.007 to
    148), so that the KL cannot overflow whatever the input, and an outlier still has a gradient that brings it back,
    which a hard clamp would cut off.
    """

    def __init__(
        self,
        in_channels: int,
        bands: int,
        frames: int,
        latent_dim: int = 64,
        channels: Sequence[int] = (32, 64, 128, 256),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        grid = _Grid(bands, frames, channels)
        self.padding = grid.padding
        self.blocks = nn.Sequential()
        for width_in, width_out in zip((in_channels, *channels), channels, strict=False):
            self.blocks.append(nn.Conv2d(width_in, width_out, 3, stride=2, padding=1))
            self.blocks.extend(norm_and_activation(width_out))
        self.narrow = nn.Sequential(nn.Conv2d(channels[-1], grid.narrow, 1), nn.Flatten(), nn.Dropout(dropout))
        self.mean = nn.Linear(grid.features, latent_dim)
        self.log_variance = nn.Linear(grid.features, latent_dim)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features = self.narrow(self.blocks(functional.pad(x, self.padding)))
        log_variance = self.log_variance(features).float()
        return self.mean(features).float(), LOG_VARIANCE_BOUND * torch.tanh(log_variance / LOG_VARIANCE_BOUND)


class ConvDecoder(nn.Module):
    """Latents [batch, latent_dim] to spectrograms [batch, out_channels, bands, frames].

    The mirror of the encoder. The last layer is linear: a normalised spectrogram is not bounded.
    """

    def __init__(
        self,
        out_channels: int,
        bands: int,
        frames: int,
        latent_dim: int = 64,
        channels: Sequence[int] = (32, 64, 128, 256),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        grid = _Grid(bands, frames, channels)
        self.bands, self.frames = bands, frames
        self.widen = nn.Sequential(
            nn.Linear(latent_dim, grid.features),
            nn.Dropout(dropout),
            nn.Unflatten(1, (grid.narrow, grid.rows, grid.columns)),
            nn.Conv2d(grid.narrow, channels[-1], 1),
            *norm_and_activation(channels[-1]),
        )
        self.blocks = nn.Sequential()
        for width_in, width_out in zip(channels[:0:-1], channels[-2::-1], strict=True):
            self.blocks.append(UpsamplingConv(width_in, width_out))
            self.blocks.extend(norm_and_activation(width_out))
        self.out = UpsamplingConv(channels[0], out_channels)

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.out(self.blocks(self.widen(z)))
        return x[..., : self.bands, : self.frames]


class ConvVAE(nn.Module):
    """A VAE (Kingma & Welling 2014) over normalised spectrograms [batch, in_channels, bands, frames] of one fixed size.

    Bands and frames may be any: they are padded to what the strided blocks divide and cropped again. The buffers
    `mean` and `std` [1, in_channels, bands, 1] travel with the weights; fit them once on the training spectrograms
    with `fit_normalization`. `encode`, `decode` and `forward` work between `normalize` and `denormalize`.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        in_channels: int,
        bands: int,
        frames: int,
        latent_dim: int = 64,
        channels: Sequence[int] = (32, 64, 128, 256),
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.shape = (in_channels, bands, frames)
        self.latent_dim = latent_dim
        self.encoder = ConvEncoder(in_channels, bands, frames, latent_dim, channels, dropout)
        self.decoder = ConvDecoder(in_channels, bands, frames, latent_dim, channels, dropout)
        self.register_buffer("mean", torch.zeros(1, in_channels, bands, 1))
        self.register_buffer("std", torch.ones(1, in_channels, bands, 1))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), float32 [batch, latent_dim] each. Raises ValueError for another size."""
        if x.ndim != 4 or tuple(x.shape[1:]) != self.shape:
            raise ValueError(f"spectrogram of shape {tuple(x.shape)}: this model takes {self._expected}")
        mean, log_variance = self.encoder(x)
        return mean, log_variance

    def decode(self, z: Tensor) -> Tensor:
        """Latents [batch, latent_dim] to normalised spectrograms [batch, in_channels, bands, frames]."""
        x: Tensor = self.decoder(z)
        return x

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction, mean and log-variance. Training draws z from q(z|x); evaluation takes its mean."""
        mean, log_variance = self.encode(x)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if self.training else mean
        return self.decode(z), mean, log_variance

    def normalize(self, x: Tensor) -> Tensor:
        """Spectrograms to z-scores per channel and band."""
        return (x - self.mean) / self.std

    def denormalize(self, x: Tensor) -> Tensor:
        """The inverse of `normalize`."""
        return x * self.std + self.mean

    @torch.no_grad()
    def fit_normalization(self, spectrograms: Iterable[Tensor]) -> None:
        """Set `mean` and `std` to those of `spectrograms`, tensors [batch, in_channels, bands, frames] seen one by one.

        Batches are merged in float64 (Chan et al. 1979), so that neither their number nor a large offset costs
        precision. Raises ValueError when there are none or a value is not finite.
        """
        count = 0
        mean = squares = torch.zeros(self.mean.shape, dtype=torch.float64)
        for batch in spectrograms:
            values = batch.detach().to("cpu").double()
            if values.ndim != 4 or values.shape[1:3] != self.mean.shape[1:3]:
                raise ValueError(f"spectrogram of shape {tuple(batch.shape)}: this model takes {self._expected}")
            seen = values.shape[0] * values.shape[3]
            if seen == 0:
                continue
            batch_mean = values.mean(dim=(0, 3), keepdim=True)
            offset = batch_mean - mean
            total = count + seen
            squares = squares + (values - batch_mean).square().sum(dim=(0, 3), keepdim=True)
            squares = squares + offset.square() * (count * seen / total)
            mean = mean + offset * (seen / total)
            count = total
        if count == 0:
            raise ValueError("no spectrograms to fit the normalization on")
        std = (squares / count).sqrt()
        if not (mean.isfinite().all() and std.isfinite().all()):
            raise ValueError("spectrograms to fit the normalization on hold NaN or infinity")
        floor = RELATIVE_STD_FLOOR * std.mean(dim=2, keepdim=True)
        self.mean.copy_(mean)
        self.std.copy_(std.maximum(floor.clamp(min=ABSOLUTE_STD_FLOOR)))

    @property
    def _expected(self) -> str:
        return "[batch, {}, {}, {}]".format(*self.shape)


class _Grid:
    """The sizes between the last block and the latent, the same for encoder and decoder."""

    def __init__(self, bands: int, frames: int, channels: Sequence[int]) -> None:
        factor = 2 ** len(channels)
        self.rows, self.columns = -(-bands // factor), -(-frames // factor)
        # As functional.pad takes it: frames before and after, bands before and after.
        self.padding = (0, self.columns * factor - frames, 0, self.rows * factor - bands)
        affordable = max(MIN_NARROW, DENSE_FEATURES // (self.rows * self.columns))
        self.narrow = min(channels[-1], affordable)
        self.features = self.narrow * self.rows * self.columns
