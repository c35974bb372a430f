"""What a folder of sounds holds and the settings that follow from it, before anything is trained."""

from dataclasses import dataclass, field
from pathlib import Path

from core.audio.files import DataError, FolderScan
from core.run.folder import safe_name
from core.training.config import TrainingConfig


@dataclass(frozen=True)
class Plan:
    """What training on a folder would be. `problem` is one line when it cannot begin, else empty.

    The counts of chunks and steps are estimates from the files' headers: silent and very short sounds are found, and
    left out, only when they are read.
    """

    folder: Path
    problem: str = ""
    found: FolderScan | None = None
    train_files: int = 0
    val_files: int = 0
    train_chunks: int = 0
    steps_per_epoch: int = 0
    config: TrainingConfig = field(default_factory=TrainingConfig)
    run_name: str = ""

    @property
    def usable(self) -> int:
        """Files whose headers can be read."""
        return len(self.found.files) - len(self.found.unreadable) if self.found else 0


def expanded(text: str) -> Path:
    """The folder that a person typed, with ~ and relative parts resolved. Raises DataError for an unknown ~name."""
    try:
        return Path(text.strip()).expanduser().absolute()
    except RuntimeError as error:
        raise DataError(f"{text.strip()}: nobody of that name has a home folder here; give the whole path") from error


def make_plan(config: TrainingConfig, given: frozenset[str], runs_dir: Path) -> Plan:
    """Look at the folder `config.data.path` and settle the config's open values from it; blocks on the disk."""
    from core.audio.files import scan
    from core.audio.split import split_files
    from core.training.presets import resolve, steps_in_epoch, validation_fraction

    folder = Path(config.data.path)
    try:
        found = scan(folder)
    except DataError as error:
        return Plan(folder, str(error))
    broken = {folder / skipped.path for skipped in found.unreadable}
    usable = [path for path in found.files if path not in broken]
    try:
        fraction = config.data.validation_fraction or validation_fraction(len(usable))
        train, held_out = split_files(usable, fraction, config.seed)
    except DataError as error:
        return Plan(folder, str(error), found)
    share = len(train) / len(usable)
    chunks = max(len(train), round(found.seconds * share / config.data.chunk_seconds))
    resolved = resolve(config, len(usable), chunks, given)
    steps = steps_in_epoch(chunks, resolved.regularization.augmentation_expansion, resolved.batch_size)
    name = next_run_name(runs_dir, config.name or folder.name)
    return Plan(folder, "", found, len(train), len(held_out), chunks, steps, resolved, name)


def next_run_name(runs_dir: Path, name: str) -> str:
    """The name that a new run would get: `name`, or with the next free number behind it."""
    taken = {path.name for path in runs_dir.iterdir()} if runs_dir.is_dir() else set()
    name = safe_name(name)
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}-{number:02d}"
    return candidate


def config_from(folder: Path, name: str, recipe: str, preset: str) -> tuple[TrainingConfig, frozenset[str]]:
    """The config that the form describes and the dotted keys that the person set. Raises ConfigError."""
    from core.training.config_file import load_config

    overrides = {"data.path": str(folder), "recipe": recipe}
    if preset != "auto":
        overrides["preset"] = preset
    if name:
        overrides["name"] = name
    return load_config(None, [], overrides)
