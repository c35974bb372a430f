"""The whole loss framework: the names of the specification, totals that keep apart, weights by hand and learned."""

import json
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from core.losses.framework import LEARNED, ComprehensiveLossFramework
from core.losses.framework_terms import ADVERSARIAL, GROUPS, TERMS
from core.losses.framework_total import Parts, learned_total
from core.losses.kl_schedule import AdaptiveKLScheduler
from core.midi.vocabulary import SIZE
from tests.losses.music import MELODY, padded, sure_of, unsure
from tests.losses.played import LATENT, Case, case, said

# Issue 4 and specification 4, "30 loss components".
NAMES = {
    "recon_base_reconstruction", "recon_perceptual_reconstruction", "recon_structure_emphasis", "recon_total",
    "kl_loss", "kl_raw", "beta",
    "gen_adversarial", "gen_feature_matching", "gen_perceptual", "gen_total", "gen_balanced",
    "disc_adversarial", "disc_regularization", "disc_total", "disc_balanced",
    "constraint_rhythm_constraint", "constraint_harmony_constraint", "constraint_voice_leading_constraint",
    "constraint_total",
    "weight_reconstruction", "weight_kl_divergence", "weight_adversarial_gen", "weight_adversarial_disc",
    "weight_feature_matching", "weight_musical_constraints",
    "total_loss", "reconstruction_accuracy", "perplexity", "active_latent_dims",
}  # fmt: skip


class TestNames:
    def test_the_names_and_defaults_are_those_of_the_specification(self) -> None:
        given = ComprehensiveLossFramework(
            vocab_size=774, musical_weighting=True, perceptual_emphasis=2.0, beta_start=0.0, beta_end=1.0,
            kl_schedule="cyclical_linear", warmup_epochs=10, adversarial_weight=1.0, feature_matching_weight=10.0,
            enable_musical_constraints=True, constraint_weight=0.1, use_automatic_balancing=True,
        )  # fmt: skip
        default = ComprehensiveLossFramework()
        assert given.get_state() == default.get_state()
        assert vars(given.scheduler) == vars(default.scheduler)
        plain = {"adversarial_weight", "feature_matching_weight", "constraint_weight", "perceptual_weight"}
        assert {n: vars(given)[n] for n in plain} == {n: vars(default)[n] for n in plain}

    @pytest.mark.parametrize("automatic", [True, False])
    def test_all_thirty_are_there(self, automatic: bool) -> None:
        assert len(NAMES) == 30
        measured = case().all_of(ComprehensiveLossFramework(use_automatic_balancing=automatic))
        assert measured.keys() - NAMES == {"disc_accuracy"}
        assert NAMES - measured.keys() == set()
        assert all(term.ndim == 0 and term.isfinite() for term in measured.values())

    def test_every_name_is_explained_and_in_a_group(self) -> None:
        assert {term.name for term in TERMS} == NAMES | {"disc_accuracy"}
        assert all(term.help.endswith(".") and len(term.help) < 120 for term in TERMS)
        assert len({term.label for term in TERMS}) == len(TERMS)
        assert set(GROUPS.values()) == {
            "total", "reconstruction", "kl", "adversarial", "constraints", "weights", "metrics"
        }  # fmt: skip

    def test_without_a_discriminator_there_is_the_model_side(self) -> None:
        one, framework = case(), ComprehensiveLossFramework()
        measured = framework(one.logits, MELODY, {"mu": one.mu, "logvar": one.logvar})
        shown = {term.name for term in framework.terms(adversarial=False)}
        assert shown == NAMES - set(ADVERSARIAL)
        assert measured.keys() >= shown


