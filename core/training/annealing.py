"""The KL weight of each step of a run, by the schedule that its config names, and the warm-up of the other terms."""

from collections.abc import Mapping
from typing import Any

from core.losses.kl_schedule import AdaptiveKLScheduler
from core.training.config import TrainingConfig
from core.training.presets import total_steps


class KLWeight:
    """What `core.losses.kl_schedule.AdaptiveKLScheduler` gives, by steps instead of epochs.

    A run that `steps` ends early goes through the whole schedule all the same. Only "adaptive" has a state.
    """

    def __init__(self, config: TrainingConfig, steps_per_epoch: int) -> None:
        kl = config.loss.kl
        self._steps_per_epoch = steps_per_epoch
        self._stretch = config.epochs * steps_per_epoch / max(1, total_steps(config, steps_per_epoch))
        self.scheduler = AdaptiveKLScheduler(
            beta_end=kl.weight_max,
            warmup_epochs=int(config.epochs * kl.warmup_fraction),
            schedule_type=kl.schedule,
            cycle_length=kl.cycle_epochs,
            free_bits=kl.free_bits,
            target_kl=kl.target,
        )

    def at(self, step: int) -> float:
        """The weight of the next step, after so many."""
        if self.scheduler.schedule_type == "adaptive":
            return self.scheduler.current_beta
        return self.scheduler.beta_at(step * self._stretch / self._steps_per_epoch)

    def after_step(self, kl: float) -> None:
        """Take a step's KL in nats, for the schedule that steers by it."""
        if self.scheduler.schedule_type == "adaptive":
            self.scheduler.step(kl, self._stretch / self._steps_per_epoch)

    def configure(self, config: TrainingConfig) -> None:
        """Take over a live change of the final weight or of the free bits."""
        self.scheduler.beta_end = config.loss.kl.weight_max
        self.scheduler.free_bits = config.loss.kl.free_bits

    def state(self) -> dict[str, Any]:
        """For a checkpoint; plain values."""
        return self.scheduler.get_state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self.scheduler.load_state(dict(state))


class LossWarmup:
    """How much those terms count that wait until the reconstruction has begun: from 0 to 1 of their weights.

    Nothing for the first half of `loss.warmup_fraction` of the steps, then evenly more until its end. Steps that were
    skipped taught nothing and do not count, and a run that goes back to a checkpoint goes back in this too.
    """

    def __init__(self, config: TrainingConfig, steps_per_epoch: int) -> None:
        self._length = config.loss.warmup_fraction * total_steps(config, steps_per_epoch)
        self._steps = 0

    @property
    def share(self) -> float:
        """What a waiting term's weight is multiplied by at the next step."""
        return min(1.0, max(0.0, 2 * self._steps / self._length - 1)) if self._length > 0 else 1.0

    @property
    def is_over(self) -> bool:
        """Whether every term counts in full; always for a run without a warm-up."""
        return self.share >= 1

    def after_step(self) -> None:
        """A step has changed the weights."""
        self._steps += 1

    def state(self) -> int:
        """For a checkpoint: the steps that counted."""
        return self._steps

    def restore(self, steps: int) -> None:
        """Go on from `state()`."""
        self._steps = steps
