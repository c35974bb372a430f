"""Planted trouble is named once and ends; a healthy, noisy run is left in peace."""

import json
import math
import random
from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.insight import Detectors
from core.run.events import AlertEnded, AlertStarted, EpochMetrics, Event, StepMetrics, TermInfo

TERMS = (
    TermInfo("total_loss", "total", "total", judged=False),
    TermInfo("stft_loss", "stft", "reconstruction"),
    TermInfo("mag_recon_loss", "magnitude", "reconstruction"),
    TermInfo("kl_loss", "KL", "kl", judged=False),
)


def epoch(
    number: int,
    train: float,
    val: float | None = None,
    *,
    kl: float = 20.0,
    active: int = 40,
    latent: int = 64,
    best: bool = False,
    **terms: float,
) -> EpochMetrics:
    """An epoch of a hundred steps whose judged terms all stand at `train` and `val`; `terms` are added to both."""
    val = train if val is None else val
    judged = ("stft_loss", "mag_recon_loss")
    return EpochMetrics(
        epoch=number,
        total_epochs=200,
        train_loss=train,
        val_loss=val,
        step=100 * (number + 1),
        overfitting_gap=(val - train) / train,
        kl_divergence=kl,
        active_dimensions=active,
        latent_dimensions=latent,
        is_best=best,
        train_terms={**dict.fromkeys(judged, train), **terms},
        val_terms={**dict.fromkeys(judged, val), **terms},
    )


def step(number: int, *, data: float = 0.01, kl_weight: float = 0.01, skipped: bool = False) -> StepMetrics:
    return StepMetrics(
        epoch=number // 10, step=number, total_steps=2000, train_loss=1.0, kl_weight=kl_weight, learning_rate=1e-3,
        step_time_s=0.1, data_time_s=data, skipped=skipped,
    )  # fmt: skip


def run(detectors: Detectors, epochs: Iterable[EpochMetrics]) -> list[Event]:
    """The events of whole epochs: the steps are only there to tell the KL weight and the rate."""
    events: list[Event] = []
    for metrics in epochs:
        events += detectors.step(step(metrics.step)) + detectors.epoch(metrics)
    return events


def disturbing(events: Iterable[Event]) -> list[Event]:
    """Without what is said of a run that has been level for long at its full rate, as made-up ones are."""
    return [
        event
        for event in events
        if not (isinstance(event, AlertStarted | AlertEnded) and event.id.startswith("plateau-"))
    ]


def started(events: Iterable[Event]) -> list[AlertStarted]:
    return [event for event in events if isinstance(event, AlertStarted)]


def ended(events: Iterable[Event]) -> list[AlertEnded]:
    return [event for event in events if isinstance(event, AlertEnded)]


def descent(epochs: int, noise: float = 0.0, seed: int = 0, final: float = 0.4) -> list[float]:
    """A loss that falls from 2 to `final` with multiplicative noise."""
    chance = random.Random(seed)
    return [(final + (2 - final) * math.exp(-i / 15)) * math.exp(noise * chance.gauss(0, 1)) for i in range(epochs)]


