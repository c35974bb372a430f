"""The VAE over spectrograms: principal components first, and what a residual network learns beyond them."""

from collections.abc import Collection, Iterable, Iterator

import torch
from torch import Tensor, nn

from core.models.density import LatentDensity
from core.models.layers import ResidualBlock, zero_initialised
from core.models.normalization import ChannelNormalization
from core.models.patches import LappedPatches
from core.models.principal import PrincipalComponents
from core.training.config import LatentKind

LOG_VARIANCE_BOUND = 10.0
LARGEST_NOISE = 0.5  # of a latent's own variance, at the start
# What a dense layer between all positions and one latent sees of each of them.
NARROW = 64
# Instantaneous frequency is noise wherever no partial is heard: its share in what principal components explain.
FREQUENCY_SHARE = 0.1
# Numbers in the patches that principal components are fitted to: of one batch, and of all; 150 MB.
VALUES_OF_A_BATCH = 5_000_000
MOST_VALUES = 40_000_000


class ConvEncoder(nn.Module):
    """Principal scores [batch, positions, components] of patches to what the latent should be beyond their own.

    Returns the change of the mean and the log-variance, each [batch, latent_dim, positions], or [batch, latent_dim]
    where `positions` says how many there are and one latent stands for all of them.
    """

    def __init__(
        self, components: int, latent_dim: int, positions: int | None, width: int, blocks: int, dropout: float
    ) -> None:
        super().__init__()
        self.scores = nn.Linear(components, width)
        self.blocks = nn.Sequential(*(ResidualBlock(width, dropout=dropout) for _ in range(blocks)))
        self.whole = positions is not None
        self.narrow = nn.Linear(width, NARROW) if self.whole else nn.Identity()
        seen = NARROW * positions if positions is not None else width
        self.mean = zero_initialised(nn.Linear(seen, latent_dim))
        self.log_variance = zero_initialised(nn.Linear(seen, latent_dim))

    def forward(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        features = self.narrow(self.blocks(self.scores(scores)))
        if self.whole:
            features = features.flatten(1)
            return self.mean(features).float(), self.log_variance(features).float()
        return self.mean(features).mT.float(), self.log_variance(features).mT.float()


class ConvDecoder(nn.Module):
    """Latents [batch, latent_dim(, positions)] to what to add to the linear guess at patches.

    Returns [batch, positions, features]. The last layer is linear: a normalised spectrogram is not bounded.
    """

    def __init__(
        self, features: int, latent_dim: int, positions: int | None, width: int, blocks: int, dropout: float
    ) -> None:
        super().__init__()
        self.positions = positions
        if positions is None:
            self.widen: nn.Module = nn.Linear(latent_dim, width)
        else:
            spread = nn.Unflatten(1, (positions, NARROW))
            self.widen = nn.Sequential(nn.Linear(latent_dim, NARROW * positions), spread, nn.Linear(NARROW, width))
        self.blocks = nn.Sequential(*(ResidualBlock(width, dropout=dropout) for _ in range(blocks)))
        self.norm = nn.LayerNorm(width)
        self.patches = zero_initialised(nn.Linear(width, features))

    def forward(self, z: Tensor) -> Tensor:
        hidden = self.blocks(self.widen(z if self.positions is not None else z.mT))
        patches: Tensor = self.patches(self.norm(hidden))
        return patches


class ConvVAE(nn.Module):
    """A VAE (Kingma & Welling 2014) over normalised spectrograms [batch, in_channels, bands, frames].

    A spectrogram is cut into overlapping patches, one every `patch_frames` frames, all bands and channels of each one
    vector. `fit` finds their principal components, and for a global latent those of whole chunks: a linear VAE that
    hears from its first step. Encoder and decoder learn what is to be changed about it; their last layers start at
    zero, and their outputs are in the spectrogram's own units, so that no component moves faster than another.

    - "global": one latent [batch, latent_dim] for a chunk of exactly `frames` frames
    - "sequence": [batch, latent_dim, positions], a vector every `patch_frames` frames, for any number of frames

    Bases, statistics and the density of the training latents are buffers and travel with the weights. `encode`,
    `decode` and `forward` work between `normalize` and `denormalize`.
    """

    share: Tensor
    log_variance_start: Tensor

    def __init__(
        self,
        in_channels: int,
        bands: int,
        frames: int,
        latent_dim: int = 64,
        latent: LatentKind = "global",
        patch_frames: int = 4,
        components: int = 192,
        width: int = 256,
        blocks: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.shape = (in_channels, bands, frames)
        self.latent_dim, self.latent, self.patch_frames = latent_dim, latent, patch_frames
        self.positions = -(-frames // patch_frames)
        self.cut = LappedPatches(patch_frames)
        features = in_channels * bands * self.cut.reach
        components = max(components, latent_dim if latent == "sequence" else 1)
        self.normalization = ChannelNormalization(in_channels, bands)
        self.parts = PrincipalComponents(features, components)
        whole = latent == "global"
        self.whole = PrincipalComponents(components * self.positions, latent_dim) if whole else None
        sizes = (latent_dim, self.positions if whole else None, width, blocks, dropout)
        self.encoder = ConvEncoder(components, *sizes)
        self.decoder = ConvDecoder(features, *sizes)
        self.density = LatentDensity(latent_dim if whole else latent_dim * self.positions)
        share = torch.ones(in_channels, 1, 1)
        share[1:] = FREQUENCY_SHARE
        self.register_buffer("share", share, persistent=False)
        self.register_buffer("log_variance_start", torch.zeros(latent_dim))

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z|x), float32. Raises ValueError for a size that the model does not take.

        The log-variance is bounded smoothly to +-10 (standard deviations of 0.007 to 148), so that the KL cannot
        overflow whatever the input, and an outlier still has a gradient that brings it back, which a hard clamp would
        cut off.
        """
        self._check(x)
        scores = self.parts.analyze(self._weighted_patches(x))
        base, scale = self._linear_latent(scores)
        change, log_variance = self.encoder(scores)
        shape = (-1,) if self.whole is not None else (-1, 1)
        mean = base + change / scale.clamp(min=1).view(shape)
        log_variance = log_variance + self.log_variance_start.view(shape)
        return mean, LOG_VARIANCE_BOUND * torch.tanh(log_variance / LOG_VARIANCE_BOUND)

    def decode(self, z: Tensor, frames: int | None = None) -> Tensor:
        """Latents to normalised spectrograms [batch, in_channels, bands, frames].

        `frames` None means all that the latents stand for: a chunk's, or `patch_frames` for each position.
        """
        if self.whole is not None:
            base = self.whole.synthesize(z).view(len(z), self.positions, -1) / self.parts.scale
            frames = frames or self.shape[2]
        else:
            base = z.mT
            frames = frames or z.shape[2] * self.patch_frames
        linear = self._as_spectrograms(self.parts.synthesize(base)) / self.share
        details = self._as_spectrograms(self.decoder(z)) * self.cut.window
        joined: Tensor = self.cut.join(linear + details, frames)
        return joined

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reconstruction, mean and log-variance. Training draws z from q(z|x); evaluation takes its mean."""
        mean, log_variance = self.encode(x)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp() if self.training else mean
        return self.decode(z, x.shape[3]), mean, log_variance

    def sample(
        self, count: int, generator: torch.Generator, frames: int | None = None, temperature: float = 1.0
    ) -> Tensor:
        """`count` latents drawn from where the training material lies; `generator` is on the CPU.

        For a sequence latent they cover `frames` frames (None: a chunk's): draws are joined end to end, each fading
        into the next over a quarter of its length.
        """
        if self.whole is not None:
            return self.density.sample(count, generator, temperature=temperature)
        positions = self.positions if frames is None else -(-frames // self.patch_frames)
        return torch.cat([self._sampled_sequence(positions, generator, temperature) for _ in range(count)])

    def normalize(self, x: Tensor) -> Tensor:
        """Spectrograms to values around 0 and of unit spread."""
        y: Tensor = self.normalization(x)
        return y

    def denormalize(self, x: Tensor) -> Tensor:
        """The inverse of `normalize`."""
        return self.normalization.inverse(x)

    def fit_normalization(self, spectrograms: Iterable[Tensor]) -> None:
        """See `ChannelNormalization.fit`."""
        self.normalization.fit(spectrograms)

    def fit(self, spectrograms: Collection[Tensor]) -> None:
        """`fit_parts` and, for a global latent, `fit_whole`, to the same spectrograms."""
        self.fit_parts(spectrograms)
        if self.whole is not None:
            self.fit_whole(spectrograms)

    @torch.no_grad()
    def fit_parts(self, spectrograms: Iterable[Tensor]) -> None:
        """Fit the statistics and what patches are made of to spectrograms [batch, in_channels, bands, frames].

        A few patches of each batch are kept, so that many sounds have a say. Raises ValueError as `fit_normalization`
        does.
        """
        kept: list[Tensor] = []

        def heard() -> Iterator[Tensor]:
            for x in spectrograms:
                patches: Tensor = self.cut(x)
                rows = patches.flatten(0, 1)
                kept.append(rows[:: -(-rows[0].numel() * len(rows) // VALUES_OF_A_BATCH)].clone())
                yield x

        self.fit_normalization(heard())
        rows = torch.cat(kept)[:: -(-sum(map(torch.numel, kept)) // MOST_VALUES)]
        self.parts.fit((self.normalize(rows) * self.cut.window * self.share).flatten(1))
        if self.whole is None:
            self._settle_noise(self.parts)

    @torch.no_grad()
    def fit_whole(self, spectrograms: Iterable[Tensor]) -> None:
        """Fit what whole chunks are made of, once the parts are; one batch of spectrograms is in memory at a time."""
        assert self.whole is not None
        scores = (self.parts.analyze(self._weighted_patches(self.normalize(x))) for x in spectrograms)
        self.whole.fit(torch.cat([self._in_own_units(score) for score in scores]))
        self._settle_noise(self.whole)

    def _settle_noise(self, base: PrincipalComponents) -> None:
        """What probabilistic PCA leaves uncertain of each latent; all of it where there is no direction."""
        found = base.found[: self.latent_dim]
        noise = base.unexplained(self.latent_dim) / base.scale[: self.latent_dim].square()
        self.log_variance_start.copy_(torch.where(found, noise.clamp(max=LARGEST_NOISE), 1.0).log())

    @torch.no_grad()
    def fit_density(self, spectrograms: Iterable[Tensor]) -> None:
        """Learn where the latents of normalised `spectrograms` of `frames` frames lie."""
        self.density.fit(torch.cat([self.encode(x)[0].flatten(1) for x in spectrograms]))

    def _linear_latent(self, scores: Tensor) -> tuple[Tensor, Tensor]:
        if self.whole is None:
            return scores[..., : self.latent_dim].mT.float(), self.parts.scale[: self.latent_dim]
        return self.whole.analyze(self._in_own_units(scores)).float(), self.whole.scale

    def _in_own_units(self, scores: Tensor) -> Tensor:
        """Whitened scores of a chunk's patches as one vector [batch, positions * components], no longer whitened."""
        return (scores * self.parts.scale).flatten(1)

    def _weighted_patches(self, x: Tensor) -> Tensor:
        """Normalised spectrograms to vectors [batch, positions, features], faded at their edges."""
        patches: Tensor = self.cut(x)
        return (patches * (self.cut.window * self.share)).flatten(2)

    def _as_spectrograms(self, patches: Tensor) -> Tensor:
        """Vectors [batch, positions, features] as [batch, positions, channels, bands, reach]."""
        channels, bands, _ = self.shape
        return patches.reshape(*patches.shape[:2], channels, bands, self.cut.reach)

    def _sampled_sequence(self, positions: int, generator: torch.Generator, temperature: float) -> Tensor:
        length = self.positions
        fade = length // 4
        pieces = -(-max(1, positions - fade) // (length - fade))
        drawn = self.density.sample(pieces, generator, temperature=temperature).view(pieces, self.latent_dim, length)
        result = drawn[0]
        rising = torch.linspace(0, 1, fade + 2, device=drawn.device)[1:-1]
        for piece in drawn[1:]:
            joint = result[:, result.shape[1] - fade :] * (1 - rising) + piece[:, :fade] * rising
            result = torch.cat([result[:, : result.shape[1] - fade], joint, piece[:, fade:]], dim=1)
        return result[None, :, :positions]

    def _check(self, x: Tensor) -> None:
        channels, bands, frames = self.shape
        fits = x.ndim == 4 and tuple(x.shape[1:3]) == (channels, bands) and x.shape[3] > 0
        if not fits or (self.whole is not None and x.shape[3] != frames):
            wanted = str(frames) if self.whole is not None else "frames"
            raise ValueError(
                f"spectrogram of shape {tuple(x.shape)}: this model takes [batch, {channels}, {bands}, {wanted}]"
            )
