"""The statistics that turn spectrograms into values around 0 and of unit spread, and back."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn

STD_FLOOR = 1e-3


class ChannelNormalization(nn.Module):
    """Each band's mean off, each channel's spread to 1: spectrograms [batch, channels, bands, frames] both ways.

    The spread is one number for a whole channel, so that an error of a decibel costs the same in every band. With one
    for each band, bands where the training sounds are silent would weigh as much as those that are heard.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, channels: int, bands: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(1, channels, bands, 1))
        self.register_buffer("std", torch.ones(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Normalised spectrograms."""
        return (x - self.mean) / self.std

    def inverse(self, x: Tensor) -> Tensor:
        """What `forward` was given."""
        return x * self.std + self.mean

    @torch.no_grad()
    def fit(self, spectrograms: Iterable[Tensor]) -> None:
        """Set both to those of `spectrograms`, tensors [batch, channels, bands, frames] seen one by one.

        Batches are merged in float64 (Chan et al. 1979), so that neither their number nor a large offset costs
        precision. Raises ValueError when there are none or a value is not finite.
        """
        count = 0
        mean = squares = torch.zeros(self.mean.shape, dtype=torch.float64)
        for batch in spectrograms:
            values = batch.detach().to("cpu").double()
            if values.ndim != 4 or values.shape[1:3] != self.mean.shape[1:3]:
                _, channels, bands, _ = self.mean.shape
                raise ValueError(
                    f"spectrogram of shape {tuple(batch.shape)}: this model takes [batch, {channels}, {bands}, frames]"
                )
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
        std = (squares / count).mean(dim=2, keepdim=True).sqrt()
        if not (mean.isfinite().all() and std.isfinite().all()):
            raise ValueError("spectrograms to fit the normalization on hold NaN or infinity")
        self.mean.copy_(mean)
        self.std.copy_(std.clamp(min=STD_FLOOR))
