"""The part of the config tree that is about tunes: windows of tokens, their augmentation, the token VAE, its losses."""

from dataclasses import dataclass
from typing import Literal

from core.training.config_check import check

ConstraintStyle = Literal["", "folk", "chorale", "classical", "jazz", "free"]


@dataclass(frozen=True)
class TunesConfig:
    """How tunes are cut and varied. `soundfont` is an .sf2 or .sf3 file to hear them with ("": an installed one, or
    the built-in synthesiser).

    A training window is transposed by up to `transpose_semitones` either way, in `stretch_probability` of the cases
    played faster or slower by up to `stretch_percent`, and in `velocity_probability` a level louder or softer.
    """

    window_tokens: int = 512
    min_notes: int = 8
    transpose_semitones: int = 5
    stretch_probability: float = 0.25
    stretch_percent: float = 10.0
    velocity_probability: float = 0.3
    soundfont: str = ""

    def __post_init__(self) -> None:
        check(16 <= self.window_tokens <= 4096, "tunes.window_tokens", self.window_tokens, "16 to 4096 tokens")
        check(self.min_notes >= 1, "tunes.min_notes", self.min_notes, "1 or more")
        check(0 <= self.transpose_semitones <= 24, "tunes.transpose_semitones", self.transpose_semitones,
               "0 to 24 semitones")  # fmt: skip
        check(0 <= self.stretch_percent <= 50, "tunes.stretch_percent", self.stretch_percent, "0 to 50 %")
        for name in ("stretch_probability", "velocity_probability"):
            check(0 <= getattr(self, name) <= 1, f"tunes.{name}", getattr(self, name), "0 to 1")


@dataclass(frozen=True)
class TokenModelConfig:
    """The token VAE. `token_dropout` is the share of its inputs that the decoder does not see while it is trained, so
    that it asks the latent instead (Bowman et al. 2016)."""

    latent_dim: int = 128
    width: int = 192
    encoder_layers: int = 2
    decoder_layers: int = 4
    heads: int = 4
    token_dropout: float = 0.2

    def __post_init__(self) -> None:
        check(1 <= self.latent_dim <= 4096, "token_model.latent_dim", self.latent_dim, "1 to 4096")
        check(1 <= self.heads <= 64, "token_model.heads", self.heads, "1 to 64")
        check(self.width % (2 * self.heads) == 0 and 16 <= self.width <= 4096, "token_model.width", self.width,
               "16 to 4096, a multiple of twice the heads")  # fmt: skip
        for name in ("encoder_layers", "decoder_layers"):
            check(1 <= getattr(self, name) <= 48, f"token_model.{name}", getattr(self, name), "1 to 48")
        check(0 <= self.token_dropout < 1, "token_model.token_dropout", self.token_dropout, "0 up to, not including, 1")


@dataclass(frozen=True)
class TokenLossConfig:
    """What each kind of token counts in the reconstruction (specification 4); note ends count 0.7 of `note_weight`.

    `emphasis` multiplies what the ear goes by: note onsets and common note values.
    """

    musical_weighting: bool = True
    emphasis: float = 2.0
    note_weight: float = 3.0
    time_weight: float = 2.0
    velocity_weight: float = 1.5

    def __post_init__(self) -> None:
        for name in ("emphasis", "note_weight", "time_weight", "velocity_weight"):
            check(getattr(self, name) > 0, f"loss.tokens.{name}", getattr(self, name), "above 0")


@dataclass(frozen=True)
class ConstraintLossConfig:
    """Soft musical constraints on what the model writes; each has a weight of its own, 0 turns it off.

    `style` multiplies the three as suits a kind of music ("": as they stand).
    """

    weight: float = 0.1
    rhythm_weight: float = 1.0
    harmony_weight: float = 1.0
    voice_leading_weight: float = 0.5
    style: ConstraintStyle = ""

    def __post_init__(self) -> None:
        for name in ("weight", "rhythm_weight", "harmony_weight", "voice_leading_weight"):
            check(getattr(self, name) >= 0, f"loss.constraints.{name}", getattr(self, name), "0 or more")