class TestDivergence:
    def test_a_training_term_that_rises_five_epochs_in_a_row(self) -> None:
        values = [*descent(20), *(0.9 * 1.1**i for i in range(6))]
        events = run(Detectors(TERMS), [epoch(i, value) for i, value in enumerate(values)])

        (alert,) = started(events)
        assert (alert.kind, alert.severity, alert.epoch) == ("divergence", "danger", 24)
        assert "stft and magnitude" in alert.title
        assert "to 1.32" in alert.explanation
        assert "--set learning_rate=5e-4" in alert.action

    def test_it_is_named_once_and_ends_when_half_is_won_back(self) -> None:
        up = [0.9 * 1.1**i for i in range(12)]
        values = [*descent(20), *up, *reversed(up), *descent(10)]
        events = run(Detectors(TERMS), [epoch(i, value) for i, value in enumerate(values)])

        (start,), (end,) = started(events), ended(events)
        assert end.id == start.id
        assert 32 < end.epoch < 44

    def test_a_new_level_that_holds_ends_it_too(self) -> None:
        values = [*descent(20), *(0.9 * 1.1**i for i in range(8)), *[1.7] * 15]
        events = run(Detectors(TERMS), [epoch(i, value) for i, value in enumerate(values)])

        assert len(started(events)) == len(ended(events)) == 1

    def test_the_total_and_the_kl_may_rise_as_they_like(self) -> None:
        """KL annealing raises the total by itself: only terms at constant weight are judged."""
        epochs = [epoch(i, value, total_loss=1.1**i, kl_loss=1.2**i) for i, value in enumerate(descent(40))]

        assert run(Detectors(TERMS), epochs) == []

    def test_one_term_among_falling_ones(self) -> None:
        epochs = [
            epoch(i, value, mag_recon_loss=0.3 if i < 20 else 0.3 * 1.05 ** (i - 19))
            for i, value in enumerate(descent(30))
        ]
        (alert,) = started(run(Detectors(TERMS), epochs))

        assert "magnitude" in alert.title
        assert "stft" not in alert.title

    def test_four_rises_are_not_five(self) -> None:
        values = [*descent(20), *(0.9 * 1.1**i for i in range(4)), 0.8]

        assert run(Detectors(TERMS), [epoch(i, value) for i, value in enumerate(values)]) == []

    def test_a_creep_of_less_than_a_per_cent_is_not_divergence(self) -> None:
        values = [*descent(60), *(descent(60)[-1] * 1.0015**i for i in range(6))]

        assert run(Detectors(TERMS), [epoch(i, value) for i, value in enumerate(values)]) == []

    def test_epochs_that_are_not_finite_are_passed_over(self) -> None:
        values = [*descent(20), 0.9, 1.0, math.nan, 1.1, math.inf, 1.2, 1.3, 1.45]
        events = run(Detectors(TERMS), [epoch(i, value) for i, value in enumerate(values)])

        assert [alert.kind for alert in started(events) if alert.kind != "validation"] == ["divergence"]

    def test_rising_validation_is_a_warning_until_it_has_a_better_name(self) -> None:
        train = descent(40, final=0.8)
        val = [*train[:20], *(train[19] * 1.02 ** (i - 19) for i in range(20, 40))]
        events = run(Detectors(TERMS), [epoch(i, t, v) for i, (t, v) in enumerate(zip(train, val, strict=True))])

        first, second = started(events)
        assert (first.kind, first.severity) == ("divergence", "warning")
        assert first.title.startswith("Validation of stft and magnitude")
        assert second.kind == "overfitting"
        assert [(end.id, end.epoch) for end in ended(events)] == [(first.id, second.epoch)]


class TestExplosion:
    def steps(self, values: Iterable[float], name: str = "stft_loss") -> list[Event]:
        detectors = Detectors(TERMS)
        return [
            event
            for number, value in enumerate(values, 1)
            for event in detectors.step(replace(step(number), terms={name: value}))
        ]

    def test_a_loss_that_jumps_far_above_its_untrained_value(self) -> None:
        events = self.steps([2.0, 2.1, *[5000.0] * 60, *[1.5] * 200])

        (start,), (end,) = started(events), ended(events)
        assert (start.kind, start.severity, start.step) == ("divergence", "danger", 10)
        assert start.title == "Diverging: stft has exploded"
        assert "--set learning_rate=1e-4" in start.action
        assert end.id == start.id

    def test_a_lone_spike_is_passed_over(self) -> None:
        assert self.steps([2.0] * 30 + [1e6] + [1.9] * 50) == []

    @pytest.mark.parametrize("name", ["total_loss", "kl_loss"])
    def test_a_total_or_kl_that_grows_is_not_judged(self, name: str) -> None:
        assert self.steps([3.0**i for i in range(40)], name) == []

    @settings(max_examples=60, deadline=None)
    @given(
        sounds=st.lists(st.floats(0.1, 1.0), min_size=2, max_size=7),
        order=st.lists(st.integers(0, 6), min_size=40, max_size=200),
        ordered=st.booleans(),
    )
    def test_sounds_that_differ_tenfold_are_no_explosion_in_any_order(
        self, sounds: list[float], order: list[int], ordered: bool
    ) -> None:
        """A model that never changes, and batches of one sound: even all of the easy ones first."""
        values = [sounds[number % len(sounds)] for number in order]
        assert self.steps(sorted(values) if ordered else values) == []

    def test_nor_where_a_few_real_sounds_differ_more_than_that(self) -> None:
        """The log magnitude of three files at a fitted, untrained model: 0.03 to 0.7."""
        for seed in range(100):
            chance = random.Random(seed)
            assert self.steps(chance.choice([0.03, 0.1, 0.26, 0.3, 0.7]) for _ in range(400)) == []

    @pytest.mark.parametrize("easiest", [1.0, 0.1])
    @pytest.mark.parametrize("jump", [[40.0], [2.0, 5.0, 20.0, 80.0], [5000.0]])
    def test_they_do_not_hide_one(self, easiest: float, jump: list[float]) -> None:
        """It climbs from step to step, or all at once, as a rate of 0.1 or 1 has it climb."""
        chance = random.Random(0)
        sounds = [chance.uniform(easiest, 1) for _ in range(60)]
        rises = [1.0] * 3 + jump + [jump[-1]] * 60
        (start,) = started(self.steps(sound * rise for sound, rise in zip(sounds, rises, strict=False)))
        assert start.step <= 25

    def test_noisy_steps_of_a_healthy_run_are_fine(self) -> None:
        chance = random.Random(0)
        assert self.steps(2 * math.exp(-i / 500) * math.exp(0.4 * chance.gauss(0, 1)) for i in range(3000)) == []


