"""Where the training material lies in latent space, so that new latents can be drawn from there."""

import torch
from torch import Tensor, nn

from core.models.principal import PrincipalComponents

MAX_POINTS = 256
MAX_COMPONENTS = 64
BANDWIDTH = 0.4  # of the whole spread


class LatentDensity(nn.Module):
    """A smoothed bootstrap over latents: which of them occur together, and how often, learned after the model itself.

    What a VAE's encoder makes of real material is never quite the prior, least of all on few sounds, and decodes
    better than draws from the prior do (Ghosh et al. 2020, "From Variational to Deterministic Autoencoders"). A
    sequence latent has no prior over time at all: drawn one by one its vectors make noise. Here latents are projected
    to their principal components; a draw takes a training point and moves it by `bandwidth` of the whole spread,
    shrunk so that mean and variance stay those of the points (Silverman & Young 1987). Before `fit` it is the prior.
    """

    points: Tensor
    count: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.components = PrincipalComponents(features, min(MAX_COMPONENTS, features))
        self.register_buffer("points", torch.zeros(MAX_POINTS, self.components.components))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def fit(self, latents: Tensor) -> None:
        """Remember `latents` [samples, features]; of more than 256, an even choice."""
        kept = latents[torch.linspace(0, len(latents) - 1, min(MAX_POINTS, len(latents))).round().long()]
        self.components.fit(kept)
        self.points.zero_()
        self.points[: len(kept)] = self.components.analyze(kept.to(self.points))
        self.count.fill_(len(kept))

    def sample(
        self, count: int, generator: torch.Generator, bandwidth: float = BANDWIDTH, temperature: float = 1.0
    ) -> Tensor:
        """`count` latents [count, features]; `generator` is on the CPU, and draw i is the same for any `count`.

        `bandwidth` 0 gives training points themselves, 1 a Gaussian of their spread; `temperature` scales how far from
        their middle a draw lies.
        """
        known = int(self.count)
        features = len(self.components.center)
        draws = []
        for _ in range(count):
            if not known:
                draws.append(temperature * torch.randn(features, generator=generator))
                continue
            place = int(torch.randint(known, (), generator=generator))
            noise = torch.randn(self.points.shape[1], generator=generator)
            spread = self.points[:known].std(dim=0, correction=0).cpu()
            point = (1 - bandwidth**2) ** 0.5 * self.points[place].cpu() + bandwidth * spread * noise
            draws.append(self.components.synthesize(temperature * point.to(self.points)).cpu())
        return torch.stack(draws).to(self.points)
