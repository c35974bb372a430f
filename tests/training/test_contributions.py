"""What each term counts, and its share of the gradient: honest to the total, rare, and without a trace in the bits."""

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from core.midi.demo import make_demo_tunes
from core.training.config_file import load_config
from core.training.contributions import GradientGauge, names, shares
from core.training.optimize import fetched
from core.training.recipe import Recipe, load_recipe
from core.training.state import TrainingState
from core.training.step import Step, optimizer_step
from tests.midi.test_midi_runs import TINY as TINY_TUNES
from tests.training.conftest import TINY as TINY_SOUNDS

PLAYING = {
    "adversarial.mode": "on", "adversarial.start": 0.0, "adversarial.warmup_steps": 1, "adversarial.channels": 4,
    "adversarial.segment_seconds": 0.1, "adversarial.r1_every": 2, "adversarial.balance_threshold": 0.0,
}  # fmt: skip
CASES: dict[str, dict[str, Any]] = {
    "sounds": {},
    "sounds, log magnitude alone": {"spectrogram.representation": "log_mel", "loss.reconstruction.weight": 0.0},
    "sounds, learned weights": {"loss.balance": "uncertainty"},
    "sounds, shares of the gradient": {"loss.balance": "gradient"},
    "tunes": {"recipe": "midi"},
    "tunes, learned weights": {"recipe": "midi", "loss.balance": "uncertainty"},
    "tunes, shares of the gradient": {"recipe": "midi", "loss.balance": "gradient"},
    "tunes, plain tokens": {"recipe": "midi", "loss.tokens.musical_weighting": False, "loss.constraints.weight": 0.0},
}


@pytest.fixture(scope="session")
def tunes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_demo_tunes(tmp_path_factory.mktemp("demo"), 8)[0].parent


@pytest.fixture
def made(tones: Path, tunes: Path) -> Callable[..., tuple[Recipe, TrainingState]]:
    """made(case, **changes): a recipe with everything it needs to take steps."""

    def make(case: str, changes: dict[str, Any] | None = None) -> tuple[Recipe, TrainingState]:
        of_tunes = CASES[case].get("recipe") == "midi"
        base = {"data.path": str(tunes), **TINY_TUNES} if of_tunes else {"data.path": str(tones), **TINY_SOUNDS}
        play = {**PLAYING, **({"adversarial.channels": 1} if of_tunes else {"adversarial.fft_sizes": [64, 128]})}
        config, chosen = load_config(None, [], {**base, **play, **CASES[case], **(changes or {})})
        torch.manual_seed(config.seed)
        device = torch.device("cpu")
        recipe = load_recipe("midi" if of_tunes else "audio").prepare(config, chosen, device, lambda *_: None)
        return recipe, TrainingState(recipe, device)

    return make


def stepped(recipe: Recipe, state: TrainingState, number: int, gauge: GradientGauge | None = None) -> Step:
    batch = recipe.batch(torch.Generator().manual_seed(number))
    step = optimizer_step(recipe, state, batch, 1e-3, 0.02, gauge)
    state.progress.step = number
    return step


@pytest.mark.parametrize("case", CASES)
def test_the_weighted_terms_are_the_total(case: str, made: Any) -> None:
    recipe, state = made(case)
    for number in range(1, 4):
        terms, extras, total = (step := stepped(recipe, state, number)).terms, step.extras, step.terms["total_loss"]
        assert {name.removeprefix("weight/") for name in extras} == set(recipe.weighted) & terms.keys()
        own = sum(extras[f"weight/{name}"] * terms[name] for name in recipe.weighted
                  if not name.startswith("gen_") and extras[f"weight/{name}"])  # fmt: skip
        if "learned" not in case:
            assert own == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("case", CASES)
def test_the_model_follows_the_gradient_of_the_weighted_terms_and_of_nothing_else(case: str, made: Any) -> None:
    recipe, state = made(case)
    for number in range(1, 4):
        stepped(recipe, state, number)  # so that the stabiliser and the discriminator know something
    assert recipe.opponent is not None
    recipe.opponent.stabilizer.smoothed["accuracy"] = 1.0
    weights = followed(recipe, state)
    assert any(weight > 0 for name, weight in weights.items() if name.startswith("gen_"))


def followed(recipe: Recipe, state: TrainingState) -> Mapping[str, float]:
    """The weights of a step, once its gradient was found to be that of the weighted terms."""
    state.model.zero_grad()
    losses = recipe.losses(state.model.train(), recipe.batch(torch.Generator().manual_seed(9)), 0.02)
    total = losses["total_loss"]
    if recipe.opponent is not None:
        total, adversarial = recipe.opponent.challenge(total)
        losses = {**losses, **adversarial}
    weights = recipe.weights(fetched(losses), 0.02)
    asked = list(state.model.parameters())
    named = torch.stack([weight * losses[name] for name, weight in weights.items() if weight]).sum()

    def slope(value: Tensor) -> Tensor:
        found = torch.autograd.grad(value, asked, retain_graph=True, allow_unused=True)
        return torch.cat([each.flatten() for each in found if each is not None])

    expected, actual = slope(total), slope(named)
    assert (expected - actual).norm() < 1e-4 * expected.norm()
    return weights


