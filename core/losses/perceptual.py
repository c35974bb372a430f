"""Reconstruction of tokens, each kind of token counted for what it means to the ear."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.midi.vocabulary import MAX_SHIFT, NOTE_OFF, NOTE_ON, SIZE, STEPS_PER_SECOND, TIME_SHIFT, VELOCITY

NOTE_END_SHARE = 0.7  # of a note's weight: when it ends is heard less than that it began
# The note values that are emphasised: sixteenth, eighth, quarter and half notes, as shares of a quarter, at tempi
# across what is common. Rounded to the grid they are 18 of the 512 time shifts; few enough to be worth pointing out.
NOTE_VALUES = (0.25, 0.5, 1.0, 2.0)
TEMPI = (60, 80, 100, 120, 140, 160)  # quarters a minute


def emphasised_shifts() -> list[int]:
    """The time shifts, in steps, that are common note values: 16th to half notes at 60 to 160 quarters a minute."""
    quarters = [60 * STEPS_PER_SECOND / tempo for tempo in TEMPI]
    return sorted({round(quarter * value) for quarter in quarters for value in NOTE_VALUES})


class PerceptualReconstructionLoss(nn.Module):
    """Cross entropy in nats a token, weighted by what is heard (specification 4).

    The weight of a token is that of its kind: `note_weight` for NOTE_ON, 0.7 of it for NOTE_OFF, `time_weight`,
    `velocity_weight`. Time shifts that are common note values and the first note of each onset count
    `perceptual_emphasis` times that. Without `musical_weighting` every token counts 1.

    `structure_weight` is what the structure term counts in the total; see `forward`. Weights by outcome are no proper
    score: what minimises them is not the likelihood p but a distribution as p times the weights. `base_reconstruction`
    is the honest figure. Raises ValueError for another vocabulary or a weight that is not above 0.
    """

    weights: Tensor

    def __init__(
        self,
        vocab_size: int = SIZE,
        musical_weighting: bool = True,
        perceptual_emphasis: float = 2.0,
        note_weight: float = 3.0,
        time_weight: float = 2.0,
        velocity_weight: float = 1.5,
        *,
        structure_weight: float = 0.2,
    ) -> None:
        super().__init__()
        if vocab_size != SIZE:
            raise ValueError(f"vocab_size = {vocab_size}: expected {SIZE}, the one token layout")
        given = {
            "perceptual_emphasis": perceptual_emphasis, "note_weight": note_weight, "time_weight": time_weight,
            "velocity_weight": velocity_weight,
        }  # fmt: skip
        for name, value in given.items():
            if value <= 0:
                raise ValueError(f"{name} = {value}: expected above 0")
        self.musical_weighting = musical_weighting
        self.perceptual_emphasis = perceptual_emphasis
        self.structure_weight = structure_weight
        weights = torch.empty(SIZE)
        weights[NOTE_ON:NOTE_OFF] = note_weight
        weights[NOTE_OFF:TIME_SHIFT] = NOTE_END_SHARE * note_weight
        weights[TIME_SHIFT:VELOCITY] = time_weight
        weights[VELOCITY:] = velocity_weight
        common = torch.tensor([steps for steps in emphasised_shifts() if steps <= MAX_SHIFT])
        weights[TIME_SHIFT + common - 1] *= perceptual_emphasis
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, logits: Tensor, targets: Tensor, mask: Tensor | None = None) -> dict[str, Tensor]:
        """Scalars by name, from logits [batch, length, 774] and tokens [batch, length]; ABSENT tokens count nothing.

        `mask` [batch, length], bool, leaves out further places.

        - base_reconstruction: plain cross entropy, the mean over tokens, in nats.
        - perceptual_reconstruction: sum(w * ce) / sum(w), in nats a token too.
        - structure_emphasis: whether a note begins at a place, whichever it is: the binary cross entropy of the
          probability of all NOTE_ONs together. It is the part of the cross entropy that places onsets, so to count it
          once more favours rhythm over pitch without favouring any outcome.
        - total: perceptual_reconstruction + structure_weight * structure_emphasis; without musical weighting the base.

        With no token at all each is 0, without a gradient.
        """
        mask = targets >= 0 if mask is None else mask & (targets >= 0)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        tokens = targets.clamp(min=0)
        every = logits.logsumexp(dim=-1)
        entropy = every - logits.gather(-1, tokens[..., None])[..., 0]
        count = mask.sum().clamp(min=1)
        base = _sum(entropy, mask) / count

        begins = (tokens >= NOTE_ON) & (tokens < NOTE_OFF)
        onset = logits[..., NOTE_ON:NOTE_OFF].logsumexp(dim=-1)
        none = logits[..., NOTE_OFF:].logsumexp(dim=-1)
        structure = _sum(every - torch.where(begins, onset, none), mask) / count
        if not self.musical_weighting:
            return {
                "base_reconstruction": base, "perceptual_reconstruction": base,
                "structure_emphasis": structure, "total": base,
            }  # fmt: skip

        weights = (self.weights_of(targets) * mask).to(entropy.dtype)
        perceptual = _sum(weights * entropy, mask) / weights.sum().clamp(min=1e-6)
        return {
            "base_reconstruction": base,
            "perceptual_reconstruction": perceptual,
            "structure_emphasis": structure,
            "total": perceptual + self.structure_weight * structure,
        }

    def weights_of(self, tokens: Tensor) -> Tensor:
        """What each of the tokens [batch, length] counts."""
        emphasis = torch.where(begins_an_onset(tokens), self.perceptual_emphasis, 1.0)
        return self.weights[tokens.clamp(min=0)] * emphasis


def begins_an_onset(tokens: Tensor) -> Tensor:
    """Which tokens [batch, length] are the first NOTE_ON since the last time shift, or since the beginning."""
    index = torch.arange(tokens.shape[1], device=tokens.device)
    strikes = (tokens >= NOTE_ON) & (tokens < NOTE_OFF)
    shifts = (tokens >= TIME_SHIFT) & (tokens < VELOCITY)
    last_shift = torch.where(shifts, index, -1).cummax(dim=1).values
    last_strike = torch.where(strikes, index, -1).cummax(dim=1).values
    before = functional.pad(last_strike[:, :-1], (1, 0), value=-1)
    # The first place has no shift before it, and -1 stands for both.
    return strikes & ((before < last_shift) | (before < 0))


def _sum(values: Tensor, mask: Tensor) -> Tensor:
    # Chosen, not multiplied: what stands at a place of padding may be anything.
    return torch.where(mask, values, 0).sum()
