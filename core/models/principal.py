"""Principal components: the best linear autoencoder, fitted in a second, from which the models start to learn."""

import torch
from torch import Tensor, nn

OVERSAMPLING = 16
POWER_ITERATIONS = 2
SCALE_FLOOR = 1e-2


class PrincipalComponents(nn.Module):
    """Probabilistic PCA (Tipping & Bishop 1999) of vectors [..., features], as buffers that travel with the weights.

    `analyze` gives whitened scores [..., components]: mean 0 and variance 1 on what it was fitted to, which is the
    prior of a VAE. A linear VAE trained to its end arrives at this very solution (Lucas et al. 2019, "Don't Blame the
    ELBO!"), and a linear autoencoder at its span (Baldi & Hornik 1989), after far more work. Before `fit` the basis is
    random and orthonormal.
    """

    center: Tensor
    basis: Tensor
    scale: Tensor
    residual: Tensor

    def __init__(self, features: int, components: int) -> None:
        super().__init__()
        self.components = components
        found = min(features, components)
        basis = torch.zeros(components, features)
        nn.init.orthogonal_(basis[:found])
        self.register_buffer("center", torch.zeros(features))
        self.register_buffer("basis", basis)
        self.register_buffer("scale", torch.ones(components))
        self.register_buffer("residual", torch.ones(()))

    def analyze(self, x: Tensor) -> Tensor:
        """Vectors [..., features] to whitened scores [..., components]."""
        return ((x - self.center) @ self.basis.T) / self.scale

    def synthesize(self, scores: Tensor) -> Tensor:
        """Whitened scores [..., k] of the first k components to vectors [..., features]."""
        count = scores.shape[-1]
        return (scores * self.scale[:count]) @ self.basis[:count] + self.center

    def unexplained(self, count: int) -> Tensor:
        """The mean variance of a feature that `count` components leave over: the noise of probabilistic PCA."""
        features = self.basis.shape[1]
        left = self.residual * features + (self.scale[count:].square() * self.found[count:]).sum()
        return left / max(1, features - count)

    @property
    def found(self) -> Tensor:
        """Which components have a direction: all, but where there were fewer samples or features than components."""
        return self.basis.any(dim=1)

    @torch.no_grad()
    def fit(self, rows: Tensor) -> None:
        """Fit to `rows` [samples, features], by a randomised SVD (Halko et al. 2011) that is the same every time.

        With fewer samples than components, those beyond are left at zero. The work is done on the CPU, whose random
        numbers can be borrowed and given back.
        """
        rows = rows.to("cpu", self.center.dtype)
        center = rows.mean(dim=0)
        rows = rows - center
        wanted = min(self.components, len(rows) - 1, rows.shape[1])
        self.basis.zero_()
        self.scale.fill_(1)
        self.center.copy_(center)
        spent = torch.zeros(())
        if wanted > 0:
            with torch.random.fork_rng(devices=[]):
                torch.default_generator.manual_seed(0)
                rank = min(wanted + OVERSAMPLING, *rows.shape)
                _, singular, directions = torch.svd_lowrank(rows, q=rank, niter=POWER_ITERATIONS)
            deviations = singular[:wanted] / len(rows) ** 0.5
            self.basis[:wanted] = directions[:, :wanted].T
            self.scale[:wanted] = deviations.clamp(min=SCALE_FLOOR)
            spent = deviations.square().sum()
        variance = rows.square().sum() / len(rows)
        self.residual.copy_((variance - spent).clamp(min=SCALE_FLOOR**2) / rows.shape[1])
