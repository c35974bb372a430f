"""`distill-tui train DATA`: start a run, on the screen or headless."""

import argparse
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from core.training.config import TrainingConfig, check_keys
from distill_tui.alerting_options import add_alert_arguments, alerting
from distill_tui.errors import CommandError, complain
from distill_tui.terminal import OnHangup, no_screen

if TYPE_CHECKING:
    from distill_tui.front import Front

# Options that set one config key each.
CONFIG_OPTIONS = {
    "recipe": "recipe",
    "preset": "preset",
    "name": "name",
    "epochs": "epochs",
    "steps": "steps",
    "device": "device",
    "seed": "seed",
    "threads": "threads",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `train`."""
    hints = get_type_hints(TrainingConfig)
    parser.add_argument(
        "data",
        nargs="?",
        metavar="DATA",
        help="folder of sounds (wav, flac, ogg, mp3, aiff) or tunes (mid), read recursively",
    )
    parser.add_argument(
        "--recipe", choices=get_args(hints["recipe"]), help="what is trained (default: auto, what the folder holds)"
    )
    parser.add_argument(
        "--preset",
        choices=get_args(hints["preset"]),
        help="how hard overfitting is held back (default: auto, by the number of files)",
    )
    parser.add_argument(
        "--config", type=Path, metavar="F.toml", help="a config file; a run folder's config.toml trains the same again"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="one config value, e.g. loss.stft.weight=2; may be repeated",
    )
    parser.add_argument("--name", help="the run's name (default: the data folder's)")
    parser.add_argument("--epochs", type=int, metavar="N", help="epochs to train (default: by the preset)")
    parser.add_argument("--steps", type=int, metavar="N", help="end after so many steps, even within an epoch")
    parser.add_argument("--device", metavar="D", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    parser.add_argument("--seed", type=int, metavar="N", help="seed of everything random (default: 0)")
    parser.add_argument(
        "--threads", type=int, metavar="N", help="torch threads (default: one on two cores, else all but one)"
    )
    add_run_arguments(parser)


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what every command that trains a new run has: where runs go, and whether there is a screen."""
    parser.add_argument(
        "--runs", type=Path, metavar="DIR", help="where the run folder is made (default: $DISTILL_RUNS or ./runs)"
    )
    add_screen_arguments(parser)


def add_screen_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare what every command that trains has: whether there is a screen."""
    parser.add_argument(
        "--headless", action="store_true", help="no screen: progress on a terminal, plain lines elsewhere"
    )
    parser.add_argument("--json", action="store_true", help="headless, with one event a line on stdout")
    parser.add_argument("--on-hangup", choices=get_args(OnHangup),
                        help="when the terminal is lost, train on without a screen, or save and stop with status 75 "
                        "(default: continue; headless: stop)")  # fmt: skip
    parser.add_argument("--auto", choices=get_args(get_type_hints(TrainingConfig)["auto"]),
                        help="conservative: when a warning comes, do what helps if it loses nothing and can be undone, "
                        "without asking (default: off)")  # fmt: skip
    add_alert_arguments(parser)


def run(args: argparse.Namespace) -> int:
    """Check config and data, then train. Returns the exit status."""
    return with_front(args, lambda front: _run(args, front))


def with_front(args: argparse.Namespace, run: "Callable[[Front | None], int]") -> int:
    """What `run` returns, with another process in front of it where there will be a screen (`distill_tui.front`)."""
    if args.headless or args.json or no_screen():
        return run(None)
    from distill_tui.front import behind_front

    return behind_front(run)


def _run(args: argparse.Namespace, front: "Front | None") -> int:
    from core.run.folder import default_runs_dir
    from core.training.config_file import load_config

    overrides: dict[str, Any] = {
        key: getattr(args, option) for option, key in CONFIG_OPTIONS.items() if getattr(args, option) is not None
    }
    if args.data is not None:
        overrides["data.path"] = str(Path(args.data).absolute())
    config, given = load_config(args.config, args.set, overrides)
    if not config.data.path:
        raise CommandError("no folder of sounds or tunes was given", hint="distill-tui train DATA")
    check_folder(config)
    return begin(config, given, args.runs or default_runs_dir(), args, front)


def check_folder(config: TrainingConfig) -> None:
    """Raise DataError before any screen when there is nothing to train on, ConfigError for keys of another kind."""
    from core.errors import DataError
    from core.folders import find_files
    from core.training.kinds import kind_of

    folder = Path(config.data.path)
    kind = kind_of(config.recipe, folder)
    check_keys(config, kind.name)
    if len(find_files(folder, kind.suffixes, kind.noun)) < 2:
        raise DataError(
            f"{folder}: 1 {kind.noun}, and 2 are the least: one to learn from, one to judge by; add {kind.noun}s"
        )


def begin(
    config: TrainingConfig,
    given: frozenset[str],
    runs_dir: Path,
    args: argparse.Namespace,
    front: "Front | None" = None,
) -> int:
    """Train a new run, on the screen where there is one; `args` are those of `add_screen_arguments`."""
    if args.auto is not None:
        config, given = replace(config, auto=args.auto), given | {"auto"}
    if not wants_screen(args.headless, args.json):
        from distill_tui.headless import train_headless

        return train_headless(
            lambda runner, callback: runner.start(config, given, runs_dir, callback),
            as_json=args.json, on_hangup=args.on_hangup or "stop", alerting=alerting(args),
        )  # fmt: skip
    from distill_tui.app import run_app
    from distill_tui.session import Train

    return run_app(Train(config, given, runs_dir, alerting(args)), on_hangup=args.on_hangup or "continue", front=front)


def wants_screen(headless: bool, as_json: bool) -> bool:
    """Whether to show the screen; says so when it was expected and there can be none."""
    if headless or as_json:
        return False
    reason = no_screen()
    if reason:
        complain(f"no screen ({reason}): training as with --headless")
    return reason is None
