"""A waveform small enough for a line of text."""

from collections.abc import Sequence

BLOCKS = "▁▂▃▄▅▆▇"  # not the full block: lines above each other stay apart


def waveform(peaks: Sequence[float], width: int) -> str:
    """`peaks` (0 to 1) as `width` characters, the largest peak of each stretch; spaces when there are none."""
    if not peaks or width <= 0:
        return " " * max(0, width)
    count = len(peaks)
    columns = (peaks[i * count // width : max(i * count // width + 1, (i + 1) * count // width)] for i in range(width))
    return "".join(BLOCKS[_level(max(column))] for column in columns)


def _level(peak: float) -> int:
    return min(len(BLOCKS) - 1, max(0, int(peak * len(BLOCKS)))) if peak == peak else 0  # NaN is drawn as silence
