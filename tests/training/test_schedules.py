"""The learning rate: a warmup from above 0 to 1, then a fall that never ends below its floor. And the KL weight."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.training.annealing import KLWeight, LossWarmup
from core.training.config import ConfigError, KLLossConfig, LossConfig, TrainingConfig
from core.training.schedules import RATE_FLOOR, get_kl_weight, learning_rate_factor

totals = st.integers(1, 5000)


@given(total=totals, warmup=st.integers(0, 5000), step=st.integers(0, 10_000))
def test_it_stays_above_zero_and_at_most_one(total: int, warmup: int, step: int) -> None:
    assert 0 < learning_rate_factor(step, total, warmup) <= 1


@given(total=totals, data=st.data())
def test_it_peaks_at_the_end_of_the_warmup_and_ends_at_the_floor(total: int, data: st.DataObject) -> None:
    warmup = data.draw(st.integers(0, total))
    factors = [learning_rate_factor(step, total, warmup) for step in range(total)]
    peak = max(0, warmup - 1)

    assert factors[peak] == 1
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    if total > max(1, warmup):
        assert factors[-1] == pytest.approx(RATE_FLOOR)
    assert learning_rate_factor(total + 7, total, warmup) == pytest.approx(RATE_FLOOR)


def test_known_values() -> None:
    assert [learning_rate_factor(step, 100, 4) for step in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert learning_rate_factor(0, 100, 0) == 1
    assert learning_rate_factor(50, 101, 1) == pytest.approx((1 + RATE_FLOOR) / 2)


class TestTheKLWeight:
    """By steps instead of epochs: core/training/annealing.py."""

    def made(self, steps: int = 0, **kl: object) -> KLWeight:
        loss = LossConfig(kl=KLLossConfig(**{"weight_max": 0.5, "warmup_fraction": 0.4, **kl}))  # type: ignore[arg-type]
        return KLWeight(TrainingConfig(epochs=10, steps=steps, loss=loss), 20)

    def test_linear_is_the_annealing_of_the_specification(self) -> None:
        weight = self.made()
        for step in range(0, 210, 7):
            assert weight.at(step) == pytest.approx(get_kl_weight(step / 20, 10, 0.4, 0.5))

    @pytest.mark.parametrize("schedule", ["linear", "cosine"])
    def test_a_run_that_ends_early_goes_through_all_of_it(self, schedule: str) -> None:
        short, long = self.made(steps=50, schedule=schedule), self.made(schedule=schedule)
        assert [short.at(step) for step in (0, 10, 20, 49)] == pytest.approx(
            [long.at(step) for step in (0, 40, 80, 196)]
        )
        assert short.at(20) == 0.5

    def test_only_adaptive_steers_and_remembers(self) -> None:
        weight, fixed = self.made(schedule="adaptive", target=10.0), self.made(schedule="cosine")
        for _ in range(30):
            weight.after_step(40.0)
            fixed.after_step(40.0)
        assert weight.at(30) > 0
        assert fixed.at(0) == 0
        again = self.made(schedule="adaptive", target=10.0)
        again.restore(weight.state())
        assert again.at(30) == weight.at(30)

    def test_the_final_weight_and_the_free_bits_may_change_while_a_run_is_live(self) -> None:
        weight = self.made()
        weight.configure(TrainingConfig(epochs=10, loss=LossConfig(kl=KLLossConfig(weight_max=0.2, free_bits=1.5))))
        assert weight.at(200) == pytest.approx(0.2)
        assert weight.scheduler.free_bits == 1.5


class TestTheWarmUp:
    def made(self, fraction: float, steps: int = 0) -> LossWarmup:
        return LossWarmup(TrainingConfig(epochs=10, steps=steps, loss=LossConfig(warmup_fraction=fraction)), 20)

    def shares(self, warmup: LossWarmup, steps: int) -> list[float]:
        found = []
        for _ in range(steps):
            found.append(warmup.share)
            warmup.after_step()
        return found

    def test_nothing_for_its_first_half_then_evenly_more(self) -> None:
        shares = self.shares(self.made(0.1), 30)
        assert shares[:11] == [0] * 11
        assert shares[11:20] == pytest.approx([0.1 * number for number in range(1, 10)])
        assert shares[20:] == [1] * 10
        assert self.shares(self.made(0.5, steps=16), 9) == [0, 0, 0, 0, 0, 0.25, 0.5, 0.75, 1]

    def test_off_it_is_over_from_the_start(self) -> None:
        assert self.made(0.0).is_over
        assert not self.made(0.01).is_over

    def test_it_goes_on_from_its_state(self) -> None:
        warmup, other = self.made(0.1), self.made(0.1)
        self.shares(warmup, 14)
        other.restore(warmup.state())
        assert self.shares(other, 10) == self.shares(warmup, 10)

    @pytest.mark.parametrize("fraction", [-0.1, 1.1])
    def test_a_fraction_out_of_range_is_refused(self, fraction: float) -> None:
        with pytest.raises(ConfigError, match=r"loss\.warmup_fraction"):
            self.made(fraction)
