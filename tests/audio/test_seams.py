"""No joint is heard: neither between chunks of a spectrogram nor between stretches of sound."""

import math
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from core.audio.seams import JOINT_WINDOWS, chunk_starts, joined_sound, joined_spectrogram

RATE = 48_000
WINDOW = torch.hann_window(1024)


@settings(deadline=None)
@given(frames=st.integers(1, 5000), chunk=st.integers(1, 300))
def test_chunks_cover_every_frame_and_overlap_by_about_a_quarter(frames: int, chunk: int) -> None:
    starts = chunk_starts(frames, chunk)

    assert starts[0] == 0
    assert starts[-1] == max(0, frames - chunk)
    for start, following in pairwise(starts):
        assert start < following
        if chunk >= 4:
            assert start + chunk - following >= 0.2 * chunk - 1


@settings(deadline=None)
@given(frames=st.integers(20, 90), channels=st.integers(1, 2))
def test_pieces_of_one_spectrogram_join_to_that_spectrogram(frames: int, channels: int) -> None:
    whole = 3 * torch.rand(1, channels, 5, frames, generator=torch.Generator().manual_seed(0)) - 1.5
    starts = chunk_starts(frames, 20)
    chunks = torch.cat([whole[..., start : start + 20] for start in starts])

    torch.testing.assert_close(joined_spectrogram(chunks, starts, 2), whole)


def test_chunks_of_different_levels_fade_without_a_step() -> None:
    chunks = torch.zeros(2, 1, 1, 40)
    chunks[1] = 4.0

    joined = joined_spectrogram(chunks, [0, 30], 1)[0, 0, 0]

    assert joined[:31].abs().max() == 0
    assert joined[39:].min() == 4
    assert joined.diff().abs().max() == pytest.approx(0.5)


def test_frequencies_at_either_end_of_the_circle_meet_where_they_touch() -> None:
    """+3.1 and -3.1 radians a hop are next to each other; 0, their mean, is as far from both as can be."""
    chunks = torch.zeros(2, 2, 1, 40)
    chunks[0, 1], chunks[1, 1] = 3.1, -3.1

    joined = joined_spectrogram(chunks, [0, 30], 1)[0, 1]

    assert joined.abs().min() > 3.05


def test_the_frames_at_a_cut_are_left_out_where_another_chunk_reaches() -> None:
    chunks = torch.zeros(2, 2, 1, 40)
    chunks[..., :2] = chunks[..., -2:] = 2.0

    for channel in joined_spectrogram(chunks, [0, 30], 2)[0, :, 0]:
        assert channel.tolist() == 2 * [2.0] + 66 * [0.0] + 2 * [2.0]


def level_db(waveform: Tensor, size: int = 480) -> Tensor:
    """The level of each stretch of 10 ms."""
    return 10 * waveform.unfold(0, size, size).square().mean(1).log10()


@pytest.mark.parametrize("degrees", [0, 90, 180, 250])
@pytest.mark.parametrize("hz", [100.0, 400.0, 5000.0])
def test_a_tone_goes_on_at_its_level_whatever_its_phase_after_the_joint(degrees: int, hz: float) -> None:
    time = torch.arange(2 * RATE, dtype=torch.float64) / RATE
    before, shifted = (0.5 * torch.sin(2 * math.pi * hz * time + math.radians(d)).float() for d in (0, degrees))
    overlap = RATE // 2
    before, after = before[:RATE], shifted[RATE - overlap :]

    joined = joined_sound(before, after, overlap, WINDOW, 256)

    assert len(joined) == 2 * RATE
    inside = level_db(joined)[2:-2] - 20 * math.log10(0.5 / math.sqrt(2))
    assert inside.abs().max() < 0.1
    # A click would show far above the tone.
    spectrum = torch.stft(joined, 256, 64, window=torch.hann_window(256), return_complex=True).abs()[110:, 40:-40]
    assert spectrum.max() < 1e-4
    torch.testing.assert_close(joined[-RATE // 4 :], after[-RATE // 4 :])


def test_noise_keeps_its_level() -> None:
    generator = torch.Generator().manual_seed(0)
    overlap = RATE // 2
    before, after = (torch.randn(RATE, generator=generator) for _ in range(2))

    joined = joined_sound(before, after, overlap, WINDOW, 256)

    levels = level_db(joined, 2400)
    assert (levels - levels.mean()).abs().max() < 2


def test_an_overlap_too_short_to_join_in_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        joined_sound(torch.zeros(9000), torch.zeros(9000), JOINT_WINDOWS * 1024 - 1, WINDOW, 256)
