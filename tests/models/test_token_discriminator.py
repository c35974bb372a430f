"""The discriminator of tokens: its size, what padding may not do, and slopes that reach the model's logits."""

import pytest
import torch
from torch import Tensor

from core.losses.adversarial import discriminator_accuracy, discriminator_hinge, r1_penalty
from core.midi.vocabulary import ABSENT, SIZE
from core.models.token_discriminator import MultiScaleDiscriminator, one_hot, soft_tokens

SMALL = 0.05


def tokens(batch: int = 3, length: int = 61) -> Tensor:
    return torch.randint(0, SIZE, (batch, length), generator=torch.Generator().manual_seed(1))


def test_it_has_about_nine_million_parameters() -> None:
    count = sum(p.numel() for p in MultiScaleDiscriminator().parameters())
    assert 8e6 < count < 10e6


@pytest.mark.parametrize("length", [1, 7, 64])
def test_any_length_is_judged_at_every_scale(length: int) -> None:
    discriminator = MultiScaleDiscriminator(SMALL)
    judgements = discriminator(one_hot(tokens(2, length)))
    for judgement, stride in zip(judgements, (4, 16, 64), strict=True):
        assert judgement.logits.shape == (2, -(-length // stride))
        assert all(len(feature) == 2 for feature in judgement.features)


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="774"):
        MultiScaleDiscriminator(SMALL)(torch.zeros(2, 5, 10))


@pytest.mark.parametrize("more", [1, 3, 64])
def test_padding_never_changes_what_is_said_of_the_rest(more: int) -> None:
    torch.manual_seed(0)
    discriminator = MultiScaleDiscriminator(SMALL).eval()
    short = tokens()
    long = torch.cat([short, torch.full((3, more), ABSENT)], dim=1)
    for without, padded in zip(discriminator(one_hot(short)), discriminator(one_hot(long)), strict=True):
        places = without.logits.shape[1]
        torch.testing.assert_close(padded.logits[:, :places], without.logits)
        torch.testing.assert_close(padded.logits.mean(dim=1), without.logits.mean(dim=1))
        for a, b in zip(without.features, padded.features, strict=True):
            torch.testing.assert_close(b[..., : a.shape[-1]], a)
            assert not b[..., a.shape[-1] :].any()


def test_a_row_of_nothing_but_padding_is_finite_and_leaves_the_others_alone() -> None:
    torch.manual_seed(0)
    discriminator = MultiScaleDiscriminator(SMALL).eval()
    alone = tokens(1)
    both = torch.cat([alone, torch.full_like(alone, ABSENT)])
    for one, two in zip(discriminator(one_hot(alone)), discriminator(one_hot(both)), strict=True):
        torch.testing.assert_close(two.logits[:1], one.logits)
        assert not two.logits[1].any()


def test_the_views_have_no_parameters_and_the_penalty_reaches_the_weights() -> None:
    torch.manual_seed(0)
    discriminator = MultiScaleDiscriminator(SMALL)
    views = discriminator.views(one_hot(tokens()))
    assert not any(view.requires_grad for view in views)
    penalty = r1_penalty(discriminator.judge([view.requires_grad_() for view in views]), views)
    penalty.backward()

    assert penalty > 0
    assert all(scale.embedding.parametrizations.weight.original.grad.any() for scale in discriminator.scales)


def test_what_the_optimizer_was_given_is_what_is_trained() -> None:
    torch.manual_seed(0)
    discriminator = MultiScaleDiscriminator(SMALL)
    given = {id(p) for p in discriminator.parameters()}
    before = {name: p.detach().clone() for name, p in discriminator.named_parameters()}
    optimizer = torch.optim.SGD(discriminator.parameters(), 0.1)
    sum(judgement.logits.sum() for judgement in discriminator(one_hot(tokens()))).backward()
    optimizer.step()

    assert {id(p) for p in discriminator.parameters()} == given
    assert all((p != before[name]).any() for name, p in discriminator.named_parameters())


def test_the_weights_have_spectral_norm_one() -> None:
    torch.manual_seed(0)
    discriminator = MultiScaleDiscriminator(SMALL)
    for _ in range(30):
        discriminator(one_hot(tokens(1, 8)))
    for scale in discriminator.scales:
        for layer in [scale.embedding, *scale.layers, scale.out]:
            assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, rel=0.05)


def test_it_learns_to_tell_an_order_from_none() -> None:
    """Both players' rows hold the same tokens; only the real ones rise."""
    torch.manual_seed(0)
    discriminator = MultiScaleDiscriminator(SMALL)
    optimizer = torch.optim.AdamW(discriminator.parameters(), 4e-3)

    def players() -> tuple[Tensor, Tensor]:
        rows = torch.randint(0, SIZE, (8, 48))
        return one_hot(rows.sort(dim=1).values), one_hot(rows)

    for _ in range(120):
        real, fake = (discriminator(x) for x in players())
        optimizer.zero_grad()
        discriminator_hinge(real, fake).backward()
        optimizer.step()
    real, fake = (discriminator(x) for x in players())
    assert discriminator_accuracy(real, fake) > 0.9


class TestSoftTokens:
    def test_they_are_one_hot_and_zero_at_padding(self) -> None:
        logits, given = torch.randn(2, 6, SIZE), tokens(2, 6)
        given[1, 4:] = ABSENT
        drawn = soft_tokens(logits, given, torch.Generator().manual_seed(0))
        torch.testing.assert_close(drawn.amax(dim=-1), (given >= 0).float())
        torch.testing.assert_close(drawn.sum(dim=-1), (given >= 0).float())

    def test_without_a_generator_they_are_the_likeliest(self) -> None:
        logits = torch.randn(2, 6, SIZE)
        assert torch.equal(soft_tokens(logits, tokens(2, 6)).argmax(-1), logits.argmax(-1))

    def test_draws_follow_the_probabilities(self) -> None:
        logits = torch.full((1, 4000, SIZE), -30.0)
        logits[..., 5], logits[..., 9] = 0.0, 1.0
        drawn = soft_tokens(logits, torch.zeros(1, 4000, dtype=torch.long), torch.Generator().manual_seed(0))
        share = (drawn.argmax(-1) == 9).float().mean().item()
        assert share == pytest.approx(torch.sigmoid(torch.tensor(1.0)).item(), abs=0.03)

    def test_the_slope_reaches_every_logit_but_those_of_padding(self) -> None:
        logits = torch.randn(2, 6, SIZE, requires_grad=True)
        given = tokens(2, 6)
        given[0, 3:] = ABSENT
        judgements = MultiScaleDiscriminator(SMALL)(soft_tokens(logits, given, torch.Generator().manual_seed(0)))
        sum(judgement.logits.sum() for judgement in judgements).backward()
        assert logits.grad is not None
        assert (logits.grad.abs().sum(-1) > 0).equal(given >= 0)

    def test_it_is_the_slope_of_the_softmax(self) -> None:
        torch.manual_seed(0)
        logits, weights = torch.randn(1, 3, SIZE, requires_grad=True), torch.randn(1, 3, SIZE)
        (slope,) = torch.autograd.grad((soft_tokens(logits, tokens(1, 3), temperature=0.5) * weights).sum(), logits)
        (expected,) = torch.autograd.grad(((logits / 0.5).softmax(-1) * weights).sum(), logits)
        torch.testing.assert_close(slope, expected)
