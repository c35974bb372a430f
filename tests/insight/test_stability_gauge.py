"""What the gauge measures is right, costs its share of the time, and leaves no trace in the trained bits."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from core.training.config_file import load_config
from core.training.recipe import Recipe, load_recipe
from core.training.stability_gauge import MOST_PARTS, StabilityGauge, empty, names, parts
from core.training.state import TrainingState
from core.training.step import Step, optimizer_step
from tests.midi.test_midi_runs import TINY as TINY_TUNES
from tests.training.conftest import TINY as TINY_SOUNDS
from tests.training.test_contributions import equal

Made = Callable[[str], tuple[Recipe, TrainingState]]


@pytest.fixture
def made(tones: Path, tunes: Path) -> Made:
    """made("audio" or "midi"): a recipe with everything it needs to take steps."""

    def make(kind: str) -> tuple[Recipe, TrainingState]:
        base = {"data.path": str(tunes), **TINY_TUNES} if kind == "midi" else {"data.path": str(tones), **TINY_SOUNDS}
        config, given = load_config(None, [], {**base, "adversarial.mode": "off"})
        torch.manual_seed(config.seed)
        recipe = load_recipe("midi" if kind == "midi" else "audio").prepare(
            config, given, torch.device("cpu"), lambda *_: None
        )
        return recipe, TrainingState(recipe, torch.device("cpu"))

    return make


def stepped(recipe: Recipe, state: TrainingState, number: int, gauge: StabilityGauge | None) -> Step:
    batch = recipe.batch(torch.Generator().manual_seed(number))
    step = optimizer_step(recipe, state, batch, 1e-3, 0.02, None, gauge)
    state.progress.step = number
    return step


@pytest.mark.parametrize("kind", ["audio", "midi"])
def test_measuring_leaves_no_trace_in_the_bits(kind: str, made: Made) -> None:
    ended: list[Any] = []
    for gauge in (None, StabilityGauge(math.inf)):
        recipe, state = made(kind)
        steps = [stepped(recipe, state, number, gauge) for number in range(1, 9)]
        found = [any(name.startswith("norm/") for name in step.extras) for step in steps]
        assert found == [gauge is not None and number > 0 for number in range(8)]
        ended.append((state.contents(), torch.get_rng_state(), [(step.terms, step.grad_norm) for step in steps]))
    (plain, drawn, terms), (other, drawn_too, same_terms) = ended
    assert torch.equal(drawn, drawn_too)
    assert terms == same_terms
    for part in ("model", "average", "optimizer"):
        equal(plain[part], other[part])


@pytest.mark.parametrize("kind", ["audio", "midi"])
def test_norms_and_moves_are_those_of_the_weights(kind: str, made: Made) -> None:
    recipe, state = made(kind)
    gauge = StabilityGauge(math.inf)
    stepped(recipe, state, 1, gauge)
    before = {name: weight.detach().clone() for name, weight in state.model.named_parameters()}
    step = stepped(recipe, state, 2, gauge)
    own = parts(state.model)

    assert 4 <= len(own) <= MOST_PARTS
    assert sum(map(len, own.values())) == len(before)
    norms = [step.extras[f"norm/{part}"] for part in own]
    assert math.hypot(*norms) == pytest.approx(step.grad_norm, rel=1e-4)  # though it was clipped
    part = "decoder.patches" if kind == "audio" else "decoder.head"
    weights = {name: weight for name, weight in state.model.named_parameters() if name.startswith(f"{part}.")}
    moved = math.hypot(*(float((weight.detach() - before[name]).norm()) for name, weight in weights.items()))
    size = math.hypot(*(float(before[name].norm()) for name in weights))
    assert step.extras[f"update/{part}"] == pytest.approx(moved / size, rel=1e-4)
    found = {name for name in step.extras if name.split("/")[0] in ("norm", "update", "dead", "data")}
    assert found <= set(names(state.model))
    assert any(name.startswith("dead/encoder") for name in found)


def test_dead_units_are_counted_by_their_part(made: Made) -> None:
    recipe, state = made("audio")
    gauge = StabilityGauge(math.inf)
    stepped(recipe, state, 1, gauge)
    with torch.no_grad():
        bias = dict(state.model.named_parameters())["encoder.blocks.0.norm.bias"]
        bias[: len(bias) // 2] = -100
    extras = stepped(recipe, state, 2, gauge).extras

    assert extras["dead/encoder.blocks"] == pytest.approx(0.25)  # half of the first of its two activations
    assert extras["dead/decoder.blocks"] == 0
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in state.model.modules())


def test_a_skipped_step_tells_nothing(made: Made) -> None:
    recipe, state = made("audio")
    gauge = StabilityGauge(math.inf)
    stepped(recipe, state, 1, gauge)
    batch = recipe.batch(torch.Generator().manual_seed(2)) * math.nan
    assert optimizer_step(recipe, state, batch, 1e-3, 0.02, None, gauge).extras == {}


def test_it_takes_no_more_than_its_share_of_the_time() -> None:
    """A clock on which each look takes a second: measured at most so often."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += 0.5
        return now

    gauge, model = StabilityGauge(0.01, clock), nn.Sequential(nn.Linear(2, 2))
    measured = 0
    for _ in range(1000):
        now += 1.0
        measured += gauge.reading(model, torch.ones(2, 2)) is not None
    assert 2 <= measured <= 0.02 * now


def test_what_has_nothing_in_it() -> None:
    assert empty(torch.zeros(4, 1, 100)) == 1
    assert empty(torch.randn(4, 1, 100)) == 0
    assert empty(torch.tensor([[-1, -1, -1], [5, 300, -1]])) == 0.5


def test_parts_of_any_model() -> None:
    deep = nn.ModuleDict({f"part{number}": nn.Sequential(nn.Linear(number + 1, 2)) for number in range(20)})
    found = parts(deep)
    assert len(found) == MOST_PARTS
    assert sum(map(len, found.values())) == 40
    assert "other" in found
