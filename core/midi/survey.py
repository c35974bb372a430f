"""What training on a folder of tunes would be."""

from pathlib import Path

from core.errors import DataError
from core.midi.bank import TuneBank
from core.midi.files import find_tunes
from core.midi.split import split_tunes
from core.training.config import TrainingConfig
from core.training.presets import validation_fraction
from core.training.survey import Survey


def survey(folder: Path, config: TrainingConfig) -> Survey:
    """Every file is read: tunes are small. Raises DataError."""
    bank = TuneBank.load(find_tunes(folder), config.tunes, root=folder)
    notes = sum(len(tune.notes) for tune in bank.tunes)
    words = (f"{notes:,} notes", "tokens, 64 steps a second", f"of {config.tunes.window_tokens} tokens")
    files, skipped = tuple(bank.files), tuple(bank.skipped)
    try:
        fraction = config.data.validation_fraction or validation_fraction(len(files))
        train, held_out = split_tunes(list(zip(bank.files, bank.tunes, strict=True)), fraction, config.seed)
    except DataError as error:
        return Survey(files, skipped, bank.seconds, *words, problem=str(error))
    chunks = bank.subset(train).windows(config.tunes.window_tokens)
    return Survey(
        files, skipped, bank.seconds, *words, train_files=len(train), val_files=len(held_out), chunks=chunks
    )  # fmt: skip
