"""`distill-tui demo` has something worth listening to, and treads on nobody's files."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.audio.demo import write_demo_sounds
from core.audio.files import find_sounds
from core.errors import DataError


def test_demo_sounds_are_what_they_promise(tmp_path: Path) -> None:
    paths = write_demo_sounds(tmp_path / "demo", 12)
    assert len({path.name for path in paths}) == 12
    assert find_sounds(tmp_path / "demo") == sorted(paths)
    centroids = []
    for path in paths:
        info = soundfile.info(path)
        assert (info.samplerate, info.channels, info.subtype) == (48_000, 1, "PCM_16")
        assert 0.6 <= info.duration <= 2.0
        samples, _ = soundfile.read(path)
        assert 0.85 < np.abs(samples).max() < 0.95
        assert abs(samples[0]) < 0.01
        assert abs(samples[-1]) < 0.01
        spectrum = np.abs(np.fft.rfft(samples))
        centroids.append((spectrum * np.fft.rfftfreq(len(samples), 1 / 48_000)).sum() / spectrum.sum())
    assert max(centroids) / min(centroids) > 10  # from kicks to hats


def test_the_same_seed_gives_the_same_sounds_and_more_of_them_change_none(tmp_path: Path) -> None:
    def contents(paths: list[Path]) -> list[bytes]:
        return [path.read_bytes() for path in paths]

    first = contents(write_demo_sounds(tmp_path / "a", 6, seed=3))
    assert contents(write_demo_sounds(tmp_path / "b", 9, seed=3))[:6] == first
    assert all(a != b for a, b in zip(first, contents(write_demo_sounds(tmp_path / "c", 6, seed=4)), strict=True))


def test_what_is_there_already_stays(tmp_path: Path) -> None:
    (tmp_path / "bell-01.wav").write_text("mine")
    write_demo_sounds(tmp_path, 3)
    assert (tmp_path / "bell-01.wav").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bell-01.wav", "kick-01.wav", "pluck-01.wav"]


def test_a_folder_that_cannot_be_made_is_one_plain_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="choose another folder"):
        write_demo_sounds(tmp_path / "file", 3)
