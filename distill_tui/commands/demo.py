"""`distill-tui demo`: make a small set of sounds, train on them and monitor it."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.run.command_lines import quoted
from distill_tui.alerting_options import alerting
from distill_tui.commands.train import add_run_arguments, begin, with_front
from distill_tui.errors import FINISHED
from distill_tui.format import clean

if TYPE_CHECKING:
    from distill_tui.front import Front

SOUNDS = Path("demo") / "sounds"

COUNT = 24

# Small enough for a laptop without a GPU: one to two minutes, and the difference can be heard.
QUICK: dict[str, Any] = {
    "name": "demo",
    "epochs": 15,
    "preset": "balanced",
    "batch_size": 8,
    "spectrogram.sample_rate": 24_000,
    "spectrogram.n_fft": 512,
    "spectrogram.hop_length": 128,
    "preview.every": 5,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `demo`."""
    parser.add_argument("--sounds", type=Path, default=SOUNDS, metavar="DIR",
                        help=f"where the sounds are made, unless some are there (default: {SOUNDS})")  # fmt: skip
    parser.add_argument("--epochs", type=int, default=QUICK["epochs"], metavar="N",
                        help=f"epochs to train (default: {QUICK['epochs']})")  # fmt: skip
    add_run_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Make the sounds unless the folder has some, train, and say where to listen and how to go on."""
    return with_front(args, lambda front: _run(args, front))


def _run(args: argparse.Namespace, front: "Front | None") -> int:
    from core.run.folder import default_runs_dir
    from core.training.config_file import load_config

    alerting(args)  # what is wrong with it is said before anything is made
    make_sounds(args.sounds)
    runs_dir = args.runs or default_runs_dir()
    data = str(args.sounds.absolute())
    config, given = load_config(overrides={**QUICK, "epochs": args.epochs, "data.path": data})
    status = begin(config, given, runs_dir, args, front)
    if status == FINISHED and not args.json:
        _say_how_to_go_on(args.sounds, runs_dir)
    return status


def make_sounds(folder: Path) -> None:
    """Write the demo's sounds into `folder`; a folder that already has sounds is left as it is."""
    from core.audio.files import find_sounds
    from core.errors import DataError

    try:
        find_sounds(folder)
    except DataError:
        from core.audio.demo import write_demo_sounds

        write_demo_sounds(folder, count=COUNT)


def _say_how_to_go_on(sounds: Path, runs_dir: Path) -> None:
    from core.run.folder import list_runs

    run_folder = next(run.path for run in list_runs(runs_dir) if run.name.startswith("demo"))
    where = quoted(str(run_folder))
    print(  # noqa: T201
        f"\nTrained on the sounds in {clean(str(sounds))}.\n"
        f"  hear it learn    {where}/previews: the higher the epoch in a name, the later in training\n"
        f"  look again       distill-tui watch {where}\n"
        "  your own sounds  distill-tui train FOLDER"
    )
