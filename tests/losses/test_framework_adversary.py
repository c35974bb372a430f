"""The framework's two players: what each plays for, that neither moves the other, and the rules for an opponent."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from core.losses.feature_statistics import feature_statistics
from core.losses.framework import LEARNED, ComprehensiveLossFramework
from core.losses.framework_game import FrameworkGame
from core.losses.stabilizer import AdversarialStabilizer
from core.midi.vocabulary import ABSENT, SIZE
from core.models.token_discriminator import MultiScaleDiscriminator, one_hot, soft_tokens
from tests.losses.music import MELODY
from tests.losses.played import case, said


class TestAdversary:
    def test_feature_matching_counts_once(self) -> None:
        real, fake = said(0.0, torch.ones(2, 4, 8)), said(0.0, torch.zeros(2, 4, 8))
        framework = ComprehensiveLossFramework(use_automatic_balancing=False, perceptual_weight=0.0)
        terms = framework.generator_side(real, fake)
        assert terms["gen_feature_matching"] == 1
        assert terms["gen_total"].item() == pytest.approx(1 * 1 + 10 * 1)

    def test_manner_does_not_depend_on_where_things_happen(self) -> None:
        feature = torch.randn(2, 4, 16)
        real, shuffled = said(0.0, feature), said(0.0, feature.flip(-1))
        assert feature_statistics(real, shuffled).item() == pytest.approx(0, abs=1e-5)
        assert ComprehensiveLossFramework().generator_side(real, shuffled)["gen_feature_matching"] > 0.5
        assert feature_statistics(real, said(0.0, feature * 2)) > 0.3
        assert feature_statistics(real, said(0.0, feature + 1)) > 0.3

    def test_manner_is_the_distance_of_means_and_deviations(self) -> None:
        real, fake = said(0.0, torch.full((1, 1, 4), 2.0)), said(0.0, torch.tensor([[[4.0, 2.0, 4.0, 2.0]]]))
        # Means 2 and 3, deviations 0 and 1, relative to 2.
        assert feature_statistics(real, fake).item() == pytest.approx((1 + 1) / 2 / 2, rel=2e-3)

    @pytest.mark.parametrize("name", ["gen_adversarial", "gen_feature_matching", "gen_perceptual", "gen_total"])
    def test_each_reaches_the_logits(self, name: str) -> None:
        one = case()
        one.all_of(ComprehensiveLossFramework())[name].backward(inputs=[one.logits])
        assert one.logits.grad is not None
        assert one.logits.grad.isfinite().all()
        assert one.logits.grad.abs().sum() > 0

    @pytest.mark.parametrize("automatic", [True, False])
    def test_totals_keep_apart(self, automatic: bool) -> None:
        one = case()
        terms = one.all_of(ComprehensiveLossFramework(use_automatic_balancing=automatic))
        terms["total_loss"].backward(retain_graph=True)
        assert all(parameter.grad is None for parameter in one.discriminator.parameters())
        before = [leaf.grad.clone() if leaf.grad is not None else None for leaf in (one.logits, one.mu)]
        terms["disc_total"].backward()
        assert all(p.grad is not None for p in one.discriminator.parameters())
        for leaf, slope in zip((one.logits, one.mu), before, strict=True):
            assert leaf.grad is None if slope is None else torch.equal(leaf.grad, slope)  # type: ignore[arg-type]

    def test_the_total_says_the_same_with_and_without_a_discriminator(self) -> None:
        one, framework = case(), ComprehensiveLossFramework()
        alone = framework(one.logits, MELODY, {"mu": one.mu, "logvar": one.logvar})
        assert one.all_of(framework)["total_loss"].item() == pytest.approx(alone["total_loss"].item())

    def test_what_is_not_judged_apart_only_measures_the_discriminator(self) -> None:
        one = case()
        encoded = {"mu": one.mu, "logvar": one.logvar}
        terms = ComprehensiveLossFramework()(one.logits, MELODY, encoded, one.real, one.fake, one.inputs)
        assert not any(term.requires_grad for name, term in terms.items() if name.startswith("disc_"))
        assert terms["disc_regularization"] > 0

    def test_the_stabiliser_scales_both(self) -> None:
        one, stabilizer = case(), AdversarialStabilizer(generator_loss_scale=0.5)
        framework = ComprehensiveLossFramework(stabilizer=stabilizer)
        terms = one.all_of(framework)
        assert terms["gen_balanced"].item() == pytest.approx(0.5 * terms["gen_total"].item())
        assert terms["disc_balanced"] == terms["disc_total"]
        for _ in range(60):
            stabilizer.update({"reference_norm": 3.0, "adversarial_norm": 1.0, "accuracy": 1.0})
        terms = case().all_of(framework)
        assert terms["gen_balanced"].item() == pytest.approx(1.5 * terms["gen_total"].item())
        assert terms["disc_balanced"] == 0
        assert terms["disc_total"] > 0

    def test_the_penalty_counts_for_the_steps_that_did_not_measure_it(self) -> None:
        one, framework = case(), ComprehensiveLossFramework(use_automatic_balancing=False)
        terms = framework.discriminator_side(one.real, one.fake_detached, one.inputs, every=4)
        expected = terms["disc_adversarial"] + 0.5 * 10 * 4 * terms["disc_regularization"]
        assert terms["disc_total"].item() == pytest.approx(expected.item(), rel=1e-5)


class TestGame:
    """What an opponent plays by: the same sides, and nothing else."""

    def test_both_sides_are_the_framework_s(self) -> None:
        one, framework = case(), ComprehensiveLossFramework()
        game = FrameworkGame(framework)
        mine = game.generator(one.real, one.fake)
        theirs = game.discriminator(one.real, one.fake_detached, one.inputs, 1)
        assert mine.pull is mine.terms["gen_total"]
        assert theirs.total is theirs.terms["disc_total"]
        named = {term.name for term in game.terms}
        assert mine.terms.keys() | theirs.terms.keys() <= named
        assert game.stabilizer is framework.stabilizer

    def test_what_the_weights_learn_from_has_no_slope_for_anyone_else(self) -> None:
        one, framework = case(), ComprehensiveLossFramework()
        own = FrameworkGame(framework).generator(one.real, one.fake).own
        assert own is not None
        own.backward()
        assert one.logits.grad is None
        assert all(parameter.grad is None for parameter in one.discriminator.parameters())
        assert framework.balancer is not None
        assert framework.balancer.log_vars.grad is not None
        moved = [name for name, slope in zip(LEARNED, framework.balancer.log_vars.grad, strict=True) if slope != 0]
        assert moved == ["adversarial_gen", "adversarial_disc", "feature_matching"]
        by_hand = FrameworkGame(ComprehensiveLossFramework(use_automatic_balancing=False))
        assert by_hand.generator(one.real, one.fake).own is None

    def test_weights_change_while_it_plays(self) -> None:
        one, framework = case(), ComprehensiveLossFramework(use_automatic_balancing=False, perceptual_weight=0.0)
        game = FrameworkGame(framework)
        game.weigh(0.25, 0.0)
        side = game.generator(one.real, one.fake)
        assert side.pull.item() == pytest.approx(side.terms["gen_adversarial"].item())
        assert framework.stabilizer.generator_loss_scale == 0.25


@pytest.mark.parametrize("more", [1, 16, 200])
def test_padding_changes_nothing_on_either_side(more: int) -> None:
    """Rows of different lengths, padded further: every loss of both players stays."""
    torch.manual_seed(0)
    discriminator = MultiScaleDiscriminator(width=0.05).eval()
    framework = ComprehensiveLossFramework(use_automatic_balancing=False)
    tokens = torch.randint(0, SIZE, (3, 64))
    tokens[1, 40:], tokens[2, 7:] = ABSENT, ABSENT
    logits = torch.randn(3, 64, SIZE)

    def losses(extra: int) -> dict[str, Tensor]:
        padded = functional.pad(tokens, (0, extra), value=ABSENT)
        fake = discriminator(soft_tokens(functional.pad(logits, (0, 0, 0, extra)), padded))
        real = discriminator(one_hot(padded))
        return framework.generator_side(real, fake) | framework.discriminator_side(real, fake)

    plain = losses(0)
    for name, value in losses(more).items():
        assert torch.allclose(value, plain[name], rtol=1e-4, atol=1e-6), name
