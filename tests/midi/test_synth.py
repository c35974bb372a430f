"""The built-in sound of tunes: where its partials lie, how it begins and ends, and that it never leaves its bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.midi.synth import CEILING, HIGHEST, MOST_PARTIALS, SAMPLE_RATE, TAIL_SECONDS, frequency, partials, play
from core.midi.vocabulary import STEPS_PER_SECOND, Note

SECOND = STEPS_PER_SECOND


def spectrum(sound: np.ndarray, rate: int = SAMPLE_RATE) -> tuple[np.ndarray, np.ndarray]:
    """Hz and power."""
    window = np.hanning(len(sound))
    return np.fft.rfftfreq(len(sound), 1 / rate), np.square(np.abs(np.fft.rfft(sound * window)))


def loudness(sound: np.ndarray) -> float:
    """RMS in dB of full scale."""
    return float(10 * np.log10(np.square(sound, dtype=np.float64).mean() + 1e-20))


@pytest.mark.parametrize(("pitch", "hz"), [(69, 440.0), (57, 220.0), (60, 261.626), (127, 12543.85)])
def test_pitches_are_concert_pitches(pitch: int, hz: float) -> None:
    assert frequency(pitch) == pytest.approx(hz, rel=1e-5)


@pytest.mark.parametrize("pitch", [36, 48, 60, 76, 96, 120])
def test_what_is_heard_most_is_the_fundamental(pitch: int) -> None:
    hz, power = spectrum(play([Note(0, 2 * SECOND, pitch, 3)])[: 2 * SAMPLE_RATE])
    assert hz[power.argmax()] == pytest.approx(frequency(pitch), abs=1.0)


@pytest.mark.parametrize("pitch", [40, 60, 72])
def test_every_partial_stands_where_it_is_said_to(pitch: int) -> None:
    sound = play([Note(0, SECOND, pitch, 5)])[:SAMPLE_RATE]
    hz, power = spectrum(sound)
    for place, amplitude, _ in zip(*partials(pitch, 5), strict=True):
        if amplitude > 0.02 * partials(pitch, 5)[1].max():
            around = np.abs(hz - place) < frequency(pitch) / 2
            assert hz[around][power[around].argmax()] == pytest.approx(place, abs=2.0)


@given(st.integers(0, 127), st.integers(0, 5), st.sampled_from([8_000, 22_050, 32_000, 48_000]))
def test_no_partial_is_high_enough_to_be_mirrored(pitch: int, level: int, rate: int) -> None:
    hz, amplitude, fade = partials(pitch, level, rate)
    assert (hz <= HIGHEST * rate).all()
    assert len(hz) <= MOST_PARTIALS
    assert (np.diff(fade) > 0).all(), "higher partials fade sooner"
    assert (np.diff(hz) >= frequency(pitch) * 0.999).all(), "a stiff string's partials are never too close"
    assert np.isfinite(amplitude).all()


def test_a_high_tone_leaves_nothing_where_its_mirror_image_would_be() -> None:
    hz, power = spectrum(play([Note(0, SECOND, 115, 5)])[:SAMPLE_RATE])
    assert 10 * np.log10(power[hz > 0.46 * SAMPLE_RATE].sum() / power.sum()) < -100


def test_louder_is_louder_and_brighter_level_by_level() -> None:
    sounds = [play([Note(0, SECOND, 60, level)])[:SAMPLE_RATE] for level in range(6)]
    levels = [loudness(sound) for sound in sounds]
    assert all(step > 1.5 for step in np.diff(levels))
    assert 15 < levels[-1] - levels[0] < 30
    brightness = []
    for sound in sounds:
        hz, power = spectrum(sound)
        brightness.append(float((hz * power).sum() / power.sum()))
    assert (np.diff(brightness) > 0).all()


def test_a_struck_tone_fades_while_it_is_held_and_dies_away_when_let_go() -> None:
    sound = play([Note(0, 2 * SECOND, 60, 3)])
    early, late = loudness(sound[1600:8000]), loudness(sound[56_000:62_400])
    assert 8 < early - late < 40
    assert loudness(sound[2 * SAMPLE_RATE + 9600 :]) < late - 30
    assert len(sound) == 2 * SAMPLE_RATE + round(TAIL_SECONDS * SAMPLE_RATE)
    assert sound[0] == sound[-1] == 0


@pytest.mark.parametrize("pitch", [30, 60, 90])
def test_nothing_clicks(pitch: int) -> None:
    """Beginning and end of a note reach no further up than the held tone itself does."""
    sound = play([Note(SECOND // 2, SECOND // 2 + 9, pitch, 4)])
    held = play([Note(0, 2 * SECOND, pitch, 4)])[3200:]
    assert np.abs(np.diff(sound)).max() < 2.5 * np.abs(np.diff(held)).max()
    assert (sound[: SAMPLE_RATE // 2] == 0).all()


def test_a_sound_that_is_cut_off_ends_in_silence_all_the_same() -> None:
    sound = play([Note(0, 4 * SECOND, 60, 5)], seconds=1.0)
    assert len(sound) == SAMPLE_RATE
    assert abs(sound[-1]) < 1e-4
    assert np.abs(sound[-SAMPLE_RATE // 10 :]).max() > 0.01


def test_the_length_is_the_one_asked_for_and_silence_without_notes() -> None:
    assert len(play([Note(0, 10, 60, 3)], seconds=2.5, sample_rate=16_000)) == 40_000
    empty = play([])
    assert len(empty) > 0
    assert (empty == 0).all()


def test_there_is_no_constant_part() -> None:
    sound = play([Note(0, SECOND, pitch, 5) for pitch in (33, 45, 52, 61, 64)])
    assert abs(float(sound.mean())) < 1e-3


notes = st.lists(
    st.builds(
        lambda start, length, pitch, level: Note(start, start + length, pitch, level),
        st.integers(0, 96), st.integers(1, 96), st.integers(0, 127), st.integers(0, 5),
    ),
    max_size=40,
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(notes)
def test_however_many_notes_sound_it_never_clips_and_is_the_same_again(played: list[Note]) -> None:
    sound = play(played, sample_rate=16_000)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() <= CEILING + 1e-6
    assert sound.dtype == np.float32
    assert (play(played, sample_rate=16_000) == sound).all()


def test_a_crowd_is_turned_down_not_cut_off() -> None:
    crowd = [Note(SECOND, 2 * SECOND, pitch, 5) for pitch in range(36, 96)]
    alone = play([Note(0, SECOND // 2, 60, 3)])
    together = play([Note(0, SECOND // 2, 60, 3), *crowd])
    assert 0.9 < np.abs(together).max() <= CEILING + 1e-6
    assert (together[: SAMPLE_RATE // 2] == alone[: SAMPLE_RATE // 2]).all(), "what is not too loud stays as it is"
    stuck = np.mean(np.abs(together) > 0.999 * np.abs(together).max())
    assert stuck < 0.001, "no flat tops"


def test_notes_add_up() -> None:
    low, high = Note(0, 30, 50, 3), Note(10, 50, 66, 2)
    both = play([low, high], seconds=1.2)
    assert np.allclose(both, play([low], seconds=1.2) + play([high], seconds=1.2), atol=1e-6)
