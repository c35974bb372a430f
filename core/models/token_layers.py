"""The layers of the token VAE: attention that knows places and times, its block, and pooling by learned queries."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

MEMORY = 3  # tokens that the short convolution of a causal block sees: this one and those before it
UNSEEN = -1e9  # a score that no share is left of; minus infinity makes a row without any place NaN
SHORTEST_TURN, LONGEST_TURN = 4.0, 8192.0  # places or steps in which a rotation goes round once


@dataclass
class Cache:
    """What a causal block keeps of the places so far, for one place at a time: [batch, heads, room, width / heads]."""

    keys: Tensor
    values: Tensor
    recent: Tensor  # [batch, MEMORY - 1, width], what the short convolution saw last

    @classmethod
    def empty(cls, batch: int, heads: int, room: int, like: Tensor) -> "Cache":
        """For `room` places of the width, kind and device of `like` [..., width]."""
        width = like.shape[-1]
        keys = like.new_zeros(batch, heads, room, width // heads)
        return cls(keys, torch.zeros_like(keys), like.new_zeros(batch, MEMORY - 1, width))


class Rotation(nn.Module):
    """Rotary positions (Su et al. 2021, "RoFormer") of two kinds: half of each head's pairs turn with the place in the
    sequence, half with the time in grid steps. So a head may look three tokens back, or eight bars."""

    rates: Tensor

    def __init__(self, head_width: int) -> None:
        super().__init__()
        pairs = head_width // 2
        places = pairs // 2
        turns = [
            torch.logspace(0, 1, count, base=LONGEST_TURN / SHORTEST_TURN) * SHORTEST_TURN if count else torch.ones(0)
            for count in (places, pairs - places)
        ]
        rates = torch.zeros(2, pairs)
        rates[0, :places] = 2 * torch.pi / turns[0]
        rates[1, places:] = 2 * torch.pi / turns[1]
        self.register_buffer("rates", rates, persistent=False)

    def forward(self, places: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
        """Places and steps [batch, length] to cosines and sines [batch, 1, length, head_width / 2]."""
        angles = places[..., None] * self.rates[0] + steps[..., None] * self.rates[1]
        return angles.cos()[:, None], angles.sin()[:, None]


def rotated(x: Tensor, rotation: tuple[Tensor, Tensor]) -> Tensor:
    """`x` [batch, heads, length, head_width] with its pairs turned."""
    cos, sin = rotation
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class AttentionBlock(nn.Module):
    """A pre-norm transformer block over [batch, length, width]: attention, then a gated layer (Shazeer 2020, "GLU").

    A causal block first mixes each place with the two before it, channel by channel: "what followed when this came
    before" is then one look back rather than two, which a short training needs (as in So et al. 2021, "Primer").
    """

    def __init__(self, width: int, heads: int, causal: bool, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads, self.causal, self.dropout = heads, causal, dropout
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Parameter(torch.zeros(MEMORY, width)) if causal else None
        if self.mix is not None:
            nn.init.normal_(self.mix, std=0.3)
            with torch.no_grad():
                self.mix[0] += 1
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attended = nn.Linear(width, width)
        self.inner_norm = nn.LayerNorm(width)
        self.gate = nn.Linear(width, 4 * width)
        self.out = nn.Linear(2 * width, width)

    def forward(
        self,
        x: Tensor,
        rotation: tuple[Tensor, Tensor],
        mask: Tensor | None = None,
        condition: Tensor | None = None,
        cache: Cache | None = None,
        place: int = 0,
    ) -> Tensor:
        """`mask` [batch, length] is true where there is something to attend to; a causal block needs none.

        `condition` [batch, 1, width] is added to what attention sees. With a `cache`, `x` holds the places from
        `place` on and those before it are taken from there: for a causal block only, and `x` of more than one place
        only at place 0.
        """
        normed = self.norm(x)
        if condition is not None:
            normed = normed + condition
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.query_key_value(self._mixed(normed, cache)).chunk(3, dim=-1)
        )
        q, k = rotated(q, rotation), rotated(k, rotation)
        if cache is not None:
            end = place + x.shape[1]
            cache.keys[:, :, place:end], cache.values[:, :, place:end] = k, v
            k, v = cache.keys[:, :, :end], cache.values[:, :, :end]
        seen = functional.scaled_dot_product_attention(
            q, k, v,
            attn_mask=None if mask is None else mask[:, None, None, :],
            dropout_p=self.dropout if self.training else 0.0,
            is_causal=self.causal and x.shape[1] > 1,
        )  # fmt: skip
        x = x + self._dropped(self.attended(seen.transpose(1, 2).flatten(2)))
        a, b = self.gate(self.inner_norm(x)).chunk(2, dim=-1)
        result: Tensor = x + self._dropped(self.out(functional.silu(a) * b))
        return result

    def _mixed(self, x: Tensor, cache: Cache | None) -> Tensor:
        if self.mix is None:
            return x
        before = x.new_zeros(len(x), MEMORY - 1, x.shape[2]) if cache is None else cache.recent
        longer = torch.cat([before, x], dim=1)
        if cache is not None:
            cache.recent = longer[:, 1 - MEMORY :]
        length = x.shape[1]
        shifted = [longer[:, MEMORY - 1 - back : MEMORY - 1 - back + length] for back in range(MEMORY)]
        return torch.stack([self.mix[back] * part for back, part in enumerate(shifted)]).sum(dim=0)

    def _dropped(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training)


class AttentionPooling(nn.Module):
    """[batch, length, width] to [batch, queries * width]: learned queries, each head of each an average of its own."""

    def __init__(self, width: int, queries: int, heads: int) -> None:
        super().__init__()
        self.queries, self.heads = queries, heads
        self.norm = nn.LayerNorm(width)
        self.scores = nn.Linear(width, queries * heads)
        self.values = nn.Linear(width, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Only places where `mask` [batch, length] is true count; a row without any gives zeros."""
        x = self.norm(x)
        scores = self.scores(x).masked_fill(~mask[..., None], UNSEEN)
        shares = (scores.softmax(dim=1) * mask[..., None]).unflatten(-1, (self.queries, self.heads))
        values = self.values(x).unflatten(-1, (self.heads, -1))
        return torch.einsum("blqh,blhc->bqhc", shares, values).flatten(1)