class TestOverfitting:
    def overfit(self, epochs: int = 60, turn: int = 25) -> list[EpochMetrics]:
        """Validation turns at `turn` and rises by 2 % an epoch, while training goes on falling."""
        train = descent(epochs, final=0.2)
        val = [value * 1.05 for value in train[:turn]]
        val += [val[-1] * 1.02**i for i in range(1, epochs - turn + 1)]
        return [epoch(i, t, v, best=i < turn) for i, (t, v) in enumerate(zip(train, val, strict=True))]

    def test_a_gap_with_rising_validation(self) -> None:
        events = run(Detectors(TERMS), self.overfit())
        (alert,) = [alert for alert in started(events) if alert.kind == "overfitting"]

        assert 27 < alert.epoch < 35
        assert "% above training" in alert.title
        assert "epoch 24" in alert.action
        assert "regularization.dropout" in alert.action

    def test_it_ends_when_validation_finds_a_new_best(self) -> None:
        worse = self.overfit(45)
        better = [epoch(45 + i, 0.2, 0.25, best=True) for i in range(5)]
        events = run(Detectors(TERMS), [*worse, *better])

        (start,) = [alert for alert in started(events) if alert.kind == "overfitting"]
        (end,) = [end for end in ended(events) if end.id == start.id]
        assert 45 <= end.epoch <= 49

    def test_a_gap_that_never_improves_again(self) -> None:
        train = descent(60, final=0.2)
        events = run(Detectors(TERMS), [epoch(i, value, max(0.8, value)) for i, value in enumerate(train)])

        (alert,) = started(events)
        assert alert.kind == "overfitting"
        assert "has hardly improved" in alert.explanation

    def test_a_gap_alone_is_no_overfitting_while_validation_improves(self) -> None:
        """Held-out sounds of a tiny set may just be harder."""
        events = run(Detectors(TERMS), [epoch(i, value, 1.5 * value) for i, value in enumerate(descent(40))])

        assert events == []

    def test_two_bad_epochs_are_no_overfitting(self) -> None:
        values = descent(30)
        epochs = [epoch(i, value, value * (1.6 if i in (20, 21) else 1.05)) for i, value in enumerate(values)]

        assert run(Detectors(TERMS), epochs) == []


