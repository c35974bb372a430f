"""The second player: a discriminator with its own optimizer, total and state, which joins a run late."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from core.losses.game import Game
from core.models.discriminators import Discriminator
from core.training.annealing import LossWarmup
from core.training.checkpoint_files import CheckpointError
from core.training.checkpoints import check_optimizer, check_weights
from core.training.config import AdversarialConfig

BETAS = (0.8, 0.99)  # as vocoders and codecs have it: a short memory, since what is to be learnt keeps changing
PLATEAU_EPOCHS = 5
PLATEAU_GAIN = 0.01


class Meeting(NamedTuple):
    """What a step's forward pass laid before the discriminator; see `Opponent.meet`."""

    real: list[Tensor]
    fake: list[Tensor]
    output: Tensor


class Opponent:
    """Plays against the model that a recipe trains; the recipe makes it and hands it real and generated material.

    A step goes: `join` when its time has come; `meet` in the recipe's forward pass; `challenge` adds to the model's
    total; `learn` makes the discriminator's gradients from the same, detached, material; `step` takes its optimizer's
    step, or is left out where anything was not finite. `state` and `restore` are for the checkpoint.
    """

    def __init__(
        self,
        discriminator: Discriminator,
        game: Game,
        config: AdversarialConfig,
        total_steps: int,
        warmup: LossWarmup | None = None,
    ) -> None:
        self.discriminator, self.game, self.config = discriminator, game, config
        self.terms = game.terms
        self.optimizer = torch.optim.AdamW(discriminator.parameters(), config.learning_rate, BETAS, weight_decay=0.0)
        self.stabilizer = game.stabilizer
        self.playing = False
        self._total_steps, self._warmup = total_steps, warmup
        self._steps = self._lessons = 0
        self._lowest, self._epochs_without_gain = math.inf, 0
        self._meeting: Meeting | None = None
        self._counted: float | None = None  # the weight of the pull at this step; None where there was none
        self._learns = False

    def join(self, step: int) -> bool:
        """Whether the discriminator begins to play at this very step (counted from 1); never during the warm-up."""
        if self.playing or self._is_too_early:
            return False
        if isinstance(self.config.start, str):
            self.playing = self._epochs_without_gain >= PLATEAU_EPOCHS
        else:
            self.playing = step > self.config.start * self._total_steps
        return self.playing

    def watch(self, val_loss: float) -> None:
        """Take an epoch's validation total: a plateau is 5 epochs in a row that gain less than 1 %.

        One that is not finite says nothing about a plateau and does not count, nor does one of the warm-up, when not
        all of its terms are learned.
        """
        if not math.isfinite(val_loss) or self._is_too_early:
            return
        if val_loss < self._lowest * (1 - PLATEAU_GAIN):
            self._lowest, self._epochs_without_gain = val_loss, 0
        else:
            self._epochs_without_gain += 1

    def configure(self, config: AdversarialConfig, total_changed: bool = False) -> None:
        """Take over live changes of weights.

        `total_changed` says that the validation totals to come are weighted otherwise: they cannot be compared with
        those so far, and a plateau counts anew.
        """
        self.config = config
        self.game.weigh(config.weight, config.feature_matching_weight)
        if total_changed:
            self._lowest, self._epochs_without_gain = math.inf, 0

    def meet(self, real: Tensor, fake: Tensor, output: Tensor) -> None:
        """Real and generated material, and the decoder's `output` that `fake` follows from differentiably.

        To be called in the training forward pass while `playing`; the adversarial gradient is balanced at `output`.
        """
        with torch.no_grad():
            views = self.discriminator.views(real)
        self._meeting = Meeting(views, self.discriminator.views(fake), output)

    def challenge(self, total: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """The model's total with the adversarial gradient added, and the terms that it comes from, unweighted.

        Only its gradient differs from that of `total`, but for what the game's own weights add. Without a meeting
        nothing is added.
        """
        meeting = self._meeting
        self._counted = None
        if meeting is None:
            return total, {}
        with torch.no_grad():
            real = self.discriminator.judge(meeting.real)
        side = self.game.generator(real, self.discriminator.judge(meeting.fake))

        # Only the slopes at the output are asked for: the discriminator's weights learn from its own total alone.
        (reference,) = torch.autograd.grad(total, meeting.output, retain_graph=True)
        (slope,) = torch.autograd.grad(side.pull, meeting.output, retain_graph=True)
        gradient, norms = self.stabilizer.generator_gradient(reference, slope, self._ramp)
        self._counted = self._ramp * self.stabilizer.generator_weight
        # A product with a constant has that constant for its gradient; its own value means nothing and is taken off.
        pull = (gradient * meeting.output).sum()
        total = total + (pull - pull.detach())
        return total if side.own is None else total + side.own, {**side.terms, **norms}

    def weights(self, measured: Mapping[str, float]) -> dict[str, float]:
        """What each of the generator's terms counted in the gradient of the step that measured these terms.

        It changes from step to step, as the stabiliser keeps the adversary's pull as strong as it was asked to be.
        Empty for a step without a challenge.
        """
        if self._counted is None:
            return {}
        # A slope that was not finite was left out.
        counted = self._counted if math.isfinite(measured["adversarial_norm"]) else 0.0
        return {name: counted * weight for name, weight in self.game.weights(measured).items()}

    def learn(self) -> dict[str, Tensor]:
        """The discriminator's gradients, clipped, and its terms; only measures while the stabiliser lets it rest."""
        meeting, self._meeting = self._meeting, None
        self._learns = meeting is not None and not self.stabilizer.discriminator_rests
        if meeting is None:
            return {}
        penalised = self._learns and self._lessons % self.config.r1_every == 0
        with torch.set_grad_enabled(self._learns):
            views = [view.requires_grad_(penalised) for view in meeting.real]
            real = self.discriminator.judge(views)
            fake = self.discriminator.judge([view.detach() for view in meeting.fake])
            side = self.game.discriminator(real, fake, views if penalised else None, self.config.r1_every)
        terms = dict(side.terms)
        if self._learns:
            self.optimizer.zero_grad(set_to_none=True)
            side.total.backward()  # type: ignore[no-untyped-call]
            terms["disc_grad_norm"] = self.stabilizer.clip(self.discriminator.parameters())
        return terms

    def step(self, measured: Mapping[str, float], pace: float) -> None:
        """Take the step that `learn` prepared, at `pace` times the learning rate; `measured` are the step's terms."""
        if self._learns:
            for group in self.optimizer.param_groups:
                group["lr"] = self.config.learning_rate * pace
            self.optimizer.step()
        self.stabilizer.update(
            {
                **measured,
                "accuracy": measured.get("disc_accuracy", math.nan),
                "generator_loss": measured.get("gen_adversarial", math.nan),
                "discriminator_loss": measured.get("disc_adversarial", math.nan),
            }
        )
        self._steps += 1
        self._lessons += self._learns

    @property
    def _is_too_early(self) -> bool:
        return self._warmup is not None and not self._warmup.is_over

    @property
    def _ramp(self) -> float:
        """The share of its weight that the adversary has reached: it counts as far as the discriminator knows.

        Its gradient is brought to a fixed size, so that of one that guesses would push as hard as any, and nowhere.
        """
        begun = min(1.0, self._steps / self.config.warmup_steps) if self.config.warmup_steps else 1.0
        advantage = 2 * self.stabilizer.smoothed.get("accuracy", 0.5) - 1
        return begun * min(1.0, max(0.0, advantage))

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps: tensors and plain values."""
        return {
            "discriminator": self.discriminator.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "stabilizer": self.stabilizer.get_state(),
            "playing": self.playing,
            "steps": self._steps,
            "lessons": self._lessons,
            "lowest": self._lowest,
            "epochs_without_gain": self._epochs_without_gain,
        }

    def check(self, state: Mapping[str, Any], path: Path) -> None:
        """Raise CheckpointError where `state`, kept in the checkpoint `path`, is of another discriminator."""
        try:
            check_weights(self.discriminator, state.get("discriminator"), path)
            check_optimizer(self.optimizer, state.get("optimizer"), path)
        except CheckpointError as error:
            raise CheckpointError(
                f"{path}: holds another discriminator; give adversarial.fft_sizes and adversarial.channels their "
                "values back, or start a new run"
            ) from error

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`, which `check` has found to fit."""
        self.discriminator.load_state_dict(state["discriminator"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.stabilizer.load_state(state["stabilizer"])
        self.playing = state["playing"]
        self._steps, self._lessons = state["steps"], state["lessons"]
        self._lowest, self._epochs_without_gain = state["lowest"], state["epochs_without_gain"]