class TestModelSide:
    @pytest.mark.parametrize("automatic", [True, False])
    def test_everything_that_counts_reaches_the_model(self, automatic: bool) -> None:
        one, framework = case(), ComprehensiveLossFramework(use_automatic_balancing=automatic)
        framework.model_side(one.logits, MELODY, one.mu, one.logvar, beta=0.5)["total_loss"].backward()
        for leaf in (one.logits, one.mu, one.logvar):
            assert leaf.grad is not None
            assert leaf.grad.abs().sum() > 0

    @pytest.mark.parametrize(
        "name", [n for n in sorted(NAMES) if n.startswith(("recon_", "constraint_"))] + ["kl_loss", "kl_raw"]
    )
    def test_each_term_has_a_way_back(self, name: str) -> None:
        one = case()
        terms = ComprehensiveLossFramework().model_side(one.logits, MELODY, one.mu, one.logvar, beta=1.0)
        terms[name].backward()
        slope = one.mu.grad if name.startswith("kl") else one.logits.grad
        assert slope is not None
        assert slope.abs().sum() > 0

    def test_the_kl_is_in_nats_a_token(self) -> None:
        one = case()
        framework = ComprehensiveLossFramework(scheduler=AdaptiveKLScheduler(free_bits=0.0))
        terms = framework.model_side(one.logits, MELODY, one.mu, one.logvar, beta=1.0)
        exact = kl_divergence(Normal(one.mu, (0.5 * one.logvar).exp()), Normal(0.0, 1.0)).sum()
        assert terms["kl_raw"].item() == pytest.approx(exact.item(), rel=1e-5)
        assert terms["kl_loss"].item() == pytest.approx(exact.item() / MELODY.shape[1], rel=1e-5)

        tokens, logits = padded(torch.cat([MELODY, MELODY]), torch.cat([one.logits, one.logits]).detach(), 5, 1)
        latents = [torch.cat([latent, latent, latent]) for latent in (one.mu, one.logvar)]
        twice = framework.model_side(logits, tokens, latents[0], latents[1], beta=1.0)
        for name in ("kl_raw", "kl_loss", "active_latent_dims"):
            assert twice[name].item() == pytest.approx(terms[name].item(), rel=1e-5)

    def test_a_kl_of_weight_zero_is_measured_and_has_no_gradient(self) -> None:
        one, framework = case(), ComprehensiveLossFramework(use_automatic_balancing=False)
        assert framework.scheduler.current_beta == 0
        terms = framework.model_side(one.logits, MELODY, one.mu * 1e15, one.logvar)
        terms["total_loss"].backward()
        assert terms["kl_loss"] > 0
        assert terms["total_loss"].isfinite()
        assert one.mu.grad is None
        assert one.logvar.grad is None

    def test_the_metrics_say_how_good_it_is(self) -> None:
        wrong = MELODY.clone()
        wrong[0, :5] = torch.tensor([770, 1, 2, 300, 4])
        mu = torch.tensor([[2.0, 0.0, 0.5]])
        terms = ComprehensiveLossFramework().model_side(sure_of(wrong), MELODY, mu, torch.zeros(1, 3))
        differs = int((wrong != MELODY).sum())
        assert terms["reconstruction_accuracy"].item() == pytest.approx(1 - differs / MELODY.shape[1])
        assert terms["perplexity"].item() == pytest.approx(math.exp(terms["recon_base_reconstruction"].item()))
        assert terms["active_latent_dims"] == 2  # 2, 0 and 0.125 nats
        even = ComprehensiveLossFramework().model_side(torch.zeros(1, MELODY.shape[1], SIZE), MELODY, mu, mu * 0)
        assert even["perplexity"].item() == pytest.approx(SIZE, rel=1e-4)

    @settings(max_examples=10, deadline=None)
    @given(places=st.integers(0, 9), rows=st.integers(0, 2), seed=st.integers(0, 9), automatic=st.booleans())
    def test_padding_changes_nothing(self, places: int, rows: int, seed: int, automatic: bool) -> None:
        framework = ComprehensiveLossFramework(use_automatic_balancing=automatic)
        logits, mu, logvar = unsure(MELODY, seed).detach(), torch.randn(1, LATENT), torch.randn(1, LATENT)
        plain = framework.model_side(logits, MELODY, mu, logvar, beta=0.7)
        tokens, noisy = padded(MELODY, logits, places, rows)
        mu, logvar = torch.cat([mu, torch.randn(rows, LATENT)]), torch.cat([logvar, torch.randn(rows, LATENT)])
        for name, term in framework.model_side(noisy, tokens, mu, logvar, beta=0.7).items():
            assert term.item() == pytest.approx(plain[name].item(), rel=1e-5, abs=1e-7), name

    def test_a_mask_counts_as_padding(self) -> None:
        one, framework = case(), ComprehensiveLossFramework()
        mask = torch.arange(MELODY.shape[1])[None] < 12
        masked = framework.model_side(one.logits, MELODY, one.mu, one.logvar, 0.5, mask)
        cut = framework.model_side(one.logits[:, :12], MELODY[:, :12], one.mu, one.logvar, 0.5)
        assert {n: t.item() for n, t in masked.items()} == pytest.approx({n: t.item() for n, t in cut.items()})

    def test_nothing_but_padding_is_nothing_at_all(self) -> None:
        one, nothing = case(), torch.full((1, 5), -1)
        logits, framework = unsure(nothing), ComprehensiveLossFramework(use_automatic_balancing=False)
        terms = framework.model_side(logits, nothing, one.mu, one.logvar, beta=1.0)
        terms["total_loss"].backward()
        assert terms["total_loss"] == 0
        assert logits.grad is not None
        assert (logits.grad == 0).all()