def test_learned_weights_cost_something_that_no_term_has(made: Any) -> None:
    recipe, state = made("tunes, learned weights", {"adversarial.mode": "off"})
    for number in range(1, 6):
        balancer = recipe.learned
        with torch.no_grad():
            variances = dict(zip(balancer.names, balancer.log_vars.tolist(), strict=True))
        terms, extras = (step := stepped(recipe, state, number)).terms, step.extras
        share = recipe.config.loss.constraints.weight
        beyond = share * math.exp(-variances["musical_constraints"]) - terms["weight_musical_constraints"]
        cost = variances["reconstruction"] + share * variances["musical_constraints"]
        cost += beyond * terms["constraint_total"]
        own = sum(weight * terms[name.removeprefix("weight/")] for name, weight in extras.items())
        assert own + cost == pytest.approx(terms["total_loss"], rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("case", ["sounds", "tunes, learned weights"])
def test_measuring_leaves_no_trace_in_the_bits(case: str, made: Any) -> None:
    ended = []
    for gauge in (None, GradientGauge(math.inf)):
        recipe, state = made(case)
        steps = [stepped(recipe, state, number, gauge) for number in range(1, 21)]
        measured = [any(name.startswith("gradient/") for name in step.extras) for step in steps]
        assert measured == [gauge is not None and number > 0 for number in range(20)]
        ended.append((state.contents(), torch.get_rng_state(), [step.terms for step in steps]))
    (plain, drawn, terms), (other, drawn_too, same_terms) = ended
    assert torch.equal(drawn, drawn_too)
    assert terms == same_terms
    for part in ("model", "average", "opponent"):
        equal(plain[part], other[part])
    equal(plain["optimizer"], other["optimizer"])


def equal(one: Any, other: Any) -> None:
    """Equal to the bit, through nested containers."""
    if isinstance(one, Tensor):
        assert torch.equal(one, other)
    elif isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            equal(one[key], other[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(other)
        for left, right in zip(one, other, strict=True):
            equal(left, right)
    else:
        assert one == other


def test_the_shares_are_those_of_each_terms_gradient_over_all_weights(made: Any) -> None:
    recipe, state = made("sounds", {"adversarial.mode": "off"})
    gauge = GradientGauge(math.inf)
    assert not gauge.is_due()
    batch = recipe.batch(torch.Generator().manual_seed(1))
    torch.manual_seed(3)
    losses = recipe.losses(state.model.train(), batch, 0.02)
    pulls = fetched(gauge.measure(losses, recipe.weighted, state.model))
    for name in recipe.weighted:
        state.model.zero_grad()
        losses[name].backward(retain_graph=True)
        slopes = [weight.grad.flatten() for weight in state.model.parameters() if weight.grad is not None]
        assert pulls[name] == pytest.approx(torch.cat(slopes).norm().item(), rel=1e-4)
    assert pulls["kl_loss"] > 0  # which never reaches the decoder's output
    found = shares(recipe.weights(fetched(losses), 0.02), pulls)
    assert math.fsum(found.values()) == pytest.approx(1)
    assert names(recipe) == tuple(f"{what}/{name}" for what in ("weight", "gradient") for name in recipe.weighted)


def test_a_skipped_step_tells_nothing(made: Any) -> None:
    recipe, state = made("sounds")
    gauge = GradientGauge(math.inf)
    stepped(recipe, state, 1, gauge)
    batch = recipe.batch(torch.Generator().manual_seed(2))
    step = optimizer_step(recipe, state, batch * math.nan, 1e-3, 0.02, gauge)
    assert step.broken is not None
    assert step.extras == {}
    assert any(name.startswith("gradient/") for name in stepped(recipe, state, 3, gauge).extras)


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Slow(nn.Module):
    """A weight; a loss of it whose way back takes some seconds by the clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.clock, self.seconds = clock, 0.0

    def losses(self) -> dict[str, Tensor]:
        loss = self.weight * 2.0
        loss.register_hook(self._back)  # type: ignore[no-untyped-call]
        return {"loss": loss, "constant": torch.ones(())}

    def _back(self, slope: Tensor) -> Tensor:
        self.clock.now += self.seconds
        return slope


@given(st.floats(0.001, 0.3), st.lists(st.floats(0.0, 5.0), min_size=50, max_size=400))
def test_it_takes_no_more_than_its_share_of_the_time(share: float, costs: list[float]) -> None:
    clock = Clock()
    gauge, model = GradientGauge(share, clock), Slow(clock)
    taken = 0.0
    measured: list[int] = []
    for number, cost in enumerate(costs):
        if gauge.is_due():
            assert taken <= share * clock.now + 1e-6
            model.seconds = cost
            assert gauge.measure(model.losses(), ("loss", "constant", "absent"), model)["loss"] == 2
            taken += cost
            measured.append(number)
        clock.now += 1.0
    assert measured[0] == 1  # the first is slow in ways of its own


@given(st.dictionaries(st.sampled_from("abcde"), st.tuples(st.floats(), st.floats(min_value=0))))
def test_shares_are_a_whole_or_nothing(terms: dict[str, tuple[float, float]]) -> None:
    weights, norms = ({name: both[side] for name, both in terms.items()} for side in (0, 1))
    found = shares(weights, norms)
    assert all(0 <= share <= 1 for share in found.values())
    assert not found or math.fsum(found.values()) == pytest.approx(1)
