"""What a latent is used for: which of its dimensions differ between items, and how well it tells the items apart."""

import math

import torch
from torch import Tensor

ACTIVE_VARIANCE = 0.01  # of a dimension's posterior mean over the data (Burda et al. 2015)
MOST_VECTORS = 256  # whose mixture stands for the aggregate posterior: 256 x 256 densities take a few milliseconds
PAIRS_OF_DRAWS = 2  # of z for each vector


def active_units(means: Tensor) -> int:
    """How many dimensions have a posterior mean that differs over the data: Cov_x(E_q[z|x]) > 0.01.

    `means` [vectors, latent] are finite or counted as constant. Burda et al. 2015, "Importance Weighted Autoencoders".
    A dimension may carry nats (`core.losses.kl.ACTIVE_NATS`) without this, where q(z|x) is off the prior in the same
    way for every x: then it costs KL and tells nothing.
    """
    if len(means) == 0:
        return 0
    variance = means.double().var(dim=0, correction=0)
    return int((variance > ACTIVE_VARIANCE).sum())


def mutual_information(means: Tensor, log_variances: Tensor) -> float:
    """What z says of which x it came from, in nats: KL(q(z|x) || p(z)) - KL(q(z) || p(z)), x uniform over the vectors.

    Both [vectors, latent], of diagonal Gaussians q(z|x). The aggregate posterior q(z) is the mixture of all of them
    (Hoffman & Johnson 2016, "ELBO surgery"), so that it is at most log(vectors), reached when no two overlap; the
    estimate, a mean over draws that are the same every time, keeps within 0 and that. NaN without a finite vector.
    Draws no numbers from torch's own generators.
    """
    means, log_variances = means.detach().cpu().double(), log_variances.detach().cpu().double()
    finite = means.isfinite().all(dim=1) & log_variances.isfinite().all(dim=1)
    means, log_variances = means[finite], log_variances[finite]
    count = len(means)
    if count == 0:
        return math.nan
    generator = torch.Generator().manual_seed(0)
    found = []
    for _ in range(PAIRS_OF_DRAWS):
        noise = torch.randn(means.shape, generator=generator, dtype=torch.float64) * (0.5 * log_variances).exp()
        for z in (means + noise, means - noise):  # what one overshoots, the other makes up for
            density = _log_densities(z, means, log_variances)
            found.append(float((density.diagonal() - density.logsumexp(dim=1) + math.log(count)).mean()))
    return min(max(math.fsum(found) / len(found), 0.0), math.log(count))


def chosen(vectors: Tensor, most: int = MOST_VECTORS) -> Tensor:
    """At most so many of the rows of `vectors`, in their order: the same every time, and no regular pattern."""
    if len(vectors) <= most:
        return vectors
    places = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(0))[:most]
    return vectors[places.sort().values.to(vectors.device)]


def _log_densities(z: Tensor, means: Tensor, log_variances: Tensor) -> Tensor:
    """log q(z_i | x_j) as [i, j], less what all of them share."""
    precision = (-log_variances).exp()
    squared = z.square() @ precision.T - 2 * z @ (means * precision).T + (means.square() * precision).sum(dim=1)
    return -0.5 * (squared + log_variances.sum(dim=1))
