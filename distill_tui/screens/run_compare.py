"""Which runs are drawn over each other when a person asks to compare."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from core.run.folder import RunSummary


class NothingToCompare(Exception):
    """There are not two runs to compare; the message says what to do."""


def compared(wanted: Sequence[RunSummary], runs: Iterable[RunSummary]) -> list[Path]:
    """The run to watch, then those over it; one alone gets the baseline over it. Raises NothingToCompare.

    The baseline comes second where it is among them: it is what the watched one is compared with.
    """
    from distill_tui.overlay import MOST

    baseline = next((run for run in runs if run.baseline), None)
    readable = [run for run in wanted if not run.error]
    if len(readable) == 1 and baseline is not None and not baseline.error and baseline.path != readable[0].path:
        readable.append(baseline)
    if len(readable) < 2:
        raise NothingToCompare("Mark two or more runs with space, or make one the baseline with B; then c compares.")
    if len(readable) > MOST + 1:
        raise NothingToCompare(f"At most {MOST + 1} runs fit over each other; {len(readable)} are marked.")
    return [run.path for run in sorted(readable, key=lambda run: run.baseline)]
