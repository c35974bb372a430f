"""Any folder of sounds can be pointed at: the good ones are read right, the bad ones are named, nothing is touched."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from core.audio.files import UnreadableSound, find_sounds, read_sound, scan
from core.errors import DataError
from tests.audio.conftest import Write, peak_hz, tone

FORMATS = ["wav", "flac", "ogg", "mp3", "aiff", "aif", "aifc"]


def test_sounds_are_found_in_sub_folders_in_a_fixed_order_without_hidden_ones(write: Write, tmp_path: Path) -> None:
    for name in ("b.wav", "a/z.FLAC", "a/deep/c.Ogg", "._b.wav", ".trash/d.wav", "a/kick.wav", "kick.wav"):
        write(name, tone(200), format={"FLAC": "FLAC", "Ogg": "OGG"}.get(name.rsplit(".")[-1], "WAV"))
    (tmp_path / "sounds/notes.txt").write_text("not a sound")
    found = [path.relative_to(tmp_path / "sounds").as_posix() for path in find_sounds(tmp_path / "sounds")]
    assert found == ["a/deep/c.Ogg", "a/kick.wav", "a/z.FLAC", "b.wav", "kick.wav"]


def test_links_are_followed_once(write: Write, tmp_path: Path) -> None:
    sound = write("a.wav", tone(200))
    elsewhere = write("../elsewhere/b.wav", tone(300)).parent
    (sound.parent / "again.wav").symlink_to(sound)
    (sound.parent / "loop").symlink_to(sound.parent)
    (sound.parent / "more").symlink_to(elsewhere)
    (sound.parent / "gone.wav").symlink_to(tmp_path / "nowhere")
    assert [path.name for path in find_sounds(sound.parent)] == ["a.wav", "b.wav"]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: None, "no such folder"),
        (lambda path: path.write_text(""), "not a folder"),
        (lambda path: path.mkdir(), "no sounds"),
    ],
)
def test_a_folder_without_sounds_is_one_plain_line(tmp_path: Path, make: object, words: str) -> None:
    folder = tmp_path / "folder"
    make(folder)
    with pytest.raises(DataError) as caught:
        find_sounds(folder)
    assert str(folder) in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_finding_sounds_loads_neither_torch_nor_numpy(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"")
    code = (
        "import sys; from pathlib import Path; from core.audio.files import find_sounds; import core.audio.split, "
        f"core.audio.demo; find_sounds(Path({str(tmp_path)!r})); "
        "print([m for m in ('torch', 'torchaudio', 'numpy', 'soundfile') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_is_read(write: Write, suffix: str) -> None:
    kind = {"aif": "AIFF", "aifc": "AIFF"}.get(suffix, suffix.upper())
    path = write(f"tone.{suffix}", tone(1000, 1.0), format=kind)
    waveform = read_sound(path, 48_000)
    assert waveform.shape[0] == 1
    assert abs(waveform.shape[1] - 48_000) <= 3 * 1152  # an mp3 may bring a few frames of padding
    assert abs(peak_hz(waveform[0, 4800:43_200]) - 1000) < 2
    assert abs(waveform.abs().max() - 0.5) < 0.05


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 44_100, 48_000, 88_200, 96_000, 44_101, 47_999])
def test_any_rate_keeps_pitch_level_and_length(write: Write, rate: int) -> None:
    waveform = read_sound(write("tone.wav", tone(1000, 1.0, rate), rate), 48_000)[0]
    assert abs(len(waveform) - 48_000) <= 60
    assert abs(peak_hz(waveform) - 1000) < 1
    assert abs(waveform[4800:-4800].abs().max() - 0.5) < 0.005


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_channels_are_averaged(write: Write, channels: int) -> None:
    samples = np.zeros((4800, channels))
    samples[:, 0] = tone(1000, 0.1)
    waveform = read_sound(write("tone.wav", samples, subtype="FLOAT"), 48_000)[0]
    np.testing.assert_allclose(waveform, samples[:, 0] / channels, atol=1e-6)


def test_resampling_down_takes_what_is_above_the_nyquist_frequency_down_by_40_db(write: Write) -> None:
    waveform = read_sound(write("high.wav", tone(30_000, 0.5, 96_000), 96_000), 48_000)
    assert waveform[0, 500:-500].abs().max() < 0.01 * 0.5


def test_what_peaks_above_full_scale_is_scaled_down_to_it(write: Write) -> None:
    waveform = read_sound(write("hot.wav", tone(1000, level=40.0), subtype="FLOAT"), 48_000)
    assert waveform.abs().max() == pytest.approx(1.0)


def cut(path: Path, share: float) -> Path:
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    return path


NOISE = np.random.default_rng(0).normal(size=(24_000, 2)) * 0.1


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3", "aiff"])
@pytest.mark.parametrize("share", [0.6, 0.001])
def test_a_cut_off_file_is_refused(write: Write, suffix: str, share: float) -> None:
    path = cut(write(f"noise.{suffix}", NOISE, format=suffix.upper()), share)
    with pytest.raises(UnreadableSound):
        read_sound(path, 48_000)


def test_a_streamed_file_of_unknown_size_is_read(write: Write) -> None:
    path = write("streamed.wav", NOISE)
    content = bytearray(path.read_bytes())
    size = content.index(b"data") + 4
    content[size : size + 4] = b"\xff\xff\xff\xff"
    path.write_bytes(content)
    assert read_sound(path, 48_000).shape == (1, 24_000)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused(write: Write, bad: float) -> None:
    samples = tone(200)
    samples[777] = bad
    with pytest.raises(UnreadableSound, match="NaN or infinite"):
        read_sound(write("bad.wav", samples, subtype="FLOAT"), 48_000)


def test_files_that_are_no_audio_are_refused_with_a_reason(tmp_path: Path) -> None:
    empty, text, folder = tmp_path / "empty.wav", tmp_path / "text.mp3", tmp_path / "folder.wav"
    empty.write_bytes(b"")
    text.write_text("Dear diary, today I renamed a text file.\n" * 40)
    folder.mkdir()
    for path, reason in (
        (empty, "empty file"),
        (text, "not audio"),
        (folder, "cannot be opened|not audio"),
        (tmp_path / "gone.wav", "opened"),
    ):
        with pytest.raises(UnreadableSound, match=reason) as caught:
            read_sound(path, 48_000)
        assert "\n" not in str(caught.value)


def test_a_header_with_a_nonsense_rate_is_refused(write: Write) -> None:
    with pytest.raises(UnreadableSound, match="sample rate of 3 Hz"):
        read_sound(write("slow.wav", tone(200), 3), 48_000)


def test_a_scan_reads_the_headers_and_names_what_cannot_be_read(write: Write, tmp_path: Path) -> None:
    write("a.wav", tone(200, 1.5))
    write("more/b.flac", tone(200, 0.5, 44_100), 44_100)
    write("more/c.wav", tone(200, 0.25))
    (tmp_path / "sounds/more/broken.ogg").write_bytes(b"OggS" + bytes(100))
    found = scan(tmp_path / "sounds")
    assert len(found.files) == 4
    assert found.seconds == pytest.approx(2.25)
    assert found.rates == {48_000: 2, 44_100: 1}
    assert [bad.path for bad in found.unreadable] == ["more/broken.ogg"]


@pytest.mark.skipif(os.name != "posix", reason="permissions as POSIX has them")
def test_the_folder_is_only_read(write: Write, tmp_path: Path) -> None:
    folder = write("a.wav", tone(200)).parent
    write("b.mp3", tone(300), format="MP3")
    (folder / "broken.wav").write_bytes(b"RIFF")

    def state() -> list[tuple[str, int, int]]:
        return [(str(p), p.stat().st_mtime_ns, p.stat().st_size) for p in (folder, *sorted(folder.rglob("*")))]

    before = state()
    folder.chmod(0o555)
    try:
        for path in scan(folder).files:
            if path.stem != "broken":
                read_sound(path, 44_100)
    finally:
        folder.chmod(0o755)
    assert state() == before


def test_a_long_file_of_many_channels_is_read_in_blocks(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, (5000, 6))
    path = write("many.wav", samples, subtype="FLOAT")
    whole = read_sound(path, 48_000)
    monkeypatch.setattr("core.audio.files.BLOCK_FRAMES", 700)
    np.testing.assert_allclose(read_sound(path, 48_000), whole, atol=1e-7)
    assert soundfile.info(path).channels == 6


def test_runs_of_this_program_are_no_sounds_to_train_on(write: Write) -> None:
    data = write("mine.wav", tone(200)).parent
    run = write("runs/mine/previews/original-mine.wav", tone(200)).parents[1]
    assert len(find_sounds(data)) == 2
    for name in ("config.toml", "run.sqlite"):
        (run / name).touch()
    assert [path.name for path in find_sounds(data)] == ["mine.wav"]


def test_a_pipe_is_not_waited_on(write: Write) -> None:
    data = write("mine.wav", tone(200)).parent
    os.mkfifo(data / "pipe.wav")
    assert [path.name for path in find_sounds(data)] == ["mine.wav"]


def test_a_name_that_is_not_utf_8_is_read_like_any_other(write: Write) -> None:
    plain = write("plain.wav", tone(200))
    odd = Path(os.fsdecode(os.fsencode(plain.parent) + b"/caf\xe9.wav"))
    plain.rename(odd)
    assert find_sounds(plain.parent) == [odd]
    assert read_sound(odd, 8000).shape[0] == 1
    assert not scan(plain.parent).unreadable
