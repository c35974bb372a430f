"""How losses become shades: near the floor in proportion, far above it by their logarithm. No torch, no numpy."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

KNEE = 0.2  # the share of the places that are shaded in proportion: the floor around the lowest


@dataclass(frozen=True)
class Scale:
    """From a loss to a height between 0 (`low`) and 1 (`high`), by log(1 + rise / knee).

    So a shallow bowl shows its rings as well as one whose rim bursts.
    """

    low: float
    high: float
    knee: float

    @classmethod
    def of(cls, losses: Iterable[float]) -> "Scale":
        """The scale that spreads the finite ones among the losses."""
        finite = sorted(loss for loss in losses if math.isfinite(loss))
        if not finite:
            return cls(0.0, 0.0, 1.0)
        low, high = finite[0], finite[-1]
        knee = finite[round(KNEE * (len(finite) - 1))] - low
        return cls(low, high, max(knee, (high - low) * 1e-6) or 1.0)

    def height(self, loss: float) -> float:
        """0 to 1; NaN for what is not finite."""
        if not math.isfinite(loss):
            return math.nan
        whole = math.log1p((self.high - self.low) / self.knee)
        return min(1.0, max(0.0, math.log1p(max(0.0, loss - self.low) / self.knee) / whole)) if whole > 0 else 0.0

    def loss(self, height: float) -> float:
        """The other way round."""
        return self.low + self.knee * math.expm1(height * math.log1p((self.high - self.low) / self.knee))
