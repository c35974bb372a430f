"""The person's folder of sounds: which files there are, what their headers say, and one file read as mono.

Finding sounds needs neither torch nor numpy, so that a command line answers at once. Nothing is ever written here.
"""

import os
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.folders import find_files, relative_name
from core.run.events import SkippedFile
from core.training.kinds import KINDS

if TYPE_CHECKING:
    from torch import Tensor


BLOCK_FRAMES = 1 << 20  # frames decoded at a time, so that a long many-channel file is never whole in memory
UNKNOWN_SIZE = 0x7FFFF000  # from here on (and 0) a size is what programs write that do not know how much will follow
SAMPLE_RATES = range(1_000, 1_000_001)  # Hz; outside of it a header is nonsense, and resampling would fill the memory


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
    """The audio files under `folder`, as `core.folders.find_files` finds them."""
    return find_files(folder, KINDS["audio"].suffixes, "sound")


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
