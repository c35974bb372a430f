"""The n-gram yardstick of benchmarks/ngram.py: probabilities that sum to one, and a hand-made example."""

import importlib.util
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(scope="module")
def ngram() -> Any:
    path = Path(__file__).parents[2] / "benchmarks" / "ngram.py"
    spec = importlib.util.spec_from_file_location("ngram", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault("ngram", module)
    spec.loader.exec_module(module)
    return module


SEQUENCES = st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=30), min_size=1, max_size=6)


@settings(max_examples=80, deadline=None)
@given(
    sequences=SEQUENCES, before=st.lists(st.integers(0, 7), max_size=6), order=st.integers(1, 5), start=st.booleans()
)
def test_probabilities_are_above_zero_and_sum_to_one(
    ngram: Any, sequences: list[list[int]], before: list[int], order: int, start: bool
) -> None:
    model = ngram.KneserNey(order, size=8).fit(sequences)
    before = [ngram.START, *before] if start else before
    distribution = model.distribution(before)

    assert distribution.sum() == pytest.approx(1, abs=1e-12)
    assert (distribution > 0).all()
    singly = [model.probability(token, before) for token in range(8)]
    np.testing.assert_allclose(distribution, singly, rtol=1e-12)


def test_one_token_at_a_time_by_hand(ngram: Any) -> None:
    """Order 1 over counts of 4, 2, 1 and 1: Y is 2 / 4, so that a count of 1 loses 1 - 2 / 4 * 2 * 1 / 2, half of it;
    for those of more the formula has nothing to go by, and they lose half a count, too."""
    model = ngram.KneserNey(1, size=5).fit([[0, 0, 0, 0, 1, 1, 2, 3]])
    expected = np.array([3.5, 1.5, 0.5, 0.5, 0]) / 8
    np.testing.assert_allclose(model.distribution(()), expected + 4 * 0.5 / 8 / 5)


def test_lower_orders_count_places_rather_than_times(ngram: Any) -> None:
    """7 comes often, but only ever after 6; 1 comes as often, after many: in a new place 1 is likelier."""
    sequence = [6, 7] * 12 + [1, 2, 1, 3, 1, 4, 1, 5, 1, 0, 1, 2, 1, 3, 1, 4, 1, 5, 1, 0, 1]
    model = ngram.KneserNey(2, size=9).fit([sequence])
    assert model.probability(1, [8]) > 3 * model.probability(7, [8])
    assert model.probability(7, [6]) > 0.8


def test_the_likelihood_is_that_of_each_token_after_those_before_it(ngram: Any) -> None:
    model = ngram.KneserNey(3, size=8).fit([[1, 2, 3, 4] * 5, [2, 2, 3]])
    sequence = [1, 2, 3, 2]
    contexts = [[ngram.START], [ngram.START, 1], [1, 2], [2, 3]]
    expected = [-np.log(model.probability(token, before)) for token, before in zip(sequence, contexts, strict=True)]
    np.testing.assert_allclose(model.nll(sequence), expected)


def test_longer_memory_pays_where_there_is_something_to_remember(ngram: Any) -> None:
    tune = [0, 1, 2, 0, 1, 3] * 20
    means = [ngram.KneserNey(order, size=8).fit([tune]).nll(tune).mean() for order in (1, 2, 4)]
    assert means[0] > means[1] > means[2]
    assert means[2] < 0.1


def test_samples_are_like_what_was_counted(ngram: Any) -> None:
    model = ngram.KneserNey(2, size=8).fit([[0, 1, 2, 3] * 100])
    drawn = model.sample(200, np.random.default_rng(0))
    followed = np.mean([(b - a) % 4 == 1 for a, b in pairwise(drawn)])
    assert len(drawn) == 200
    assert followed > 0.9
    assert drawn == model.sample(200, np.random.default_rng(0))
