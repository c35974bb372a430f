"""The second player on a toy: who gets which gradient, when it joins, and what a checkpoint keeps of it."""

import math
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from core.losses import feature_matching, generator_hinge
from core.losses.game import HingeGame
from core.losses.stabilizer import AdversarialStabilizer
from core.models import MultiScaleSTFTDiscriminator
from core.training.annealing import LossWarmup
from core.training.checkpoint_files import CheckpointError
from core.training.config import AdversarialConfig, LossConfig, TrainingConfig
from core.training.opponent import Opponent

CONFIG = AdversarialConfig(mode="on", start=0.0, warmup_steps=0, fft_sizes=(64, 128), channels=4, r1_every=4)
PATH = Path("step-00000001.pt")


class Generator(nn.Module):
    """A waveform [2, 1, 400] of its own that is to become another."""

    def __init__(self) -> None:
        super().__init__()
        self.output = nn.Parameter(0.1 * torch.randn(2, 1, 400))


def made(config: AdversarialConfig = CONFIG, total_steps: int = 100, warmup: LossWarmup | None = None) -> Opponent:
    torch.manual_seed(0)
    stabilizer = AdversarialStabilizer(config.weight, 1.0, config.r1_weight, balance_threshold=config.balance_threshold)
    game = HingeGame(stabilizer, config.feature_matching_weight)
    return Opponent(MultiScaleSTFTDiscriminator(config.fft_sizes, config.channels), game, config, total_steps, warmup)


def tones() -> Tensor:
    return 0.3 * torch.sin(torch.arange(400) * torch.tensor([[[0.3]], [[0.5]]]))


def played(opponent: Opponent, generator: Generator, pace: float = 1.0) -> dict[str, float]:
    """One round against `generator`, which does not move; returns the terms."""
    output = generator.output * 1.0
    opponent.meet(tones(), output, output)
    _, terms = opponent.challenge((output - tones()).square().mean())
    measured = {name: value.item() for name, value in {**terms, **opponent.learn()}.items()}
    opponent.step(measured, pace)
    return measured


def gradient_of(opponent: Opponent, generator: Generator, accuracy: float = 1.0) -> tuple[Tensor, float]:
    """What one challenge adds to the gradient of the generator's own total, and the total's value.

    The discriminator has been right in `accuracy` of all cases, as far as it knows.
    """
    opponent.stabilizer.smoothed["accuracy"] = accuracy
    generator.zero_grad()
    output = generator.output * 1.0
    opponent.meet(tones(), output, output)
    own = (output - tones()).square().mean()
    (alone,) = torch.autograd.grad(own, generator.output, retain_graph=True)
    total, _ = opponent.challenge(own)
    total.backward()
    assert total.item() == pytest.approx(own.item())
    assert generator.output.grad is not None
    return generator.output.grad - alone, own.item()


class TestTheGenerator:
    @pytest.mark.parametrize("matching", [0.0, 2.0])
    def test_its_gradient_is_hinge_plus_weighted_matching_counted_once(self, matching: float) -> None:
        opponent, generator = made(replace(CONFIG, feature_matching_weight=matching)), Generator()
        played(opponent, generator)
        added, _ = gradient_of(opponent, generator)

        output = generator.output.detach().requires_grad_()
        real, fake = opponent.discriminator(tones()), opponent.discriminator(output)
        expected = generator_hinge(fake) + matching * feature_matching(real, fake)
        (slope,) = torch.autograd.grad(expected, output)
        torch.testing.assert_close(added, opponent.stabilizer.generator_weight * slope, rtol=1e-3, atol=1e-7)
        assert added.abs().sum() > 0

    @pytest.mark.parametrize("term", ["gen_adversarial", "gen_feature_matching"])
    def test_each_term_alone_reaches_it(self, term: str) -> None:
        opponent, generator = made(), Generator()
        output = generator.output * 1.0
        opponent.meet(tones(), output, output)
        _, terms = opponent.challenge(output.sum())
        terms[term].backward()
        assert generator.output.grad is not None
        assert generator.output.grad.abs().sum() > 0

    def test_the_adversary_weighs_as_much_as_it_was_given(self) -> None:
        opponent, generator = made(replace(CONFIG, weight=0.25)), Generator()
        played(opponent, generator, pace=0.0)
        added, _ = gradient_of(opponent, generator)
        own = 2 * (generator.output.detach() - tones()) / tones().numel()
        assert added.norm().item() == pytest.approx(0.25 * own.norm().item(), rel=1e-3)

    @pytest.mark.parametrize(("accuracy", "share"), [(0.3, 0.0), (0.5, 0.0), (0.6, 0.2), (0.75, 0.5), (1.0, 1.0)])
    def test_a_discriminator_counts_as_far_as_it_knows_something(self, accuracy: float, share: float) -> None:
        opponent, generator = made(), Generator()
        played(opponent, generator, pace=0.0)
        full = gradient_of(opponent, generator)[0].norm().item()
        assert gradient_of(opponent, generator, accuracy)[0].norm().item() == pytest.approx(share * full, abs=1e-6)
        assert full > 1e-3

    def test_before_it_was_ever_right_or_wrong_it_counts_nothing(self) -> None:
        opponent, generator = made(), Generator()
        opponent.stabilizer.update({"reference_norm": 1.0, "adversarial_norm": 1.0})
        output = generator.output * 1.0
        opponent.meet(tones(), output, output)
        total, _ = opponent.challenge(0 * output.sum())
        total.backward()
        assert generator.output.grad is not None
        assert (generator.output.grad == 0).all()

    def test_weight_zero_leaves_it_alone(self) -> None:
        opponent, generator = made(replace(CONFIG, weight=0.0)), Generator()
        played(opponent, generator)
        assert (gradient_of(opponent, generator)[0] == 0).all()

    def test_the_adversary_is_faded_in(self) -> None:
        opponent, generator = made(replace(CONFIG, warmup_steps=4)), Generator()
        sizes = []
        for _ in range(6):
            sizes.append(gradient_of(opponent, generator)[0].norm().item())
            opponent.learn()
            opponent.step({"reference_norm": 1.0, "adversarial_norm": 1.0}, 0.0)
        assert sizes[0] == 0
        assert [size / sizes[4] for size in sizes[1:]] == pytest.approx([0.25, 0.5, 0.75, 1, 1], rel=1e-3)

    def test_without_a_meeting_nothing_is_added(self) -> None:
        total = torch.tensor(1.0)
        assert made().challenge(total) == (total, {})
        assert made().learn() == {}


