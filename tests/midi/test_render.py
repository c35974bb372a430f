"""Tunes heard through a SoundFont: a small one put together here, damaged ones, and none at all."""

import contextlib
import io
import struct
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import UsageError
from core.midi import soundfont
from core.midi.render import Renderer
from core.midi.soundfont import Soundfont, find_soundfont
from core.midi.synth import play
from core.midi.vocabulary import Note

RATE = 32_000
LENGTH = 8_000
LOOPED, KEYS, RELEASE, ATTENUATION, ROOT = 54, 43, 38, 48, 58
TUNE = [Note(0, 64, 69, 4), Note(64, 128, 81, 4)]


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def font(*zones: dict[int, int], over: tuple[dict[int, int], ...] = ({},), packed: bool = False) -> bytes:
    """A SoundFont of one 440 Hz sine, whose last 4,000 samples are a whole number of its periods."""
    wave = 0.5 * np.sin(2 * np.pi * 440 * np.arange(LENGTH) / RATE)
    data = (32767 * wave).astype("<i2").tobytes()
    start, end, loop = 0, LENGTH, (LENGTH - 4_000, LENGTH)
    if packed:
        target = io.BytesIO()
        soundfile.write(target, wave, RATE, format="OGG", subtype="VORBIS")
        data, end = target.getvalue(), len(target.getvalue())

    def named(name: str) -> bytes:
        return name.encode().ljust(20, b"\0")

    def table(zones: tuple[dict[int, int], ...], link: int) -> tuple[bytes, bytes]:
        bags, generators = b"", b""
        for zone in zones:
            bags += struct.pack("<HH", len(generators) // 4, 0)
            for kind, amount in {**zone, **({} if zone.get(link) == -1 else {link: 0})}.items():
                generators += struct.pack("<Hh", kind, amount) if kind != link or amount != -1 else b""
        return bags + struct.pack("<HH", len(generators) // 4, 0), generators + b"\0\0\0\0"

    pbag, pgen = table(over, 41)
    ibag, igen = table(zones or ({LOOPED: 1},), 53)
    tables = {
        b"phdr": named("tone") + struct.pack("<HHHIII", 0, 0, 0, 0, 0, 0)
        + named("EOP") + struct.pack("<HHHIII", 0, 0, len(over), 0, 0, 0),
        b"pbag": pbag, b"pmod": b"\0" * 10, b"pgen": pgen,
        b"inst": named("tone") + struct.pack("<H", 0) + named("EOI") + struct.pack("<H", len(zones) or 1),
        b"ibag": ibag, b"imod": b"\0" * 10, b"igen": igen,
        b"shdr": named("tone") + struct.pack("<IIIIIBbHH", start, end, *loop, RATE, 69, 0, 0, 0x11 if packed else 1)
        + named("EOS") + bytes(26),
    }  # fmt: skip
    body = b"sfbk" + chunk(b"LIST", b"INFO" + chunk(b"ifil", struct.pack("<HH", 2, 1)))
    body += chunk(b"LIST", b"sdta" + chunk(b"smpl", data + bytes(92)))
    body += chunk(b"LIST", b"pdta" + b"".join(chunk(name, content) for name, content in tables.items()))
    return b"RIFF" + struct.pack("<I", len(body)) + body


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is installed on this machine is not at issue."""
    monkeypatch.setattr(soundfont, "PLACES", ())


def saved(folder: Path, content: bytes, name: str = "tiny.sf2") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def loudest_hz(sound: np.ndarray) -> float:
    return float(np.abs(np.fft.rfft(sound * np.hanning(len(sound)))).argmax() * RATE / len(sound))


@pytest.mark.parametrize("packed", [False, True])
def test_a_font_plays_each_note_at_its_pitch_for_as_long_as_it_lasts(tmp_path: Path, packed: bool) -> None:
    renderer = Renderer(str(saved(tmp_path, font(packed=packed))))
    sound = renderer.waveform(TUNE)
    assert loudest_hz(sound[:RATE]) == pytest.approx(440, abs=2)
    assert loudest_hz(sound[RATE : 2 * RATE]) == pytest.approx(880, abs=2)
    held = np.abs(sound[RATE // 2 : RATE - 100])
    assert held.max() > 0.05, "the loop goes on"
    assert np.abs(sound[-RATE // 10 :]).max() < 1e-4
    assert sound.dtype == np.float32
    assert renderer.instrument == str(tmp_path / "tiny.sf2")


def test_a_sample_without_a_loop_ends_by_itself(tmp_path: Path) -> None:
    sound = Renderer(str(saved(tmp_path, font({LOOPED: 0})))).waveform([Note(0, 64, 69, 4)])
    assert np.abs(sound[: LENGTH - 10]).max() > 0.05
    assert (sound[LENGTH + 10 :] == 0).all()


def test_keys_are_heard_in_their_own_zones_and_nowhere_else(tmp_path: Path) -> None:
    low, high = {KEYS: 0 | 63 << 8, LOOPED: 1, ROOT: 57}, {KEYS: 64 | 100 << 8, LOOPED: 1}
    renderer = Renderer(str(saved(tmp_path, font(low, high))))
    assert loudest_hz(renderer.waveform([Note(0, 64, 57, 4)])[:RATE]) == pytest.approx(440, abs=2)
    assert loudest_hz(renderer.waveform([Note(0, 64, 69, 4)])[:RATE]) == pytest.approx(440, abs=2)
    assert (renderer.waveform([Note(0, 64, 110, 4)]) == 0).all()


def test_attenuation_release_and_what_the_preset_adds(tmp_path: Path) -> None:
    def sound(zone: dict[int, int], over: dict[int, int]) -> np.ndarray:
        return Renderer(str(saved(tmp_path, font({LOOPED: 1, **zone}, over=(over,))))).waveform([Note(0, 32, 69, 4)])

    plain = sound({}, {})
    quieter = sound({ATTENUATION: 250}, {ATTENUATION: 250})
    assert np.abs(quieter).max() / np.abs(plain).max() == pytest.approx(10 ** (-0.4 * 50 / 20), rel=0.02)
    ringing = sound({RELEASE: 2400}, {})
    after = slice(RATE // 2 + 3200, RATE // 2 + 6400)
    assert np.abs(ringing[after]).max() > 100 * np.abs(plain[after]).max()


def test_what_a_global_zone_says_holds_for_the_others(tmp_path: Path) -> None:
    both = font({RELEASE: 2400, 53: -1}, {LOOPED: 1}, over=({ATTENUATION: 200, 41: -1}, {}))
    (zone,) = Soundfont.load(saved(tmp_path, both)).zones
    assert zone[RELEASE] == 2400
    assert zone[ATTENUATION] == 200


def test_louder_levels_are_louder_and_nothing_clips(tmp_path: Path) -> None:
    renderer = Renderer(str(saved(tmp_path, font())))
    peaks = [np.abs(renderer.waveform([Note(0, 32, 69, level)])).max() for level in range(6)]
    assert (np.diff(peaks) > 0).all()
    crowd = renderer.waveform([Note(0, 32, pitch, 5) for pitch in range(30, 100)])
    assert np.abs(crowd).max() < 1
    assert len(renderer.waveform(TUNE, 1.5)) == 1.5 * RATE


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "not a SoundFont"), (b"RIFF\x24\0\0\0WAVEfmt ", "not a SoundFont"), (font()[:9_000], "damaged"),
     (font()[:-30], "damaged"), (font({KEYS: 90 | 20 << 8}), None)],
)  # fmt: skip
def test_a_configured_file_that_is_no_good_is_told_in_one_line(
    tmp_path: Path, content: bytes, reason: str | None
) -> None:
    path = saved(tmp_path, content)
    if reason is None:  # an odd font is still a font: keys outside its ranges are silent
        assert (Renderer(str(path)).waveform(TUNE) == 0).all()
        return
    with pytest.raises(UsageError, match=reason) as caught:
        Renderer(str(path))
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_configured_file_that_is_missing_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone\.sf2: cannot be opened"):
        Renderer(str(tmp_path / "gone.sf2"))
    with pytest.raises(UsageError, match="cannot be opened"):
        find_soundfont(str(tmp_path))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damage_anywhere_is_silence_or_one_line_never_a_crash(tmp_path_factory: pytest.TempPathFactory, data) -> None:  # type: ignore[no-untyped-def]
    whole = bytearray(font({LOOPED: 1, RELEASE: 100}))
    tables = whole.index(b"pdta")
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(tables, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = saved(tmp_path_factory.mktemp("damaged"), bytes(whole))
    with contextlib.suppress(UsageError):
        sound = Renderer(str(path)).waveform([Note(0, 16, 69, 4), Note(8, 24, 30, 1)])
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() <= 1


def test_an_installed_font_is_found_the_default_first_and_a_broken_one_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_soundfont() is None
    assert Renderer().instrument == "built-in"
    assert (Renderer().waveform(TUNE) == play(TUNE)).all()
    monkeypatch.setattr(soundfont, "PLACES", (str(tmp_path / "missing"), str(tmp_path)))
    saved(tmp_path, b"not one", "a.sf2")
    saved(tmp_path, font()[:-30], "b-default.sf2")
    saved(tmp_path, font(), "c.sf3")
    assert find_soundfont() == tmp_path / "b-default.sf2"
    assert Renderer().instrument == str(tmp_path / "c.sf3")
