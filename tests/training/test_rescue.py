"""What --auto is for: a rate that is far too high is survived, and a healthy run is left alone."""

from pathlib import Path

import pytest
import torch

from core.run.events import AdviceTaken, AlertEnded, AlertStarted, EpochMetrics, Event
from core.run.folder import RunFolder
from core.training.config_file import load_config
from tests.training.conftest import TINY
from tests.training.test_advice import of, run


@pytest.fixture(scope="module")
def rescued(tones: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Event]]:
    """A healthy run, one with a hundred times its rate, and that with help."""
    calm = {"preview.every": 1000, "checkpoint.every": 1000, "epochs": 200, "steps": 100}
    runs = {"healthy": {"learning_rate": 1e-3}, "alone": {"learning_rate": 0.1},
            "helped": {"learning_rate": 0.1, "auto": "conservative"}}  # fmt: skip
    torch.set_num_threads(1)
    place = tmp_path_factory.mktemp("rescued")
    return {
        name: run(
            RunFolder.create(place, name), load_config(None, [], {"data.path": str(tones), **TINY, **calm, **own})
        )
        for name, own in runs.items()
    }


def test_a_rate_a_hundred_times_too_high_is_survived_and_not_without_help(rescued: dict[str, list[Event]]) -> None:
    ends = {name: of(EpochMetrics, events)[-1].val_terms["stft_loss"] for name, events in rescued.items()}
    assert ends["alone"] > 2 * ends["healthy"]
    assert ends["helped"] < 1.2 * ends["healthy"]
    assert {name: bool(of(AdviceTaken, events)) for name, events in rescued.items()} == {
        "healthy": False, "alone": False, "helped": True,
    }  # fmt: skip


def test_it_goes_back_to_before_the_trouble_though_the_first_epoch_was_the_best(
    rescued: dict[str, list[Event]],
) -> None:
    taken = of(AdviceTaken, rescued["helped"])[0]
    best = [epoch.step for epoch in of(EpochMetrics, rescued["helped"]) if epoch.is_best and epoch.step <= taken.step]
    assert best
    assert taken.restored_step == 0
    alert = next(alert for alert in of(AlertStarted, rescued["helped"]) if alert.id == taken.alert)
    assert any(ended.id == alert.id and ended.step == taken.step for ended in of(AlertEnded, rescued["helped"]))
