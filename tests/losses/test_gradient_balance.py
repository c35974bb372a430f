"""Weights by gradients: each loss its share, whatever its size, with the total led back to the model, and a state."""

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.losses import ComprehensiveLossFramework, GradientBalancer
from core.losses.framework_weights import model_weights, weighted
from core.losses.gradient_balance import LARGEST
from tests.losses.music import MELODY
from tests.losses.played import case

BY_HAND = {"large": 1.0, "small": 2.0, "tiny": 0.5}
SIZES = {"large": 5.0, "small": 0.3, "tiny": 0.05}


def losses_of(output: Tensor) -> dict[str, Tensor]:
    """Three losses of an output [4, 10] that pull in different directions with very different strength."""
    directions = torch.randn(3, 10, generator=torch.Generator().manual_seed(0))
    return {
        name: size * (output @ direction / direction.norm()).square().mean()
        for (name, size), direction in zip(SIZES.items(), directions, strict=True)
    }


def output_of(seed: int = 1) -> Tensor:
    return torch.randn(4, 10, generator=torch.Generator().manual_seed(seed)).requires_grad_()


def settled(balancer: GradientBalancer, steps: int = 50) -> dict[str, float]:
    """The weights after so many steps at one place."""
    for _ in range(steps):
        balancer.total(losses_of(output := output_of()), BY_HAND, output)
        balancer.update()
    return balancer.weights(BY_HAND)


def test_each_loss_has_its_share_of_the_gradient_whatever_its_size() -> None:
    weights, output = settled(GradientBalancer()), output_of()
    pulls = {}
    for name, loss in losses_of(output).items():
        (slope,) = torch.autograd.grad(loss, output, retain_graph=True)
        pulls[name] = weights[name] * slope.norm(dim=1).mean().item()
    whole = math.fsum(pulls.values())
    assert {name: pull / whole for name, pull in pulls.items()} == pytest.approx(
        {name: weight / 3.5 for name, weight in BY_HAND.items()}, rel=1e-4
    )
    norms = {name: pulls[name] / weights[name] for name in pulls}
    assert whole == pytest.approx(sum(BY_HAND[name] * norm for name, norm in norms.items()), rel=1e-4)


def test_the_total_is_that_of_the_weights_and_so_is_its_gradient_at_the_model() -> None:
    balancer = GradientBalancer()
    settled(balancer, 3)
    model = output_of(2)
    output = torch.tanh(model) * 2
    losses, weights = losses_of(output), balancer.weights(BY_HAND)
    total = balancer.total(losses, BY_HAND, output)
    named = torch.stack([weights[name] * loss for name, loss in losses.items()]).sum()
    torch.testing.assert_close(total, named)
    slopes = [torch.autograd.grad(value, model, retain_graph=True)[0] for value in (total, named)]
    torch.testing.assert_close(slopes[0], slopes[1])


def test_the_first_step_is_by_hand_and_one_of_weight_zero_stays_out() -> None:
    balancer, output = GradientBalancer(), output_of()
    losses = losses_of(output)
    by_hand = {**BY_HAND, "small": 0.0}
    assert balancer.weights(by_hand) == by_hand
    total = balancer.total({**losses, "small": losses["small"] * math.nan}, by_hand, output)
    assert total.item() == pytest.approx((losses["large"] + 0.5 * losses["tiny"]).item())
    balancer.update()
    assert set(balancer.norms) == {"large", "tiny"}
    assert balancer.weights(BY_HAND)["small"] == 2.0  # it comes back as by hand, until it was measured


def test_a_loss_that_is_all_but_met_is_not_blown_up() -> None:
    balancer, output = GradientBalancer(), output_of()
    met = {"large": losses_of(output)["large"], "small": 1e-9 * output.sum(), "tiny": output.sum() * 0}
    balancer.total(met, BY_HAND, output)
    balancer.update()
    weights = balancer.weights(BY_HAND)
    assert weights["small"] == LARGEST * BY_HAND["small"]
    assert weights["tiny"] == BY_HAND["tiny"]


def test_what_is_not_finite_or_not_trained_on_leaves_no_trace() -> None:
    balancer = GradientBalancer()
    settled(balancer, 2)
    before = balancer.state()
    output = output_of()
    balancer.total({name: loss * math.nan for name, loss in losses_of(output).items()}, BY_HAND, output)
    balancer.update()
    with torch.no_grad():
        balancer.total(losses_of(output), BY_HAND, output)
    balancer.update()
    assert balancer.state() == before