class TestTheDiscriminator:
    def test_it_gets_no_gradient_from_the_generators_total(self) -> None:
        opponent, generator = made(), Generator()
        gradient_of(opponent, generator)
        assert all(p.grad is None and p.requires_grad for p in opponent.discriminator.parameters())

    def test_the_generator_gets_none_from_the_discriminators(self) -> None:
        opponent, generator = made(), Generator()
        output = generator.output * 1.0
        opponent.meet(tones(), output, output)
        opponent.learn()
        assert generator.output.grad is None
        assert all(p.grad is not None for p in opponent.discriminator.parameters())

    def test_it_learns_to_be_right_then_rests_and_comes_back(self) -> None:
        opponent, generator = made(replace(CONFIG, learning_rate=3e-3, balance_threshold=0.1)), Generator()
        before = played(opponent, generator)
        for _ in range(120):
            after = played(opponent, generator)
            if opponent.stabilizer.discriminator_rests:
                break
        assert opponent.stabilizer.discriminator_rests
        assert after["disc_adversarial"] < before["disc_adversarial"]

        weights = {name: value.clone() for name, value in opponent.discriminator.state_dict().items()}
        assert {"disc_adversarial", "disc_accuracy"} <= played(opponent, generator).keys()
        assert all(torch.equal(value, weights[name]) for name, value in opponent.discriminator.state_dict().items())
        for _ in range(30):
            opponent.stabilizer.update({"accuracy": 0.5})
        played(opponent, generator)
        assert any((value != weights[name]).any() for name, value in opponent.discriminator.state_dict().items())

    def test_with_the_default_settings_it_learns_what_a_blurred_sound_is(self) -> None:
        """Noise, and what a model makes of such: its phases, and the means of neighbouring magnitudes."""
        opponent = made(AdversarialConfig(mode="on", fft_sizes=(512,), channels=8))
        window, generator = torch.hann_window(512), torch.Generator().manual_seed(0)
        for _ in range(180):
            real = 0.1 * torch.randn(4, 3000, generator=generator)
            spectrum = torch.stft(real, 512, 128, window=window, return_complex=True)
            means = nn.functional.avg_pool2d(spectrum.abs()[:, None], 7, 1, 3, count_include_pad=False)[:, 0]
            fake = torch.istft(torch.polar(means, spectrum.angle()), 512, 128, window=window, length=3000)
            fake = fake * real.norm(dim=1, keepdim=True) / fake.norm(dim=1, keepdim=True)
            opponent.meet(real[:, None], fake[:, None], fake)
            opponent.step({name: value.item() for name, value in opponent.learn().items()}, 1.0)
        assert opponent.stabilizer.smoothed["accuracy"] > 0.58

    def test_r1_is_measured_at_every_fourth_lesson_and_never_zero(self) -> None:
        opponent, generator = made(replace(CONFIG, balance_threshold=0.0)), Generator()
        measured = [played(opponent, generator).get("disc_regularization") for _ in range(9)]
        assert [value is not None for value in measured] == [step % 4 == 0 for step in range(9)]
        assert all(value > 0 for value in measured if value is not None)

    def test_r1_holds_its_slope_down(self) -> None:
        slopes = {}
        for weight in (1e-6, 10.0):
            config = replace(CONFIG, r1_weight=weight, r1_every=1, learning_rate=3e-3, balance_threshold=0.0)
            opponent, generator = made(config), Generator()
            for _ in range(25):
                slopes[weight] = played(opponent, generator)["disc_regularization"]
        assert slopes[10.0] < 0.5 * slopes[1e-6]

    def test_its_rate_follows_the_models(self) -> None:
        opponent = made()
        played(opponent, Generator(), pace=0.5)
        assert opponent.optimizer.param_groups[0]["lr"] == CONFIG.learning_rate / 2


