"""The multi-scale STFT discriminator: any length of sound, small, and a gradient back to every sample."""

import pytest
import torch

from core.losses import discriminator_accuracy, discriminator_hinge
from core.models import MultiScaleSTFTDiscriminator
from core.models.discriminators import GAIN


@pytest.mark.parametrize("samples", [1, 100, 2000])
def test_any_length_of_sound_is_judged_at_every_scale(samples: int) -> None:
    judgements = MultiScaleSTFTDiscriminator((64, 256), channels=4)(torch.randn(3, 1, samples))

    assert len(judgements) == 2
    for judgement, size in zip(judgements, (64, 256), strict=True):
        frames = 1 + samples // (size // 4)
        assert judgement.logits.shape == (3, 1, -(-(size // 2 + 1) // 32), frames)
        assert len(judgement.features) == 5
        assert all(feature.shape[-1] == frames for feature in judgement.features)


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\[batch, 1, samples\]"):
        MultiScaleSTFTDiscriminator((64,))(torch.zeros(2, 2, 100))


def test_it_is_small_and_as_its_docstring_says() -> None:
    count = sum(p.numel() for p in MultiScaleSTFTDiscriminator().parameters())
    assert round(count / 1000) == 113


def test_what_the_optimizer_was_given_is_what_is_trained() -> None:
    """Weight norm as a parametrization keeps the leaves that there were when the optimizer was made."""
    torch.manual_seed(0)
    discriminator = MultiScaleSTFTDiscriminator((64,), channels=4)
    given = {id(p) for p in discriminator.parameters()}
    before = {name: p.detach().clone() for name, p in discriminator.named_parameters()}
    optimizer = torch.optim.SGD(discriminator.parameters(), 0.1)
    discriminator(torch.randn(2, 1, 300))[0].logits.sum().backward()
    optimizer.step()

    assert {id(p) for p in discriminator.parameters()} == given
    assert all((p != before[name]).any() for name, p in discriminator.named_parameters())


@pytest.mark.parametrize("compression", [0.6, 1.0])
def test_every_sample_has_a_gradient_even_in_silence(compression: float) -> None:
    torch.manual_seed(0)
    waveform = torch.cat([torch.randn(2, 1, 400), torch.zeros(2, 1, 400)], dim=2).requires_grad_()
    discriminator = MultiScaleSTFTDiscriminator((64, 128), channels=4, compression=compression)
    sum(judgement.logits.sum() for judgement in discriminator(waveform)).backward()

    assert waveform.grad is not None
    assert torch.isfinite(waveform.grad).all()
    assert (waveform.grad != 0).float().mean() > 0.95


def test_a_full_scale_sine_has_the_same_magnitude_at_every_scale() -> None:
    time = torch.arange(48_000) / 48_000
    sine = torch.sin(2 * torch.pi * 3000 * time)[None, None]
    for view in MultiScaleSTFTDiscriminator((512, 1024, 2048), compression=1.0).views(sine):
        assert view.square().sum(1).sqrt().max().item() == pytest.approx(GAIN, rel=1e-3)


def test_compression_brings_up_what_is_quiet_and_keeps_the_phase() -> None:
    torch.manual_seed(0)
    waveform = 0.01 * torch.randn(1, 1, 1000)
    (plain,), (raised,) = (
        MultiScaleSTFTDiscriminator((64,), compression=power).views(waveform) for power in (1.0, 0.6)
    )
    magnitudes = [view.square().sum(1).sqrt() / GAIN for view in (plain, raised)]
    loud = magnitudes[0] > 3e-3  # well above where compression ends

    torch.testing.assert_close(magnitudes[1][loud], magnitudes[0][loud] ** 0.6, rtol=0.05, atol=0)
    angles = [torch.atan2(view[:, 1], view[:, 0])[loud] for view in (plain, raised)]
    torch.testing.assert_close(angles[0], angles[1])


def test_it_learns_to_tell_noise_from_tones() -> None:
    torch.manual_seed(0)
    discriminator = MultiScaleSTFTDiscriminator((64, 128), channels=4)
    optimizer = torch.optim.AdamW(discriminator.parameters(), 2e-3)
    time = torch.arange(800) / 8000

    def batch() -> tuple[torch.Tensor, torch.Tensor]:
        tones = 0.3 * torch.sin(2 * torch.pi * (300 + 2000 * torch.rand(4, 1, 1)) * time)
        return tones, 0.2 * torch.randn(4, 1, 800)

    for _ in range(40):
        real, fake = (discriminator(waveform) for waveform in batch())
        optimizer.zero_grad()
        discriminator_hinge(real, fake).backward()
        optimizer.step()
    real, fake = (discriminator(waveform) for waveform in batch())
    assert discriminator_accuracy(real, fake) > 0.9
