"""Spectrograms cut into overlapping patches of a few frames, and joined again without a seam."""

import torch
from torch import Tensor, nn
from torch.nn import functional


class LappedPatches(nn.Module):
    """[batch, channels, bands, frames] to patches [batch, positions, channels, bands, reach] and back.

    A patch begins every `frames` frames and reaches a quarter of that beyond either end. `window` [reach] fades it in
    and out where it overlaps its neighbours: what is multiplied by it once, on either way, joins to the whole. Patches
    side by side would leave a step between any two of them, which is heard as a hum at their rate.
    """

    window: Tensor

    def __init__(self, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.margin = (frames + 3) // 4 if frames > 1 else 0
        self.reach = frames + 2 * self.margin
        ramp = (torch.pi / 2 * torch.arange(1, 2 * self.margin + 1) / (2 * self.margin + 1)).sin().square()
        middle = torch.ones(self.reach - 2 * len(ramp))
        self.register_buffer("window", torch.cat([ramp, middle, ramp.flip(0)]), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Patches of `x`, not faded; at its ends its first and last frame go on."""
        missing = -x.shape[3] % self.frames
        x = functional.pad(x, (self.margin, self.margin + missing, 0, 0), mode="replicate")
        return x.unfold(3, self.reach, self.frames).permute(0, 3, 1, 2, 4)

    def join(self, patches: Tensor, frames: int) -> Tensor:
        """Faded patches to [batch, channels, bands, frames]: their sum, made up for where a neighbour is missing."""
        weight = self._sum(self.window.expand(1, patches.shape[1], 1, 1, -1))
        whole = self._sum(patches) / weight
        return whole[..., self.margin : self.margin + frames]

    def _sum(self, patches: Tensor) -> Tensor:
        """Each patch a stride after the one before: its first frames lie side by side, the rest on the next ones."""
        batch, positions, channels, bands, _ = patches.shape
        first, rest = patches[..., : self.frames], patches[..., self.frames :]
        first = functional.pad(first, (0, 0, 0, 0, 0, 0, 0, 1))
        rest = functional.pad(rest, (0, self.frames - 2 * self.margin, 0, 0, 0, 0, 1, 0))
        total = (first + rest).permute(0, 2, 3, 1, 4)
        return total.reshape(batch, channels, bands, (positions + 1) * self.frames)
