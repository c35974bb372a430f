"""How good it sounds: held-out sounds through trained models at equal compute, beside what is possible without one.

    python benchmarks/sound.py DATA [--cpu-seconds 230] [--settings global,sequence] [--files 5,20,all]
    python benchmarks/sound.py DATA --round-trip

Split and seeds are fixed. Every setting is trained by the project's own recipe and trainer on one CPU thread until its
CPU time is spent, counted from when the sounds are loaded (fitting and validation count, there are no previews); on
another --device the wall's time counts. Held-out sounds then go, whole, through the latest averaged weights and the
code of the `reconstruct` command: they have not chosen the checkpoint. MRSTFT, mel L1: lower is better; SI-SDR in dB,
higher. "active" latent dimensions carry 0.1 nats or more. "variety" is the mean distance of two samples over that of
two real sounds. Without DATA: the demo's sounds, for 20 CPU-seconds a setting.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random
from typing import Any

from report import show
from sound_settings import DEFAULT, ELSEWHERE, SETTINGS

from core.errors import UsageError

SPLIT_SEED = 0
SECONDS = 230.0
DEMO_SECONDS = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", type=Path, metavar="DATA")
    parser.add_argument("--cpu-seconds", type=float, help=f"for each setting (default: {SECONDS:g})")
    parser.add_argument("--settings", default=",".join(DEFAULT), metavar="NAME,...", help=", ".join(SETTINGS))
    parser.add_argument("--files", default="all", metavar="N,...",
                        help="train on so many files, the held-out ones being the same: 5,20,all")  # fmt: skip
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a config value for all")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--renders", type=Path, metavar="DIR", help="keep what is heard, a folder for each setting")
    parser.add_argument("--round-trip", action="store_true", help="compare representations instead, without a model")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there, too")
    parser.add_argument("--order", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.order:
        from sound_training import Order, row_of

        print(json.dumps(row_of(Order(**json.loads(args.order)))))
        return
    if unknown := set(args.settings.split(",")) - SETTINGS.keys():
        parser.error(f"no such setting: {', '.join(sorted(unknown))}; there are {', '.join(SETTINGS)}")
    if not all(count == "all" or (count.isdecimal() and int(count) > 0) for count in args.files.split(",")):
        parser.exit(2, f"{parser.prog}: --files {args.files}: numbers from 1 on, or all, with commas between\n")
    with tempfile.TemporaryDirectory() as place:
        seconds = args.cpu_seconds or (SECONDS if args.data else DEMO_SECONDS)
        if args.data is None:
            from core.audio.demo import write_demo_sounds

            args.data = Path(place)
            write_demo_sounds(args.data)
        try:
            name, rows = ("round trip", round_trip(args.data)) if args.round_trip else ("sound", table(args, seconds))
        except UsageError as error:
            parser.error(str(error))
    show(name, rows)
    if args.json:
        args.json.write_text(json.dumps({"benchmark": name, "data": str(args.data), "rows": rows}, indent=1))


def table(args: argparse.Namespace, seconds: float) -> list[dict[str, Any]]:
    """The rows of the main table, told on stderr as they come."""
    from sound_limits import limits

    train, held_out = split(args.data)
    rows = limits([args.data / name for name in held_out]) + ELSEWHERE
    for name in args.settings.split(","):
        for count in args.files.split(","):
            chosen = train if count == "all" else train[: int(count)]
            row = measured(args, name, chosen, held_out, seconds)
            print(json.dumps(row), file=sys.stderr, flush=True)
            rows.append(row)
    return rows


def round_trip(data: Path) -> list[dict[str, Any]]:
    """The table of representations, over all of the sounds."""
    import torch
    from sound_limits import round_trips

    from core.audio.files import find_sounds

    torch.set_num_threads(1)
    return round_trips(find_sounds(data))


def split(data: Path) -> tuple[list[str], list[str]]:
    """Training and held-out files as paths in `data`, the training ones in an order that is no one's: 5 is in 20."""
    from core.audio.files import find_sounds
    from core.audio.split import split_files
    from core.folders import relative_name
    from core.training.presets import validation_fraction

    files = find_sounds(data)
    train, held_out = split_files(files, validation_fraction(len(files)), SPLIT_SEED)
    names = [relative_name(path, data) for path in train]
    Random(SPLIT_SEED).shuffle(names)
    return names, [relative_name(path, data) for path in held_out]


def measured(
    args: argparse.Namespace, name: str, train: list[str], held_out: list[str], seconds: float
) -> dict[str, Any]:
    """The row of one setting, from a process of its own."""
    from core.training.config_file import parse_assignment

    label = name if args.files == "all" else f"{name}, {len(train)} files"
    order = {
        "name": label, "data": str(args.data), "train": train, "held_out": held_out, "seconds": seconds,
        "overrides": {**SETTINGS[name], **dict(map(parse_assignment, args.set))}, "device": args.device,
        "renders": str(args.renders.absolute()) if args.renders else "",
    }  # fmt: skip
    command = [sys.executable, __file__, "--order", json.dumps(order)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return row


if __name__ == "__main__":
    main()
