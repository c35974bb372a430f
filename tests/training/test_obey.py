"""A value that is set while a real run trains: it counts from the next step on, once, and not even a kill loses it."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.run.commands import Command, Preview, Set
from core.run.events import (
    CheckpointSaved,
    CommandAnswered,
    EpochMetrics,
    Event,
    PhaseChanged,
    PreviewEvent,
    StepMetrics,
    ValueSet,
)
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink
from core.training.checkpoint_files import list_checkpoints
from core.training.checkpoints import load_checkpoint
from core.training.config_file import load_config, read_config
from core.training.control import Control
from core.training.train import train
from tests.midi.conftest import demo_tunes  # noqa: F401 - a fixture
from tests.midi.test_midi_runs import TINY as TINY_TUNES

Tiny = Callable[..., Any]
CALM = {"preview__every": 1000, "checkpoint__every": 1000}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "run")


def obeyed(folder: RunFolder, setup: Any, asks: Mapping[int, tuple[Command, ...]]) -> list[Event]:
    """What a run tells that is asked for these commands right after these steps."""
    link, events, control = FolderLink(folder), list[Event](), Control()

    def callback(event: Event) -> None:
        events.append(event)
        if isinstance(event, StepMetrics) and event.step in asks:
            for command in asks[event.step]:
                link.send(command)
            control.poke()

    config, given = setup
    train(folder, config=config, given=given, callback=callback, control=control)
    return events


def of(kind: type[Any], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def weighed(step: StepMetrics, config: Any) -> float:
    """The audio total, from the terms and the weights that a config says."""
    loss, terms = config.loss, step.terms
    total = loss.stft.weight * terms["stft_loss"] + loss.reconstruction.weight * terms["recon_loss"]
    return float(total + loss.log_magnitude.weight * terms["log_mag_loss"] + step.kl_weight * terms["kl_loss"])


def test_a_loss_weight_counts_in_what_is_minimised_from_the_next_step_on(tiny: Tiny, folder: RunFolder) -> None:
    setup = tiny(epochs=30, steps=16, **CALM)
    events = obeyed(folder, setup, {8: (Set("loss.stft.weight", 50),)})
    (change,) = of(ValueSet, events)
    assert (change.key, change.before, change.after) == ("loss.stft.weight", 1.0, 50.0)
    before, after = setup[0], read_config(folder.config_path)[0]
    assert after.loss.stft.weight == 50
    steps = of(StepMetrics, events)
    assert change.step == 8
    for step in steps:
        assert step.train_loss == pytest.approx(weighed(step, before if step.step <= change.step else after), rel=1e-5)
    (answer,) = of(CommandAnswered, events)
    assert answer.message == f"loss.stft.weight is 50 from step {change.step + 1} on"
    assert events.index(change) < events.index(answer)


def test_the_rate_is_the_new_one_from_the_next_step_on(tiny: Tiny, folder: RunFolder) -> None:
    events = obeyed(folder, tiny(epochs=30, steps=16, learning_rate=1e-3, **CALM), {8: (Set("learning_rate", 1e-5),)})
    (change,) = of(ValueSet, events)
    rates = {step.step: step.learning_rate for step in of(StepMetrics, events)}
    assert rates[change.step] > 5e-4
    assert 0 < rates[change.step + 1] < 1e-5


def test_the_same_value_again_changes_and_saves_nothing(tiny: Tiny, folder: RunFolder) -> None:
    setup = tiny(epochs=30, steps=16, learning_rate=1e-3, **CALM)
    events = obeyed(folder, setup, {5: (Set("learning_rate", 1e-3), Set("loss.stft.weight", 1))})
    answers = of(CommandAnswered, events)
    assert [(answer.done, answer.message) for answer in answers] == [
        (True, "learning_rate is 0.001 already"), (True, "loss.stft.weight is 1 already"),
    ]  # fmt: skip
    assert not of(ValueSet, events)
    assert not [saved for saved in of(CheckpointSaved, events) if saved.reason == "requested"]


def test_two_quick_changes_are_both_made_in_their_order(tiny: Tiny, folder: RunFolder) -> None:
    quick = (Set("loss.stft.weight", 4), Set("loss.stft.weight", 2), Set("preview.every", 7))
    events = obeyed(folder, tiny(epochs=30, steps=16, **CALM), {8: quick})
    told = [(change.key, change.before, change.after) for change in of(ValueSet, events)]
    assert told == [("loss.stft.weight", 1, 4), ("loss.stft.weight", 4, 2), ("preview.every", 1000, 7)]
    after = read_config(folder.config_path)[0]
    assert (after.loss.stft.weight, after.preview.every) == (2, 7)
    assert all(change.step == 8 for change in of(ValueSet, events))


def test_a_change_is_in_the_checkpoint_of_its_step_and_in_the_config(tiny: Tiny, folder: RunFolder) -> None:
    seen: list[tuple[float, float]] = []
    link, control = FolderLink(folder), Control()

    def callback(event: Event) -> None:
        if isinstance(event, StepMetrics) and event.step == 8:
            link.send(Set("loss.stft.weight", 3))
            control.poke()
        if isinstance(event, ValueSet):  # what a kill at this very moment would leave
            newest = list_checkpoints(folder)[-1]
            assert newest.step == event.step
            kept = load_checkpoint(newest.path)["config"]["loss"]["stft"]["weight"]
            seen.append((kept, read_config(folder.config_path)[0].loss.stft.weight))

    config, given = tiny(epochs=30, steps=16, **CALM)
    train(folder, config=config, given=given, callback=callback, control=control)
    assert seen == [(3.0, 3.0)]


def test_a_value_that_this_run_does_not_use_is_refused_and_it_can_be_resumed(tiny: Tiny, folder: RunFolder) -> None:
    asks = (Set("loss.constraints.weight", 0.5), Set("adversarial.weight", 0.5), Set("learning_rate", 7))
    events = obeyed(folder, tiny(epochs=30, steps=10, **CALM), {5: asks})
    assert [answer.done for answer in of(CommandAnswered, events)] == [False, False, False]
    assert not of(ValueSet, events)
    assert train(folder, checkpoint="latest").reason == "finished"


def test_while_it_validates_the_epoch_is_judged_once_and_by_the_new_weight(tiny: Tiny, folder: RunFolder) -> None:
    link, events, control = FolderLink(folder), list[Event](), Control()

    def callback(event: Event) -> None:
        events.append(event)
        if isinstance(event, PhaseChanged) and event.phase == "validating" and not of(ValueSet, events):
            link.send(Set("loss.stft.weight", 100))
            control.poke()

    config, given = tiny(epochs=2, **CALM)
    train(folder, config=config, given=given, callback=callback, control=control)
    first, second = of(EpochMetrics, events)
    (change,) = of(ValueSet, events)
    assert change.step == first.step
    assert events.index(change) < events.index(first)
    assert [epoch.epoch for epoch in (first, second)] == [1, 2]
    assert first.val_loss == pytest.approx(100 * first.val_terms["stft_loss"], rel=0.2)


def test_previews_that_are_being_made_do_not_mind(tiny: Tiny, folder: RunFolder) -> None:
    asks = (Preview(), Set("loss.stft.weight", 3), Preview(), Set("preview.every", 2))
    events = obeyed(folder, tiny(epochs=4, preview__every=1000), {5: asks})
    assert all(answer.done for answer in of(CommandAnswered, events))
    assert len(of(ValueSet, events)) == 2
    assert {preview.epoch % 2 for preview in of(PreviewEvent, events) if preview.step > 12} == {0}


def test_the_constraints_of_tunes_count_from_the_next_step_on(demo_tunes: list[Path], folder: RunFolder) -> None:  # noqa: F811
    overrides = {"data.path": str(demo_tunes[0].parent), **TINY_TUNES, "adversarial.mode": "off", "epochs": 50}
    setup = load_config(None, ["steps=12", "preview.every=1000", "checkpoint.every=1000"], overrides)
    asks = {4: (Set("loss.constraints.weight", 5), Set("loss.kl.weight_max", 0.25))}
    events = obeyed(folder, setup, asks)
    constraints, kl = of(ValueSet, events)
    assert (constraints.before, constraints.after, kl.before, kl.after) == (0.1, 5, 1, 0.25)
    for step in of(StepMetrics, events):
        terms, weight = step.terms, 0.1 if step.step <= constraints.step else 5
        total = terms["recon_total"] + terms["beta"] * terms["kl_loss"] + weight * terms["constraint_total"]
        assert step.train_loss == pytest.approx(total, rel=1e-4)
    assert max(step.terms["beta"] for step in of(StepMetrics, events) if step.step > kl.step) <= 0.25
