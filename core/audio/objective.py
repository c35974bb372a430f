"""What a model of sounds is trained to make small: the terms, who sets their weights, and the total."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from core.losses.balance import MultiObjectiveLossBalancer
from core.losses.gradient_balance import GradientBalancer
from core.losses.kl import compute_kl_divergence
from core.losses.spectral import compute_combined_loss
from core.run.events import TermInfo
from core.training.annealing import LossWarmup
from core.training.config import LossConfig, TrainingConfig

TERMS = (
    TermInfo("total_loss", "total", "total", judged=False,
             help="All terms at their final weights. The best checkpoint is the one with the lowest validation total."),
    TermInfo("stft_loss", "stft", "reconstruction",
             help="How far the spectrum is off at several resolutions. Lower sounds closer; it drives the training."),
    TermInfo("log_mag_loss", "log magnitude", "reconstruction",
             help="How far the loudness of what can be heard is off, band by band. 1 is 8.7 dB; under 0.3 is close."),
    TermInfo("mag_recon_loss", "magnitude", "reconstruction",
             help="Mean distance of the log magnitudes, in standard deviations. Around 0.75 is predicting the mean."),
    TermInfo("if_recon_loss", "IF", "reconstruction",
             help="How far the instantaneous frequency is off where there is energy. It carries pitch and phase."),
    TermInfo("kl_loss", "KL", "kl", judged=False,
             help="Nats that the latent says of a sound; each dimension counts as loss.kl.free_bits at least. Near "
             "that floor it may say nothing (collapse): the active dimensions tell."),
)  # fmt: skip
STEERED_TOTAL = TermInfo("total_loss", "total", "total", judged=False,
                         help="All terms but the KL, which its weight holds at loss.kl.target. The best checkpoint is "
                         "the one with the lowest validation total.")  # fmt: skip
RAW_KL = TermInfo("kl_raw", "raw KL", "kl", judged=False,
                  help="The same without a floor. The weight of the KL rises while this is above loss.kl.target, and "
                  "falls while it is below.")  # fmt: skip

# Those whose weights may be learned or follow from their gradients. The KL is not one of them. It never reaches the
# model's output, where gradients are compared; and a weight that learns comes to 1 / KL, which minimises log KL: ever
# steeper the less the latent says, which is posterior collapse. How much it counts is its schedule's.
BALANCED = ("stft_loss", "log_mag_loss", "mag_recon_loss", "if_recon_loss")


class SoundObjective:
    """Terms and total of one run. `loss` may be replaced by another with other weights while it goes on.

    In the warm-up the STFT waits, wherever anything else is there to be learned from. `learned` are the weights that
    the optimizer trains beside the model, if any.
    """

    def __init__(self, config: TrainingConfig, steps_per_epoch: int, device: torch.device) -> None:
        self.loss = config.loss
        self.warmup = LossWarmup(config, steps_per_epoch)
        with_if, steered = config.spectrogram.channels == 2, config.loss.kl.schedule == "adaptive"
        self._balanced = tuple(name for name in BALANCED if with_if or name != "if_recon_loss")
        self.weighted = (*self._balanced, "kl_loss")
        self.terms = tuple(term for term in TERMS if term.group == "total" or term.name in self.weighted)
        self._steered = steered
        if steered:
            self.terms = (STEERED_TOTAL, *self.terms[1:], RAW_KL)
        self.learned: MultiObjectiveLossBalancer | None = None
        if config.loss.balance == "uncertainty":
            self.learned = MultiObjectiveLossBalancer(len(self._balanced), names=self._balanced).to(device)
        self._gradients = GradientBalancer() if config.loss.balance == "gradient" else None

    def losses(
        self, recon: Tensor, target: Tensor, mu: Tensor, logvar: Tensor, kl_weight: float, **measured: Any
    ) -> dict[str, Tensor]:
        """As `core.losses.spectral.compute_combined_loss`, with `total_loss` as this step has it, and `kl_raw`.

        `kl_raw` is without free bits, and only measured.
        """
        now = self._now()
        terms = compute_combined_loss(recon, target, mu, logvar, now, kl_weight=kl_weight, **measured)
        terms["kl_raw"] = compute_kl_divergence(mu.detach(), logvar.detach())
        by_hand = {name: weight for name, weight in self._by_hand(now).items() if weight > 0}
        if self.learned is not None:
            total = self.learned({name: terms[name] for name in by_hand}, by_hand)[0]
        elif self._gradients is not None:
            total = self._gradients.total(terms, by_hand, recon)
        else:
            return terms
        return {**terms, "total_loss": total + kl_weight * terms["kl_loss"] if kl_weight else total}

    def weights(self, kl_weight: float) -> dict[str, float]:
        """What each of `weighted` counts at this step; to be asked before its weights change."""
        by_hand = self._by_hand(self._now())
        if self._gradients is not None:
            by_hand = self._gradients.weights(by_hand)
        elif self.learned is not None:
            learned = torch.stack(list(self.learned.weights().values())).tolist()
            by_hand = {name: by_hand[name] * weight for name, weight in zip(self._balanced, learned, strict=True)}
        return {**by_hand, "kl_loss": kl_weight}

    def at_final_weights(self, terms: Mapping[str, float]) -> float:
        """The total at the config's own weights, whatever schedules, warm-up and balance make of them.

        A KL that is steered to its target is left out: its final weight is a limit that no step may ever have used.
        """
        kl_weight = 0.0 if self._steered else self.loss.kl.weight_max
        final = {**self._by_hand(self.loss), "kl_loss": kl_weight}
        return sum(weight * terms[name] for name, weight in final.items() if weight)

    def after_step(self) -> None:
        """A step has changed the weights."""
        self.warmup.after_step()
        if self._gradients is not None:
            self._gradients.update()

    def state(self) -> dict[str, Any]:
        """For a checkpoint: tensors and plain values."""
        return {
            "warmup": self.warmup.state(),
            "learned": self.learned.state_dict() if self.learned is not None else {},
            "gradients": self._gradients.state() if self._gradients is not None else {},
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self.warmup.restore(state["warmup"])
        if self.learned is not None and state["learned"]:
            self.learned.load_state_dict(state["learned"])
        if self._gradients is not None and state["gradients"]:
            self._gradients.restore(state["gradients"])

    def _now(self) -> LossConfig:
        """The config with what the warm-up has left of the STFT."""
        others = (weight for name, weight in self._by_hand(self.loss).items() if name != "stft_loss")
        if self.warmup.is_over or not any(others):
            return self.loss
        return replace(self.loss, stft=replace(self.loss.stft, weight=self.warmup.share * self.loss.stft.weight))

    def _by_hand(self, loss: LossConfig) -> dict[str, float]:
        recon = loss.reconstruction
        weights = {
            "stft_loss": loss.stft.weight,
            "log_mag_loss": loss.log_magnitude.weight,
            "mag_recon_loss": recon.weight * recon.magnitude_weight,
            "if_recon_loss": recon.weight * recon.if_weight,
        }
        return {name: weights[name] for name in self._balanced}
