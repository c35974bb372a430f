"""Who sets the weights of the terms, and when: warm-up, balance, schedules and free bits, in steps of real recipes."""

from pathlib import Path
from typing import Any

import pytest
import torch

from core.training.checkpoints import load_checkpoint, save_checkpoint
from core.training.live import changed
from core.training.optimize import fetched
from tests.training.test_contributions import equal, followed, made, stepped, tunes

__all__ = ["made", "tunes"]  # fixtures

LATE = {
    "sounds": {"stft_loss": 1.0},
    "tunes": {"recon_structure_emphasis": 0.2, "constraint_rhythm_constraint": 0.1},
}


@pytest.mark.parametrize("balance", ["manual", "uncertainty", "gradient"])
@pytest.mark.parametrize("material", LATE)
def test_in_the_warm_up_what_comes_late_waits_and_the_adversary_too(material: str, balance: str, made: Any) -> None:
    recipe, state = made(material, {"loss.warmup_fraction": 0.5, "loss.balance": balance, "steps": 16, "epochs": 30})
    for number in range(1, 11):
        share = min(1.0, max(0.0, 2 * (number - 1) / 8 - 1))
        weights = followed(recipe, state)
        for name, by_hand in LATE[material].items():
            assert (weights[name] > 0) == (share > 0)
            if balance == "manual":
                assert weights[name] == pytest.approx(share * by_hand)
        terms = (step := stepped(recipe, state, number)).terms
        assert step.joined == (number == 9)
        if material == "sounds":
            final = recipe.config.loss.kl.weight_max * terms["kl_loss"] + terms["stft_loss"] + terms["log_mag_loss"]
            final += 0.1 * terms["mag_recon_loss"] + 0.05 * terms["if_recon_loss"]
            assert recipe.objective(terms, 0.02) == pytest.approx(final, rel=1e-5)


@pytest.mark.parametrize("balance", ["manual", "uncertainty", "gradient"])
@pytest.mark.parametrize("material", LATE)
def test_a_step_from_a_checkpoint_is_the_same_step(material: str, balance: str, made: Any, tmp_path: Path) -> None:
    changes = {"loss.warmup_fraction": 0.5, "loss.balance": balance, "steps": 12, "epochs": 30,
               "loss.kl.schedule": "adaptive"}  # fmt: skip
    recipe, state = made(material, changes)
    for number in range(1, 6):
        stepped(recipe, state, number)
    path = tmp_path / "step-00000005.pt"
    save_checkpoint(path, state.contents(), {})
    contents = load_checkpoint(path)
    other, resumed = made(material, changes)
    resumed.restore(contents, path)
    torch.set_rng_state(contents["rng"]["torch"])
    ended = [[stepped(recipe, state, number) for number in range(6, 10)], recipe.kl_weight(9), state.contents()]
    torch.set_rng_state(contents["rng"]["torch"])
    again = [[stepped(other, resumed, number) for number in range(6, 10)], other.kl_weight(9), resumed.contents()]
    assert again[:2] == ended[:2]
    for part in ("model", "average", "optimizer", "recipe", "opponent"):
        equal(ended[2][part], again[2][part])


def test_sounds_steer_by_their_raw_kl(made: Any) -> None:
    """Free bits far above what the latent says must not look like a KL above the target."""
    steered = {"loss.kl.schedule": "adaptive", "loss.kl.weight_max": 0.5, "loss.kl.free_bits": 1000.0}
    for target, rises in ((1e6, False), (0.01, True)):
        recipe, state = made("sounds", {**steered, "loss.kl.target": target})
        assert "kl_raw" in {term.name for term in recipe.terms}
        terms = [stepped(recipe, state, number).terms for number in range(1, 5)]
        assert all(each["kl_loss"] >= 4 * 1000 > each["kl_raw"] > 0.01 for each in terms)
        assert (recipe.kl_weight(4) > 0) == rises
        last = terms[-1]
        heard = last["stft_loss"] + last["log_mag_loss"] + 0.1 * last["mag_recon_loss"] + 0.05 * last["if_recon_loss"]
        assert recipe.objective(last, 0.0) == pytest.approx(heard, rel=1e-5), "the limit of its weight counts nothing"
    assert "kl_raw" not in {term.name for term in made("sounds")[0].terms}


@pytest.mark.parametrize("material", LATE)
def test_free_bits_are_taken_over_live(material: str, made: Any) -> None:
    recipe, state = made(material, {"loss.kl.free_bits": 0.0})
    batch = recipe.batch(torch.Generator().manual_seed(1))
    state.model.eval()
    with torch.no_grad():
        before = fetched(recipe.losses(state.model, batch, 0.02))
        recipe.configure(changed(recipe.config, "loss.kl.free_bits", 50.0))
        after = fetched(recipe.losses(state.model, batch, 0.02))
    assert after["kl_loss"] > before["kl_loss"]
    assert after["kl_raw"] == before["kl_raw"]


def test_without_anything_else_to_learn_from_the_stft_does_not_wait(made: Any) -> None:
    recipe, state = made("sounds", {"loss.warmup_fraction": 0.5, "loss.reconstruction.weight": 0.0,
                                    "loss.log_magnitude.weight": 0.0, "adversarial.mode": "off"})  # fmt: skip
    step = stepped(recipe, state, 1)
    assert step.broken is None
    assert step.extras["weight/stft_loss"] == 1.0


@pytest.mark.parametrize("material", LATE)
def test_an_older_checkpoint_knows_nothing_of_it_and_goes_on(material: str, made: Any) -> None:
    recipe, _ = made(material, {"loss.balance": "gradient", "loss.warmup_fraction": 0.5})
    kept = ("annealing", "framework") if material == "tunes" else ()
    recipe.restore({name: recipe.state()[name] for name in kept})
    recipe.restore({})
