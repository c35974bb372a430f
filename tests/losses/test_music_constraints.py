"""Constraints that know their answer: phrases made by hand, slopes by finite differences, padding that never counts."""

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.losses.harmony import harshness
from core.losses.music_constraints import CONSTRAINTS, STYLES, MusicalConstraintLoss
from core.midi.vocabulary import NOTE_OFF, shift_token
from tests.losses.music import MELODY, padded, rows, sure_of, tune, unsure


def judged(tokens: torch.Tensor, **options: Any) -> dict[str, float]:
    terms = MusicalConstraintLoss(**options)(sure_of(tokens), tokens)
    return {name.removesuffix("_constraint"): term.item() for name, term in terms.items()}


def line(*pitches: int) -> torch.Tensor:
    return tune(*[(16 * place, [pitch]) for place, pitch in enumerate(pitches)])


def times(*starts: int) -> torch.Tensor:
    return tune(*[(start, [60]) for start in starts], length=4)


def test_the_names_and_defaults_are_those_of_the_specification() -> None:
    given = MusicalConstraintLoss(
        vocab_size=774, rhythm_weight=1.0, harmony_weight=1.0, voice_leading_weight=0.5, enable_constraints=True
    )
    assert given.weights == MusicalConstraintLoss().weights == dict(zip(CONSTRAINTS, (1.0, 1.0, 0.5), strict=True))


class TestRhythm:
    @pytest.mark.parametrize(
        "starts",
        [
            (0, 16, 32, 48, 64),  # even
            (0, 32, 48, 64, 128, 160),  # quarters, eighths, a half
            (0, 48, 64, 112, 128),  # dotted
            (0, 32, 43, 53, 64, 96),  # triplets, rounded to the grid
            (0, 10, 19, 29, 38, 48),  # sixteenths at 100 quarters a minute, rounded to the grid
        ],
    )
    def test_simple_proportions_are_regular(self, starts: Sequence[int]) -> None:
        assert judged(times(*starts))["rhythm"] == pytest.approx(0, abs=1e-4)

    def test_others_are_not(self) -> None:
        assert judged(times(0, 16, 35, 47, 69, 82))["rhythm"] > 0.2

    def test_the_farthest_from_simple_is_one(self) -> None:
        # A proportion of 2 ** (1 + log2(4 / 3) / 2) is as far from 2 as from 8 / 3; intervals so long that rounding
        # means little.
        assert judged(times(0, 200, 200 + 462))["rhythm"] == pytest.approx(1, abs=0.05)

    def test_it_is_the_onset_that_counts_and_not_how_the_time_until_then_is_told(self) -> None:
        held, let_go = tune((0, [60]), (32, [62]), (64, [64])), tune((0, [60]), (32, [62]), (64, [64]), length=25)
        assert judged(held)["rhythm"] == pytest.approx(0, abs=1e-4)
        assert judged(let_go)["rhythm"] == pytest.approx(0, abs=1e-4)

    def test_it_is_the_expected_value_of_the_next_onset(self) -> None:
        tokens = times(0, 16, 32)
        place = int((tokens[0] == shift_token(12)).nonzero()[-1])  # 4 steps after the note ended
        logits = sure_of(tokens)
        logits[0, place, shift_token(12)] = logits[0, place, shift_token(15)] = 30.0
        late = judged(times(0, 16, 35))["rhythm"]
        half = MusicalConstraintLoss()(logits, tokens)["rhythm_constraint"].item()
        assert late > 0.1
        assert half == pytest.approx(late / 2, rel=1e-3)


