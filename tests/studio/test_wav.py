"""Which WAV bytes can be played, and that their samples arrive as they are."""

import io
import wave

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from distill_tui.wav import Sound, WavError, fitted, read_wav


def wav_bytes(samples: np.ndarray, rate: int = 48_000, subtype: str = "PCM_16") -> bytes:
    target = io.BytesIO()
    soundfile.write(target, samples, rate, format="WAV", subtype=subtype)
    return target.getvalue()


@given(arrays(np.int16, st.tuples(st.integers(1, 300), st.integers(1, 3))), st.sampled_from([8_000, 44_100, 48_000]))
def test_16_bit_samples_arrive_bit_for_bit(samples: np.ndarray, rate: int) -> None:
    sound = read_wav(wav_bytes(samples, rate))
    assert sound.sample_rate == rate
    assert np.array_equal(sound.samples, samples)


def test_24_bit_samples_are_rounded_to_16() -> None:
    values = np.array([0, 127, 128, -128, -129, 0x7FFFFF, -0x800000, 0x123480], np.int64)
    written = (values << 8).astype(np.int32)
    sound = read_wav(wav_bytes(written, subtype="PCM_24"))
    assert sound.samples[:, 0].tolist() == [0, 0, 1, 0, -1, 32767, -32768, 0x1235]


@given(st.integers(0, 443))
def test_a_file_cut_short_anywhere_is_refused_in_one_line(kept: int) -> None:
    whole = wav_bytes(np.arange(200, dtype=np.int16))
    assert len(whole) == 444
    with pytest.raises(WavError, match=r"^kick\.wav: ") as refusal:
        read_wav(whole[:kept], "kick.wav")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("subtype", ["FLOAT", "PCM_U8", "PCM_32"])
def test_other_kinds_are_refused(subtype: str) -> None:
    with pytest.raises(WavError):
        read_wav(wav_bytes(np.zeros(10, np.int16), subtype=subtype))


def test_what_is_not_a_wav_at_all_is_refused() -> None:
    for data in (b"", b"RIFF", b"\x00" * 400, b"ID3" + bytes(range(256))):
        with pytest.raises(WavError):
            read_wav(data)


def test_a_header_without_samples_is_refused() -> None:
    target = io.BytesIO()
    with wave.open(target, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48_000)
    with pytest.raises(WavError, match="no samples"):
        read_wav(target.getvalue())


def tone(rate: int, hz: float = 440.0, seconds: float = 0.2) -> Sound:
    times = np.arange(round(rate * seconds)) / rate
    fade = np.minimum(1, np.minimum(times, seconds - times) / 0.02)
    samples = np.rint(20_000 * fade * np.sin(2 * np.pi * hz * times)).astype(np.int16)
    return Sound(samples[:, None], rate)


def test_a_device_that_takes_the_sound_gets_its_very_samples() -> None:
    sound = tone(48_000)
    assert fitted(sound, 48_000, 1) is sound.samples


def test_one_channel_goes_to_both_and_two_become_one() -> None:
    sound = tone(48_000)
    stereo = fitted(sound, 48_000, 2)
    assert np.array_equal(stereo[:, 0], stereo[:, 1])
    assert np.array_equal(fitted(Sound(stereo, 48_000), 48_000, 1), sound.samples)


@pytest.mark.parametrize(("old", "new"), [(44_100, 48_000), (48_000, 44_100), (22_050, 48_000), (48_000, 16_000)])
def test_another_rate_gives_the_same_tone(old: int, new: int) -> None:
    converted = fitted(tone(old), new, 1)
    expected = tone(new).samples
    assert abs(len(converted) - len(expected)) <= 1
    shared = min(len(converted), len(expected))
    assert np.abs(converted[:shared].astype(int) - expected[:shared]).max() < 40  # of 20,000: below -54 dB
