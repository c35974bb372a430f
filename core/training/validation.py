"""The end of an epoch: what the averaged model is worth on the held-out material, as one `EpochMetrics`."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from core.insight.latent import active_units, chosen, mutual_information
from core.losses.kl import ACTIVE_NATS, kl_per_dimension
from core.run.events import EpochMetrics
from core.training.metrics import compute_overfitting_gap
from core.training.optimize import Means, fetched, unwrapped
from core.training.presets import planned_epochs
from core.training.recipe import Recipe
from core.training.state import TrainingState

MOMENTS = 16  # of each item of a sequence latent, for the measures that compare vectors with each other


@dataclass(frozen=True)
class Validation:
    """Means over the validation set: unweighted terms by name, and the raw KL of each latent dimension in nats.

    `latents` [items, latent], on the CPU, are the posterior means of the items, a sequence's averaged over its length.
    `active_units` and `mutual_information` (nats; see `core.insight.latent`) are of 256 of the latent's vectors or all:
    one for each item, or where the latent is a sequence, for some of its moments.
    """

    terms: dict[str, float]
    kl_per_dimension: tuple[float, ...] = ()
    latents: Tensor | None = None
    active_units: int = -1
    mutual_information: float = math.nan


@torch.no_grad()
def validate(
    recipe: Recipe, state: TrainingState, kl_weight: float, interrupted: Callable[[], bool]
) -> Validation | None:
    """Validate the averaged weights; None when `interrupted` said so between two batches."""
    model = unwrapped(state.average).eval()
    means, divergences, latents, posteriors, count = Means(), [], [], [], 0
    for batch in recipe.validation_batches():
        if interrupted():
            return None
        terms = fetched(recipe.losses(model, batch, kl_weight))
        terms["total_loss"] = recipe.objective(terms, kl_weight)
        means.add(terms, len(batch))
        count += len(batch)
        mu, logvar = recipe.posterior(model, batch)
        divergences.append(kl_per_dimension(mu, logvar) * len(batch))
        latents.append(mu.float() if mu.ndim == 2 else mu.float().mean(dim=2))
        posteriors.append(_vectors(mu, logvar))
    kl = torch.stack(divergences).sum(0) / count
    mu, logvar = chosen(torch.cat(posteriors)).cpu().unbind(dim=1)
    return Validation(
        means.values(), tuple(kl.tolist()), torch.cat(latents).cpu(), active_units(mu), mutual_information(mu, logvar)
    )


def _vectors(mu: Tensor, logvar: Tensor) -> Tensor:
    """Means and log variances of a batch's vectors, [vectors, 2, latent]; of a sequence's, of some moments only."""
    both = torch.stack([mu.float(), logvar.float()], dim=1)
    if both.ndim == 3:
        return both
    apart = -(-both.shape[3] // MOMENTS)
    return both[..., ::apart].permute(0, 3, 1, 2).flatten(0, 1)


def epoch_metrics(
    recipe: Recipe, state: TrainingState, validation: Validation, total_steps: int, elapsed: float
) -> EpochMetrics:
    """The epoch that has just ended. Also notes in `state.progress` whether it is the best so far."""
    progress, train, val = state.progress, state.means.values(), validation.terms
    val_loss = val["total_loss"]
    is_best = math.isfinite(val_loss) and (progress.best_val_loss is None or val_loss < progress.best_val_loss)
    if is_best:
        progress.best_val_loss, progress.best_epoch = val_loss, state.epoch
    judged = [term.name for term in recipe.terms if term.judged]
    gaps = [compute_overfitting_gap(train.get(name, 0.0), val[name]) for name in judged]
    return EpochMetrics(
        epoch=state.epoch,
        total_epochs=planned_epochs(state.config, state.steps_per_epoch),
        train_loss=train.get("total_loss", float("nan")),
        val_loss=val_loss,
        kl_divergence=sum(validation.kl_per_dimension),
        overfitting_gap=sum(gaps) / len(gaps),
        eta_seconds=elapsed / state.step * (total_steps - state.step),
        elapsed_seconds=elapsed,
        step=state.step,
        active_dimensions=sum(kl > ACTIVE_NATS for kl in validation.kl_per_dimension),
        latent_dimensions=len(validation.kl_per_dimension),
        is_best=is_best,
        train_terms=train,
        val_terms=val,
        kl_per_dimension=tuple(round(kl, 5) for kl in validation.kl_per_dimension),
        active_units=validation.active_units,
        mutual_information=round(validation.mutual_information, 5),
        **{f"val_{n}": v for n, v in val.items() if f"val_{n}" in EpochMetrics.__dataclass_fields__},
    )
