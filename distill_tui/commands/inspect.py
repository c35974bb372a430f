"""`distill-tui inspect CHECKPOINT`: what a checkpoint holds, and that it is whole."""

import argparse
import json
from pathlib import Path
from typing import Any

from core.training.checkpoint_files import CheckpointError, find_checkpoint
from core.training.config import flatten
from distill_tui.errors import CommandError
from distill_tui.format import clean
from distill_tui.rendering import missing
from distill_tui.targets import find_run


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `inspect`."""
    parser.add_argument(
        "checkpoint",
        type=Path,
        metavar="CHECKPOINT",
        help="a .pt file of a run's checkpoints folder, or a run: its newest one",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print the checkpoint's facts. Where torch is missing, those of the .json beside it."""
    facts = _described(_named(args.checkpoint))
    if args.json:
        print(json.dumps(facts, indent=1, default=str))  # noqa: T201
    else:
        for key, value in flatten(facts).items():
            print(f"{clean(key):<34} {clean(str(value))}")  # noqa: T201
    return 0


def _named(path: Path) -> Path:
    """The file itself, or of a run (its folder or its name) the newest checkpoint."""
    if (reason := missing(path)).startswith("cannot"):
        raise CommandError(f"{path}: {reason}")
    if not reason:
        return path
    try:
        return find_checkpoint(find_run(str(path)), "latest")
    except CommandError as error:
        raise CommandError(
            f"{path}: no such file, nor a run; checkpoints are in a run folder's checkpoints/"
        ) from error


def _described(path: Path) -> dict[str, Any]:
    try:
        from core.training.checkpoints import describe
    except ImportError as error:
        return {**_summary(path), "weights": f"not looked at ({error})"}
    try:
        return describe(path)
    except CheckpointError as error:
        raise CommandError(str(error)) from error


def _summary(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    try:
        summary = json.loads(beside.read_bytes())
    except (OSError, ValueError) as error:
        raise CommandError(f"{beside}: cannot be read, and without torch nor can the weights") from error
    if not isinstance(summary, dict):
        raise CommandError(f"{beside}: not a checkpoint's summary")
    return summary
