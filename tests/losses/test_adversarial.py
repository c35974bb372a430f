"""The two players' losses against closed forms, and an R1 penalty that is a real gradient."""

import pytest
import torch
from torch import Tensor

from core.losses import (
    Judgement,
    discriminator_accuracy,
    discriminator_hinge,
    feature_matching,
    generator_hinge,
    r1_penalty,
)
from core.models import MultiScaleSTFTDiscriminator


def said(*values: float, features: tuple[Tensor, ...] = ()) -> list[Judgement]:
    return [Judgement(torch.tensor(values)[:, None], features)]


def test_the_hinge_losses_are_those_of_the_papers() -> None:
    real, fake = said(2.0, 0.5, -1.0), said(-3.0, 0.0, 1.5)

    assert discriminator_hinge(real, fake).item() == pytest.approx((0 + 0.5 + 2) / 3 + (0 + 1 + 2.5) / 3)
    assert generator_hinge(fake).item() == pytest.approx((4 + 1 + 0) / 3)


def test_scales_count_alike_whatever_their_size() -> None:
    large, small = said(*[3.0] * 100)[0], said(-1.0)[0]

    assert generator_hinge([large, small]) == (0 + 2) / 2
    assert discriminator_hinge([small, large], [large, small]).item() == pytest.approx((2 + 4 + 0 + 0) / 2)


def test_accuracy_is_the_share_of_right_sides() -> None:
    assert discriminator_accuracy(said(1.0, 2.0), said(-1.0, -0.1)) == 1
    assert discriminator_accuracy(said(1.0, -2.0), said(-1.0, 5.0)) == 0.5
    assert discriminator_accuracy(said(-1.0), said(1.0)) == 0
    assert discriminator_accuracy(said(0.0), said(0.0)) == 0.5


class TestFeatureMatching:
    def test_it_is_relative_to_the_real_features_of_each_layer(self) -> None:
        real = said(0.0, features=(torch.full((1, 4), 2.0), torch.full((1, 2), -10.0)))
        fake = said(0.0, features=(torch.full((1, 4), 3.0), torch.full((1, 2), -15.0)))

        assert feature_matching(real, fake).item() == pytest.approx((1 / 2 + 5 / 10) / 2)

    def test_a_scale_more_does_not_count_it_twice(self) -> None:
        real = said(0.0, features=(torch.ones(1, 4),))
        fake = said(0.0, features=(torch.zeros(1, 4),))

        assert feature_matching(real * 3, fake * 3) == feature_matching(real, fake) == 1

    def test_only_the_generator_can_make_it_smaller(self) -> None:
        target, feature = torch.ones(1, 4, requires_grad=True), torch.zeros(1, 4, requires_grad=True)
        feature_matching(said(0.0, features=(target,)), said(0.0, features=(feature,))).backward()

        assert target.grad is None
        torch.testing.assert_close(feature.grad, torch.full((1, 4), -0.25))


class TestR1:
    """Mescheder et al. 2018: E |grad D(x)|^2 at real x."""

    def test_of_a_linear_discriminator_it_is_the_squared_norm_of_its_weights(self) -> None:
        weights = torch.tensor([3.0, -4.0], requires_grad=True)
        x = torch.randn(5, 2, requires_grad=True)
        penalty = r1_penalty([Judgement((x @ weights)[:, None], ())], [x])
        penalty.backward()

        assert penalty.item() == pytest.approx(25)
        torch.testing.assert_close(weights.grad, 2 * weights.detach())

    def test_of_a_curved_one_it_is_the_slope_at_each_real_input(self) -> None:
        scale = torch.tensor(0.5, requires_grad=True)
        x = torch.tensor([[1.0, 2.0], [0.0, -3.0]], requires_grad=True)
        penalty = r1_penalty([Judgement(scale * x.square().sum(1, keepdim=True), ())], [x])
        penalty.backward()

        # grad = 2 * scale * x, so the mean of 4 scale^2 |x|^2 over |x|^2 = 5 and 9.
        assert penalty.item() == pytest.approx(4 * 0.25 * (5 + 9) / 2)
        assert scale.grad is not None
        assert scale.grad.item() == pytest.approx(8 * 0.5 * (5 + 9) / 2)

    def test_an_item_s_answer_is_the_mean_over_its_patches(self) -> None:
        weights = torch.tensor([3.0, -4.0])
        x = torch.randn(5, 7, 2, requires_grad=True)

        assert r1_penalty([Judgement(x @ weights, ())], [x]).item() == pytest.approx(7 * 25 / 7**2)

    def test_it_teaches_every_weight_of_the_real_discriminator(self) -> None:
        torch.manual_seed(0)
        discriminator = MultiScaleSTFTDiscriminator((64, 128), channels=4)
        views = [view.requires_grad_() for view in discriminator.views(torch.randn(2, 1, 500))]
        penalty = r1_penalty(discriminator.judge(views), views)
        penalty.backward()

        assert penalty > 0
        slopes = {n: p.grad for n, p in discriminator.named_parameters() if not n.endswith("bias")}
        assert all(slope is not None and slope.abs().sum() > 0 for slope in slopes.values())

    def test_it_agrees_with_finite_differences(self) -> None:
        torch.manual_seed(0)
        discriminator = MultiScaleSTFTDiscriminator((64,), channels=4).double()
        (view,) = (view.double() for view in discriminator.views(torch.randn(1, 1, 200)))
        penalty = r1_penalty(discriminator.judge([view.requires_grad_()]), [view])

        with torch.no_grad():
            answers = discriminator.judge([view])[0].logits
            direction, size = torch.randn_like(view), 1e-6
            ahead = discriminator.judge([view + size * direction])[0].logits
        slope = (ahead - answers).mean() / size
        (gradient,) = torch.autograd.grad(discriminator.judge([view])[0].logits.mean(), view)
        assert slope.item() == pytest.approx((gradient * direction).sum().item(), rel=1e-4)
        # The losses are counted in float32.
        assert penalty.item() == pytest.approx(gradient.square().sum().item(), rel=1e-5)
