"""The picture of a sound: what is high stands high, what is loud is bright, and two sounds are drawn on one scale."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from distill_tui.panels.spectrogram import drawn_wave, time_axis
from distill_tui.spectrogram import (
    FREQUENCIES,
    MOST_FRAMES,
    SPAN_DB,
    envelope,
    frequency_labels,
    mel,
    second_marks,
    shades,
    spectrum,
)
from distill_tui.wav import Sound

RATE = 48_000


def sine(hz: float, seconds: float = 1.0, level: float = 0.5, rate: int = RATE) -> Sound:
    times = np.arange(round(seconds * rate)) / rate
    return Sound(np.rint(32_767 * level * np.sin(2 * np.pi * hz * times)).astype(np.int16)[:, None], rate)


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 48_000])
@pytest.mark.parametrize("hz", [100, 440, 1_000, 3_500])
def test_a_tone_is_brightest_at_its_own_frequency_and_its_label(hz: float, rate: int) -> None:
    found = spectrum(sine(hz, rate=rate))
    picture = np.array(shades(found, 50, 80, found.seconds, found.loudest_db))
    row = int(picture[:, 25].argmax())
    assert abs(row + 0.5 - (1 - mel(hz) / mel(rate / 2)) * 80) <= 1.2
    labels = frequency_labels(rate / 2, 40)
    for known, text in FREQUENCIES:
        if known == hz:
            assert text in labels.values()
            assert abs(next(line for line, words in labels.items() if words == text) - row / 2) <= 1


def test_time_is_to_the_right_and_what_comes_after_the_end_is_blank() -> None:
    silence = np.zeros((RATE // 2, 1), np.int16)
    late = Sound(np.concatenate([silence, sine(1_000, 0.5).samples]), RATE)
    found = spectrum(late)
    picture = np.array(shades(found, 80, 20, 2.0, found.loudest_db))
    assert np.isnan(picture[:, 40:]).all()
    assert not np.isnan(picture[:, :40]).any()
    assert picture[:, :18].max() == 0
    assert picture[:, 22:40].max(axis=0).min() > 0.88


@pytest.mark.parametrize("db", [-20, -40, -90])
def test_two_sounds_are_drawn_on_one_scale_of_eighty_decibels(db: float) -> None:
    loud, soft = spectrum(sine(1_000)), spectrum(sine(1_000, level=0.5 * 10 ** (db / 20)))
    brightest, full = (np.array(shades(one, 40, 20, 1.0, loud.loudest_db)).max() for one in (soft, loud))
    assert brightest == pytest.approx(max(0.0, full + db / SPAN_DB), abs=0.04)


sounds = st.builds(
    lambda frames, rate, seed, channels: Sound(
        np.random.default_rng(seed).integers(-32_768, 32_767, (frames, channels)).astype(np.int16), rate
    ),
    st.integers(1, 30_000), st.sampled_from([8_000, 22_050, 48_000]), st.integers(0, 9), st.integers(1, 2),
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(sounds, st.integers(1, 200), st.integers(1, 80), st.floats(1.0, 4.0))
def test_any_sound_fills_any_room_with_levels_from_0_to_1(sound: Sound, columns: int, rows: int, longer: float) -> None:
    found, seconds = spectrum(sound), sound.seconds * longer
    assert len(found.power) <= MOST_FRAMES
    picture = np.array(shades(found, columns, rows, seconds, found.loudest_db))
    assert picture.shape == (rows, columns)
    drawn = picture[:, ~np.isnan(picture).any(axis=0)]
    assert drawn.shape[1] >= 1
    assert (drawn >= 0).all()
    assert (drawn <= 1).all()
    wave = envelope(found, columns, seconds)
    assert 1 <= len(wave) <= columns
    assert all(-1 <= low <= high <= 1 for low, high in wave)
    if sound.channels == 1:
        assert max(high for _, high in wave) == pytest.approx(sound.samples.max() / 32_768)
        assert min(low for low, _ in wave) == pytest.approx(sound.samples.min() / 32_768)


def test_silence_and_a_long_sound_are_no_trouble() -> None:
    nothing = spectrum(Sound(np.zeros((1_000, 1), np.int16), 8_000))
    assert np.array(shades(nothing, 10, 10, nothing.seconds, nothing.loudest_db)).shape == (10, 10)
    long = spectrum(sine(440, 60, rate=8_000))
    assert len(long.power) <= MOST_FRAMES
    assert long.power.shape[0] * long.seconds_per_frame == pytest.approx(60, rel=0.01)


@given(st.floats(0.001, 2_000), st.integers(1, 300))
def test_the_seconds_never_meet_and_lie_where_they_belong(seconds: float, columns: int) -> None:
    marks = second_marks(seconds, columns)
    for (column, text), (following, _) in pairwise(marks):
        assert column + 1 + len(text) < following
    for column, text in marks:
        assert column == pytest.approx(
            float(text.removesuffix(" s")) / seconds * columns, abs=1 + 0.0005 / seconds * columns
        )
        assert column + 1 + len(text) <= columns
    assert sum(len(run.text) for run in time_axis(seconds, columns)) == 4 + columns


@pytest.mark.parametrize("rows", [1, 3, 8, 40])
def test_no_two_frequencies_share_a_line(rows: int) -> None:
    labels = frequency_labels(24_000, rows)
    assert all(0 <= row < rows for row in labels)
    assert len(set(labels.values())) == len(labels)
    assert "16" not in frequency_labels(8_000, rows).values()


def test_a_wave_is_as_high_as_it_is_loud_and_stands_on_a_middle_line() -> None:
    full = drawn_wave([(-1.0, 1.0)] * 4, 2, 2, "text")
    silent = drawn_wave([(0.0, 0.0)] * 4, 2, 2, "text")
    assert ["".join(run.text for run in line) for line in full] == ["⣿⣿", "⣿⣿"]
    assert "".join(run.text for line in silent for run in line).strip() in ("⣀⣀", "⠉⠉")
    half = drawn_wave([(-1.0, 1.0)] * 2, 2, 1, "text")
    assert "".join(run.text for run in half[0]) == "⣿ "


def test_it_loads_neither_torch_nor_numpy_with_the_screen() -> None:
    program = "import sys, distill_tui.panels.spectrogram\nprint([m for m in ('numpy', 'torch') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
