"""A real run with a discriminator in it: on screen, apart from what is judged, and the same bits after any stop."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from core.audio.recipe import AudioRecipe
from core.losses.audible import LEVEL
from core.losses.game import TERMS
from core.losses.spectral import create_stft_loss
from core.run.commands import Set
from core.run.events import AlertStarted, EpochMetrics, Event, Reported, RolledBack, RunStarted, StepMetrics
from core.run.folder import RunFolder
from core.run.links.folder import FolderLink
from core.training.checkpoint_files import find_checkpoint
from core.training.checkpoints import load_checkpoint, save_checkpoint
from core.training.config_file import load_config, read_config
from core.training.kinds import KINDS
from core.training.opponent import Opponent
from core.training.train import train
from tests.training.conftest import TINY
from tests.training.test_resume import Stopper, at_step, metrics, run, same

Tiny = Callable[..., Any]
NAMES = {term.name for term in TERMS}
ADVERSARIAL: dict[str, Any] = {
    "adversarial__mode": "on",
    "adversarial__start": 0.25,  # of 15 steps: from the 4th on
    "adversarial__warmup_steps": 2,
    "adversarial__r1_every": 2,
    "adversarial__fft_sizes": [64, 128],
    "adversarial__channels": 4,
    "adversarial__segment_seconds": 0.1,
}


def of(kind: type[Any], events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def trained(
    folder: RunFolder, setup: Any, hook: Callable[[Event], None] = lambda _: None, checkpoint: str | None = None
) -> list[Event]:
    events: list[Event] = []

    def callback(event: Event) -> None:
        events.append(event)
        hook(event)

    config, given = setup or (None, frozenset())
    train(folder, config=config, given=given, checkpoint=checkpoint, callback=callback)
    return events


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder.create(tmp_path, "run")


@pytest.fixture(scope="module")
def met() -> list[bool]:
    """For each time that the discriminator of `whole` met an output: whether it can be learned from."""
    return []


@pytest.fixture(scope="module")
def whole(
    tmp_path_factory: pytest.TempPathFactory, tones: Path, met: list[bool]
) -> tuple[Any, dict[str, Any], list[Event]]:
    """Setup, last checkpoint and events of one run that was never stopped."""
    meet = Opponent.meet

    def recorded(self: Opponent, real: torch.Tensor, fake: torch.Tensor, output: torch.Tensor) -> None:
        met.append(output.requires_grad)
        meet(self, real, fake, output)

    changes = {key.replace("__", "."): value for key, value in ADVERSARIAL.items()}
    setup = load_config(None, [], {"data.path": str(tones), **TINY, **changes})
    folder = RunFolder.create(tmp_path_factory.mktemp("runs"), "whole")
    stopper = Stopper()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Opponent, "meet", recorded)
        run(folder, stopper, None, setup)
    return setup, load_checkpoint(find_checkpoint(folder, "latest")), stopper.events


class TestOnScreen:
    def test_its_terms_are_declared_at_the_start_and_told_from_when_it_joins(self, whole: Any) -> None:
        _, _, events = whole
        (started,) = of(RunStarted, events)
        declared = {term.name: term for term in started.terms}
        assert declared.keys() >= NAMES
        assert all(declared[name].group == "adversarial" and not declared[name].judged for name in NAMES)
        assert all(declared[name].help for name in NAMES)

        steps = of(StepMetrics, events)
        joined = math.floor(0.25 * steps[-1].total_steps) + 1
        assert [bool(NAMES & step.terms.keys()) for step in steps] == [step.step >= joined for step in steps]
        (told,) = [report for report in of(Reported, events) if "discriminator" in report.message]
        assert told.step == joined
        assert all(0 <= step.terms["disc_accuracy"] <= 1 for step in steps[joined:])
        assert [("disc_regularization" in step.terms) for step in steps[joined - 1 :]][:3] == [True, False, True]

    def test_an_epoch_s_mean_is_over_the_steps_that_had_the_term(self, whole: Any) -> None:
        _, _, events = whole
        steps, epochs = of(StepMetrics, events), of(EpochMetrics, events)
        first = next(epoch for epoch in epochs if "disc_adversarial" in epoch.train_terms)
        values = [
            step.terms["disc_adversarial"]
            for step in steps
            if step.epoch == first.epoch and "disc_adversarial" in step.terms
        ]
        assert min(values) <= first.train_terms["disc_adversarial"] <= max(values)

    def test_nothing_that_is_compared_over_time_counts_it(self, whole: Any) -> None:
        """No validation value and no total holds an adversarial term: the best is the best as without it."""
        setup, _, events = whole
        config, _ = setup
        for epoch in of(EpochMetrics, events):
            assert not NAMES & epoch.val_terms.keys()
        loss, kl_weight = config.loss, KINDS["audio"].kl_weight
        for step in of(StepMetrics, events):
            expected = (
                loss.stft.weight * step.terms["stft_loss"]
                + loss.reconstruction.weight * step.terms["recon_loss"]
                + loss.log_magnitude.weight * step.terms["log_mag_loss"]
                + kl_weight * step.terms["kl_loss"]
            )
            assert step.terms["total_loss"] == pytest.approx(expected, rel=1e-4)


def test_until_it_joins_the_run_is_the_one_without_it(tiny: Tiny, folder: RunFolder, whole: Any) -> None:
    _, _, events = whole
    alone = of(StepMetrics, trained(folder, tiny()))
    together = of(StepMetrics, events)
    losses = [[step.terms["stft_loss"] for step in steps] for steps in (alone, together)]
    joined = math.floor(0.25 * alone[-1].total_steps) + 1

    assert losses[0][:joined] == losses[1][:joined]
    assert losses[0][joined + 3 :] != losses[1][joined + 3 :], "from then on it changes what is learned"


def test_it_meets_what_is_trained_on_and_nothing_that_is_held_out(whole: Any, met: list[bool]) -> None:
    _, _, events = whole
    assert len(met) == sum(bool(NAMES & step.terms.keys()) for step in of(StepMetrics, events))
    assert all(met)


def test_it_and_the_stft_loss_hear_what_can_be_heard(
    tiny: Tiny, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Quiet sounds and loud ones are brought to one level, and it is these that are compared."""
    meet, seen = Opponent.meet, list[tuple[torch.Tensor, torch.Tensor]]()

    def recorded(self: Opponent, real: torch.Tensor, fake: torch.Tensor, output: torch.Tensor) -> None:
        seen.append((real.detach(), fake.detach()))
        meet(self, real, fake, output)

    monkeypatch.setattr(Opponent, "meet", recorded)
    config, given = tiny(**{**ADVERSARIAL, "adversarial__segment_seconds": 0.0})
    events = trained(folder, (config, given))
    distance = create_stft_loss(config.loss.stft, config.spectrogram.sample_rate)
    playing = [step for step in of(StepMetrics, events) if NAMES & step.terms.keys()]
    for step, (real, fake) in zip(playing, seen, strict=True):
        levels = real.square().mean(dim=(1, 2)).sqrt()
        torch.testing.assert_close(levels, torch.full_like(levels, LEVEL), rtol=0.01, atol=0)
        assert distance(fake, real).item() == pytest.approx(step.terms["stft_loss"], rel=1e-4)


