"""What keeps generator and discriminator near balance, so that neither wins and neither explodes."""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

LARGEST_WEIGHT = 1e4  # of the adversarial gradient, as in VQGAN
TINY_NORM = 1e-8
KEPT = 100

MEASURES = ("reference_norm", "adversarial_norm", "accuracy", "generator_loss", "discriminator_loss")


class AdversarialStabilizer:
    """Four measures against a game that tips over, for any generator (sounds, tokens) and any discriminator.

    - Adaptive weight: the adversarial gradient counts `generator_loss_scale` times as much as that of all other terms,
      by their norms at the decoder's output. It is VQGAN's lambda (Esser et al. 2021, eq. 7), one weight for all
      adversarial terms together, rather than a share for each as in audiocraft's Balancer: what hinge and feature
      matching weigh against each other stays as it was chosen, and one pass back through the discriminator is enough.
      As in the Balancer the norms are those of the output, which needs no knowledge of the last layer, and smoothed.
    - Balance: the discriminator rests while its smoothed accuracy is above 1 - `balance_threshold`.
    - Gradient penalty: R1 with gamma = `gradient_penalty_weight` (Mescheder et al. 2018).
    - Clipping: a player's gradient is clipped to the norm `gradient_clip_value`.

    `discriminator_loss_scale` multiplies the discriminator's own loss, not its penalty. `loss_smoothing` is the share
    of the newest value in every moving average; `history` keeps the last 100 of each measure. All state is plain
    numbers: a step measures with tensors, and `update` takes what was measured once it is on the host.
    Raises ValueError for a value out of range.
    """

    def __init__(
        self,
        generator_loss_scale: float = 1.0,
        discriminator_loss_scale: float = 1.0,
        gradient_penalty_weight: float = 10.0,
        gradient_clip_value: float = 1.0,
        loss_smoothing: float = 0.1,
        balance_threshold: float = 0.1,
    ) -> None:
        _check(generator_loss_scale >= 0, "generator_loss_scale", generator_loss_scale, "0 or more")
        _check(discriminator_loss_scale > 0, "discriminator_loss_scale", discriminator_loss_scale, "above 0")
        _check(gradient_penalty_weight >= 0, "gradient_penalty_weight", gradient_penalty_weight, "0 or more")
        _check(gradient_clip_value > 0, "gradient_clip_value", gradient_clip_value, "above 0")
        _check(0 < loss_smoothing <= 1, "loss_smoothing", loss_smoothing, "above 0, to 1")
        _check(0 <= balance_threshold <= 0.5, "balance_threshold", balance_threshold, "0 to 0.5")
        self.generator_loss_scale = generator_loss_scale
        self.discriminator_loss_scale = discriminator_loss_scale
        self.gradient_penalty_weight = gradient_penalty_weight
        self.gradient_clip_value = gradient_clip_value
        self.loss_smoothing = loss_smoothing
        self.balance_threshold = balance_threshold
        self.smoothed: dict[str, float] = {}
        self.history: dict[str, deque[float]] = {name: deque(maxlen=KEPT) for name in MEASURES}

    @property
    def generator_weight(self) -> float:
        """What the adversarial gradient is to be multiplied by now; 0 until both norms were measured once."""
        if "reference_norm" not in self.smoothed or "adversarial_norm" not in self.smoothed:
            return 0.0
        ratio = self.smoothed["reference_norm"] / max(self.smoothed["adversarial_norm"], TINY_NORM)
        return self.generator_loss_scale * min(ratio, LARGEST_WEIGHT)

    @property
    def balanced_scale(self) -> float:
        """What a generator's loss may be multiplied by where nobody measures norms: `generator_weight` if they were."""
        return self.generator_weight if "adversarial_norm" in self.smoothed else self.generator_loss_scale

    @property
    def discriminator_rests(self) -> bool:
        """Whether the discriminator wins by so much that it should not learn at this step."""
        return self.smoothed.get("accuracy", 0.0) > 1 - self.balance_threshold

    def generator_gradient(
        self, reference: Tensor, adversarial: Tensor, ramp: float = 1.0
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """The adversarial gradient at its weight, and both norms (scalars) to be handed to `update`.

        `reference` and `adversarial` are gradients at the decoder's output, of one shape. `ramp`, from 0 to 1, fades
        the adversary in. An adversarial gradient that is not finite is left out of this step.
        """
        norms = {"reference_norm": reference.float().norm(), "adversarial_norm": adversarial.float().norm()}
        weighted = adversarial * (ramp * self.generator_weight)
        # Not multiplied by a flag: 0 * NaN is NaN.
        finite = torch.isfinite(norms["adversarial_norm"])
        return torch.where(finite, weighted, torch.zeros_like(weighted)), norms

    def discriminator_total(self, loss: Tensor, penalty: Tensor | None = None, every: int = 1) -> Tensor:
        """What the discriminator minimises: its scaled loss, plus gamma / 2 times R1.

        A penalty that is measured only at every k-th step counts k times (lazy regularisation, Karras et al. 2020).
        """
        total = self.discriminator_loss_scale * loss
        if penalty is not None and self.gradient_penalty_weight > 0:
            total = total + 0.5 * self.gradient_penalty_weight * every * penalty
        return total

    def clip(self, parameters: Iterable[nn.Parameter]) -> Tensor:
        """Clip a player's gradients by their global norm; returns the norm before (a scalar tensor)."""
        return nn.utils.clip_grad_norm_(parameters, self.gradient_clip_value)

    def update(self, measured: Mapping[str, float]) -> None:
        """Take what a step measured, by the names in `MEASURES`; what is missing or not finite changes nothing."""
        for name in MEASURES:
            value = measured.get(name, math.nan)
            if math.isfinite(value):
                former = self.smoothed.get(name, value)
                self.smoothed[name] = former + self.loss_smoothing * (value - former)
                self.history[name].append(value)

    def get_state(self) -> dict[str, Any]:
        """Everything that later steps depend on, as plain values."""
        return {"smoothed": dict(self.smoothed), "history": {name: list(kept) for name, kept in self.history.items()}}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `get_state()`."""
        self.smoothed = dict(state["smoothed"])
        self.history = {name: deque(state["history"].get(name, ()), maxlen=KEPT) for name in MEASURES}


def _check(condition: bool, name: str, value: float, expected: str) -> None:
    if not condition:
        raise ValueError(f"{name} = {value!r}: expected {expected}")
