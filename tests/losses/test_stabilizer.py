"""Neither player may run away: adaptive weight, rest, clipping, and a state that a checkpoint can keep."""

import json
import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.losses import AdversarialStabilizer


def taught(stabilizer: AdversarialStabilizer, times: int = 1, **measured: float) -> AdversarialStabilizer:
    for _ in range(times):
        stabilizer.update(measured)
    return stabilizer


def test_the_names_and_defaults_are_those_of_the_specification() -> None:
    stabilizer = AdversarialStabilizer(
        generator_loss_scale=1.0, discriminator_loss_scale=1.0, gradient_penalty_weight=10.0,
        gradient_clip_value=1.0, loss_smoothing=0.1, balance_threshold=0.1,
    )  # fmt: skip
    assert vars(stabilizer) == vars(AdversarialStabilizer())


class TestAdaptiveWeight:
    @settings(max_examples=50, deadline=None)
    @given(reference=st.floats(0.1, 100), adversarial=st.floats(0.1, 100), scale=st.floats(0, 2))
    def test_the_adversarial_gradient_comes_out_at_its_share_of_the_others(
        self, reference: float, adversarial: float, scale: float
    ) -> None:
        stabilizer = AdversarialStabilizer(generator_loss_scale=scale)
        others, slope = torch.full((4,), reference / 2), torch.full((4,), adversarial / 2)
        for _ in range(2):
            gradient, norms = stabilizer.generator_gradient(others, slope)
            stabilizer.update({name: norm.item() for name, norm in norms.items()})

        assert gradient.norm().item() == pytest.approx(scale * reference, rel=1e-4)

    def test_it_counts_nothing_before_it_was_measured(self) -> None:
        gradient, norms = AdversarialStabilizer().generator_gradient(torch.ones(4), torch.ones(4))
        assert (gradient == 0).all()
        assert norms["reference_norm"] == norms["adversarial_norm"] == 2

    def test_a_vanishing_gradient_is_not_blown_up_without_bound(self) -> None:
        assert taught(AdversarialStabilizer(), reference_norm=1.0, adversarial_norm=0.0).generator_weight == 1e4

    def test_one_outlier_hardly_moves_it(self) -> None:
        stabilizer = taught(AdversarialStabilizer(), 50, reference_norm=1.0, adversarial_norm=1.0)
        taught(stabilizer, reference_norm=5.0, adversarial_norm=1.0)
        assert 1 < stabilizer.generator_weight < 1.5

    def test_it_is_faded_in(self) -> None:
        stabilizer = taught(AdversarialStabilizer(), reference_norm=1.0, adversarial_norm=1.0)
        gradient, _ = stabilizer.generator_gradient(torch.ones(4), torch.ones(4), ramp=0.25)
        assert (gradient == 0.25).all()

    @pytest.mark.parametrize("broken", [math.nan, math.inf])
    def test_a_gradient_that_is_not_finite_is_left_out_and_forgotten(self, broken: float) -> None:
        stabilizer = taught(AdversarialStabilizer(), reference_norm=1.0, adversarial_norm=1.0)
        gradient, norms = stabilizer.generator_gradient(torch.ones(2), torch.tensor([broken, 1.0]))
        taught(stabilizer, **{name: norm.item() for name, norm in norms.items()})

        assert (gradient == 0).all()
        assert math.isfinite(stabilizer.generator_weight)


class TestBalance:
    def test_the_discriminator_rests_while_it_wins_by_far_and_comes_back(self) -> None:
        stabilizer = AdversarialStabilizer()
        assert not stabilizer.discriminator_rests
        assert taught(stabilizer, 30, accuracy=1.0).discriminator_rests
        assert not taught(stabilizer, 30, accuracy=0.6).discriminator_rests

    def test_one_lucky_step_is_no_reason(self) -> None:
        stabilizer = taught(AdversarialStabilizer(), 30, accuracy=0.6)
        assert not taught(stabilizer, accuracy=1.0).discriminator_rests

    def test_with_a_threshold_of_zero_it_never_rests(self) -> None:
        assert not taught(AdversarialStabilizer(balance_threshold=0.0), 30, accuracy=1.0).discriminator_rests


def test_the_penalty_counts_gamma_half_times_the_steps_it_stands_for() -> None:
    stabilizer = AdversarialStabilizer(discriminator_loss_scale=2.0, gradient_penalty_weight=10.0)
    loss, penalty = torch.tensor(1.5), torch.tensor(0.1)

    assert stabilizer.discriminator_total(loss) == 3
    assert stabilizer.discriminator_total(loss, penalty, every=16).item() == pytest.approx(3 + 5 * 16 * 0.1)


def test_gradients_are_clipped_to_the_norm() -> None:
    weight = torch.nn.Parameter(torch.zeros(4))
    weight.grad = torch.full((4,), 3.0)

    assert AdversarialStabilizer(gradient_clip_value=2.0).clip([weight]) == 6
    assert weight.grad.norm().item() == pytest.approx(2, rel=1e-4)


def test_it_goes_on_from_a_state_of_plain_values() -> None:
    stabilizer = taught(AdversarialStabilizer(), 200, accuracy=0.7, reference_norm=0.3, adversarial_norm=0.1)
    state = json.loads(json.dumps(stabilizer.get_state()))
    other = AdversarialStabilizer()
    other.load_state(state)
    for each in (stabilizer, other):
        taught(each, accuracy=0.9, generator_loss=1.0)

    assert other.get_state() == stabilizer.get_state()
    assert len(other.history["accuracy"]) == 100


@pytest.mark.parametrize(
    "wrong",
    [{"gradient_clip_value": 0.0}, {"loss_smoothing": 0.0}, {"balance_threshold": 0.6}, {"generator_loss_scale": -1.0}],
)
def test_a_value_out_of_range_is_named(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        AdversarialStabilizer(**wrong)
