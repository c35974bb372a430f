"""The person's folder of sounds: which files there are, what their headers say, and one file read as mono.

Finding sounds needs neither torch nor numpy, so that a command line answers at once. Nothing is ever written here.
"""

import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import UsageError
from core.run.events import SkippedFile

if TYPE_CHECKING:
    from torch import Tensor

AUDIO_SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".mp3", ".aif", ".aiff", ".aifc"})

BLOCK_FRAMES = 1 << 20  # frames decoded at a time, so that a long many-channel file is never whole in memory
UNKNOWN_SIZE = 0x7FFFF000  # from here on (and 0) a size is what programs write that do not know how much will follow
SAMPLE_RATES = range(1_000, 1_000_001)  # Hz; outside of it a header is nonsense, and resampling would fill the memory


RUN_FILES = frozenset({"config.toml", "run.sqlite"})
MOST_ENTRIES = 200_000


class DataError(UsageError):
    """The data folder cannot be trained on; the message is one line: what, where, what to do."""


class UnreadableSound(Exception):
    """One file cannot be used; the message is the plain reason, without the path."""


@dataclass(frozen=True)
class FolderScan:
    """What the headers of a folder's sounds say. `seconds` is their sum, `rates` counts files by sample rate in Hz."""

    files: tuple[Path, ...]
    seconds: float
    rates: dict[int, int]
    unreadable: tuple[SkippedFile, ...]


def find_sounds(folder: Path) -> list[Path]:
    """The audio files under `folder`, sorted by their path in it; links are followed, each file is listed once.

    Left out are hidden files and folders (macOS keeps `._name.wav` beside each file on foreign disks) and this
    program's own run folders. Raises
    DataError where the folder is missing, is none, cannot be listed, or holds no audio file or very many.
    """
    if not folder.exists():
        raise DataError(f"{folder}: no such folder; give the folder that holds your sounds")
    if not folder.is_dir():
        raise DataError(f"{folder}: not a folder; give the folder that holds your sounds")
    try:
        os.scandir(folder).close()
    except OSError as error:
        raise DataError(f"{folder}: cannot be listed ({error.strerror}); check its permissions") from error
    files = sorted(_walk(folder), key=lambda path: path.relative_to(folder).parts)
    if not files:
        kinds = " ".join(sorted(suffix[1:] for suffix in AUDIO_SUFFIXES))
        raise DataError(f"{folder}: no sounds in it or its sub-folders; put files of these kinds there: {kinds}")
    return files


def _walk(folder: Path) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()

    def first_time(path: Path, is_right_kind: Callable[[int], bool]) -> bool:
        try:
            status = path.stat()
        except OSError:  # a link to nowhere
            return False
        if not is_right_kind(status.st_mode):  # a pipe would be waited on for good
            return False
        identity = (status.st_dev, status.st_ino)
        if identity in seen:
            return False
        seen.add(identity)
        return True

    first_time(folder, stat.S_ISDIR)
    entries = 0
    for parent, folders, names in os.walk(folder, followlinks=True):
        entries += len(names) + len(folders)
        if entries > MOST_ENTRIES:
            raise DataError(f"{folder}: more than {MOST_ENTRIES:,} files; name a folder that holds just your sounds")
        if RUN_FILES.issubset(names):  # a run's previews are made from held-out sounds: never train on them
            folders.clear()
            continue
        # Visiting in order keeps the choice between two links to one file the same everywhere.
        folders[:] = [f for f in sorted(folders) if not f.startswith(".") and first_time(Path(parent, f), stat.S_ISDIR)]
        for name in sorted(names):
            path = Path(parent, name)
            if path.suffix.lower() in AUDIO_SUFFIXES and not name.startswith(".") and first_time(path, stat.S_ISREG):
                yield path


def scan(folder: Path) -> FolderScan:
    """What the folder holds, from the headers alone. Raises DataError as `find_sounds` does, never for a bad file."""
    files = find_sounds(folder)
    import soundfile

    def header(path: Path) -> tuple[float, int] | str:
        try:
            with _open(path) as sound:
                return sound.frames / sound.samplerate, sound.samplerate
        except UnreadableSound as error:
            return str(error)

    soundfile.available_formats()  # the library is loaded once, before the threads ask for it
    with ThreadPoolExecutor(max_workers=4) as pool:  # mp3 headers mean reading the file: let the disk work ahead
        headers = list(pool.map(header, files))
    rates: Counter[int] = Counter()
    seconds = 0.0
    unreadable = []
    for path, found in zip(files, headers, strict=True):
        if isinstance(found, str):
            unreadable.append(SkippedFile(relative_name(path, folder), found))
        else:
            seconds += found[0]
            rates[found[1]] += 1
    return FolderScan(tuple(files), seconds, dict(rates.most_common()), tuple(unreadable))