class TestWeightsByHand:
    def test_the_total_is_the_weighted_sum(self) -> None:
        one = case()
        framework = ComprehensiveLossFramework(use_automatic_balancing=False, constraint_weight=0.3)
        terms = framework.model_side(one.logits, MELODY, one.mu, one.logvar, beta=0.5)
        expected = terms["recon_total"] + 0.5 * terms["kl_loss"] + 0.3 * terms["constraint_total"]
        assert terms["total_loss"].item() == pytest.approx(expected.item())

    def test_they_are_shown(self) -> None:
        framework = ComprehensiveLossFramework(use_automatic_balancing=False, adversarial_weight=2.0, beta_start=0.25)
        measured = case().all_of(framework)
        shown = {name.removeprefix("weight_"): measured[name].item() for name in NAMES if name.startswith("weight_")}
        assert shown == pytest.approx({
            "reconstruction": 1.0, "kl_divergence": 0.25, "adversarial_gen": 2.0, "adversarial_disc": 1.0,
            "feature_matching": 10.0, "musical_constraints": 0.1,
        })  # fmt: skip
        assert framework.balancer is None

    def test_constraints_switched_off_count_nothing(self) -> None:
        one = case()
        for options in ({"enable_musical_constraints": False}, {"constraint_weight": 0.0}):
            framework = ComprehensiveLossFramework(**options, use_automatic_balancing=False)
            terms = framework.model_side(one.logits, MELODY, one.mu, one.logvar, beta=0.0)
            assert terms["total_loss"] == terms["recon_total"]
            assert terms["weight_musical_constraints"] == 0


def learned_on(framework: ComprehensiveLossFramework, one: Case, steps: int = 300) -> dict[str, Tensor]:
    """What is measured once the weights have learned on one and the same output."""
    assert framework.balancer is not None
    optimizer = torch.optim.Adam(framework.balancer.parameters(), lr=0.1)
    with torch.no_grad():
        fixed = framework.model_side(one.logits, MELODY, one.mu, one.logvar, beta=0.5)
        gen = framework.generator_side(one.real, one.fake)
    bound, constraints = fixed["recon_total"] + 0.5 * fixed["kl_loss"], fixed["constraint_total"]
    for _ in range(steps):
        optimizer.zero_grad()
        total, _ = learned_total(
            Parts(bound, 0 * bound, constraints, None), framework.part_weights(), framework.balancer
        )
        own = framework.learning(one.real, one.fake, gen)
        assert own is not None
        (total + own).backward()
        optimizer.step()
    with torch.no_grad():
        return framework.model_side(one.logits, MELODY, one.mu, one.logvar, beta=0.5) | framework.generator_side(
            one.real, one.fake
        )


