"""How alike two recordings or tunes are in manner, wherever in time things happen."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from core.losses.adversarial import SILENT, Judgement

EPSILON = 1e-6  # under the root, so that a feature that never changes has a slope all the same


def feature_statistics(real: Sequence[Judgement], fake: Sequence[Judgement]) -> Tensor:
    """The distance between what a discriminator's features are on average, and how much they vary: 0 or more.

    Of each item, channel and layer, mean and standard deviation over time (and frequency, if there is one), as the
    statistics of style transfer (Huang & Belongie 2017, "AdaIN", eq. 12): L1, relative to the real features' mean
    magnitude, averaged over layers and scales. Feature matching asks for the same at the same place; this asks for the
    same altogether, so that a tune may differ from the original and still be like it. Only `fake` has a gradient.
    """
    distances = []
    for yes, no in zip(real, fake, strict=True):
        for target, feature in zip(yes.features, no.features, strict=True):
            size = target.detach().float().abs()
            level = (size.sum() / (size > 0).sum().clamp(min=1)).clamp(min=SILENT)  # without what is padding
            distances.append(functional.l1_loss(_statistics(feature), _statistics(target.detach())) / level)
    return torch.stack(distances).mean()


def _statistics(feature: Tensor) -> Tensor:
    """[batch, 2 * channels] of features [batch, channels, ...]."""
    flat = feature.float().flatten(2) if feature.ndim > 2 else feature.float()[..., None]
    there = (flat != 0).any(dim=1, keepdim=True)  # all 0 is padding, see `Judgement`
    count = there.sum(dim=-1).clamp(min=1)
    mean = flat.sum(dim=-1) / count
    variance = ((flat - mean[..., None]) * there).square().sum(dim=-1) / count
    return torch.cat([mean, (variance + EPSILON).sqrt()], dim=1)