class TestHarmony:
    def test_a_tritone_is_harsher_than_a_third_and_a_third_than_a_fifth(self) -> None:
        fifth, third, tritone = (judged(tune((0, [60, 60 + interval])))["harmony"] for interval in (7, 4, 6))
        assert fifth < third < tritone

    @pytest.mark.parametrize("interval", range(1, 25))
    def test_two_notes_are_as_harsh_as_their_interval(self, interval: int) -> None:
        expected = harshness(0.3)[interval % 12].item()
        assert judged(tune((0, [50, 50 + interval])))["harmony"] == pytest.approx(expected, abs=1e-4)

    def test_the_table_is_hurons_with_a_tritone_penalty(self) -> None:
        table = harshness(tritone_penalty=0.2).tolist()
        assert table[1:7] == pytest.approx([1, 0.6829, 0.2421, 0.3201, 0, 0.6346 + 0.2], abs=1e-4)
        assert table[7:] == table[5:0:-1]
        assert table[0] == 0

    def test_a_chord_is_the_mean_of_its_pairs(self) -> None:
        expected = sum(harshness(0.3)[interval].item() for interval in (4, 7, 3)) / 3
        assert judged(tune((0, [60, 64, 67])))["harmony"] == pytest.approx(expected, abs=1e-4)

    def test_only_what_sounds_together_counts(self) -> None:
        together = tune((0, [60]), (16, [61]), length=32)
        assert judged(together)["harmony"] == pytest.approx(1, abs=1e-4)
        assert judged(line(60, 61, 60, 66))["harmony"] == pytest.approx(0, abs=1e-4)

    def test_a_likelier_third_is_better_than_a_likelier_tritone(self) -> None:
        tokens = tune((0, [60, 64]))
        logits = sure_of(tokens).requires_grad_()
        place = int((tokens[0] == 64).nonzero()[0])
        with torch.no_grad():
            logits[0, place, 66] = 29.0
        MusicalConstraintLoss()(logits, tokens)["harmony_constraint"].backward()
        assert logits.grad is not None
        assert logits.grad[0, place, 66] > 0 > logits.grad[0, place, 64]


class TestVoiceLeading:
    def test_leaps_are_worse_than_steps(self) -> None:
        steps, leaps, wide = line(60, 62, 64, 62), line(60, 72, 60, 72), line(60, 84, 60, 84)
        assert judged(steps)["voice_leading"] == pytest.approx(0, abs=1e-4)
        assert judged(leaps)["voice_leading"] == pytest.approx(5 / 12, abs=1e-3)
        assert judged(wide)["voice_leading"] == pytest.approx(1, abs=1e-3)

    def test_up_to_a_fifth_a_line_is_free(self) -> None:
        assert judged(line(60, 67, 60, 55))["voice_leading"] == pytest.approx(0, abs=1e-4)

    def test_the_bass_is_not_the_top_line(self) -> None:
        with_bass = tune((0, [40, 72]), (16, [43, 74]), (32, [36, 76]))
        assert judged(with_bass)["voice_leading"] == pytest.approx(0, abs=1e-4)

    def test_nor_is_what_sounds_below_a_melody_that_is_held(self) -> None:
        held = rows([[771, 76, shift_token(16), 40, shift_token(16), NOTE_OFF + 40, NOTE_OFF + 76, 77]])
        assert judged(held)["voice_leading"] == pytest.approx(0, abs=1e-4)


