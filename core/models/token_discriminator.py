"""What tells real tokens from the model's, in a bar, a phrase and a window; and the model's tokens with a slope."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from core.losses.adversarial import Judgement
from core.midi.vocabulary import SIZE
from core.models.discriminators import SLOPE, Discriminator

# A matrix of spectral norm 1 shrinks whatever is not its first direction, and a token is one entry of 774: with these
# gains features begin at about unit size, and a margin of 1 is in reach. The slope stays bounded by their product.
EMBEDDING_GAIN = 16.0
LAYER_GAIN = 2.5
# For each scale: tokens that a place of its view stands for, the embedding's width, (channels, kernel, stride) of each
# layer, and whether every place is also told the mean over all.
LOCAL = (1, 96, ((128, 5, 2), (256, 5, 2), (256, 3, 1)), False)
PHRASE = (2, 96, ((256, 5, 4), (512, 5, 2), (512, 3, 1)), False)
GLOBAL = (4, 128, ((384, 5, 4), (640, 5, 2), (768, 5, 2), (768, 3, 1)), True)
SCALES = (LOCAL, PHRASE, GLOBAL)


class TokenScale(nn.Module):
    """Token distributions [batch, places, 774] to a logit for each stride of places [batch, strides].

    Convolutions with spectral norm (Miyato et al. 2018) and LeakyReLU 0.2. A place whose values are all 0 is padding:
    it adds nothing to its neighbours, its features are 0, and its logit is the mean of its row's others, so that a row
    answers the same whatever it is padded with.
    """

    def __init__(self, width: int, plan: Sequence[tuple[int, int, int]], whole: bool) -> None:
        super().__init__()
        self.embedding = spectral_norm(nn.Linear(SIZE, width))
        self.layers = nn.ModuleList()
        for channels, kernel, stride in plan:
            self.layers.append(_convolution(width, channels, kernel, stride))
            width = channels
        self.strides = tuple(stride for _, _, stride in plan)
        self.whole = spectral_norm(nn.Linear(width, width)) if whole else None
        self.out = spectral_norm(nn.Linear(width, 1))

    def forward(self, view: Tensor) -> Judgement:
        there = view.detach().sum(dim=-1) > 0
        x = EMBEDDING_GAIN * self.embedding(view).mT * there[:, None]
        features = []
        for layer, stride in zip(self.layers, self.strides, strict=True):
            there = there[:, ::stride]
            x = LAYER_GAIN * functional.leaky_relu(layer(x), SLOPE) * there[:, None]
            features.append(x)
        x = x.mT
        if self.whole is not None:
            x = x + functional.leaky_relu(self.whole(_mean(x, there)), SLOPE)
        logits = self.out(x)[..., 0]
        return Judgement(torch.where(there, logits, _mean(logits[..., None], there)[..., 0]), tuple(features), there)


class MultiScaleDiscriminator(Discriminator):
    """Token distributions [batch, length, 774] to a judgement at each of three scales, of any length.

    Local: every token, in patches of about two dozen. Phrase: what occurs in every two tokens, over a hundred. Global:
    in every four, the whole window. Most of its 9 million parameters are where there are few places left. Rows of
    real tokens are one-hot, the model's come from `soft_tokens`; places of nothing but zeros are padding.
    """

    def __init__(self, width: float = 1.0) -> None:
        """`width` multiplies the channels of every layer."""
        super().__init__()
        self.pools = tuple(pool for pool, *_ in SCALES)
        self.scales = nn.ModuleList()
        for _, embedding, plan, whole in SCALES:
            layers = [(max(1, round(width * channels)), kernel, stride) for channels, kernel, stride in plan]
            self.scales.append(TokenScale(max(1, round(width * embedding)), layers, whole))

    def views(self, x: Tensor) -> list[Tensor]:
        """For each scale the means over so many tokens in a row, [batch, places, 774]."""
        if x.ndim != 3 or x.shape[2] != SIZE or x.shape[1] == 0:
            raise ValueError(f"token distributions of shape {tuple(x.shape)}: expected [batch, length, {SIZE}]")
        return [_pooled(x.float(), pool) for pool in self.pools]

    def judge(self, views: Sequence[Tensor]) -> list[Judgement]:
        return [scale(view) for scale, view in zip(self.scales, views, strict=True)]


def one_hot(tokens: Tensor) -> Tensor:
    """Tokens [batch, length] as distributions [batch, length, 774]; ABSENT is all zeros."""
    places = torch.zeros(*tokens.shape, SIZE, device=tokens.device)
    return places.scatter_(-1, tokens.clamp(min=0)[..., None], (tokens >= 0)[..., None].float())


def soft_tokens(
    logits: Tensor, tokens: Tensor, generator: torch.Generator | None = None, temperature: float = 1.0
) -> Tensor:
    """The model's tokens [batch, length, 774] with a slope: one-hot, but differentiable as the softmax is.

    Straight-through Gumbel softmax (Jang et al. 2017) of `logits` [batch, length, 774]: draws from them, by `generator`
    (on the CPU); without one the likeliest. Where `tokens` [batch, length] are ABSENT all is zero, slope included.
    """
    logits = logits.float()
    if generator is not None:
        noise = torch.empty(logits.shape).exponential_(generator=generator).clamp_(min=1e-20)
        logits = logits - noise.log_().to(logits.device)
    soft = (logits / temperature).softmax(dim=-1)
    hard = torch.zeros_like(soft).scatter_(-1, soft.argmax(dim=-1, keepdim=True), 1.0)
    return (hard + (soft - soft.detach())) * (tokens >= 0)[..., None]


def _convolution(in_channels: int, out_channels: int, kernel: int, stride: int) -> nn.Module:
    """Over places [batch, channels, places], of which every `stride`-th is kept."""
    normed: nn.Module = spectral_norm(nn.Conv1d(in_channels, out_channels, kernel, stride, kernel // 2))
    return normed


def _pooled(x: Tensor, size: int) -> Tensor:
    if size == 1:
        return x
    padded = functional.pad(x, (0, 0, 0, -x.shape[1] % size))
    return padded.view(len(x), -1, size, x.shape[2]).mean(dim=2)


def _mean(x: Tensor, there: Tensor) -> Tensor:
    """The mean [batch, 1, width] of `x` [batch, places, width] over the places that are there; 0 where none is."""
    count = there.sum(dim=1, keepdim=True).clamp(min=1)[..., None]
    return (x * there[..., None]).sum(dim=1, keepdim=True) / count
