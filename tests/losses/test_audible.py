"""What nobody hears does not count: levels, and what lies 60 dB below."""

import torch

from core.losses.audible import audible


def test_a_quiet_pair_is_the_same_pair_as_a_loud_one() -> None:
    pair = torch.randn(2, 3, 1, 500, generator=torch.Generator().manual_seed(0)).unbind()
    loud, quiet = audible(*pair), audible(*(0.03 * x for x in pair))

    for a, b in zip(loud, quiet, strict=True):
        torch.testing.assert_close(a, b)
    torch.testing.assert_close(loud[1].square().mean((1, 2)).sqrt(), torch.full((3,), 0.1), rtol=1e-3, atol=0)


def test_equal_waveforms_stay_equal_and_silence_is_noise() -> None:
    sound = torch.randn(2, 1, 500)
    assert torch.equal(*audible(sound, sound.clone()))

    quiet, _ = audible(torch.zeros(1, 1, 5000), torch.zeros(1, 1, 5000))
    torch.testing.assert_close(quiet.std(), torch.tensor(1e-4), rtol=0.1, atol=0)