class TestPosteriorCollapse:
    def test_kl_below_half_a_nat(self) -> None:
        epochs = [epoch(i, value, kl=20 if i < 15 else 0.2) for i, value in enumerate(descent(25))]
        (alert,) = started(run(Detectors(TERMS), epochs))

        assert (alert.kind, alert.epoch) == ("collapse", 16)
        assert "0.2 nats" in alert.explanation
        assert "--set loss.kl.weight_max=1e-3" in alert.action

    def test_most_dimensions_inactive(self) -> None:
        epochs = [epoch(i, value, active=40 if i < 15 else 9) for i, value in enumerate(descent(25))]
        (alert,) = started(run(Detectors(TERMS), epochs))

        assert alert.title == "Only 9 of 64 latent dimensions are in use"
        assert "--set model.latent_dim=32" in alert.action

    def test_it_ends_after_two_good_epochs(self) -> None:
        epochs = [epoch(i, value, kl=0.2 if 10 <= i < 15 or i == 16 else 9) for i, value in enumerate(descent(25))]
        events = run(Detectors(TERMS), epochs)

        assert [(event.epoch, type(event)) for event in events] == [(11, AlertStarted), (18, AlertEnded)]

    def test_nothing_is_said_before_the_kl_weight_has_settled(self) -> None:
        detectors = Detectors(TERMS)
        events: list[Event] = []
        for i, value in enumerate(descent(20)):
            events += detectors.step(step(100 * (i + 1), kl_weight=0.01 * i / 20))
            events += detectors.epoch(epoch(i, value, kl=0.01, active=0))

        assert events == []

    def test_nothing_is_said_in_the_first_steps(self) -> None:
        """A run of a few short epochs has no warmup, and its encoder has learned nothing yet."""
        epochs = [replace(epoch(i, 1.0, kl=0.01, active=0), step=15 * (i + 1)) for i in range(10)]

        assert run(Detectors(TERMS), epochs) == []

    def test_a_recipe_without_a_latent_has_none_to_collapse(self) -> None:
        assert run(Detectors(TERMS), [epoch(i, 1.0, kl=0, active=0, latent=0) for i in range(20)]) == []


