"""Reconstruction weighted by what is heard: known weights, honest means, and padding that never counts."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from core.losses.perceptual import PerceptualReconstructionLoss, begins_an_onset, emphasised_shifts
from core.midi.vocabulary import NOTE_OFF, NOTE_ON, SIZE, TIME_SHIFT, VELOCITY, shift_token
from tests.losses.music import MELODY, padded, rows, sure_of, unsure


def test_the_names_and_defaults_are_those_of_the_specification() -> None:
    given = PerceptualReconstructionLoss(
        vocab_size=774, musical_weighting=True, perceptual_emphasis=2.0, note_weight=3.0, time_weight=2.0,
        velocity_weight=1.5,
    )  # fmt: skip
    assert torch.equal(given.weights, PerceptualReconstructionLoss().weights)


class TestWeights:
    def test_each_kind_of_token_counts_what_the_specification_says(self) -> None:
        weights = PerceptualReconstructionLoss().weights
        assert weights.shape == (SIZE,)
        assert set(weights[NOTE_ON:NOTE_OFF].tolist()) == {3.0}
        assert weights[NOTE_OFF:TIME_SHIFT].unique().tolist() == pytest.approx([2.1])
        assert set(weights[TIME_SHIFT:VELOCITY].tolist()) == {2.0, 4.0}
        assert set(weights[VELOCITY:].tolist()) == {1.5}

    def test_common_note_values_are_emphasised(self) -> None:
        weights = PerceptualReconstructionLoss(perceptual_emphasis=3.0).weights
        # A 16th, an eighth, a quarter and a half note at 120 quarters a minute, and what is none at any tempo.
        assert [weights[shift_token(steps)].item() for steps in (8, 16, 32, 64, 1, 500)] == [6, 6, 6, 6, 2, 2]
        assert len(emphasised_shifts()) < 20

    def test_the_first_note_of_an_onset_is_emphasised(self) -> None:
        chord = rows([[770, 60, 64, shift_token(16), NOTE_OFF + 60, 62, 65, shift_token(5), 50]])
        assert begins_an_onset(chord)[0].tolist() == [False, True, False, False, False, True, False, False, True]
        weights = PerceptualReconstructionLoss().weights_of(chord)
        assert weights[0].tolist() == pytest.approx([1.5, 6, 3, 4, 2.1, 6, 3, 2, 6])

    @pytest.mark.parametrize("wrong", [{"note_weight": 0.0}, {"perceptual_emphasis": -1.0}, {"vocab_size": 775}])
    def test_a_value_out_of_range_is_named(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            PerceptualReconstructionLoss(**wrong)


class TestTerms:
    def test_the_base_is_plain_cross_entropy(self) -> None:
        logits = unsure(MELODY)
        expected = functional.cross_entropy(logits[0], MELODY[0])
        assert PerceptualReconstructionLoss()(logits, MELODY)["base_reconstruction"].item() == pytest.approx(
            expected.item(), rel=1e-5
        )

    def test_the_perceptual_loss_is_the_weighted_mean(self) -> None:
        logits, loss = unsure(MELODY), PerceptualReconstructionLoss()
        entropy = functional.cross_entropy(logits[0], MELODY[0], reduction="none")
        weights = loss.weights_of(MELODY)[0]
        expected = (weights * entropy).sum() / weights.sum()
        assert loss(logits, MELODY)["perceptual_reconstruction"].item() == pytest.approx(expected.item(), rel=1e-5)

    def test_the_structure_term_asks_only_whether_a_note_begins(self) -> None:
        loss = PerceptualReconstructionLoss()
        wrong_pitch = sure_of(torch.where(MELODY < NOTE_OFF, (MELODY + 1) % NOTE_OFF, MELODY))
        assert loss(wrong_pitch, MELODY)["structure_emphasis"].item() == pytest.approx(0, abs=1e-5)
        assert loss(wrong_pitch, MELODY)["base_reconstruction"] > 1

        even = torch.zeros(1, MELODY.shape[1], SIZE)
        onsets = int((MELODY < NOTE_OFF).sum())
        expected = onsets * math.log(SIZE / 128) + (MELODY.shape[1] - onsets) * math.log(SIZE / (SIZE - 128))
        assert loss(even, MELODY)["structure_emphasis"].item() == pytest.approx(expected / MELODY.shape[1], rel=1e-5)

    def test_without_musical_weighting_every_token_counts_the_same(self) -> None:
        terms = PerceptualReconstructionLoss(musical_weighting=False)(unsure(MELODY), MELODY)
        assert terms["perceptual_reconstruction"] == terms["base_reconstruction"] == terms["total"]

    def test_the_total_is_made_of_the_others(self) -> None:
        terms = PerceptualReconstructionLoss(structure_weight=0.5)(unsure(MELODY), MELODY)
        expected = terms["perceptual_reconstruction"] + 0.5 * terms["structure_emphasis"]
        assert terms["total"].item() == pytest.approx(expected.item())

    @pytest.mark.parametrize(
        "name", ["base_reconstruction", "perceptual_reconstruction", "structure_emphasis", "total"]
    )
    def test_each_reaches_the_logits_of_every_token(self, name: str) -> None:
        logits = unsure(MELODY)
        PerceptualReconstructionLoss()(logits, MELODY)[name].backward()
        assert logits.grad is not None
        assert (logits.grad.abs().sum(dim=-1) > 0).all()

    def test_the_gradient_is_that_of_finite_differences(self) -> None:
        tokens, loss = MELODY[:, 1:3], PerceptualReconstructionLoss()
        logits = unsure(tokens).detach().double().requires_grad_()
        assert torch.autograd.gradcheck(lambda x: loss(x, tokens)["total"], logits, fast_mode=True)


class TestMasks:
    @settings(max_examples=15, deadline=None)
    @given(places=st.integers(0, 9), rows=st.integers(0, 2), seed=st.integers(0, 99))
    def test_padding_changes_nothing(self, places: int, rows: int, seed: int) -> None:
        logits = unsure(MELODY, seed).detach()
        loss = PerceptualReconstructionLoss()
        plain = loss(logits, MELODY)
        tokens, noisy = padded(MELODY, logits, places, rows)
        for name, term in loss(noisy, tokens).items():
            assert term.item() == pytest.approx(plain[name].item(), rel=1e-6), name

    def test_a_mask_leaves_places_out(self) -> None:
        logits, loss = unsure(MELODY), PerceptualReconstructionLoss()
        half = torch.arange(MELODY.shape[1])[None] < 10
        masked, cut = loss(logits, MELODY, half), loss(logits[:, :10], MELODY[:, :10])
        assert {n: t.item() for n, t in masked.items()} == pytest.approx({n: t.item() for n, t in cut.items()})

    def test_nothing_but_padding_is_nothing_at_all(self) -> None:
        nothing = torch.full((2, 5), -1)
        logits: Tensor = unsure(nothing)
        terms = PerceptualReconstructionLoss()(logits, nothing)
        assert all(term == 0 for term in terms.values())
        terms["total"].backward()
        assert logits.grad is not None
        assert (logits.grad == 0).all()

    def test_what_is_not_finite_in_the_padding_stays_there(self) -> None:
        tokens, logits = padded(MELODY, unsure(MELODY).detach(), 3)
        logits[:, -1] = math.nan
        logits.requires_grad_()
        total = PerceptualReconstructionLoss()(logits, tokens)["total"]
        total.backward()
        assert math.isfinite(total.item())
        assert logits.grad is not None
        assert logits.grad[:, :-3].isfinite().all()
