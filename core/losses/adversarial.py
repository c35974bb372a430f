"""The losses of two players: hinge, feature matching, the R1 penalty, and how often the discriminator is right."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

SILENT = 1e-5  # features whose mean is below this count as this much when their distance is made relative


class Judgement(NamedTuple):
    """What one scale of a discriminator says: `logits` [batch, ...], above 0 for real, and its layers' `features`.

    A logit for each patch of the input is the rule; every loss here counts each of them as one judgement. `there`,
    bool of the same shape, says which patches hold more than padding (None: all); features are 0 where there is only
    padding.
    """

    logits: Tensor
    features: tuple[Tensor, ...]
    there: Tensor | None = None


def generator_hinge(fake: Sequence[Judgement]) -> Tensor:
    """mean(max(0, 1 - D(fake))), averaged over the scales (Defossez et al. 2022, eq. 4). 0 or more; 1 at the border.

    Bounded where the discriminator is fooled already, unlike -mean(D(fake)).
    """
    return torch.stack([_mean(functional.relu(1 - scale.logits.float()), scale) for scale in fake]).mean()


def discriminator_hinge(real: Sequence[Judgement], fake: Sequence[Judgement]) -> Tensor:
    """mean(max(0, 1 - D(real))) + mean(max(0, 1 + D(fake))), averaged over the scales (Lim & Ye 2017).

    2 for a discriminator that knows nothing, 0 for one that is right by a margin of 1 everywhere.
    """
    scales = [
        _mean(functional.relu(1 - yes.logits.float()), yes) + _mean(functional.relu(1 + no.logits.float()), no)
        for yes, no in zip(real, fake, strict=True)
    ]
    return torch.stack(scales).mean()


def feature_matching(real: Sequence[Judgement], fake: Sequence[Judgement]) -> Tensor:
    """mean |D_l(real) - D_l(fake)| / mean |D_l(real)|, averaged over layers and scales (Defossez et al. 2022, eq. 5).

    Only `fake` has a gradient: the real features are what is to be matched. 0 for equal inputs, about 1 for features
    that have nothing in common.
    """
    distances = []
    for yes, no in zip(real, fake, strict=True):
        for target, feature in zip(yes.features, no.features, strict=True):
            target = target.detach().float()
            distances.append(functional.l1_loss(feature.float(), target) / target.abs().mean().clamp(min=SILENT))
    return torch.stack(distances).mean()


def r1_penalty(real: Sequence[Judgement], inputs: Sequence[Tensor]) -> Tensor:
    """The squared gradient of the discriminator at real inputs (Mescheder et al. 2018), ready for backward.

    `inputs` [batch, ...], one for each scale, are the leaves with requires_grad that `real` was judged from. What a
    scale answers for an item is the mean of its logits, as in the losses above: the penalty is the squared norm of that
    answer's gradient, averaged over batch and scales. Its weight in the discriminator's loss is gamma / 2.
    """
    penalties = []
    for scale, given in zip(real, inputs, strict=True):
        answers = scale.logits.float().flatten(1).mean(dim=1)
        (slope,) = torch.autograd.grad(answers.sum(), given, create_graph=True)
        penalties.append(slope.float().square().sum() / len(given))
    return torch.stack(penalties).mean()


@torch.no_grad()
def discriminator_accuracy(real: Sequence[Judgement], fake: Sequence[Judgement]) -> Tensor:
    """The share of logits on the right side of 0, real and fake counted alike, averaged over the scales.

    1 is always right, 0.5 guessing. A logit of exactly 0 is half right.
    """

    def right(logits: Tensor, scale: Judgement) -> Tensor:
        return (_mean(logits.sign().float(), scale) + 1) / 2

    scales = [(right(yes.logits, yes) + right(-no.logits, no)) / 2 for yes, no in zip(real, fake, strict=True)]
    return torch.stack(scales).mean()


def _mean(values: Tensor, scale: Judgement) -> Tensor:
    """The mean of a value for each logit, without those of padding."""
    if scale.there is None:
        return values.mean()
    return (values * scale.there).sum() / scale.there.sum().clamp(min=1)