def relative_name(path: Path, root: Path | None) -> str:
    """The path as a person knows it: relative to the data folder where it lies in it, else its name."""
    return path.relative_to(root).as_posix() if root is not None and path.is_relative_to(root) else path.name


def read_sound(path: Path, sample_rate: int) -> "Tensor":
    """The whole sound as mono float32 [1, samples] at `sample_rate` Hz: channels averaged, resampled once.

    It is as long as the file to the nearest sample, and at least one. What peaks above full scale (float files may,
    resampled clipping does) is scaled down to it. Raises UnreadableSound with the plain reason where the file is
    empty, no audio, cut off, holds NaN or infinite samples, or cannot be opened.
    """
    import numpy as np
    import torch

    from core.audio.transforms import resample

    with _open(path) as sound:
        rate, expected = sound.samplerate, sound.frames
        blocks = list(_mono_blocks(sound))
        cut_off = _is_cut_off(sound)
    mono = np.concatenate(blocks) if blocks else np.zeros(0, dtype=np.float32)
    if cut_off or len(mono) < expected:
        raise UnreadableSound(f"cut off after {len(mono) / rate:.2f} s; copy it again from its source")
    if not len(mono):
        raise UnreadableSound("holds no samples")
    if not np.isfinite(mono).all():
        raise UnreadableSound("holds NaN or infinite samples; export it again")
    waveform = resample(torch.from_numpy(mono)[None], rate, sample_rate)
    samples = max(1, round(len(mono) * sample_rate / rate))
    waveform = torch.nn.functional.pad(waveform, (0, samples - waveform.shape[1]))  # cuts where that is negative
    return waveform / waveform.abs().max().clamp(min=1)


def _open(path: Path) -> Any:
    """The file opened by soundfile; what goes wrong comes out as UnreadableSound."""
    import soundfile

    try:
        if path.stat().st_size == 0:
            raise UnreadableSound("empty file")
        sound = soundfile.SoundFile(os.fsencode(path))  # old disks hold names that are not UTF-8
    except soundfile.LibsndfileError as error:
        raise UnreadableSound(f"not audio that can be read ({_plain(error.error_string)})") from error
    except OSError as error:
        raise UnreadableSound(f"cannot be opened ({error.strerror})") from error
    if sound.samplerate not in SAMPLE_RATES:
        sound.close()
        raise UnreadableSound(f"its header gives a sample rate of {sound.samplerate} Hz; export it again")
    return sound


def _mono_blocks(sound: Any) -> Iterator[Any]:
    """The sound's frames [frames] in blocks, float32, the mean over channels."""
    import numpy as np
    import soundfile

    frames = max(1, BLOCK_FRAMES // sound.channels)
    try:
        while len(block := sound.read(frames, dtype="float32", always_2d=True)):
            # Not `mean`: over so short an axis it is several times slower than a product with equal weights.
            weights = np.full(sound.channels, 1 / sound.channels, dtype=np.float32)
            yield block[:, 0] if sound.channels == 1 else block @ weights
    except soundfile.LibsndfileError as error:
        raise UnreadableSound(f"damaged ({_plain(error.error_string)})") from error


def _is_cut_off(sound: Any) -> bool:
    """Whether the container announces more than the file holds; libsndfile reads what is there without a word."""
    log = sound.extra_info
    if "lacks an end-of-stream bit" in log:
        return True
    declared = re.search(r"^\s*(?:data|SSND)\s*: (\d+) \(should be (\d+)\)", log, re.MULTILINE)
    if declared is None:
        return False
    announced, held = int(declared[1]), int(declared[2])
    return held < announced < UNKNOWN_SIZE


def _plain(message: str) -> str:
    """libsndfile's message as part of a sentence."""
    return message.removeprefix("Error : ").strip().rstrip(".")
