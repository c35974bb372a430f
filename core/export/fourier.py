"""Spectra back to sound in real numbers only, for formats that know neither complex numbers nor an inverse STFT."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from core.audio.phase import LAG, SMALLEST_OVERLAP, SMALLEST_SQUARE

Spectrum = tuple[Tensor, Tensor]  # real and imaginary part, each [batch, frames, bins], float64


class FixedFourier(nn.Module):
    """What `core.audio.phase` does with torch.stft and torch.fft, as products with fixed cosines and sines.

    For spectra of `frames` frames and sounds of `samples` samples, all in float64, which runtimes know in products of
    matrices but not in convolutions. Cosines are even and sines odd about the middle of a frame, so that each is
    multiplied with half of it: the bases hold 2 x (n_fft / 2 + 1)^2 numbers in all, the same for both ways.

    A sound is worked with as blocks [batch, blocks, hop], of which a frame covers a few. Which of them lie side by side
    is looked up, however many they are: an exporter takes its time over every operation of every round.
    """

    cosines: Tensor
    sines: Tensor
    share: Tensor
    window: Tensor
    mirrored_window: Tensor
    mirror: Tensor
    counterpart: Tensor
    blocks_of_frames: Tensor
    pieces_of_blocks: Tensor
    gain: Tensor

    def __init__(self, window: Tensor, hop: int, frames: int, samples: int) -> None:
        super().__init__()
        self.size, self.hop, self.frames, self.samples = len(window), hop, frames, samples
        self.kept = self.size // 2 + 1  # bins, and samples of a frame up to its middle
        self.strides = -(-self.size // hop)
        self.blocks = frames + self.strides - 1
        turns = torch.arange(self.kept)[:, None] * torch.arange(self.kept) % self.size
        angles = turns.double() * (2 * torch.pi / self.size)
        self.register_buffer("cosines", angles.cos())
        self.register_buffer("sines", angles.sin())
        # The spectrum of a real signal is symmetric: all but the first and the last bin stand for two.
        share = torch.full((self.kept,), 2.0 / self.size, dtype=torch.float64)
        share[0] = share[-1] = 1.0 / self.size
        self.register_buffer("share", share)
        self._fix_window(window.double())
        self._fix_places()
        squares = functional.pad(self.window.square(), (0, self.strides * hop - self.size))
        weight = self._overlap_added(squares.expand(1, frames, -1))
        place = torch.arange(self.blocks * hop).view(1, self.blocks, hop) - self.size // 2
        inside = (place >= 0) & (place < samples)
        self.register_buffer("gain", inside / weight.clamp(min=SMALLEST_OVERLAP * float(squares.max())))

    def sound(self, spectrum: Spectrum) -> Tensor:
        """The waveform [batch, samples] nearest to a spectrum, as `core.audio.phase.istft`."""
        start = self.size // 2
        blocks = self._synthesized((spectrum[0] * self.share, spectrum[1] * self.share))
        waveform = blocks.flatten(1)[:, start : start + self.samples]
        return functional.pad(waveform, (0, max(0, start + self.samples - self.blocks * self.hop)))

    def spectrum(self, waveform: Tensor) -> Spectrum:
        """The spectrum of waveforms [batch, samples], as `core.audio.phase.stft`."""
        before, covered = self.size // 2, self.blocks * self.hop
        padded = functional.pad(waveform, (before, max(0, covered - before - self.samples)))[:, :covered]
        return self._analyzed(padded.reshape(-1, self.blocks, self.hop))

    def griffin_lim(self, magnitude: Tensor, phase: Tensor, iterations: int) -> Spectrum:
        """As `core.audio.phase.griffin_lim`, of magnitudes and phases [batch, bins, frames]."""
        shares = magnitude.mT * self.share
        spectrum = shares * phase.mT.cos(), shares * phase.mT.sin()
        previous: Tensor | None = None
        for _ in range(iterations):
            blocks = self._synthesized(spectrum)
            real, imaginary = self._analyzed(blocks if previous is None else blocks - LAG * previous)
            scale = shares / (real * real + imaginary * imaginary).clamp(min=SMALLEST_SQUARE).sqrt()
            spectrum, previous = (scale * real, scale * imaginary), blocks
        return spectrum[0] / self.share, spectrum[1] / self.share

    def _synthesized(self, shares: Spectrum) -> Tensor:
        """The sound of a spectrum times the bins' shares, as blocks; zeros around it."""
        even, odd = shares[0] @ self.cosines, shares[1] @ self.sines
        second = (even + odd).index_select(2, self.mirror)
        pieces = torch.cat([even - odd, second], dim=2) * self.window
        if missing := self.strides * self.hop - self.size:
            pieces = functional.pad(pieces, (0, missing))
        return self._overlap_added(pieces) * self.gain

    def _analyzed(self, blocks: Tensor) -> Spectrum:
        frames = blocks.index_select(1, self.blocks_of_frames).reshape(-1, self.frames, self.strides * self.hop)
        first = frames[..., : self.kept] * self.window[: self.kept]
        second = frames.index_select(2, self.counterpart) * self.mirrored_window
        return (first + second) @ self.cosines, (second - first) @ self.sines

    def _overlap_added(self, pieces: Tensor) -> Tensor:
        """[batch, frames, strides * hop] to blocks: the sum of pieces that each start a block after the one before."""
        parts = pieces.reshape(-1, self.frames * self.strides, self.hop)
        parts = functional.pad(parts, (0, 0, 0, 1)).index_select(1, self.pieces_of_blocks)
        return parts.reshape(-1, self.blocks, self.strides, self.hop).sum(dim=2)

    def _fix_window(self, window: Tensor) -> None:
        """And which sample mirrors one of a frame's first half: none does the first and the middle one."""
        counterpart = -torch.arange(self.kept) % self.size
        mirrored = window[counterpart]
        mirrored[0] = mirrored[-1] = 0
        self.register_buffer("window", window)
        self.register_buffer("mirrored_window", mirrored)
        self.register_buffer("counterpart", counterpart)
        self.register_buffer("mirror", torch.arange(self.kept - 2, 0, -1))

    def _fix_places(self) -> None:
        """Which blocks a frame covers, and which pieces a block sums up: where there is none, the zeros behind all."""
        number = torch.arange(self.strides)
        self.register_buffer("blocks_of_frames", (torch.arange(self.frames)[:, None] + number).flatten())
        frame = torch.arange(self.blocks)[:, None] - number
        pieces = torch.where((frame >= 0) & (frame < self.frames), frame * self.strides + number, -1)
        self.register_buffer("pieces_of_blocks", pieces.flatten() % (self.frames * self.strides + 1))
