"""A model's output on a melody, and what a small discriminator says of it."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from core.losses.adversarial import Judgement
from core.losses.framework import ComprehensiveLossFramework
from core.models.token_discriminator import MultiScaleDiscriminator, one_hot, soft_tokens
from tests.losses.music import MELODY, unsure

LATENT = 6


class Case(NamedTuple):
    """A model's output that has a gradient, and a discriminator that has judged it."""

    logits: Tensor
    mu: Tensor
    logvar: Tensor
    discriminator: nn.Module
    inputs: list[Tensor]
    real: list[Judgement]
    fake: list[Judgement]
    fake_detached: list[Judgement]

    def all_of(self, framework: ComprehensiveLossFramework) -> dict[str, Tensor]:
        terms: dict[str, Tensor] = framework(
            self.logits, MELODY, {"mu": self.mu, "logvar": self.logvar}, self.real, self.fake, self.inputs,
            fake_detached=self.fake_detached,
        )  # fmt: skip
        return terms


def case(seed: int = 0) -> Case:
    torch.manual_seed(seed)
    logits, mu, logvar = unsure(MELODY, seed), torch.randn(1, LATENT).requires_grad_(), torch.randn(1, LATENT)
    discriminator = MultiScaleDiscriminator(width=0.05)
    views = [view.requires_grad_() for view in discriminator.views(one_hot(MELODY))]
    made = soft_tokens(logits, MELODY)
    return Case(
        logits, mu, logvar.requires_grad_(), discriminator, views, discriminator.judge(views), discriminator(made),
        discriminator(made.detach()),
    )  # fmt: skip


def said(value: float, *features: Tensor) -> list[Judgement]:
    return [Judgement(torch.full((2, 3), value), features)]
