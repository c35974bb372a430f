"""A validation that is not a number is told, once, and is over when it is a number again."""

import math

from core.insight.detectors import Detectors
from core.run.events import AlertEnded, AlertStarted, EpochMetrics, TermInfo

TERMS = (TermInfo("total_loss", "total", "total", judged=False), TermInfo("stft_loss", "stft", "reconstruction"))


def epoch(number: int, stft: float) -> EpochMetrics:
    terms = {"total_loss": stft, "stft_loss": stft}
    return EpochMetrics(number, 50, 1.0, stft, step=10 * number, train_terms={"stft_loss": 1.0}, val_terms=terms)


def test_it_is_told_once_and_ends() -> None:
    detectors = Detectors(TERMS)
    assert detectors.epoch(epoch(1, 1.0)) == []
    (started,) = detectors.epoch(epoch(2, math.nan))
    assert isinstance(started, AlertStarted)
    assert (started.kind, started.severity) == ("validation", "danger")
    assert "stft" in started.title
    later = Detectors(TERMS)
    later.restore(detectors.state())
    assert later.epoch(epoch(3, math.inf)) == []
    (ended,) = later.epoch(epoch(4, 1.0))
    assert ended == AlertEnded(started.id, 40, 4)
