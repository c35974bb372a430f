"""What is held out and learned from all the same is found by what it holds, whatever it is called and looks like."""

from pathlib import Path
from random import Random

import numpy as np
import soundfile

from core.insight.leaks import leaks
from core.midi.demo import KINDS, compose
from core.midi.files import midi_bytes
from core.midi.vocabulary import Note
from tests.training.conftest import write_tones


def test_different_sounds_of_one_length_are_no_copies(tmp_path: Path) -> None:
    folder = write_tones(tmp_path / "tones", 12)
    assert leaks("audio", folder, {"tone-0.wav", "tone-5.wav"}) == ()


def test_another_format_level_and_rate_is_still_the_same_sound(tmp_path: Path) -> None:
    folder = write_tones(tmp_path / "tones", 4)
    wave, rate = soundfile.read(folder / "tone-1.wav")
    soundfile.write(folder / "quiet.flac", 0.2 * wave, rate)
    soundfile.write(folder / "turned.wav", -wave, rate, subtype="PCM_24")
    (folder / "broken.wav").write_bytes(b"RIFF")

    assert leaks("audio", folder, {"tone-1.wav"}) == (("tone-1.wav", "quiet.flac"),)
    assert leaks("audio", folder, {"quiet.flac", "turned.wav", "broken.wav"}) == (
        ("quiet.flac", "tone-1.wav"),
        ("turned.wav", "tone-1.wav"),
    )


def _loops(folder: Path, *rest: str) -> None:
    """Sounds of 6 s that share their first 2 s and go on in their own ways: by a seed, or silent."""
    intro = np.random.default_rng(99).normal(0, 0.1, 16_000)
    for name in rest:
        own = np.zeros(32_000) if name == "silent" else np.random.default_rng(int(name)).normal(0, 0.1, 32_000)
        soundfile.write(folder / f"{name}.wav", np.concatenate([intro, own]), 8000)


def test_loops_that_begin_alike_are_no_copies(tmp_path: Path) -> None:
    _loops(tmp_path, "1", "2", "silent")
    assert leaks("audio", tmp_path, {"1.wav"}) == ()
    assert leaks("audio", tmp_path, {"silent.wav"}) == ()


def test_a_long_sound_is_known_by_all_its_parts_and_by_a_tail_that_faded_away(tmp_path: Path) -> None:
    _loops(tmp_path, "1", "2")
    wave, rate = soundfile.read(tmp_path / "1.wav")
    wave[-16_000:] *= np.linspace(1, 0, 16_000) ** 8
    soundfile.write(tmp_path / "1.wav", wave, rate)
    soundfile.write(tmp_path / "faint.wav", 0.02 * wave, rate)
    soundfile.write(tmp_path / "late.wav", np.concatenate([np.zeros(24_000), wave[24_000:]]), rate)
    assert leaks("audio", tmp_path, {"faint.wav", "late.wav"}) == (("faint.wav", "1.wav"),)


def test_a_tune_in_another_key(tmp_path: Path) -> None:
    tunes = [compose(KINDS[number % len(KINDS)], Random(number)) for number in range(5)]
    for number, notes in enumerate(tunes):
        (tmp_path / f"tune-{number}.mid").write_bytes(midi_bytes(notes))
    higher = [Note(**{**vars(note), "pitch": note.pitch + 3}) if hasattr(note, "__dict__") else
              note._replace(pitch=note.pitch + 3) for note in tunes[2]]  # fmt: skip
    (tmp_path / "in-f.mid").write_bytes(midi_bytes(higher))
    (tmp_path / "broken.mid").write_bytes(b"MThd")

    assert leaks("midi", tmp_path, {"tune-0.mid", "tune-1.mid"}) == ()
    assert leaks("midi", tmp_path, {"in-f.mid", "tune-0.mid"}) == (("in-f.mid", "tune-2.mid"),)
