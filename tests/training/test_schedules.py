"""The learning rate: a warmup from above 0 to 1, then a fall that never ends below its floor."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.training.schedules import RATE_FLOOR, learning_rate_factor

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
