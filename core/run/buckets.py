"""Bucket arithmetic: many rows of numbers as minimum, maximum, mean and last of a few stretches."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.run.blocks import ABSENT_BITS
from core.run.link import Series

if TYPE_CHECKING:  # numpy costs the first frame a tenth of a second, so functions import it
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.floating]
    Integers = NDArray[np.integer]

MINIMUM, MAXIMUM, MEAN, LAST, FINITE, SEEN = range(6)
"""A summary is an array [6, stretches, columns] in this order. The first four are over the finite values (infinite,
infinite, 0 and NaN where there are none), FINITE counts these, and SEEN counts NaN and infinity too."""


@dataclass(frozen=True)
class Buckets:
    """`count` buckets of `size` steps (a power of two) each, from step `first` (a multiple of `size`) on."""

    first: int
    size: int
    count: int

    @classmethod
    def covering(cls, lo: int, hi: int, width: int) -> "Buckets":
        """The smallest buckets of which `width` + 1 cover lo <= step < hi."""
        lo = max(0, lo)
        span = max(1, hi - lo)
        size = 1 << max(0, -(-span // max(1, width)) - 1).bit_length()
        first = lo // size * size
        return cls(first, size, -(-(lo + span - first) // size))

    @property
    def stop(self) -> int:
        """The step after the last bucket."""
        return self.first + self.size * self.count

    def places(self, steps: "Integers") -> "Integers":
        """The bucket of each step."""
        return (steps - self.first) // self.size

    def series(self, term: str, summary: "Floats", places: "Integers", lowest: int, highest: int) -> Series:
        """The curve of one-column `summary` [6, stretches, 1], whose stretches lie at the buckets `places`."""
        import numpy as np

        curve = np.full((6, self.count), np.nan)
        curve[:, places] = summary[:, :, 0]
        curve[:LAST, np.isnan(curve[LAST])] = np.nan
        minimum, maximum, mean, last = (tuple(row.tolist()) for row in curve[:FINITE])
        nonfinite = np.flatnonzero(curve[SEEN] > curve[FINITE])
        return Series(
            term, self.first, self.size, minimum, maximum, mean, last, tuple(nonfinite.tolist()), lowest, highest
        )


def runs(keys: "Integers") -> "Integers":
    """Where each run of equal keys begins: [0, 3] for 5 5 5 7."""
    import numpy as np

    return np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))


def summarise(values: "Floats", starts: "Integers") -> "Floats":
    """Rows starts[i] <= row < starts[i + 1] of float32 `values` [rows, columns] as one stretch each."""
    import numpy as np

    summary = np.empty((6, len(starts), values.shape[1]))
    finite = np.isfinite(values)
    if finite.all():
        ends = np.append(starts, len(values))[1:]
        summary[MINIMUM] = np.minimum.reduceat(values, starts)
        summary[MAXIMUM] = np.maximum.reduceat(values, starts)
        summary[MEAN] = np.add.reduceat(values, starts, dtype=np.float64)
        summary[LAST] = values[ends - 1]
        summary[FINITE] = summary[SEEN] = (ends - starts)[:, None]
    else:
        present = finite | (values.view(np.uint32) != ABSENT_BITS)
        summary[MINIMUM] = np.minimum.reduceat(np.where(finite, values, np.float32(np.inf)), starts)
        summary[MAXIMUM] = np.maximum.reduceat(np.where(finite, values, np.float32(-np.inf)), starts)
        summary[MEAN] = np.add.reduceat(np.where(finite, values, np.float32(0)), starts, dtype=np.float64)
        summary[LAST] = _newest(values, finite, starts)
        summary[FINITE] = np.add.reduceat(finite, starts, dtype=np.float64)
        summary[SEEN] = np.add.reduceat(present, starts, dtype=np.float64)
    summary[MEAN] /= np.maximum(summary[FINITE], 1)
    return summary


def merge(summary: "Floats", starts: "Integers") -> "Floats":
    """Stretches starts[i] <= stretch < starts[i + 1] of a summary [6, stretches, columns] as one each."""
    import numpy as np

    merged = np.empty((6, len(starts), summary.shape[2]))
    merged[MINIMUM] = np.minimum.reduceat(summary[MINIMUM], starts)
    merged[MAXIMUM] = np.maximum.reduceat(summary[MAXIMUM], starts)
    merged[FINITE] = np.add.reduceat(summary[FINITE], starts, dtype=np.float64)
    merged[SEEN] = np.add.reduceat(summary[SEEN], starts, dtype=np.float64)
    weighted = summary[MEAN].astype(np.float64) * summary[FINITE]
    merged[MEAN] = np.add.reduceat(weighted, starts) / np.maximum(merged[FINITE], 1)
    merged[LAST] = _newest(summary[LAST], summary[FINITE] > 0, starts)
    return merged


def _newest(values: "Floats", finite: "Integers", starts: "Integers") -> "Floats":
    import numpy as np

    rows = np.maximum.reduceat(np.where(finite, np.arange(len(values))[:, None], -1), starts)
    return np.where(rows >= 0, np.take_along_axis(values, np.maximum(rows, 0), axis=0), np.nan)
