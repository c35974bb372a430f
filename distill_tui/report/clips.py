"""Sounds as a page carries them: FLAC in a data: address, as many as there is room for.

FLAC is the one format that is both lossless and played by all current browsers (Chromium since 56, Firefox since 51,
Safari since 11, on iOS too), at about half the size of WAV. Ogg Vorbis and Opus are smaller, but lossy, and Safari
plays them in an Ogg file only since 18.4; MP3 adds silence at the start, so that original and reconstruction would no
longer lie on each other.
"""

import base64
import io
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from types import MappingProxyType
from typing import TYPE_CHECKING

from core.midi.vocabulary import Note
from core.run.events import PreviewEvent
from core.run.link import LinkError
from distill_tui.sounds import ScoreError, read_notes
from distill_tui.wav import Sound, WavError, read_wav

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Fetch = Callable[[str], bytes]
BINS = 100
LEAST_SHARE = 0.12  # of a WAV file's bytes that a FLAC file has at least, for all but silence
MOST_SCORES = 100
NO_TUNES: Mapping[str, tuple[Note, ...]] = MappingProxyType({})
MISSES = 4  # sounds in a row that did not fit, after which no more are fetched


@dataclass(frozen=True)
class Clip:
    """A preview's sound. `address` is a data: address, "" where it is left out, and `why` says why that is so.

    `peaks`, 0 to 1, are its waveform, `notes` those of a tune.
    """

    address: str = ""
    seconds: float = 0.0
    peaks: tuple[float, ...] = ()
    notes: tuple[Note, ...] = ()
    why: str = ""


def scores(wanted: Iterable[PreviewEvent], fetch: Fetch) -> dict[str, tuple[Note, ...]]:
    """By `audio_path` the notes of those previews that are tunes: the first so many, so that a line is not kept busy.

    They are small, and drawn whether the sound has room on the page or not.
    """
    found: dict[str, tuple[Note, ...]] = {}
    for preview in islice((each for each in wanted if each.score_path), MOST_SCORES):
        with suppress(LinkError, ScoreError):  # its waveform is shown
            found[preview.audio_path] = read_notes(fetch(preview.score_path), preview.score_path)
    return found


def clips(
    wanted: Iterable[PreviewEvent], fetch: Fetch, room: int, tunes: Mapping[str, tuple[Note, ...]] = NO_TUNES
) -> dict[str, Clip]:
    """A clip by `audio_path` for each preview, in at most `room` bytes of addresses; those that come first, first.

    `tunes` are the notes that are known (see `scores`). What there is no room for has only its picture.
    """
    found: dict[str, Clip] = {}
    misses = 0
    for preview in wanted:
        if preview.audio_path in found:
            continue
        clip = bare = Clip("", preview.seconds, preview.peaks, tunes.get(preview.audio_path, ()), "no room")
        if misses < MISSES and 0 < room >= _least_bytes(preview):
            clip = _clip(preview, fetch, bare)
            if len(clip.address) > room:
                clip = replace(clip, address="", why="no room")
        misses = misses + 1 if clip.why == "no room" else 0
        room -= len(clip.address)
        found[preview.audio_path] = clip
    return found


def fewer(found: dict[str, Clip], excess: int) -> dict[str, Clip]:
    """The clips without the last ones that hold `excess` bytes of addresses."""
    left = dict(found)
    for path, clip in reversed(found.items()):
        if excess <= 0:
            break
        if clip.address:
            excess -= len(clip.address)
            left[path] = replace(clip, address="", why="no room")
    return left


def flac(sound: Sound) -> bytes:
    """The sound as FLAC, every bit of it. Raises WavError for one that FLAC cannot hold."""
    import soundfile

    data = io.BytesIO()
    try:
        soundfile.write(data, sound.samples, sound.sample_rate, format="FLAC", subtype="PCM_16", compression_level=1.0)
    except (soundfile.SoundFileError, ValueError, TypeError) as error:
        raise WavError(f"{sound.name or 'sound'}: cannot be written as FLAC ({error})") from error
    return data.getvalue()


def _clip(preview: PreviewEvent, fetch: Fetch, bare: Clip) -> Clip:
    try:
        sound = read_wav(fetch(preview.audio_path), preview.audio_path)
        data = flac(sound)
    except (LinkError, WavError):
        return replace(bare, why="cannot be read")
    address = f"data:audio/flac;base64,{base64.b64encode(data).decode()}"
    return replace(bare, address=address, seconds=sound.seconds, peaks=_peaks(sound.samples), why="")


def _peaks(samples: "NDArray[np.int16]") -> tuple[float, ...]:
    import numpy as np

    loudest = np.abs(samples.astype(np.int32)).max(axis=1)
    edges = np.linspace(0, len(loudest), min(BINS, len(loudest)) + 1).astype(np.int64)[:-1]
    return tuple(float(value) / 32768 for value in np.maximum.reduceat(loudest, edges))


def _least_bytes(preview: PreviewEvent) -> float:
    """What its address takes at the very least, so that what cannot fit is not even fetched."""
    return preview.seconds * preview.sample_rate * 2 * LEAST_SHARE * 4 / 3
