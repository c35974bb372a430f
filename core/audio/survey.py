"""What training on a folder of sounds would be, from the files' headers alone."""

from pathlib import Path

from core.audio.files import scan
from core.audio.split import split_files
from core.errors import DataError
from core.training.config import SpectrogramConfig, TrainingConfig
from core.training.presets import validation_fraction
from core.training.survey import Survey


def survey(folder: Path, config: TrainingConfig) -> Survey:
    """Silent and very short sounds are found, and left out, only when they are read. Raises DataError."""
    found = scan(folder)
    broken = {folder / skipped.path for skipped in found.unreadable}
    usable = tuple(path for path in found.files if path not in broken)
    words = (_rates(found.rates), _form(config.spectrogram), f"of {config.data.chunk_seconds:g} s")
    try:
        fraction = config.data.validation_fraction or validation_fraction(len(usable))
        train, held_out = split_files(usable, fraction, config.seed)
    except DataError as error:
        return Survey(usable, found.unreadable, found.seconds, *words, problem=str(error))
    share = len(train) / len(usable)
    chunks = max(len(train), round(found.seconds * share / config.data.chunk_seconds))
    return Survey(
        usable, found.unreadable, found.seconds, *words,
        train_files=len(train), val_files=len(held_out), chunks=chunks,
    )  # fmt: skip


def _rates(rates: dict[int, int]) -> str:
    shown = [f"{rate / 1000:g} kHz" for rate in list(rates)[:3]]
    return " and ".join(shown) if len(rates) < 3 else ", ".join(shown) + (" ..." if len(rates) > 3 else "")


def _form(spectrogram: SpectrogramConfig) -> str:
    form = "log-mel" if spectrogram.representation == "log_mel" else "magnitude + IF"
    return f"{form} at {spectrogram.sample_rate / 1000:g} kHz"
