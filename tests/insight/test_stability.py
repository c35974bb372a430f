"""The report says whether a run is stable, what is wrong with which figures, and what to do about it."""

import json
import math
import random
from dataclasses import replace

import pytest

from core.insight import Detectors, TrainingStabilityMonitor
from core.insight.remedies import figure, is_met, set_to
from core.run.events import AlertStarted, Direction, EpochMetrics, Event, Remedy, StepMetrics
from tests.fakes import AUDIO_TERMS, FakeLink

CONFIG = {
    "learning_rate": 8e-4, "loss.kl.weight_max": 0.01, "loss.kl.free_bits": 0.5, "adversarial.learning_rate": 1e-3,
    "adversarial.weight": 0.5, "regularization.gradient_clip_norm": 5.0,
}  # fmt: skip
PARTS = ("encoder.blocks", "encoder.mean", "decoder.blocks", "decoder.patches")


def steps(count: int = 400, seed: int = 0, **changes: object) -> list[StepMetrics]:
    """A healthy run that measures its parts at every tenth step; `changes` replace a field or an extra by f(step)."""
    chance = random.Random(seed)
    made = []
    for number in range(1, count + 1):
        level = math.exp(-number / 300) + 0.3
        terms = {name: level * math.exp(0.1 * chance.gauss(0, 1)) for name in ("stft_loss", "mag_recon_loss")}
        norm = math.exp(0.3 * chance.gauss(0, 1))
        extras = {}
        if number % 10 == 0:
            for part in PARTS:
                extras |= {f"norm/{part}": norm / 2, f"update/{part}": 1e-3, f"dead/{part}": 0.0}
            extras["data/empty"] = 0.0
        values = {key: change(number) for key, change in changes.items() if callable(change)}
        terms |= {key: value for key, value in values.items() if key in terms or key.startswith(("disc_", "gen_"))}
        for key, value in values.items():
            if "__" in key and number % 10 == 0:
                extras[key.replace("__", "/").replace("_s_", ".")] = value
        made.append(
            StepMetrics(
                epoch=number // 50, step=number, total_steps=2000, train_loss=level, learning_rate=8e-4,
                step_time_s=0.1, grad_norm=float(values.get("grad_norm", norm)), terms=terms, extras=extras,
            )
        )  # fmt: skip
    return made


def found(metrics: list[StepMetrics]) -> list[AlertStarted]:
    detectors = Detectors(AUDIO_TERMS, CONFIG.get)
    events: list[Event] = [event for step in metrics for event in detectors.step(step)]
    return [event for event in events if isinstance(event, AlertStarted)]


def test_a_healthy_run_is_stable() -> None:
    monitor = TrainingStabilityMonitor(AUDIO_TERMS, CONFIG.get)
    assert monitor.get_stability_report().status == "unknown"
    for seed in range(3):
        assert found(steps(1000, seed)) == []
    for step in steps():
        assert monitor.update(step) == []
    report = monitor.get_stability_report()

    assert (report.status, report.steps, report.findings, report.spikes) == ("stable", 400, (), 0)
    assert [part.name for part in report.parts] == list(PARTS)
    assert sum(part.share for part in report.parts) == pytest.approx(1)
    assert dict(report.noise)["stft"] == pytest.approx(10, rel=0.5)
    assert "decoder's patches" in str(report)
    json.loads(report.to_json())


