"""The decoder of a MIDI run as one module: a latent and the tokens so far in, what may come next out."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.export.port import Port
from core.midi.vocabulary import ABSENT, LEVEL_VELOCITIES, SIZE, STEP_SECONDS
from core.models.token_layers import MEMORY, AttentionBlock, rotated
from core.models.token_state import allowed, states_after
from core.models.token_vae import PREFIX, TokenVAE

Rotation = tuple[Tensor, Tensor]


class TokenDecoder(nn.Module):
    """Latents [batch, latent_dim] and tokens [batch, length] int64 to logits [batch, length, 774].

    A row of tokens begins with ABSENT, -1, for "nothing yet", and has no other; the logits at a place are of the token
    that follows it, minus infinity for those that would break their order, as in `core.models.token_writer.write`. To
    write, draw from the last place's, append the token, and ask again. Batch and length are free.
    """

    table: Tensor

    def __init__(self, model: TokenVAE, longest: int) -> None:
        """`longest` is how many tokens the model was trained on at once, and the most that a row may have."""
        super().__init__()
        self.decoder, self.latent_dim, self.longest = model.decoder, model.latent_dim, longest
        self.register_buffer("table", model.table().detach())

    @property
    def inputs(self) -> tuple[Port, ...]:
        """The latent, and the tokens so far."""
        tokens = f"-1, then the tokens so far: {self.longest} in all at most"
        return (
            Port("latent", "float32", ("batch", self.latent_dim), "see density for how to draw one"),
            Port("tokens", "int64", ("batch", "length"), tokens),
        )

    @property
    def output(self) -> Port:
        """The logits."""
        meaning = "of the token after each place; minus infinity where it would break the order of tokens"
        return Port("logits", "float32", ("batch", "length", SIZE), meaning)

    @property
    def about(self) -> dict[str, Any]:
        """What the tokens mean, and how to write with the decoder."""
        tokens = {
            "0-127": "the note of that pitch begins",
            "128-255": "the note of pitch token - 128 ends",
            "256-767": f"token - 255 steps of {STEP_SECONDS} seconds pass",
            "768-773": f"notes from here on have velocity {', '.join(map(str, LEVEL_VELOCITIES))}",
        }
        notes = ["A call says what may come next. Draw a token, append it, and call again."]
        return {"longest": self.longest, "tokens": tokens, "notes": notes}

    def forward(self, latent: Tensor, tokens: Tensor) -> Tensor:
        """The logits after each of the tokens."""
        decoder, length = self.decoder, tokens.shape[1]
        # Behind a row nothing is looked at; with at least three places none is a broadcast that an export would fix.
        tokens = functional.pad(tokens, (0, 2), value=ABSENT)
        state = states_after(tokens)
        x = torch.cat([decoder.prefixed(latent), decoder.embedded(tokens, state, self.table)], dim=1)
        places = torch.arange(x.shape[1], device=x.device)[None]
        rotation = decoder.rotation(places, functional.pad(state.now, (PREFIX, 0)))
        for layer, condition in zip(decoder.layers, decoder.conditioned(latent), strict=True):
            assert isinstance(layer, AttentionBlock)
            x = _through(layer, x, rotation, condition)
        logits: Tensor = decoder.head(x[:, PREFIX:], self.table, state)
        return logits.masked_fill(~allowed(state), -torch.inf)[:, :length]


def _through(block: AttentionBlock, x: Tensor, rotation: Rotation, condition: Tensor) -> Tensor:
    """`AttentionBlock.forward` of a causal block in evaluation, without what a tracer takes for a constant."""
    assert block.mix is not None
    before = functional.pad(block.norm(x) + condition, (0, 0, MEMORY - 1, 0))
    shifted = [before[:, MEMORY - 1 - back :][:, : x.shape[1]] for back in range(MEMORY)]
    mixed = torch.stack([block.mix[back] * part for back, part in enumerate(shifted)]).sum(dim=0)
    q, k, v = (
        part.unflatten(-1, (block.heads, -1)).transpose(1, 2) for part in block.query_key_value(mixed).chunk(3, dim=-1)
    )
    seen = functional.scaled_dot_product_attention(rotated(q, rotation), rotated(k, rotation), v, is_causal=True)
    x = x + block.attended(seen.transpose(1, 2).flatten(2))
    a, b = block.gate(block.inner_norm(x)).chunk(2, dim=-1)
    result: Tensor = x + block.out(functional.silu(a) * b)
    return result
