"""Beta over a run: the papers' schedules, a controller that steers the right way, and a state to go on from."""

import json
import math
import subprocess
import sys
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from core.losses.kl_schedule import AdaptiveKLScheduler, ScheduleType
from core.training.schedules import get_kl_weight

KINDS: tuple[ScheduleType, ...] = ("linear", "cyclical_linear", "cosine")


def test_the_names_and_defaults_are_those_of_the_specification() -> None:
    given = AdaptiveKLScheduler(
        beta_start=0.0, beta_end=1.0, warmup_epochs=10, schedule_type="cyclical_linear", cycle_length=20,
        free_bits=0.1, target_kl=10.0, adaptive_threshold=0.1,
    )  # fmt: skip
    assert vars(given) == vars(AdaptiveKLScheduler())


class TestFixedSchedules:
    def test_linear_is_the_one_that_sounds_are_trained_with(self) -> None:
        scheduler = AdaptiveKLScheduler(schedule_type="linear", warmup_epochs=3, beta_end=0.7)
        for epoch in (0, 0.25, 1, 2.9, 3, 50):
            assert scheduler.beta_at(epoch) == pytest.approx(get_kl_weight(epoch, 10, 0.3, 0.7))

    def test_cyclical_is_that_of_fu_et_al(self) -> None:
        """Eq. 6 and 7 with T / M steps a cycle and R = 0.5: tau = mod(t - 1, T / M) / (T / M), min(1, tau / R)."""
        scheduler = AdaptiveKLScheduler(cycle_length=20, beta_end=2.0)
        for step in range(1, 101):
            tau = ((step - 1) % 20) / 20
            assert scheduler.beta_at(step - 1) == pytest.approx(2 * (tau / 0.5 if tau <= 0.5 else 1))

    def test_cosine_rises_smoothly(self) -> None:
        scheduler = AdaptiveKLScheduler(schedule_type="cosine", warmup_epochs=8, beta_start=0.1, beta_end=0.5)
        assert [scheduler.beta_at(e) for e in (0, 2, 4, 8, 9)] == pytest.approx(
            [0.1, 0.1 + 0.2 * (1 - math.sqrt(0.5)), 0.3, 0.5, 0.5]
        )

    @settings(max_examples=60, deadline=None)
    @given(kind=st.sampled_from(KINDS), start=st.floats(0, 1), room=st.floats(0, 3), epoch=st.floats(0, 500))
    def test_it_stays_within_its_bounds(self, kind: ScheduleType, start: float, room: float, epoch: float) -> None:
        scheduler = AdaptiveKLScheduler(start, start + room, schedule_type=kind)
        assert scheduler.beta_at(0) == start
        assert start - 1e-9 <= scheduler.beta_at(epoch) <= start + room + 1e-9

    @pytest.mark.parametrize("kind", KINDS)
    def test_steps_of_any_size_lead_to_the_same_place(self, kind: ScheduleType) -> None:
        scheduler = AdaptiveKLScheduler(schedule_type=kind)
        assert scheduler.get_beta() == 0
        for _ in range(12):
            scheduler.step(epochs=0.25)
        assert scheduler.current_beta == scheduler.get_beta() == pytest.approx(scheduler.beta_at(3))

    def test_no_warmup_is_none(self) -> None:
        assert AdaptiveKLScheduler(schedule_type="linear", warmup_epochs=0).current_beta == 1


def steered(scheduler: AdaptiveKLScheduler, kl: float, times: int = 1) -> list[float]:
    return [scheduler.step(kl) for _ in range(times)]