class TestJoining:
    def test_at_a_share_of_all_steps(self) -> None:
        opponent = made(replace(CONFIG, start=0.3), total_steps=10)
        assert [step for step in range(1, 11) if opponent.join(step)] == [4]
        assert opponent.playing

    def test_at_a_plateau_of_the_validation_total(self) -> None:
        opponent = made(replace(CONFIG, start="plateau"))
        for loss in (3.0, 2.0, 1.5, 1.499, 1.498, 1.497, 1.4, 1.41, 1.40, 1.40, 1.39):
            opponent.watch(loss)
            assert not opponent.join(1)
        opponent.watch(1.395)
        assert opponent.join(1)
        assert not opponent.join(2)

    @pytest.mark.parametrize("start", [0.0, "plateau"])
    def test_never_in_the_warm_up_of_the_losses(self, start: float | str) -> None:
        warmup = LossWarmup(TrainingConfig(epochs=1, loss=LossConfig(warmup_fraction=0.5)), 10)
        opponent = made(replace(CONFIG, start=start), 10, warmup)
        for step in range(1, 6):
            opponent.watch(1.0)
            assert not opponent.join(step)
            warmup.after_step()
        if start == "plateau":  # what was no gain while not every term was learned is no plateau
            for _ in range(6):
                assert not opponent.join(6)
                opponent.watch(1.0)
        assert opponent.join(6)

    def test_totals_of_before_other_loss_weights_are_no_measure_of_a_plateau(self) -> None:
        opponent = made(replace(CONFIG, start="plateau"))
        for loss in (1.0, 1.0, 1.0, 1.0, 1.0):
            opponent.watch(loss)
        opponent.configure(opponent.config, total_changed=True)
        for loss in (10.0, 9.0, 8.0, 7.0, 6.0, 6.0, 6.0, 6.0, 6.0):
            opponent.watch(loss)
            assert not opponent.join(1)
        opponent.watch(6.0)
        assert opponent.join(1)

    @pytest.mark.parametrize("loss", [math.nan, math.inf])
    def test_a_total_that_is_not_finite_is_no_evidence_of_a_plateau(self, loss: float) -> None:
        opponent = made(replace(CONFIG, start="plateau"))
        for _ in range(20):
            opponent.watch(loss)
        assert not opponent.join(1)
        for total in (1.0, 1.0, 1.0, loss, 1.0, 1.0):
            opponent.watch(total)
            assert not opponent.join(1)
        opponent.watch(1.0)
        assert opponent.join(1)


class TestAcrossCheckpoints:
    def test_it_plays_on_as_if_never_stopped(self) -> None:
        opponent, generator = made(), Generator()
        opponent.join(1)
        opponent.watch(1.0)
        for _ in range(3):
            played(opponent, generator)
        other = made()
        file = BytesIO()
        torch.save(opponent.state(), file)
        file.seek(0)
        other.restore(torch.load(file, weights_only=True))
        after = [[played(each, generator) for _ in range(4)] for each in (opponent, other)]

        assert after[0] == after[1]
        assert other.playing
        mine, others = opponent.state(), other.state()
        assert all(torch.equal(value, others["discriminator"][name]) for name, value in mine["discriminator"].items())
        tensors = ("discriminator", "optimizer")
        assert {k: v for k, v in mine.items() if k not in tensors} == {
            k: v for k, v in others.items() if k not in tensors
        }

    def test_another_discriminator_s_state_is_refused_in_one_line(self) -> None:
        with pytest.raises(CheckpointError, match=r"adversarial\.fft_sizes") as caught:
            made(replace(CONFIG, channels=8)).check(made().state(), PATH)
        assert "\n" not in str(caught.value)


def test_live_weights_are_taken_over() -> None:
    opponent, generator = made(), Generator()
    played(opponent, generator)
    opponent.configure(replace(CONFIG, weight=0.0))
    assert (gradient_of(opponent, generator)[0] == 0).all()