class TestNonFinite:
    def test_the_term_is_named_once_and_ends_after_a_clean_while(self) -> None:
        detectors = Detectors(TERMS)
        events: list[Event] = []
        for number in range(1, 400):
            events += detectors.step(step(number, skipped=number in (50, 60)))
            if number in (50, 60):
                events += detectors.nonfinite(number, number // 10, "stft_loss")

        (start,), (end,) = started(events), ended(events)
        assert (start.kind, start.severity, start.step) == ("nonfinite", "danger", 50)
        assert start.title == "Not a number: stft at step 50"
        assert (end.id, end.step) == (start.id, 160)

    def test_what_is_no_term_is_named_as_it_comes(self) -> None:
        (alert,) = Detectors(TERMS).nonfinite(7, 0, "the gradient")

        assert "the gradient" in alert.title


class TestStarvation:
    def test_waiting_for_data_most_of_the_time(self) -> None:
        detectors = Detectors(TERMS)
        hungry = [event for number in range(100) for event in detectors.step(step(number, data=0.07))]
        fed = [event for number in range(100, 300) for event in detectors.step(step(number, data=0.01))]

        (alert,) = hungry
        assert alert.kind == "starvation"
        assert alert.step == 49
        assert "70%" in alert.title
        assert "--set data.memory_mb=" in alert.action
        assert fed == [AlertEnded(alert.id, fed[0].step, fed[0].epoch)]

    @pytest.mark.parametrize("shares", [[0.5], [0.02] * 30 + [1.0], [0.7, 0.2]])
    def test_a_stall_now_and_then_is_no_starvation(self, shares: list[float]) -> None:
        detectors = Detectors(TERMS)
        waits = [0.1 * shares[number % len(shares)] for number in range(400)]

        assert [event for number, data in enumerate(waits) for event in detectors.step(step(number, data=data))] == []


@pytest.mark.parametrize("gap", [-0.3, 0.0, 0.15])
@pytest.mark.parametrize("noise", [0.0, 0.005, 0.02, 0.05])
def test_a_healthy_noisy_run_raises_no_alarm(noise: float, gap: float) -> None:
    """Training with augmentation and dropout may stand above validation, and both jump about."""
    for seed in range(12):
        train, val = descent(150, noise, 2 * seed), descent(150, noise, 2 * seed + 1)
        epochs = [epoch(i, t, (1 + gap) * v) for i, (t, v) in enumerate(zip(train, val, strict=True))]

        assert disturbing(run(Detectors(TERMS), epochs)) == []


@pytest.mark.parametrize("noise", [0.01, 0.05, 0.1])
def test_alarms_are_rare_on_a_long_noisy_plateau(noise: float) -> None:
    alerts = 0
    for seed in range(20):
        train, val = descent(500, noise, 2 * seed), descent(500, noise, 2 * seed + 1)
        epochs = [epoch(i, t, 1.05 * v) for i, (t, v) in enumerate(zip(train, val, strict=True))]
        alerts += len(started(disturbing(run(Detectors(TERMS), epochs))))

    assert alerts <= 2


@settings(max_examples=40, deadline=None)
@given(
    values=st.lists(st.tuples(st.floats(0.1, 3), st.floats(0.1, 3), st.floats(0, 3), st.integers(0, 64)), max_size=60),
    cut=st.integers(0, 60),
)
def test_a_resumed_run_hears_what_the_unbroken_one_hears(
    values: list[tuple[float, float, float, int]], cut: int
) -> None:
    epochs = [epoch(i, t, v, kl=kl, active=active) for i, (t, v, kl, active) in enumerate(values)]
    unbroken, before, after = Detectors(TERMS), Detectors(TERMS), Detectors(TERMS)

    expected = run(unbroken, epochs)
    events = run(before, epochs[:cut])
    after.restore(json.loads(json.dumps(before.state(), allow_nan=False)))
    assert after.active == before.active
    events += run(after, epochs[cut:])

    assert events == expected
    assert after.state() == unbroken.state()


@settings(max_examples=40, deadline=None)
@given(values=st.lists(st.tuples(st.floats(0.1, 3), st.floats(0.1, 3), st.floats(0, 3)), max_size=80))
def test_every_end_belongs_to_the_alert_that_is_on(values: list[tuple[float, float, float]]) -> None:
    detectors = Detectors(TERMS)
    on: set[str] = set()
    for event in run(detectors, [epoch(i, t, v, kl=kl) for i, (t, v, kl) in enumerate(values)]):
        if isinstance(event, AlertStarted):
            assert event.id not in on
            on.add(event.id)
        elif isinstance(event, AlertEnded):
            on.remove(event.id)
    assert on == {alert.id for alert in detectors.active}


def test_a_state_of_an_older_version_starts_the_rest_afresh() -> None:
    detectors = Detectors(TERMS)
    detectors.restore({})

    assert detectors.state() == Detectors(TERMS).state()
    with pytest.raises(ValueError):
        detectors.restore({"overfitting": {"levels": "many"}})


def spiky(number: int) -> StepMetrics:
    """A step of a run whose every eighth gradient is a spike; its loss is steady."""
    terms = {"stft_loss": 1.0, "mag_recon_loss": 1.0}
    return replace(step(number), grad_norm=100.0 if number % 8 == 3 else 1.0, terms=terms)


def test_going_back_leaves_no_alert_about_the_steps_that_led_there() -> None:
    """And the very same spikes are not found anew; what whole epochs have told before, and the files, stays."""
    before = Detectors(TERMS)
    run(before, [epoch(i, 1.0, kl=0.1) for i in range(8)])
    for number in range(801, 960):
        before.step(spiky(number))
    (at_the_end,) = [alert.step for alert in before.active if alert.kind == "collapse"]
    assert {alert.kind for alert in before.active} >= {"spikes", "collapse"}
    saved = json.loads(json.dumps(before.state()))

    again, after, at_once = Detectors(TERMS), Detectors(TERMS), Detectors(TERMS)
    again.rewind(saved)
    assert again.active == before.active, "to undo is to take up that very moment"
    after.leaks([("a.wav", "b.wav")], 960, 9)
    after.rewind(saved)
    after.forget_recent(960)
    assert {alert.kind for alert in after.active} == {"collapse", "leak"}
    assert not disturbing(event for number in range(960, 1040) for event in after.step(replace(spiky(1), step=number)))
    assert {alert.kind for alert in after.active} == {"collapse", "leak"}
    assert [e.id[:6] for n in range(1040, 1160) for e in after.step(spiky(n))] == ["spikes"], "found where it is so"

    at_once.rewind(saved)
    at_once.forget_recent(at_the_end)
    assert not at_once.active
