"""A run that was stopped anywhere and resumed is bit for bit the run that was never stopped."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.run.events import EpochMetrics, Event, PhaseChanged, StepMetrics
from core.run.folder import RunFolder
from core.training.checkpoint_files import find_checkpoint
from core.training.checkpoints import load_checkpoint
from core.training.control import Control
from core.training.train import train

VARYING = {"step_time_s", "data_time_s", "elapsed_s", "elapsed_seconds", "eta_seconds"}
BY_THE_CLOCK = ("gradient/", "norm/", "update/", "dead/", "data/", "system/")  # extras that are measured as time allows


def same(a: Any, b: Any, where: str = "") -> None:
    """Assert equality to the bit, through nested containers, except for what a clock measures."""
    assert type(a) is type(b), where
    if isinstance(a, torch.Tensor):
        assert torch.equal(a, b), where
    elif isinstance(a, dict):
        a, b = ({k: v for k, v in each.items() if not str(k).startswith(BY_THE_CLOCK)} for each in (a, b))
        assert a.keys() == b.keys(), where
        for key in a:
            if key not in VARYING:
                same(a[key], b[key], f"{where}.{key}")
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for index, (left, right) in enumerate(zip(a, b, strict=True)):
            same(left, right, f"{where}[{index}]")
    else:
        assert a == b or (a != a and b != b), where


class Stopper:
    """Collects events and asks to stop at the first one that `when` holds for."""

    def __init__(self, when: Callable[[Event], bool] = lambda _: False) -> None:
        self.control, self.events, self._when = Control(), list[Event](), when

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        if self._when(event):
            self.control.stop("cancelled")


def metrics(events: list[Event]) -> list[dict[str, Any]]:
    kept = [event for event in events if isinstance(event, StepMetrics | EpochMetrics)]
    plain = [{k: v for k, v in vars(event).items() if k not in VARYING} for event in kept]
    for each in plain:
        each["extras"] = {k: v for k, v in each.get("extras", {}).items() if not k.startswith(BY_THE_CLOCK)}
    return plain


def run(folder: RunFolder, stopper: Stopper, checkpoint: str | None, setup: Any = None) -> None:
    config, given = setup or (None, frozenset())
    train(folder, config=config, given=given, checkpoint=checkpoint, callback=stopper, control=stopper.control)


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory, tones: Path) -> tuple[Any, dict[str, Any], list[Event]]:
    from core.training.config_file import load_config
    from tests.training.conftest import TINY

    setup = load_config(None, [], {"data.path": str(tones), **TINY})
    folder = RunFolder.create(tmp_path_factory.mktemp("runs"), "whole")
    whole = Stopper()
    run(folder, whole, None, setup)
    return setup, load_checkpoint(find_checkpoint(folder, "latest")), whole.events


def at_step(step: int) -> Callable[[Event], bool]:
    return lambda event: isinstance(event, StepMetrics) and event.step == step


def at_validation(number: int) -> Callable[[Event], bool]:
    seen = []

    def when(event: Event) -> bool:
        if isinstance(event, PhaseChanged) and event.phase == "validating":
            seen.append(event)
        return len(seen) == number

    return when


def test_a_run_has_steps_in_several_epochs(uninterrupted: Any) -> None:
    _, contents, events = uninterrupted
    epochs = [event for event in events if isinstance(event, EpochMetrics)]
    assert len(epochs) == 3
    assert contents["step"] == epochs[-1].step > 6


@pytest.mark.parametrize("stops", [[1], [2, 3], [4], [5, 6, 7], [8]], ids=str)
def test_stopped_at_steps_and_resumed_it_ends_the_same(uninterrupted: Any, tmp_path: Path, stops: list[int]) -> None:
    setup, expected, events = uninterrupted
    folder = RunFolder.create(tmp_path, "cut")
    parts = [Stopper(at_step(step)) for step in stops] + [Stopper()]
    for index, part in enumerate(parts):
        run(folder, part, "latest" if index else None, None if index else setup)
    same(load_checkpoint(find_checkpoint(folder, "latest")), expected)
    same(metrics([event for part in parts for event in part.events]), metrics(events))


def test_stopped_in_the_middle_of_a_validation_it_is_made_again(uninterrupted: Any, tmp_path: Path) -> None:
    setup, expected, events = uninterrupted
    folder = RunFolder.create(tmp_path, "cut")
    first, second = Stopper(at_validation(2)), Stopper()
    run(folder, first, None, setup)
    run(folder, second, "latest")
    same(load_checkpoint(find_checkpoint(folder, "latest")), expected)
    same(metrics(first.events + second.events), metrics(events))


def test_best_is_the_same_too(uninterrupted: Any, tmp_path: Path) -> None:
    setup, *_ = uninterrupted
    folders = [RunFolder.create(tmp_path, name) for name in ("whole", "cut")]
    run(folders[0], Stopper(), None, setup)
    run(folders[1], Stopper(at_step(4)), None, setup)
    run(folders[1], Stopper(), "latest")
    same(*(load_checkpoint(find_checkpoint(folder, "best")) for folder in folders))


def test_from_an_earlier_checkpoint_the_same_steps_follow(uninterrupted: Any, tmp_path: Path) -> None:
    setup, expected, _ = uninterrupted
    folder = RunFolder.create(tmp_path, "again")
    run(folder, Stopper(), None, setup)
    run(folder, Stopper(at_step(7)), "step-00000005")
    assert find_checkpoint(folder, "latest").stem == "step-00000007"
    run(folder, Stopper(), "latest")
    same(load_checkpoint(find_checkpoint(folder, "latest")), expected)


def test_files_added_since_are_trained_on_and_what_was_held_out_stays_so(tmp_path: Path) -> None:
    from core.training.config_file import load_config
    from tests.training.conftest import TINY, write_tones

    data = write_tones(tmp_path / "data")
    folder = RunFolder.create(tmp_path / "runs", "growing")
    run(folder, Stopper(at_step(2)), None, load_config(None, [], {"data.path": str(data), **TINY, "epochs": 1}))
    held_out = load_checkpoint(find_checkpoint(folder, "latest"))["held_out"]
    for path in sorted(data.iterdir()):
        (data / f"a-{path.name}").write_bytes(path.read_bytes())
    run(folder, Stopper(), "latest")
    assert load_checkpoint(find_checkpoint(folder, "latest"))["held_out"] == held_out
