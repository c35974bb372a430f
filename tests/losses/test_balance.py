"""Weights that learn: to the optimum that is known, within their bounds, and back from them."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from core.losses.balance import MultiObjectiveLossBalancer


def minimise(balancer: MultiObjectiveLossBalancer, values: dict[str, float], steps: int = 200) -> None:
    optimizer = torch.optim.Adam(balancer.parameters(), lr=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        balancer({name: torch.tensor(value) for name, value in values.items()})[0].backward()
        optimizer.step()


def test_the_names_and_defaults_are_those_of_the_specification() -> None:
    given = MultiObjectiveLossBalancer(num_objectives=6, init_log_var=0.0, min_weight=1e-4, max_weight=100.0)
    default = MultiObjectiveLossBalancer()
    assert torch.equal(given.log_vars, default.log_vars)
    assert (given.lowest, given.highest) == (default.lowest, default.highest)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 50), st.floats(-4, 8)), min_size=1, max_size=6))
def test_the_total_is_that_of_the_paper(pairs: list[tuple[float, float]]) -> None:
    balancer = MultiObjectiveLossBalancer()
    with torch.no_grad():
        balancer.log_vars[: len(pairs)] = torch.tensor([s for _, s in pairs])
    total, weights = balancer({str(i): torch.tensor(loss) for i, (loss, _) in enumerate(pairs)})

    assert total.item() == pytest.approx(sum(math.exp(-s) * loss + s for loss, s in pairs), rel=1e-4, abs=1e-4)
    assert [w.item() for w in weights.values()] == pytest.approx([math.exp(-s) for _, s in pairs], rel=1e-4)
    assert not any(weight.requires_grad for weight in weights.values())


def test_weights_come_to_one_over_their_loss() -> None:
    values = {"large": 20.0, "even": 1.0, "small": 0.05}
    balancer = MultiObjectiveLossBalancer(3)
    minimise(balancer, values)
    _, weights = balancer({name: torch.tensor(value) for name, value in values.items()})
    assert {n: w.item() for n, w in weights.items()} == pytest.approx({n: 1 / v for n, v in values.items()}, rel=0.02)


def test_it_balances_a_model_that_learns_beside_it() -> None:
    """Two wishes for one number, in units 30 apart: added up, the large unit decides; balanced, both count the same."""
    generator = torch.Generator().manual_seed(0)
    x, y = torch.randn(400, generator=generator) + 1, 30 * (torch.randn(400, generator=generator) + 2)
    at, balancer = nn.Parameter(torch.tensor(0.0)), MultiObjectiveLossBalancer(2)
    optimizer = torch.optim.Adam([at, *balancer.parameters()], lr=0.05, betas=(0.9, 0.9))
    for _ in range(600):
        optimizer.zero_grad()
        losses = {"x": (x - at).square().mean(), "y": (y - 30 * at).square().mean()}
        balancer(losses)[0].backward()
        optimizer.step()
    assert at.item() == pytest.approx((x.mean() + y.mean() / 30).item() / 2, abs=0.1)


def test_what_counts_more_by_hand_learns_the_same_weight() -> None:
    losses = {"large": torch.tensor(20.0), "small": torch.tensor(0.5)}
    by_hand = {"large": 3.0, "small": 0.1}
    balancer = MultiObjectiveLossBalancer(2, names=tuple(losses))
    with torch.no_grad():
        balancer.log_vars.copy_(torch.tensor([1.0, -1.0]))
    total, weights = balancer(losses, by_hand)
    assert total.item() == pytest.approx(3 * (20 * math.exp(-1) + 1) + 0.1 * (0.5 * math.e - 1))
    assert [weight.item() for weight in weights.values()] == pytest.approx([math.exp(-1), math.e])
    optimizer = torch.optim.Adam(balancer.parameters(), lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        balancer(losses, by_hand)[0].backward()
        optimizer.step()
    assert {n: w.item() for n, w in balancer.weights().items()} == pytest.approx({"large": 0.05, "small": 2}, rel=0.02)


class TestBounds:
    def test_weights_stay_within_them(self) -> None:
        balancer = MultiObjectiveLossBalancer(2, min_weight=0.1, max_weight=10.0)
        minimise(balancer, {"huge": 1e6, "nothing": 0.0})
        _, weights = balancer({"huge": torch.tensor(1e6), "nothing": torch.tensor(0.0)})
        assert [weight.item() for weight in weights.values()] == pytest.approx([0.1, 10.0])

    def test_what_is_at_the_border_comes_back_soon(self) -> None:
        balancer = MultiObjectiveLossBalancer(1, max_weight=10.0)
        minimise(balancer, {"loss": 0.0}, steps=500)
        minimise(balancer, {"loss": 1.0}, steps=150)
        assert balancer({"loss": torch.tensor(1.0)})[1]["loss"].item() == pytest.approx(1, rel=0.05)

    @pytest.mark.parametrize(("log_var", "loss", "moves"), [(-9.0, 0.0, False), (-9.0, 1.0, True), (9.0, 1e9, False)])
    def test_at_the_border_only_the_way_back_has_a_gradient(self, log_var: float, loss: float, moves: bool) -> None:
        balancer = MultiObjectiveLossBalancer(1, init_log_var=log_var, min_weight=0.01, max_weight=100.0)
        balancer({"loss": torch.tensor(loss)})[0].backward()
        assert balancer.log_vars.grad is not None
        assert bool(balancer.log_vars.grad != 0) == moves


class TestNames:
    def test_what_is_not_measured_does_not_learn(self) -> None:
        balancer = MultiObjectiveLossBalancer(2, names=("one", "other"))
        balancer({"other": torch.tensor(5.0)})[0].backward()
        assert balancer.log_vars.grad is not None
        assert balancer.log_vars.grad.tolist() == [0, -4]
        assert list(balancer.weights()) == ["one", "other"]

    def test_an_unknown_loss_is_named(self) -> None:
        with pytest.raises(ValueError, match="third"):
            MultiObjectiveLossBalancer(2, names=("one", "other"))({"third": torch.tensor(1.0)})
        with pytest.raises(ValueError, match="1 at most"):
            MultiObjectiveLossBalancer(1)({"one": torch.tensor(1.0), "other": torch.tensor(1.0)})

    def test_names_and_bounds_must_fit(self) -> None:
        with pytest.raises(ValueError, match="num_objectives"):
            MultiObjectiveLossBalancer(3, names=("one",))
        with pytest.raises(ValueError, match="min_weight"):
            MultiObjectiveLossBalancer(min_weight=2.0, max_weight=1.0)
