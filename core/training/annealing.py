"""The KL weight of each step of a run, by the schedule that its config names."""

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
        """Take over a live change of the final weight."""
        self.scheduler.beta_end = config.loss.kl.weight_max

    def state(self) -> dict[str, Any]:
        """For a checkpoint; plain values."""
        return self.scheduler.get_state()

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self.scheduler.load_state(dict(state))