class TestLearnedWeights:
    def test_they_come_to_one_over_their_losses(self) -> None:
        one, framework = case(), ComprehensiveLossFramework()
        terms = learned_on(framework, one)
        bound = terms["recon_total"] + 0.5 * terms["kl_loss"]
        assert (terms["weight_reconstruction"] * bound).item() == pytest.approx(1, rel=0.02)
        assert (terms["weight_adversarial_gen"] * terms["gen_adversarial"]).item() == pytest.approx(1, rel=0.02)
        # The constructor's weights multiply them.
        assert (terms["weight_feature_matching"] * terms["gen_feature_matching"]).item() == pytest.approx(10, rel=0.02)
        assert (terms["weight_musical_constraints"] * terms["constraint_total"]).item() == pytest.approx(0.1, rel=0.02)

    def test_the_kl_goes_with_the_reconstruction(self) -> None:
        assert "kl_divergence" not in LEARNED
        terms = learned_on(ComprehensiveLossFramework(), case())
        assert terms["weight_kl_divergence"].item() == pytest.approx(0.5 * terms["weight_reconstruction"].item())

    def test_constraints_never_outweigh_their_share_of_the_reconstruction(self) -> None:
        one, framework = case(), ComprehensiveLossFramework(constraint_weight=0.1)
        assert framework.balancer is not None
        with torch.no_grad():
            framework.balancer.log_vars[LEARNED.index("musical_constraints")] = -50.0
            framework.balancer.log_vars[LEARNED.index("reconstruction")] = 2.0
        terms = framework.model_side(one.logits, MELODY, one.mu, one.logvar, beta=0.0)
        counted = terms["weight_musical_constraints"] * terms["constraint_total"]
        limit = 0.1 * terms["weight_reconstruction"] * terms["recon_total"]
        assert counted.item() == pytest.approx(limit.item(), rel=1e-4)

        terms["total_loss"].backward()
        assert one.logits.grad is not None
        logits = one.logits.detach().requires_grad_()
        alone = framework.model_side(logits, MELODY, one.mu.detach(), one.logvar.detach(), beta=0.0)
        weighted = alone["weight_reconstruction"] * alone["recon_total"]
        (weighted + alone["weight_musical_constraints"] * alone["constraint_total"]).backward()
        torch.testing.assert_close(one.logits.grad, logits.grad)

    def test_the_discriminator_is_never_driven_on(self) -> None:
        framework = ComprehensiveLossFramework()
        assert framework.balancer is not None
        with torch.no_grad():
            framework.balancer.log_vars.fill_(-3.0)
        terms = framework.discriminator_side(said(0.9), said(-0.9))
        assert terms["disc_total"].item() == pytest.approx(0.2, rel=1e-4)
        with torch.no_grad():
            framework.balancer.log_vars.fill_(math.log(4))
        assert framework.discriminator_side(said(0.9), said(-0.9))["disc_total"].item() == pytest.approx(0.05, rel=1e-4)

    def test_an_optimizer_moves_them_with_the_model(self) -> None:
        one, framework = case(), ComprehensiveLossFramework()
        assert [name for name, _ in framework.named_parameters()] == ["balancer.log_vars"]
        one.all_of(framework)["total_loss"].backward()
        assert framework.balancer is not None
        assert framework.balancer.log_vars.grad is not None
        assert (framework.balancer.log_vars.grad != 0).all()

    def test_a_total_over_many_steps_stays_sensible(self) -> None:
        one, framework = case(), ComprehensiveLossFramework()
        assert framework.balancer is not None
        optimizer = torch.optim.Adam([one.logits, one.mu, *framework.balancer.parameters()], lr=0.1)
        for _ in range(150):
            optimizer.zero_grad()
            terms = framework.model_side(one.logits, MELODY, one.mu, one.logvar, beta=0.5)
            terms["total_loss"].backward()
            optimizer.step()
            counted = terms["weight_musical_constraints"] * terms["constraint_total"]
            bound = terms["weight_reconstruction"] * (terms["recon_total"] + 0.5 * terms["kl_loss"])
            assert counted <= 0.1 * bound * 1.001 + 1e-6
            assert -10 < terms["total_loss"] < 10
        assert terms["recon_base_reconstruction"] < 0.5


class TestState:
    def test_it_goes_on_from_a_state_of_plain_values(self) -> None:
        def fresh() -> ComprehensiveLossFramework:
            return ComprehensiveLossFramework(kl_schedule="linear", warmup_epochs=4)

        one, framework = case(), fresh()
        framework.step_epoch(12.0)
        learned_on(framework, one, steps=5)
        framework.stabilizer.update({"accuracy": 0.8})
        state = json.loads(json.dumps(framework.get_state()))
        other = fresh()
        other.load_state(state)
        assert other.get_state() == framework.get_state()
        assert other.scheduler.current_beta == framework.step_epoch() - 0.25 == 0.25
        measured = [f.model_side(one.logits, MELODY, one.mu, one.logvar, 0.3) for f in (framework, other)]
        assert {n: t.item() for n, t in measured[0].items()} == {n: t.item() for n, t in measured[1].items()}

    def test_an_epoch_s_kl_steers_beta(self) -> None:
        framework = ComprehensiveLossFramework(kl_schedule="adaptive")
        assert framework.step_epoch(100.0) > 0
        one = case()
        beta = framework.model_side(one.logits, MELODY, one.mu, one.logvar)["beta"].item()
        assert beta == pytest.approx(framework.scheduler.current_beta)

    def test_its_tensors_are_those_that_learn(self) -> None:
        assert list(ComprehensiveLossFramework().state_dict()) == ["balancer.log_vars"]
