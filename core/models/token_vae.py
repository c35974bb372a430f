"""The VAE over token sequences: a few vectors read out of a whole window, and a decoder that writes token by token."""

from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.models.density import LatentDensity
from core.models.token_embedding import StateEmbedding, TokenHead, TokenTable, shifted
from core.models.token_layers import AttentionBlock, AttentionPooling, Rotation
from core.models.token_state import TokenState, states_after
from core.models.token_writer import write

LOG_VARIANCE_BOUND = 10.0
MEAN_GAIN = 4.0
FIRST_LOG_VARIANCE = -2.0
PATCH = 4  # tokens that the encoder looks at as one
QUERIES = 8
PREFIX = 8  # places that the latent takes before the first token


class TokenOutput(NamedTuple):
    """What a forward pass gives: logits [batch, length, 774], and q(z|x) as mean and log-variance [batch, latent]."""

    logits: Tensor
    mu: Tensor
    logvar: Tensor


class TokenEncoder(nn.Module):
    """Tokens [batch, length], padded with ABSENT, to mean and log-variance of q(z|x), each [batch, latent_dim]."""

    def __init__(self, latent_dim: int, width: int, layers: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.state = StateEmbedding(width)
        self.patches = nn.Linear(PATCH * width, width)
        self.rotation = Rotation(width // heads)
        self.layers = nn.ModuleList(AttentionBlock(width, heads, False, dropout) for _ in range(layers))
        self.pool = AttentionPooling(width, QUERIES, heads)
        self.mean = nn.Linear(QUERIES * width, latent_dim)
        self.log_variance = nn.Linear(QUERIES * width, latent_dim)
        # From the first step on a latent must say more of its window than its own noise hides, or the decoder learns
        # to do without it long before the encoder has found anything to say.
        with torch.no_grad():
            self.mean.weight.mul_(MEAN_GAIN)
            self.log_variance.bias.fill_(FIRST_LOG_VARIANCE)

    def forward(self, tokens: Tensor, table: Tensor) -> tuple[Tensor, Tensor]:
        tokens = functional.pad(tokens, (0, -tokens.shape[1] % PATCH), value=-1)
        mask = tokens >= 0
        state = states_after(tokens)
        x = functional.embedding(tokens.clamp(min=0), table) + self.state(state)
        x = self.patches((x * mask[..., None]).unflatten(1, (-1, PATCH)).flatten(2))
        seen = mask[:, ::PATCH]
        places = torch.arange(x.shape[1], device=x.device)[None]
        rotation = self.rotation(places, state.now[:, ::PATCH])
        # A row of nothing but padding still attends to something.
        attended = seen | (places == 0)
        for layer in self.layers:
            x = layer(x, rotation, attended)
        pooled = self.pool(x, seen)
        return self.mean(pooled).float(), self.log_variance(pooled).float()


class TokenDecoder(nn.Module):
    """A causal transformer over the tokens so far and their states, told the latent before it and at every layer."""

    def __init__(
        self, latent_dim: int, width: int, layers: int, heads: int, token_dropout: float, dropout: float
    ) -> None:
        super().__init__()
        self.heads, self.token_dropout = heads, token_dropout
        self.start = nn.Parameter(torch.randn(width) * 0.5)
        self.dropped = nn.Parameter(torch.randn(width) * 0.5)
        self.state = StateEmbedding(width)
        self.prefix = nn.Linear(latent_dim, PREFIX * width)
        self.conditions = nn.Linear(latent_dim, layers * width)
        self.rotation = Rotation(width // heads)
        self.layers = nn.ModuleList(AttentionBlock(width, heads, True, dropout) for _ in range(layers))
        self.head = TokenHead(width)

    def forward(self, z: Tensor, tokens: Tensor, table: Tensor) -> Tensor:
        """Logits [batch, length, 774] of each token given z [batch, latent_dim] and those before it."""
        known = shifted(tokens)
        state = states_after(known)
        x = torch.cat([self.prefixed(z), self.embedded(known, state, table)], dim=1)
        places = torch.arange(x.shape[1], device=x.device)[None]
        rotation = self.rotation(places, functional.pad(state.now, (PREFIX, 0)))
        for layer, condition in zip(self.layers, self.conditioned(z), strict=True):
            x = layer(x, rotation, condition=condition)
        logits: Tensor = self.head(x[:, PREFIX:], table, state)
        return logits

    def prefixed(self, z: Tensor) -> Tensor:
        """The latent as the first PREFIX places, [batch, PREFIX, width]."""
        return torch.stack(self.prefix(z).chunk(PREFIX, dim=-1), dim=1)

    def conditioned(self, z: Tensor) -> tuple[Tensor, ...]:
        """The latent as each layer is told it, [batch, 1, width] each."""
        conditions: Tensor = self.conditions(z)[:, None]
        return conditions.chunk(len(self.layers), dim=-1)

    def embedded(self, known: Tensor, state: TokenState, table: Tensor) -> Tensor:
        """Tokens known so far, [batch, length] with ABSENT for none, and the states after them, as vectors.

        In training some are dropped: token and state give way to one learned vector, and what was there can only be
        had from the latent or from further away.
        """
        x = torch.where((known >= 0)[..., None], functional.embedding(known.clamp(min=0), table), self.start)
        x = x + self.state(state)
        if self.training and self.token_dropout > 0:
            kept = torch.rand(known.shape, device=x.device) >= self.token_dropout
            x = torch.where((kept | (known < 0))[..., None], x, self.dropped)
        return x


class TokenVAE(nn.Module):
    """A VAE (Kingma & Welling 2014) over windows of tokens [batch, length] int64, padded at their ends with ABSENT.

    One latent [batch, latent_dim] for a window of any length: the encoder sees it from both sides and pools it by
    attention; the decoder, a causal transformer, is told the latent in places before the first token and at every
    layer. A strong decoder can do without (Bowman et al. 2016): `token_dropout` hides tokens from it in training.
    """

    def __init__(
        self,
        latent_dim: int = 128,
        width: int = 192,
        encoder_layers: int = 2,
        decoder_layers: int = 4,
        heads: int = 4,
        token_dropout: float = 0.2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.table = TokenTable(width)
        self.encoder = TokenEncoder(latent_dim, width, encoder_layers, heads, dropout)
        self.decoder = TokenDecoder(latent_dim, width, decoder_layers, heads, token_dropout, dropout)
        self.density = LatentDensity(latent_dim)

    def encode(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), float32, [batch, latent_dim] each; the log-variance is bounded smoothly to
        +-10. Padding never changes them."""
        mean, log_variance = self.encoder(tokens, self.table())
        return mean, LOG_VARIANCE_BOUND * torch.tanh(log_variance / LOG_VARIANCE_BOUND)

    def decode(self, z: Tensor, tokens: Tensor) -> Tensor:
        """Logits [batch, length, 774], each from z [batch, latent_dim] and the tokens before it: teacher forcing."""
        logits: Tensor = self.decoder(z, tokens, self.table())
        return logits

    def forward(self, tokens: Tensor) -> TokenOutput:
        """Training draws z from q(z|x); evaluation takes its mean."""
        mean, log_variance = self.encode(tokens)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if self.training else mean
        return TokenOutput(self.decode(z, tokens), mean, log_variance)

    def sample(self, count: int, generator: torch.Generator, temperature: float = 1.0) -> Tensor:
        """`count` latents [count, latent_dim] from where the training material lies; `generator` is on the CPU."""
        return self.density.sample(count, generator, temperature=temperature)

    @torch.no_grad()
    def fit_density(self, batches: Iterable[Tensor]) -> None:
        """Learn where the latents of `batches` of tokens lie."""
        self.density.fit(torch.cat([self.encode(tokens)[0] for tokens in batches]))

    @torch.no_grad()
    def write(
        self,
        z: Tensor,
        length: int,
        *,
        generator: torch.Generator,
        temperature: float = 1.0,
        top_p: float = 1.0,
        steps: int | None = None,
        primer: Tensor | None = None,
    ) -> Tensor:
        """At most `length` new tokens for each latent of z [batch, latent_dim]; see `token_writer.write`."""
        return write(
            self.decoder, self.table(), z, length, generator, temperature=temperature, top_p=top_p, steps=steps,
            primer=primer,
        )  # fmt: skip
