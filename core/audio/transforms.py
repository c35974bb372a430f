"""The one place that imports torchaudio, also where its compiled extension cannot load.

The last torchaudio is linked to one CUDA release and fails to import beside any other build of torch. What is used of
it here is pure PyTorch, so a stand-in takes the extension's place there, and only there.
"""

import sys
from collections.abc import Callable
from fractions import Fraction
from types import ModuleType
from typing import TypeVar

from torch import Tensor

F = TypeVar("F", bound=Callable[..., object])

# A kernel of torchaudio's holds about numerator x denominator taps. 2000 keeps an odd pair such as 44,101 -> 48,000 Hz
# at a few MB (the exact one takes 8 GB) for a pitch error of less than half a cent; usual rates stay exact.
LARGEST_TERM = 2000


def _without_extension() -> ModuleType:
    def unchanged(function: F) -> F:
        return function

    def load_nothing(name: str) -> bool:
        return False

    extension = ModuleType("torchaudio._extension")
    extension.__dict__.update(_IS_TORCHAUDIO_EXT_AVAILABLE=False, fail_if_no_align=unchanged, _load_lib=load_nothing)
    return extension


try:
    import torchaudio
except (OSError, RuntimeError):  # a missing or foreign library; another CUDA than torch's
    sys.modules["torchaudio._extension"] = _without_extension()
    import torchaudio

__all__ = ["resample", "torchaudio"]


def resample(waveform: Tensor, rate: int, new_rate: int) -> Tensor:
    """The waveform [..., samples] at `new_rate` Hz, band-limited (Hann-windowed sinc; Smith 2002).

    The kernel is torchaudio's default, which those who compare sounds use too: with another one the difference of the
    two just below the Nyquist frequency would count as one between the sounds. Well above it aliases are 45 dB down.
    A length of n samples becomes ceil(n * new_rate / rate), to within a few samples at rates without a small ratio.
    """
    ratio = Fraction(new_rate, rate)
    larger = max(ratio.numerator, ratio.denominator)
    if larger > LARGEST_TERM:
        ratio = ratio.limit_denominator(max(1, LARGEST_TERM * ratio.denominator // larger))
    if ratio == 1:
        return waveform
    resampled: Tensor = torchaudio.functional.resample(waveform, ratio.denominator, ratio.numerator)
    return resampled