class TestController:
    """ControlVAE (Shao et al. 2020): a PI controller that brings the KL to its target."""

    def test_it_starts_at_the_start_and_can_leave_zero(self) -> None:
        scheduler = AdaptiveKLScheduler(schedule_type="adaptive")
        assert scheduler.current_beta == 0
        rising = steered(scheduler, 30.0, 5)
        assert rising[0] > 0
        assert rising == sorted(rising)

    def test_beta_rises_above_the_target_and_falls_below(self) -> None:
        scheduler = AdaptiveKLScheduler(schedule_type="adaptive", target_kl=10.0)
        high = steered(scheduler, 15.0, 10)[-1]
        low = steered(scheduler, 5.0, 4)
        assert high > low[0] > low[-1]

    def test_it_holds_within_its_threshold_and_without_a_kl(self) -> None:
        scheduler = AdaptiveKLScheduler(schedule_type="adaptive", target_kl=10.0, adaptive_threshold=0.1)
        steered(scheduler, 20.0, 3)
        held = scheduler.step(10.5)
        assert steered(scheduler, 9.2, 20)[-1] == steered(scheduler, 10.9, 20)[-1] == held
        assert scheduler.step(None) == scheduler.step(math.nan) == scheduler.step(math.inf) == held

    def test_it_comes_back_from_a_border_at_once(self) -> None:
        """Anti-windup: however long the KL was too large, what counts is that it is too small now."""
        scheduler = AdaptiveKLScheduler(schedule_type="adaptive", warmup_epochs=10)
        assert steered(scheduler, 1000.0, 500)[-1] == 1
        assert steered(scheduler, 0.0, 1)[0] < 0.95

    def test_it_brings_a_kl_that_answers_to_beta_to_its_target(self) -> None:
        scheduler, kl = AdaptiveKLScheduler(schedule_type="adaptive", target_kl=10.0), 60.0
        for _ in range(400):
            kl += 0.3 * (60 * math.exp(-4 * scheduler.current_beta) - kl)
            scheduler.step(kl, 0.2)
        assert kl == pytest.approx(10, rel=0.15)

    @settings(max_examples=40, deadline=None)
    @given(kls=st.lists(st.floats(0, 1e5), max_size=60), start=st.floats(0, 0.5), epochs=st.floats(0.001, 50))
    def test_it_stays_within_its_bounds(self, kls: list[float], start: float, epochs: float) -> None:
        scheduler = AdaptiveKLScheduler(start, 0.8, schedule_type="adaptive")
        for kl in kls:
            assert start - 1e-9 <= scheduler.step(kl, epochs) <= 0.8 + 1e-9

    def test_a_lower_end_counts_at_once(self) -> None:
        scheduler = AdaptiveKLScheduler(schedule_type="adaptive")
        steered(scheduler, 100.0, 50)
        scheduler.beta_end = 0.25
        assert scheduler.current_beta == 0.25

    def test_it_has_no_weight_for_an_epoch_to_come(self) -> None:
        with pytest.raises(ValueError, match="adaptive"):
            AdaptiveKLScheduler(schedule_type="adaptive").beta_at(3)


class TestFreeBits:
    def test_without_them_it_is_the_kl_of_torch(self) -> None:
        mu, logvar = torch.randn(5, 7), torch.randn(5, 7)
        exact = kl_divergence(Normal(mu, (0.5 * logvar).exp()), Normal(0.0, 1.0)).sum(1).mean()
        assert AdaptiveKLScheduler(free_bits=0).loss(mu, logvar).item() == pytest.approx(exact.item(), rel=1e-5)

    def test_each_dimension_has_them_on_the_mean_of_the_batch(self) -> None:
        scheduler = AdaptiveKLScheduler(free_bits=0.5)
        assert scheduler.get_kl_loss(torch.tensor([0.1, 0.0, 2.0])).item() == pytest.approx(0.5 + 0.5 + 2)
        # A dimension that one item uses alone: 2 nats of it are 1 on average, over the floor.
        mu = torch.tensor([[2.0], [0.0]], requires_grad=True)
        scheduler.loss(mu, torch.zeros(2, 1)).backward()
        assert mu.grad is not None
        assert mu.grad.tolist() == [[1.0], [0.0]]

    def test_a_dimension_below_them_has_no_gradient(self) -> None:
        mu = torch.tensor([[0.1, 3.0]], requires_grad=True)
        logvar = torch.tensor([[0.0, 1.0]], requires_grad=True)
        AdaptiveKLScheduler(free_bits=0.5).loss(mu, logvar).backward()
        assert mu.grad is not None
        assert logvar.grad is not None
        assert mu.grad[0, 0] == logvar.grad[0, 0] == 0
        assert mu.grad[0, 1] > 0
        assert logvar.grad[0, 1] > 0


@pytest.mark.parametrize("kind", [*KINDS, "adaptive"])
def test_it_goes_on_bit_by_bit_from_a_state_of_plain_values(kind: ScheduleType) -> None:
    def fresh() -> AdaptiveKLScheduler:
        return AdaptiveKLScheduler(schedule_type=kind)

    kls = [40 * abs(math.sin(i)) for i in range(40)]
    whole = fresh()
    expected = [whole.step(kl, 1 / 7) for kl in kls]
    first = fresh()
    got = [first.step(kl, 1 / 7) for kl in kls[:17]]
    second = fresh()
    second.load_state(json.loads(json.dumps(first.get_state())))
    assert got + [second.step(kl, 1 / 7) for kl in kls[17:]] == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {"beta_start": -1.0}, {"beta_end": -0.1}, {"schedule_type": "sudden"}, {"cycle_length": 0}, {"free_bits": -1},
        {"target_kl": 0.0}, {"adaptive_threshold": 1.0}, {"warmup_epochs": -1},
    ],
)  # fmt: skip
def test_a_value_out_of_range_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AdaptiveKLScheduler(**wrong)


def test_a_schedule_needs_no_torch() -> None:
    code = "import sys, core.losses.kl_schedule as s; s.AdaptiveKLScheduler().step(); assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