def test_without_a_loss_of_sound_no_sound_is_made_until_it_joins(
    tiny: Tiny, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = AudioRecipe._waveform_of
    count = 0

    def counted(self: AudioRecipe, heard: torch.Tensor, batch: torch.Tensor) -> torch.Tensor:
        nonlocal count
        count += 1
        return made(self, heard, batch)

    monkeypatch.setattr(AudioRecipe, "_waveform_of", counted)
    events = trained(folder, tiny(**ADVERSARIAL, loss__stft__target="magnitude"))
    steps = of(StepMetrics, events)
    assert count == len(steps) - math.floor(0.25 * steps[-1].total_steps) > 0


def test_its_learning_rate_follows_the_model_s(tiny: Tiny, folder: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    take, rates = Opponent.step, list[float]()

    def recorded(self: Opponent, measured: dict[str, float], pace: float) -> None:
        take(self, measured, pace)
        rates.append(self.optimizer.param_groups[0]["lr"])

    monkeypatch.setattr(Opponent, "step", recorded)
    events = trained(folder, tiny(**ADVERSARIAL, adversarial__balance_threshold=0.0))
    config = read_config(folder.config_path)[0]
    playing = [step.learning_rate for step in of(StepMetrics, events) if NAMES & step.terms.keys()]
    paces = [rate / config.learning_rate for rate in playing]
    assert rates == pytest.approx([config.adversarial.learning_rate * pace for pace in paces])
    assert paces[-1] < 0.5 * paces[0]


class TestAcrossStops:
    @pytest.mark.parametrize("stops", [[3], [4], [5, 6], [9]], ids=str)
    def test_stopped_and_resumed_it_ends_the_same(self, whole: Any, tmp_path: Path, stops: list[int]) -> None:
        setup, expected, events = whole
        folder = RunFolder.create(tmp_path, "cut")
        parts = [Stopper(at_step(step)) for step in stops] + [Stopper()]
        for index, part in enumerate(parts):
            run(folder, part, "latest" if index else None, None if index else setup)
        same(load_checkpoint(find_checkpoint(folder, "latest")), expected)
        same(metrics([event for part in parts for event in part.events]), metrics(events))

    def test_a_checkpoint_of_before_discriminators_resumes(self, tiny: Tiny, folder: RunFolder) -> None:
        """An old one has no opponent, counts its means in one number, and its config has no such section."""
        run(folder, Stopper(at_step(4)), None, tiny())
        path = find_checkpoint(folder, "latest")
        contents = load_checkpoint(path)
        assert "opponent" not in contents
        del contents["config"]["adversarial"]
        means = contents["progress"]["means"]
        contents["progress"]["means"] = {"sums": means["sums"], "count": next(iter(means["counts"].values()))}
        save_checkpoint(path, contents, {"step": 4})

        rest = Stopper()
        run(folder, rest, "latest")
        other = RunFolder.create(folder.path.parent, "whole")
        uninterrupted = Stopper()
        run(other, uninterrupted, None, tiny())
        same(metrics(rest.events), [m for m in metrics(uninterrupted.events) if m["step"] > 4])

    def test_one_that_was_stopped_without_it_may_be_finished_with_it(self, tiny: Tiny, folder: RunFolder) -> None:
        run(folder, Stopper(at_step(4)), None, tiny(**{**ADVERSARIAL, "adversarial__mode": "off"}))
        text = folder.config_path.read_text()
        folder.config_path.write_text(text.replace('mode = "off"', 'mode = "on"'))
        rest = Stopper()
        run(folder, rest, "latest")
        assert of(StepMetrics, rest.events)[-2].terms.keys() | of(StepMetrics, rest.events)[-1].terms.keys() >= NAMES
        assert "opponent" in load_checkpoint(find_checkpoint(folder, "latest"))

    def test_and_one_that_was_stopped_with_it_without(self, tiny: Tiny, folder: RunFolder) -> None:
        run(folder, Stopper(at_step(6)), None, tiny(**ADVERSARIAL))
        text = folder.config_path.read_text()
        folder.config_path.write_text(text.replace('mode = "on"', 'mode = "off"'))
        rest = Stopper()
        run(folder, rest, "latest")
        assert not any(NAMES & step.terms.keys() for step in of(StepMetrics, rest.events))


class TestNotFinite:
    def poisoned(self, monkeypatch: pytest.MonkeyPatch, steps: set[int]) -> list[dict[str, torch.Tensor]]:
        """Make the discriminator's gradients NaN in these of its steps; returns its weights before each step."""
        learn, weights = Opponent.learn, list[dict[str, torch.Tensor]]()

        def broken(self: Opponent) -> dict[str, torch.Tensor]:
            terms = learn(self)
            if terms:
                weights.append({name: value.clone() for name, value in self.discriminator.state_dict().items()})
            if terms and len(weights) in steps:
                terms["disc_adversarial"] = terms["disc_adversarial"] * math.nan
                for parameter in self.discriminator.parameters():
                    parameter.grad = torch.full_like(parameter, math.nan)
            return terms

        monkeypatch.setattr(Opponent, "learn", broken)
        return weights

    def test_a_step_of_the_discriminator_that_is_not_finite_changes_nothing(
        self, tiny: Tiny, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        weights = self.poisoned(monkeypatch, {2})
        events = trained(folder, tiny(**ADVERSARIAL))
        joined = next(step.step for step in of(StepMetrics, events) if NAMES & step.terms.keys())

        assert [step.step for step in of(StepMetrics, events) if step.skipped] == [joined + 1]
        alert = next(alert for alert in of(AlertStarted, events) if alert.kind == "nonfinite")
        assert "disc loss" in alert.title
        assert all(torch.equal(weights[2][name], value) for name, value in weights[1].items())
        assert any((weights[3][name] != value).any() for name, value in weights[1].items())
        assert all(torch.isfinite(value).all() for value in weights[-1].values())
        assert all(math.isfinite(epoch.train_terms.get("disc_adversarial", 0.0)) for epoch in of(EpochMetrics, events))

    def test_three_in_a_row_bring_both_players_back(
        self, tiny: Tiny, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        weights = self.poisoned(monkeypatch, {5, 6, 7})
        events = trained(folder, tiny(**ADVERSARIAL))
        (back,) = of(RolledBack, events)
        assert "disc_adversarial" in back.reason
        assert NAMES & of(StepMetrics, events)[-1].terms.keys()

        joined = next(step.step for step in of(StepMetrics, events) if NAMES & step.terms.keys())
        good, failed, again = (weights[step + 1 - joined] for step in (back.restored_step, back.step - 1, back.step))
        assert all(torch.equal(again[name], value) for name, value in good.items())
        assert any((again[name] != value).any() for name, value in failed.items()), "they had moved on since"


def test_its_weight_may_change_while_it_plays_and_the_best_stays_the_best(
    tiny: Tiny, folder: RunFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = FolderLink(folder)
    learn, weights = Opponent.learn, list[tuple[float, float]]()

    def recorded(self: Opponent) -> dict[str, torch.Tensor]:
        weights.append((self.config.weight, self.stabilizer.generator_loss_scale))
        return learn(self)

    monkeypatch.setattr(Opponent, "learn", recorded)

    def hook(event: Event) -> None:
        if isinstance(event, StepMetrics) and event.step == 5:
            link.send(Set("adversarial.weight", 0.125))

    trained(folder, tiny(**ADVERSARIAL, epochs=6), hook)
    assert read_config(folder.config_path)[0].adversarial.weight == 0.125
    assert weights == [(0.5, 0.5)] * 5 + [(0.125, 0.125)] * (len(weights) - 5)
    assert len(weights) > 5
    assert not list(folder.checkpoints.glob("best-step-*"))
