"""Joins: chunks of spectrogram into a long one, and stretches of sound into a longer one, so that no joint is heard."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from core.audio.phase import istft, stft, wrapped

SMALLEST_OVERLAP = 0.25  # of a chunk
JOINT_WINDOWS = 4  # the length of a joint between two stretches of sound, in windows of the transform
GLIDE_WINDOWS = 24  # and that of the way from the one's phases to the other's


def chunk_starts(frames: int, chunk: int) -> list[int]:
    """Where chunks of `chunk` frames begin that cover `frames` frames: evenly, the first and last at either end.

    Neighbours overlap by a quarter or more. At least one chunk, also where `frames` is less than that.
    """
    room = max(0, frames - chunk)
    stride = max(1, chunk - max(1, round(SMALLEST_OVERLAP * chunk)))
    count = 1 + -(-room // stride)
    return [round(room * number / max(1, count - 1)) for number in range(count)]


def joined_spectrogram(chunks: Tensor, starts: Sequence[int], edge: int) -> Tensor:
    """Chunks [count, channels, bands, frames] at ascending `starts` to one spectrogram [1, channels, bands, total].

    Where two overlap the one fades into the other: the log magnitude along a line, the instantaneous frequency on the
    circle. In sound the same fade would cancel what the two give different phases. Of each chunk the outermost `edge`
    frames, 1 or more, are left out where another reaches: their windows lie half in the silence beyond the cut, and
    the first holds a phase instead of a frequency.
    """
    size = chunks.shape[-1]
    whole = chunks.new_zeros(1, *chunks.shape[1:3], starts[-1] + size)
    end = 0
    for chunk, start in zip(chunks, starts, strict=True):
        shared = max(0, end - start)
        place = torch.arange(shared, device=chunks.device) - edge + 0.5
        rising = (place / max(1, shared - 2 * edge)).clamp(0, 1)
        whole[0, ..., start:end] = _faded(whole[0, ..., start:end], chunk[..., :shared], rising)
        whole[0, ..., start + shared : start + size] = chunk[..., shared:]
        end = start + size
    return whole


def _faded(old: Tensor, new: Tensor, rising: Tensor) -> Tensor:
    """[channels, bands, frames]: from `old` to `new` as `rising` [frames] goes from 0 to 1."""
    result = torch.lerp(old, new, rising)
    if len(old) == 2:
        result[1] = torch.atan2(torch.lerp(old[1].sin(), new[1].sin(), rising),
                                torch.lerp(old[1].cos(), new[1].cos(), rising))  # fmt: skip
    return result


def joined_sound(before: Tensor, after: Tensor, overlap: int, window: Tensor, hop: int) -> Tensor:
    """One waveform [samples] of two stretches that share `overlap` samples and agree there up to their phases.

    Two inversions of the same magnitudes need not agree in phase, and a cross-fade of opposite phases is silence. So
    each bin of `after` is turned to the phase of `before` where the two are joined, and glides back to its own by
    24 windows after the overlap, or the end of `after`: half a second of windows of 1024 samples at 48 kHz, where no
    frequency is off by more than about 1 Hz, and longer where windows are. `overlap` must be at least the joint's
    length.
    """
    length = JOINT_WINDOWS * len(window)
    if overlap < length:
        raise ValueError(f"an overlap of {overlap} samples is too short to join in: {length} are needed")
    first = (overlap - length) // 2
    turned = min(len(after), overlap + GLIDE_WINDOWS * len(window))
    shared = torch.stack([before[-overlap:], after[:overlap]])
    old, new = stft(shared, window, hop)[..., first // hop : -(-(first + length) // hop)]
    angle = (old * new.conj()).sum(dim=-1).angle()

    spectrum = stft(after[None, :turned], window, hop)
    times = torch.arange(spectrum.shape[-1], device=after.device) * hop
    share = ((turned - len(window) - times) / max(1, turned - len(window) - first - length)).clamp(0, 1)
    rotation = torch.polar(torch.ones_like(share), wrapped(angle)[:, None] * share)
    glided = istft(spectrum * rotation, window, hop, turned)[0]
    after = torch.cat([glided, after[turned:]])

    rising = functional.pad(torch.linspace(0, 1, length, device=after.device), (first, 0))
    rising = functional.pad(rising, (0, overlap - len(rising)), value=1.0)
    joint = torch.lerp(before[-overlap:], after[:overlap], rising)
    return torch.cat([before[:-overlap], joint, after[overlap:]])
