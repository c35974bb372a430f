"""One optimizer step: the model's and, where there is one, its opponent's; both are taken, or neither."""

import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass

from torch import Tensor

from core.training.contributions import GradientGauge, shares
from core.training.optimize import fetched, gradients
from core.training.recipe import Recipe
from core.training.stability_gauge import StabilityGauge
from core.training.state import TrainingState

# Measured for the sake of the step, shown elsewhere or nowhere.
_NORMS = ("grad_norm", "disc_grad_norm", "reference_norm", "adversarial_norm")
# What must be finite: a term that no total counts may be anything.
_DECISIVE = ("total_loss", "grad_norm", "disc_adversarial", "disc_regularization", "disc_grad_norm")
_PULL = "pull/"


@dataclass(frozen=True)
class Step:
    """What a step came to: unweighted terms by name, and the norm of the model's gradient before clipping.

    `total_loss` is what the model minimised, without the adversarial terms. `joined` says that the opponent began to
    play. `broken` names what was not finite ("gradient" where every term was); then nothing has changed, and there are
    no `extras`: "weight/TERM", and where they were measured "gradient/TERM" and what `stability_gauge.names` lists.
    """

    terms: dict[str, float]
    grad_norm: float
    joined: bool
    broken: str | None
    extras: dict[str, float]


def optimizer_step(
    recipe: Recipe,
    state: TrainingState,
    batch: Tensor,
    learning_rate: float,
    kl_weight: float,
    gauge: GradientGauge | None = None,
    stability: StabilityGauge | None = None,
) -> Step:
    """Train the recipe's model on `batch`, then its opponent on what the model made of it.

    A `gauge` measures the terms' gradients at those steps that it finds due, `stability` the parts of the model.
    """
    opponent = recipe.opponent
    joined = opponent is not None and opponent.join(state.step + 1)
    for group in state.optimizer.param_groups:
        group["lr"] = learning_rate
    state.model.train()
    state.optimizer.zero_grad(set_to_none=True)
    reading = stability.reading(state.model, batch) if stability is not None else None
    with reading.watched() if reading is not None else nullcontext():
        losses = recipe.losses(state.model, batch, kl_weight)
    total = losses["total_loss"]
    if opponent is not None:
        total, adversarial = opponent.challenge(total)
        losses = {**losses, **adversarial}
    pulls = gauge.measure(losses, recipe.weighted, state.model) if gauge is not None and gauge.is_due() else {}
    norm = gradients(total, state.model, state.config.regularization.gradient_clip_norm)
    if reading is not None:
        reading.after_backward(norm)
    if opponent is not None:
        losses = {**losses, **opponent.learn()}

    measured = fetched({**losses, "grad_norm": norm, **{_PULL + name: pull for name, pull in pulls.items()}})
    pulled = {name: measured.pop(_PULL + name) for name in pulls}
    broken = _broken(measured)
    extras: dict[str, float] = {}
    if broken is None:
        extras = _extras(recipe.weights(measured, kl_weight), pulled)
        state.optimizer.step()
        if reading is not None:
            reading.after_update()
            extras |= reading.values()
        state.average.update_parameters(state.model)
        recipe.after_step(measured)
        if opponent is not None and opponent.playing:
            opponent.step(measured, learning_rate / state.config.learning_rate)
    terms = {name: value for name, value in measured.items() if name not in _NORMS}
    return Step(terms, measured["grad_norm"], joined, broken, extras)


def _extras(weights: Mapping[str, float], pulls: Mapping[str, float]) -> dict[str, float]:
    counted = {f"weight/{name}": weight for name, weight in weights.items()}
    return counted | {f"gradient/{name}": share for name, share in shares(weights, pulls).items()}


def _broken(measured: dict[str, float]) -> str | None:
    """The first term that is not finite, if anything of consequence is not."""
    if all(math.isfinite(measured.get(name, 0.0)) for name in _DECISIVE):
        return None
    broken = [name for name, value in measured.items() if not math.isfinite(value)]
    return next((name for name in broken if name != "total_loss" and name not in _NORMS), "gradient")
