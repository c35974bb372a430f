"""What a folder of sounds or tunes holds and the settings that follow from it, before anything is trained."""

from dataclasses import dataclass, field, replace
from pathlib import Path

from core.errors import DataError
from core.run.folder import safe_name
from core.training.config import TrainingConfig
from core.training.kinds import KINDS, kind_of, survey
from core.training.survey import Survey


@dataclass(frozen=True)
class Plan:
    """What training on a folder would be. `problem` is one line when it cannot begin, else empty.

    The counts of chunks and steps are estimates from a quick look: some files are found to be of no use, and left out,
    only when they are read.
    """

    folder: Path
    problem: str = ""
    found: Survey | None = None
    steps_per_epoch: int = 0
    config: TrainingConfig = field(default_factory=TrainingConfig)
    run_name: str = ""

    @property
    def noun(self) -> str:
        """What a file of this kind is called."""
        return KINDS[self.config.recipe].noun if self.config.recipe != "auto" else "sound"


def expanded(text: str) -> Path:
    """The folder that a person typed, with ~ and relative parts resolved. Raises DataError for an unknown ~name."""
    try:
        return Path(text.strip()).expanduser().absolute()
    except RuntimeError as error:
        raise DataError(f"{text.strip()}: nobody of that name has a home folder here; give the whole path") from error


def make_plan(config: TrainingConfig, given: frozenset[str], runs_dir: Path) -> Plan:
    """Look at the folder `config.data.path` and settle the config's open values from it; blocks on the disk."""
    from core.training.presets import resolve, steps_in_epoch

    folder = Path(config.data.path)
    try:
        kind = kind_of(config.recipe, folder)
        config = replace(config, recipe=kind.name)
        found = survey(kind, folder, config)
    except DataError as error:
        return Plan(folder, str(error), config=config)
    if found.problem:
        return Plan(folder, found.problem, found, config=config)
    resolved = resolve(config, len(found.files), found.chunks, given)
    steps = steps_in_epoch(found.chunks, resolved.regularization.augmentation_expansion, resolved.batch_size)
    return Plan(folder, "", found, steps, resolved, next_run_name(runs_dir, config.name or folder.name))


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