MOVES = [f"update__{part.replace('.', '_s_')}" for part in PARTS]
FAULTS = {
    "gradients that explode": ("gradient", "Gradients explode", {"grad_norm": lambda n: 1.0 if n < 100 else 500.0}),
    "gradients that vanish": ("gradient", "Gradients vanish", {"grad_norm": lambda n: 1.0 if n < 100 else 1e-7}),
    "gradients in spikes": ("spikes", "spikes", {"grad_norm": lambda n: 60.0 if n % 8 == 0 else 1.0}),
    "a part cut off": ("cut off", "encoder's mean", {"norm__encoder_s_mean": lambda n: 0.0}),
    "steps too large": ("updates", "too large", {name: lambda n: 0.2 for name in MOVES}),
    "steps too small": ("updates", "too small", {name: lambda n: 1e-8 for name in MOVES}),
    "dead units": ("dead", "60% of the decoder's blocks", {"dead__decoder_s_blocks": lambda n: 0.6 * (n > 100)}),
    "empty material": ("empty", "50% of what", {"data__empty": lambda n: 0.5}),
    "a loss that jumps": ("unsteady", "stft jumps", {"stft_loss": lambda n: 0.5 * (6.0 if n > 250 and n % 2 else 1.0)}),
    "an adversary that wins": (
        "adversary", "wins", {"disc_accuracy": lambda n: 0.995, "disc_adversarial": lambda n: 0.1},
    ),
    "an adversary that guesses": (
        "adversary", "only guesses", {"disc_accuracy": lambda n: 0.5, "disc_adversarial": lambda n: 2.0},
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_each_trouble_has_its_name_once(fault: str) -> None:
    kind, words, changes = FAULTS[fault]
    (alert,) = found(steps(**changes))
    assert alert.kind == kind
    assert words in f"{alert.title} {alert.explanation}"
    for remedy in alert.remedies:
        if remedy.kind == "set":
            assert remedy.words.endswith(f"to {figure(remedy.value)}")
            assert remedy.direction
            assert not is_met(remedy, CONFIG[remedy.key])


def test_an_adversary_in_balance_is_left_alone() -> None:
    for accuracy in (0.6, 0.75, 0.9, 0.95):
        assert found(steps(disc_accuracy=lambda n, a=accuracy: a, disc_adversarial=lambda n: 1.2)) == []
    slow = {"disc_accuracy": lambda n: 0.51, "disc_adversarial": lambda n: 2 - n / 2000}
    assert found(steps(**slow)) == []


def test_trouble_that_goes_ends() -> None:
    monitor = TrainingStabilityMonitor(AUDIO_TERMS, CONFIG.get)
    for step in steps(600, grad_norm=lambda n: 500.0 if 100 < n < 200 else 1.0):
        monitor.update(step)
    report = monitor.get_stability_report()
    assert (report.status, report.findings) == ("stable", ())
    assert [past.kind for past in report.past] == ["gradient"]


def test_annealing_is_no_step_too_small() -> None:
    """At the end of a run the rate is a thousandth, and so are the moves."""
    detectors = Detectors(AUDIO_TERMS, CONFIG.get)
    for step in steps(**{name: lambda n: 1e-6 for name in MOVES}):
        assert detectors.step(StepMetrics(**{**vars(step), "learning_rate": 8e-7})) == []


def level(epochs: int, until: int, rate: float = 8e-4) -> list[Event]:
    """Epochs of 50 steps that gain until one of them, and then nothing more."""
    detectors = Detectors(AUDIO_TERMS, CONFIG.get)
    events: list[Event] = []
    for epoch in range(1, epochs + 1):
        value = 0.95 ** min(epoch, until)
        means = {"stft_loss": value, "mag_recon_loss": value}
        step = StepMetrics(epoch, 50 * epoch, 5000, value, learning_rate=rate, grad_norm=1.0, terms=means)
        events += detectors.step(step)
        events += detectors.epoch(
            EpochMetrics(epoch, 100, value, value, step=50 * epoch, train_terms=means, val_terms=means)
        )
    return events


def test_a_plateau_is_named_with_the_epoch_since_which_nothing_is_gained() -> None:
    (alert,) = [event for event in level(70, until=30) if isinstance(event, AlertStarted)]
    assert alert.kind == "plateau"
    assert "Since epoch 3" in alert.explanation
    assert alert.remedies[0].value == 4e-4


def test_no_plateau_at_the_end_of_a_run_or_while_it_gains_or_at_a_low_rate() -> None:
    assert level(100, until=100) == []
    assert level(100, until=70) == []
    assert level(70, until=30, rate=1e-4) == []


def test_a_finished_run_is_read_back_with_what_its_trainer_said() -> None:
    link = FakeLink(steps=2000)
    link.warn("danger")
    report = TrainingStabilityMonitor.of(link, link.info().config).get_stability_report()
    assert report.status == "danger"
    assert report.findings[0].kind == "overfitting"
    assert report.recommendations[0].startswith("Stop here")
    assert report.noise
    link.calm()
    report = TrainingStabilityMonitor.of(link).get_stability_report()
    assert (report.status, [past.kind for past in report.past]) == ("stable", ["overfitting"])


@pytest.mark.parametrize(("value", "text"), [(4e-4, "4e-4"), (0.5, "0.5"), (1e-3, "1e-3"), (0.00025, "2.5e-4"),
                                             (0, "0"), (12.0, "12"), (1e6, "1e6"), (4.05e-5, "4.05e-5")])  # fmt: skip
def test_figures_are_written_as_people_write_them(value: float, text: str) -> None:
    assert figure(value) == text


def test_what_is_remembered_does_not_follow_from_the_clock() -> None:
    """Parts are measured as time allows: where it explodes is told, and a checkpoint does not know it."""
    exploding = steps(grad_norm=lambda n: 1.0 if n < 100 else 500.0)
    (alert,) = found(exploding)
    assert alert.title.startswith("Gradients explode, most of all in the ")
    measured, not_measured = Detectors(AUDIO_TERMS, CONFIG.get), Detectors(AUDIO_TERMS, CONFIG.get)
    for step in exploding:
        measured.step(step)
        not_measured.step(replace(step, extras={}))
    assert measured.state() == not_measured.state()
    assert [told.title for told in measured.active] == ["Gradients explode"]


def test_going_back_to_earlier_weights_leaves_the_files_as_they_are() -> None:
    detectors = Detectors(AUDIO_TERMS, CONFIG.get)
    earlier = detectors.state()
    for step in steps(data__empty=lambda n: 0.5, dead__decoder_s_blocks=lambda n: 0.6):
        detectors.step(step)
    detectors.leaks([("a.wav", "b.wav")], 400, 8)
    assert {alert.kind for alert in detectors.active} == {"leak", "empty", "dead"}
    detectors.rewind(earlier)
    assert {alert.kind for alert in detectors.active} == {"leak", "empty"}
    detectors.restore(earlier)
    assert detectors.active == ()


@pytest.mark.parametrize(
    ("direction", "now", "met"),
    [("at most", 2.0, False), ("at most", 1.0, True), ("at most", 0.5, True), ("at least", 2.0, True),
     ("at least", 1.0, True), ("at least", 0.5, False), ("", 0.5, False), ("", 1.0, True), ("at most", None, False)],
)  # fmt: skip
def test_a_remedy_is_met_by_what_goes_further(direction: Direction, now: float | None, met: bool) -> None:
    assert is_met(set_to("learning_rate", direction, 1.0, "Take it"), now) is met
    assert not is_met(Remedy("back", "Go back", value=1.0), now)
