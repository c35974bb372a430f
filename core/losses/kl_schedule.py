"""How much the KL counts over a run: three fixed schedules and a controller, and the free bits. Without torch."""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal, get_args

if TYPE_CHECKING:
    from torch import Tensor

ScheduleType = Literal["linear", "cyclical_linear", "adaptive", "cosine"]

RAMP_SHARE = 0.5  # of a cycle; the rest of it holds (Fu et al. 2019, R)
PROPORTIONAL_GAIN = 0.01  # of beta's range (Shao et al. 2020, K_p)
LARGEST_ERROR = 1.0  # relative to the target: a KL of many times the target steers no harder than twice of it


class AdaptiveKLScheduler:
    """The weight beta of the KL, from `beta_start` to `beta_end`, and the loss that it multiplies.

    - "linear" and "cosine" rise over `warmup_epochs` and stay (Bowman et al. 2016).
    - "cyclical_linear" rises over half of every `cycle_length` epochs, holds for the other half and begins anew (Fu et
      al. 2019, "Cyclical Annealing Schedule"): each time the decoder learns to use the latent before it is charged.
    - "adaptive" steers the KL to `target_kl` nats: beta rises while the KL is above it and falls while it is below,
      by a PI controller as ControlVAE's (Shao et al. 2020). Nothing moves while the KL is within `adaptive_threshold`
      (a share of the target) of it.

    Time is counted in epochs, and may be a fraction. `free_bits` are nats that each latent dimension has for nothing.
    `beta_end` may be changed while a run goes on. Raises ValueError for a value out of range.
    """

    def __init__(
        self,
        beta_start: float = 0.0,
        beta_end: float = 1.0,
        warmup_epochs: float = 10,
        schedule_type: ScheduleType = "cyclical_linear",
        cycle_length: float = 20,
        free_bits: float = 0.1,
        target_kl: float = 10.0,
        adaptive_threshold: float = 0.1,
    ) -> None:
        _check(beta_start >= 0, "beta_start", beta_start, "0 or more")
        _check(beta_end >= beta_start, "beta_end", beta_end, "beta_start or more")
        _check(warmup_epochs >= 0, "warmup_epochs", warmup_epochs, "0 or more")
        _check(schedule_type in get_args(ScheduleType), "schedule_type", schedule_type, str(get_args(ScheduleType)))
        _check(cycle_length > 0, "cycle_length", cycle_length, "above 0")
        _check(free_bits >= 0, "free_bits", free_bits, "0 or more")
        _check(target_kl > 0, "target_kl", target_kl, "above 0")
        _check(0 <= adaptive_threshold < 1, "adaptive_threshold", adaptive_threshold, "0 up to, not including, 1")
        self.beta_start, self.beta_end = beta_start, beta_end
        self.warmup_epochs, self.cycle_length = warmup_epochs, cycle_length
        self.schedule_type: ScheduleType = schedule_type
        self.free_bits, self.target_kl, self.adaptive_threshold = free_bits, target_kl, adaptive_threshold
        self.epoch = 0.0
        self._steered = beta_start
        self._integral = 0.0

    @property
    def current_beta(self) -> float:
        """The weight now."""
        if self.schedule_type == "adaptive":
            return min(self._steered, self.beta_end)
        return self.beta_at(self.epoch)

    def get_beta(self) -> float:
        """As `current_beta`."""
        return self.current_beta

    def beta_at(self, epoch: float) -> float:
        """The weight so many epochs into the run. Raises ValueError for "adaptive", whose weight depends on the KL."""
        if self.schedule_type == "adaptive":
            raise ValueError('schedule_type = "adaptive": its weight follows the KL, not the epoch')
        if self.schedule_type == "cyclical_linear":
            share = min(1.0, epoch % self.cycle_length / (RAMP_SHARE * self.cycle_length))
        else:
            share = min(1.0, epoch / self.warmup_epochs) if self.warmup_epochs > 0 else 1.0
        if self.schedule_type == "cosine":
            share = 0.5 * (1 - math.cos(math.pi * share))
        return self.beta_start + (self.beta_end - self.beta_start) * share

    def step(self, avg_kl: float | None = None, epochs: float = 1.0) -> float:
        """Go on by so many epochs, in which the raw KL was `avg_kl` nats on average; returns the weight from now on.

        Without a KL, or with one that is not finite, "adaptive" holds.
        """
        self.epoch += epochs
        if self.schedule_type == "adaptive" and avg_kl is not None and math.isfinite(avg_kl):
            self._steer(avg_kl, epochs)
        return self.current_beta

    def _steer(self, kl: float, epochs: float) -> None:
        """One move of the controller.

        Error and gains are relative, to the target and to beta's range, so that they suit any model: at twice the
        target the integral part carries beta through its whole range in `warmup_epochs`. The proportional part is
        ControlVAE's sigmoid, shifted so that an error of 0 adds nothing: it starts at `beta_start`.
        """
        room = self.beta_end - self.beta_start
        error = kl / self.target_kl - 1
        error -= max(-self.adaptive_threshold, min(self.adaptive_threshold, error))
        error = max(-LARGEST_ERROR, min(LARGEST_ERROR, error))
        # Bounded, so that it has nothing to unwind when the error changes its sign (anti-windup).
        moved = self._integral + error * room * epochs / max(1.0, self.warmup_epochs)
        self._integral = max(0.0, min(room, moved))
        proportional = PROPORTIONAL_GAIN * room * math.tanh(error / 2)
        self._steered = self.beta_start + max(0.0, min(room, self._integral + proportional))

    def get_kl_loss(self, kl_per_dimension: "Tensor") -> "Tensor":
        """What beta multiplies: the sum, with free bits, of each dimension's mean KL: from [latent_dim] nats.

        A dimension counts as `free_bits` at least, and has no gradient below. The floor holds for the batch's mean, as
        in Kingma et al. 2016 (appendix C.8), not for every item: a dimension may be for some tunes only, and no tune
        has to say something in each of them.
        """
        return kl_per_dimension.clamp(min=self.free_bits).sum()

    def loss(self, mu: "Tensor", logvar: "Tensor") -> "Tensor":
        """As `get_kl_loss`, of mean and log-variance [batch, latent_dim]."""
        from core.losses.kl import kl_per_dimension  # with torch, which a screen that draws a schedule does without

        return self.get_kl_loss(kl_per_dimension(mu, logvar))

    def get_state(self) -> dict[str, Any]:
        """Everything that later weights depend on, as plain values."""
        return {"epoch": self.epoch, "steered": self._steered, "integral": self._integral}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Go on from `get_state()`."""
        self.epoch, self._steered, self._integral = state["epoch"], state["steered"], state["integral"]


def _check(condition: bool, name: str, value: Any, expected: str) -> None:
    if not condition:
        raise ValueError(f"{name} = {value!r}: expected {expected}")
