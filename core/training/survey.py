"""What a quick look at a data folder finds, whatever kind of material it holds. No torch."""

from dataclasses import dataclass
from pathlib import Path

from core.run.events import SkippedFile


@dataclass(frozen=True)
class Survey:
    """`files` can be used, as far as a quick look tells; `unreadable` cannot. `seconds` is their length in all.

    `problem` is one line where it is too little to train on, else empty. `chunks` counts what training would cut from
    `train_files` files, before augmentation. The rest are words for a person: what the files are like ("44.1 kHz"), in
    what form they are learned ("magnitude + IF at 48 kHz"), and what a chunk is ("of 1 s").
    """

    files: tuple[Path, ...]
    unreadable: tuple[SkippedFile, ...]
    seconds: float
    like: str
    form: str
    chunk: str
    problem: str = ""
    train_files: int = 0
    val_files: int = 0
    chunks: int = 0
