"""The validation curves: one value for each epoch that is on the run's path."""

import sqlite3
from dataclasses import dataclass

from core.run import event_json
from core.run.buckets import Buckets, runs, summarise
from core.run.events import EpochMetrics, RunStarted
from core.run.link import Series

LOSS = ("total_loss", "train_loss")
"""Names under which the validation loss is found where the recipe's own terms do not use them."""
MEASURES = ("kl_divergence", "overfitting_gap", "active_dimensions")
NEWER = ("active_units", "mutual_information")
"""Measures that epochs of older versions lack: then `active_units` is -1."""


@dataclass(frozen=True)
class _Epoch:
    step: int
    values: dict[str, float]


class EpochHistory:
    """The validated epochs of a run; a resume takes those past its start off the path, as `state.fold` does."""

    def __init__(self) -> None:
        self._seq = 0
        self._epochs: list[_Epoch] = []

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Take in what has been stored since the last call."""
        query = "SELECT seq, kind, body FROM events WHERE kind IN ('run', 'epoch') AND seq > ? ORDER BY seq"
        for seq, kind, body in connection.execute(query, (self._seq,)).fetchall():
            self._seq = seq
            match event_json.decode(kind, body):
                case RunStarted(start_step=start):
                    self._epochs = [epoch for epoch in self._epochs if epoch.step <= start]
                case EpochMetrics() as epoch:
                    self._epochs.append(_Epoch(epoch.step, _values(epoch)))

    def series(self, term: str, buckets: Buckets) -> Series:
        """The term's validation curve in `buckets`; an empty one for what no epoch has."""
        import numpy as np

        name = term.partition("/")[2]
        points = [(epoch.step, epoch.values[name]) for epoch in self._epochs if name in epoch.values]
        if not points:
            return Series(term)
        steps = np.array([step for step, _ in points])
        inside = (steps >= buckets.first) & (steps < buckets.stop)
        places = buckets.places(steps[inside])
        starts = runs(places)
        values = np.array([[value] for _, value in points], np.float32)[inside]
        return buckets.series(term, summarise(values, starts), places[starts], points[0][0], points[-1][0])


def _values(epoch: EpochMetrics) -> dict[str, float]:
    measures = (*MEASURES, *NEWER) if epoch.active_units >= 0 else MEASURES
    named = dict.fromkeys(LOSS, epoch.val_loss) | {name: float(getattr(epoch, name)) for name in measures}
    return named | dict(epoch.val_terms)
