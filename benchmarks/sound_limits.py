"""What no model can be better or should be worse than: representations there and back, and each file's own mean."""

from collections.abc import Callable
from pathlib import Path

import torch
from sound_measures import RATE, compare, means
from torch import Tensor

from core.audio.files import read_sound
from core.audio.spectrogram import AudioSpectrogram
from core.training.config import SpectrogramConfig

NOISE = 0.05  # of each channel's standard deviation
MEL128 = SpectrogramConfig(representation="log_mel", n_mels=128, n_fft=2048, hop_length=512)

REPRESENTATIONS = {
    "log-mel 128, 2048/512": MEL128,
    "log-mel 256, 2048/512": SpectrogramConfig(representation="log_mel", n_mels=256, n_fft=2048, hop_length=512),
    "linear + IF, 1024/256": SpectrogramConfig(n_fft=1024, hop_length=256, n_mels=0),
    "linear + IF, 2048/512": SpectrogramConfig(n_fft=2048, hop_length=512, n_mels=0),
    "mel 256 + IF, 2048/512": SpectrogramConfig(n_fft=2048, hop_length=512, n_mels=256),
    "mel 512 + IF, 2048/512": SpectrogramConfig(n_fft=2048, hop_length=512, n_mels=512),
    "mel 256 + IF, 1024/256": SpectrogramConfig(n_fft=1024, hop_length=256, n_mels=256),
}

Change = Callable[[Tensor], Tensor]


def limits(files: list[Path]) -> list[dict[str, object]]:
    """A row for each way back to sound without a model, over whole files."""
    ways: dict[str, tuple[SpectrogramConfig, Change]] = {
        "each file's own mean spectrum + Griffin-Lim": (MEL128, own_mean),
        "log-mel 128 of the original + Griffin-Lim": (MEL128, unchanged),
        "the representation there and back": (SpectrogramConfig(), unchanged),
    }
    return [{"what": name, **there_and_back(files, config, change)} for name, (config, change) in ways.items()]


def round_trips(files: list[Path]) -> list[dict[str, object]]:
    """MRSTFT and mel L1 of each representation, clean and with noise on every channel.

    Beside each that has phases: Griffin-Lim, from random phases, of the very same magnitudes.
    """
    rows: list[dict[str, object]] = []
    for name, config in REPRESENTATIONS.items():
        values = round(config.channels * config.bands * RATE / config.hop_length)
        row: dict[str, object] = {"what": name, "values/s": values}
        for kind, change in (("clean", unchanged), ("noisy", noisy)):
            row[kind] = there_and_back(files, config, change)["mrstft"]
            if config.channels == 2:
                row[f"{kind}, GL only"] = there_and_back(files, config, lambda s, c=change: phaseless(c(s)))["mrstft"]
        rows.append(row)
    return rows


@torch.inference_mode()
def there_and_back(files: list[Path], config: SpectrogramConfig, change: Change) -> dict[str, float]:
    """The measures of sounds that went through a spectrogram, and what `change` makes of it, averaged over files."""
    spectrogram = AudioSpectrogram(config)
    rows = []
    for path in files:
        waveform = read_sound(path, RATE)[0]
        render = spectrogram.inverse(change(spectrogram(waveform[None, None])), len(waveform))[0, 0]
        rows.append(compare(waveform, render))
    return means(rows)


def unchanged(spec: Tensor) -> Tensor:
    return spec


def own_mean(spec: Tensor) -> Tensor:
    """The mean magnitudes over time, at every frame: what is left when nothing but a sound's colour is known."""
    return spec.exp().mean(dim=3, keepdim=True).log().expand_as(spec)


def noisy(spec: Tensor) -> Tensor:
    """5 % of each channel's standard deviation, as a good model may be off; the same noise every time."""
    noise = torch.randn(spec.shape, generator=torch.Generator().manual_seed(0))
    return spec + NOISE * spec.std(dim=(2, 3), keepdim=True) * noise


def phaseless(spec: Tensor) -> Tensor:
    """The same magnitudes, with phases drawn at random for Griffin-Lim to begin from."""
    spec = spec.clone()
    spec[:, 1] = 2 * torch.pi * torch.rand(spec[:, 1].shape, generator=torch.Generator().manual_seed(0))
    return spec