def test_it_goes_on_from_its_state_to_the_bit() -> None:
    whole, first, second = GradientBalancer(), GradientBalancer(), GradientBalancer()
    settled(first, 4)
    second.restore(json.loads(json.dumps(first.state())))
    assert settled(second, 3) == settled(whole, 7)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from("abcd"), st.tuples(st.floats(0, 10), st.floats(0, 1e6)), min_size=1))
def test_weights_are_finite_never_negative_and_bounded(terms: dict[str, tuple[float, float]]) -> None:
    balancer = GradientBalancer()
    norms = {name: norm for name, (_, norm) in terms.items()}
    balancer.restore({"sums": norms, "counts": dict.fromkeys(norms, 1.0)})
    by_hand = {name: weight for name, (weight, _) in terms.items()}
    for name, weight in balancer.weights(by_hand).items():
        assert 0 <= weight <= LARGEST * by_hand[name]


def test_a_decay_out_of_range_is_refused() -> None:
    with pytest.raises(ValueError, match="decay"):
        GradientBalancer(1.0)


class TestTunes:
    def made(self) -> ComprehensiveLossFramework:
        return ComprehensiveLossFramework(use_automatic_balancing=False, gradient_balancer=GradientBalancer())

    def test_onsets_and_constraints_have_their_shares_at_the_logits(self) -> None:
        framework, one = self.made(), case()
        assert framework.gradient_balancer is not None
        for _ in range(20):
            terms = framework.model_side(one.logits, MELODY, one.mu, one.logvar, beta=0.5)
            framework.gradient_balancer.update()
        weights = model_weights(framework, {name: term.item() for name, term in terms.items()})
        assert set(weights) == set(weighted(framework))
        parts = {
            "reconstruction": weights["recon_perceptual_reconstruction"] * terms["recon_perceptual_reconstruction"],
            "structure": weights["recon_structure_emphasis"] * terms["recon_structure_emphasis"],
            "constraints": sum(weight * terms[name] for name, weight in weights.items() if name.startswith("constr")),
        }
        pulls = {name: torch.autograd.grad(part, one.logits, retain_graph=True)[0].norm().item()
                 for name, part in parts.items()}  # fmt: skip
        assert pulls["structure"] / pulls["reconstruction"] == pytest.approx(0.2, rel=1e-3)
        assert pulls["constraints"] / pulls["reconstruction"] == pytest.approx(0.1, rel=1e-3)
        assert weights["kl_loss"] == pytest.approx(0.5)

    def test_a_state_of_plain_values_holds_it(self) -> None:
        framework, other, one = self.made(), self.made(), case()
        assert framework.gradient_balancer is not None
        framework.model_side(one.logits, MELODY, one.mu, one.logvar, beta=0.5)
        framework.gradient_balancer.update()
        other.load_state(json.loads(json.dumps(framework.get_state())))
        assert other.part_weights() == framework.part_weights()

    def test_two_ways_at_once_are_refused(self) -> None:
        with pytest.raises(ValueError, match="gradient_balancer"):
            ComprehensiveLossFramework(gradient_balancer=GradientBalancer())


@pytest.mark.parametrize("automatic", [True, False])
def test_in_a_warm_up_onsets_and_constraints_wait(automatic: bool) -> None:
    framework, one = ComprehensiveLossFramework(use_automatic_balancing=automatic), case()
    full = framework.model_side(one.logits, MELODY, one.mu, one.logvar, beta=0.0)
    framework.late = 0.0
    early = framework.model_side(one.logits, MELODY, one.mu, one.logvar, beta=0.0)
    assert early["total_loss"].item() == pytest.approx(early["recon_perceptual_reconstruction"].item())
    assert early["weight_musical_constraints"] == 0
    assert full["recon_total"].item() == early["recon_total"].item()  # what a term means stays
    framework.late = 0.5
    weights = model_weights(framework, {
        name: term.item()
        for name, term in framework.model_side(one.logits, MELODY, one.mu, one.logvar, beta=0.0).items()
    })  # fmt: skip
    assert weights["recon_structure_emphasis"] == pytest.approx(0.1)
    assert weights["constraint_rhythm_constraint"] == pytest.approx(0.05)