class TestSlopes:
    @pytest.mark.parametrize("name", [*CONSTRAINTS, "total"])
    def test_each_reaches_the_logits(self, name: str) -> None:
        logits = unsure(MELODY)
        MusicalConstraintLoss()(logits, MELODY)[name].backward()
        assert logits.grad is not None
        assert logits.grad.isfinite().all()
        assert logits.grad.abs().sum() > 0

    @pytest.mark.parametrize("name", [*CONSTRAINTS, "total"])
    def test_the_slope_is_that_of_finite_differences(self, name: str) -> None:
        logits = (4 * sure_of(MELODY) / 30 + unsure(MELODY).detach()).double()
        direction = torch.randn(logits.shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        loss, size = MusicalConstraintLoss(), 1e-5

        def along(amount: float | torch.Tensor) -> torch.Tensor:
            term: torch.Tensor = loss(logits + amount * direction, MELODY)[name]
            return term

        at = torch.zeros((), dtype=torch.float64, requires_grad=True)
        (slope,) = torch.autograd.grad(along(at), at)
        difference = (along(size) - along(-size)) / (2 * size)
        assert slope.item() == pytest.approx(difference.item(), rel=1e-5, abs=1e-10)
        assert abs(slope.item()) > 1e-6

    def test_a_weight_of_zero_measures_without_a_slope(self) -> None:
        logits = unsure(MELODY)
        terms = MusicalConstraintLoss(harmony_weight=0.0)(logits, MELODY)
        assert terms["harmony_constraint"] > 0
        assert not terms["harmony_constraint"].requires_grad
        expected = terms["rhythm_constraint"] + 0.5 * terms["voice_leading_constraint"]
        assert terms["total"].item() == pytest.approx(expected.item())

    def test_following_them_makes_music_more_regular_and_less_harsh(self) -> None:
        logits = unsure(MELODY)
        loss = MusicalConstraintLoss()
        optimizer = torch.optim.Adam([logits], lr=0.5)
        before = {name: term.item() for name, term in loss(logits, MELODY).items()}
        for _ in range(30):
            optimizer.zero_grad()
            loss(logits, MELODY)["total"].backward()
            optimizer.step()
        after = {name: term.item() for name, term in loss(logits, MELODY).items()}
        assert all(after[name] < 0.5 * before[name] for name in before)


class TestMasks:
    @settings(max_examples=15, deadline=None)
    @given(places=st.integers(0, 9), rows=st.integers(0, 2), seed=st.integers(0, 99))
    def test_padding_changes_nothing(self, places: int, rows: int, seed: int) -> None:
        logits = unsure(MELODY, seed).detach()
        loss = MusicalConstraintLoss()
        plain = loss(logits, MELODY)
        tokens, noisy = padded(MELODY, logits, places, rows)
        for name, term in loss(noisy, tokens).items():
            assert term.item() == pytest.approx(plain[name].item(), rel=1e-6, abs=1e-9), name

    def test_a_mask_leaves_the_end_out(self) -> None:
        logits, loss = unsure(MELODY), MusicalConstraintLoss()
        masked = loss(logits, MELODY, torch.arange(MELODY.shape[1])[None] < 20)
        cut = loss(logits[:, :20], MELODY[:, :20])
        assert {n: t.item() for n, t in masked.items()} == pytest.approx({n: t.item() for n, t in cut.items()})

    def test_nothing_but_padding_is_nothing_at_all(self) -> None:
        nothing = torch.full((2, 5), -1)
        logits = unsure(nothing)
        terms = MusicalConstraintLoss()(logits, nothing)
        assert all(term == 0 for term in terms.values())
        terms["total"].backward()
        assert logits.grad is not None
        assert (logits.grad == 0).all()

    def test_without_tokens_the_likeliest_are_taken_for_written(self) -> None:
        loss = MusicalConstraintLoss()
        alone, given = loss(sure_of(MELODY)), loss(sure_of(MELODY), MELODY)
        assert {n: t.item() for n, t in alone.items()} == {n: t.item() for n, t in given.items()}
        assert alone["total"] > 0


class TestChoices:
    def test_switched_off_they_are_nothing(self) -> None:
        terms = MusicalConstraintLoss(enable_constraints=False)(unsure(MELODY), MELODY)
        assert set(terms) == {*CONSTRAINTS, "total"}
        assert all(term == 0 and not term.requires_grad for term in terms.values())

    def test_a_style_weighs_them(self) -> None:
        loss = MusicalConstraintLoss(rhythm_weight=2.0, style="jazz")
        shares = STYLES["jazz"]
        assert list(loss.weights.values()) == pytest.approx([2 * shares[0], shares[1], 0.5 * shares[2]])
        assert MusicalConstraintLoss(style="free")(unsure(MELODY), MELODY)["total"] == 0

    def test_styles_can_be_ones_own(self) -> None:
        loss = MusicalConstraintLoss(style="reggae", styles={"reggae": (1.0, 0.0, 2.0)})
        assert list(loss.weights.values()) == [1.0, 0.0, 1.0]

    @pytest.mark.parametrize("wrong", [{"style": "noise"}, {"harmony_weight": -1.0}, {"vocab_size": 512}])
    def test_a_value_out_of_range_is_named(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match=next(iter(wrong))):
            MusicalConstraintLoss(**wrong)
