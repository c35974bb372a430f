"""Writing freely: the decoder continues its own tokens, one after another, and never breaks their order."""

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from core.midi.vocabulary import ABSENT, MAX_SHIFT, TIME_SHIFT, VELOCITY
from core.models.token_layers import Cache
from core.models.token_state import TokenState, advance, allowed, states_after

if TYPE_CHECKING:
    from core.models.token_vae import TokenDecoder


@torch.no_grad()
def write(
    decoder: "TokenDecoder",
    table: Tensor,
    z: Tensor,
    length: int,
    generator: torch.Generator,
    *,
    temperature: float = 1.0,
    top_p: float = 1.0,
    steps: int | None = None,
    primer: Tensor | None = None,
) -> Tensor:
    """At most `length` tokens for each latent of z [batch, latent_dim]: [batch, up to length], padded with ABSENT.

    Drawn with `generator` (on the CPU) from the decoder's logits over `temperature`, 0 for the likeliest token always;
    of the rest only the likeliest that together hold `top_p` of the probability (Holtzman et al. 2020). Tokens that
    would break the order (a pitch struck twice, an end of what does not sound, ...) are never taken. A row ends before
    the time shift that would pass `steps` grid steps, which is shortened to end there; what sounds then goes on
    sounding, as `decode` and other readers of tokens have it. `primer` [batch, length] is continued: it is not in the
    result, and `steps` count from its end. Its rows are all equally long.

    The decoder must be in evaluation mode. Raises ValueError for a primer with ABSENT in it.
    """
    if primer is None:
        primer = torch.empty(len(z), 0, dtype=torch.long, device=z.device)
    if (primer == ABSENT).any():
        raise ValueError("a primer's rows must be equally long: ABSENT is no token to continue")
    pen = _Pen(decoder, table, z, primer.shape[1] + length)
    state, logits = pen.read(primer)
    began = state.now
    written: list[Tensor] = []
    done = torch.zeros(len(z), dtype=torch.bool, device=z.device)
    for _ in range(length):
        token = _drawn(logits.masked_fill(~allowed(state), -torch.inf), generator, temperature, top_p)
        if steps is not None:
            left = steps - (state.now - began)
            shift = token - TIME_SHIFT + 1
            passes = (token >= TIME_SHIFT) & (token < VELOCITY) & (shift >= left)
            done |= left <= 0
            token = torch.where(passes, TIME_SHIFT + left.clamp(1, MAX_SHIFT) - 1, token)
        token = torch.where(done, ABSENT, token)
        written.append(token)
        if bool(done.all()):
            break
        state = advance(state, token)
        logits = pen.next(token, state)
    result = torch.stack(written, dim=1) if written else primer[:, :0]
    return result[:, : int((result >= 0).any(dim=0).sum())]


class _Pen:
    """The decoder with what it remembers of the places so far."""

    def __init__(self, decoder: "TokenDecoder", table: Tensor, z: Tensor, room: int) -> None:
        self.decoder, self.table = decoder, table
        self.prefix, self.conditions = decoder.prefixed(z), decoder.conditioned(z)
        room += self.prefix.shape[1] + 1
        self.caches = [Cache.empty(len(z), decoder.heads, room, table) for _ in decoder.layers]
        self.place = 0

    def read(self, primer: Tensor) -> tuple[TokenState, Tensor]:
        """Take in the latent, the start and the primer; returns the state and the logits [batch, 774] after them."""
        known = functional.pad(primer, (1, 0), value=ABSENT)
        states = states_after(known)
        x = torch.cat([self.prefix, self.decoder.embedded(known, states, self.table)], dim=1)
        x = self._through(x, functional.pad(states.now, (self.prefix.shape[1], 0)))
        state = TokenState(*(field[:, -1] for field in states))
        return state, self._logits(x, state)

    def next(self, token: Tensor, state: TokenState) -> Tensor:
        """Take in one token more [batch], after which the state is `state`; returns the logits [batch, 774]."""
        lengthened = TokenState(*(field[:, None] for field in state))
        x = self._through(self.decoder.embedded(token[:, None], lengthened, self.table), state.now[:, None])
        return self._logits(x, state)

    def _logits(self, x: Tensor, state: TokenState) -> Tensor:
        logits: Tensor = self.decoder.head(x[:, -1], self.table, state)
        return logits

    def _through(self, x: Tensor, steps: Tensor) -> Tensor:
        places = torch.arange(self.place, self.place + x.shape[1], device=x.device)[None]
        rotation = self.decoder.rotation(places, steps)
        for layer, condition, cache in zip(self.decoder.layers, self.conditions, self.caches, strict=True):
            x = layer(x, rotation, condition=condition, cache=cache, place=self.place)
        self.place += x.shape[1]
        return x


def _drawn(logits: Tensor, generator: torch.Generator, temperature: float, top_p: float) -> Tensor:
    """One token [batch] of logits [batch, 774], by Gumbel noise from the CPU's generator."""
    if temperature == 0:
        return logits.argmax(dim=-1)
    logits = logits.float() / temperature
    if top_p < 1:
        shares, order = logits.softmax(dim=-1).sort(dim=-1, descending=True)
        beyond = shares.cumsum(dim=-1) - shares >= top_p
        logits = logits.masked_fill(torch.zeros_like(beyond).scatter(1, order, beyond), -torch.inf)
    noise = torch.rand(logits.shape, generator=generator).clamp(min=1e-20).to(logits.device)
    return (logits - (-noise.log()).log()).argmax(dim=-1)
