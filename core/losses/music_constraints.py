"""Soft musical constraints on what a model is about to write: rhythm, harmony, voice leading."""

from collections.abc import Mapping
from types import MappingProxyType

import torch
from torch import Tensor, nn

from core.losses.expected import expected_music
from core.losses.harmony import HarmonyConstraint
from core.losses.rhythm import rhythm_irregularity
from core.losses.voice_leading import VoiceLeadingConstraint
from core.midi.vocabulary import SIZE

CONSTRAINTS = ("rhythm_constraint", "harmony_constraint", "voice_leading_constraint")

# How much each constraint counts in a style, in the order of CONSTRAINTS, on top of its own weight. Jazz swings and
# lives on sevenths, chorales move in steps and resolve everything; free music is left alone.
STYLES: Mapping[str, tuple[float, float, float]] = MappingProxyType(
    {
        "folk": (1.0, 1.0, 1.0),
        "chorale": (1.0, 1.5, 1.5),
        "classical": (0.7, 1.0, 1.0),
        "jazz": (0.5, 0.3, 0.7),
        "free": (0.0, 0.0, 0.0),
    }
)


class MusicalConstraintLoss(nn.Module):
    """Rhythm regularity, harshness of intervals and leaps of the top line, each from 0 to 1 and each with a weight.

    They are expected values over the softmax, so that every probability has a gradient; see `rhythm_irregularity`,
    `HarmonyConstraint` and `VoiceLeadingConstraint`. A weight of 0 measures a constraint without a gradient. `style`
    multiplies the three weights as STYLES has it, or as `styles`, where given, has it in its place. `tritone_penalty`
    is what the tritone counts beyond its own harshness. Without `enable_constraints` all is 0.

    Raises ValueError for another vocabulary, a negative weight or an unknown style.
    """

    def __init__(
        self,
        vocab_size: int = SIZE,
        rhythm_weight: float = 1.0,
        harmony_weight: float = 1.0,
        voice_leading_weight: float = 0.5,
        enable_constraints: bool = True,
        *,
        style: str | None = None,
        styles: Mapping[str, tuple[float, float, float]] = STYLES,
        tritone_penalty: float = 0.3,
    ) -> None:
        super().__init__()
        if vocab_size != SIZE:
            raise ValueError(f"vocab_size = {vocab_size}: expected {SIZE}, the one token layout")
        if style is not None and style not in styles:
            raise ValueError(f"style = {style!r}: expected one of {', '.join(styles)}")
        own = {
            "rhythm_weight": rhythm_weight, "harmony_weight": harmony_weight,
            "voice_leading_weight": voice_leading_weight,
        }  # fmt: skip
        for name, weight in own.items():
            if weight < 0:
                raise ValueError(f"{name} = {weight}: expected 0 or more")
        shares = (1.0, 1.0, 1.0) if style is None else styles[style]
        self.enable_constraints = enable_constraints
        self.weights = {
            name: weight * share for name, weight, share in zip(CONSTRAINTS, own.values(), shares, strict=True)
        }
        self.harmony = HarmonyConstraint(tritone_penalty)
        self.voice_leading = VoiceLeadingConstraint()

    def forward(self, logits: Tensor, tokens: Tensor | None = None, mask: Tensor | None = None) -> dict[str, Tensor]:
        """The three by name and their weighted sum as `total`, scalars, of logits [batch, length, 774].

        `tokens` [batch, length] are those that the logits were conditioned on, ABSENT at the ends of rows; without
        them the likeliest at each place is taken for written. `mask` [batch, length], bool, leaves out the ends of rows
        too.
        """
        if not self.enable_constraints:
            zero = logits.new_zeros((), dtype=torch.promote_types(logits.dtype, torch.float32))
            return {**dict.fromkeys(CONSTRAINTS, zero), "total": zero}
        expected = expected_music(logits, tokens, mask)
        measured = (rhythm_irregularity(expected), self.harmony(expected), self.voice_leading(expected))
        terms = dict(zip(CONSTRAINTS, measured, strict=True))
        terms = {name: term if self.weights[name] > 0 else term.detach() for name, term in terms.items()}
        total = torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()
        return {**terms, "total": total}
