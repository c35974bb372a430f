"""`distill-tui export RUN --to FORMAT`: a run in the formats of other programs."""

import argparse
import json
import sys
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from core.run.command_lines import line_there
from core.run.folder import RunFolder
from core.training.checkpoint_files import find_checkpoint, get_best_checkpoint
from distill_tui.errors import FINISHED, CommandError, complain
from distill_tui.format import clean
from distill_tui.targets import find_remote, find_run

if TYPE_CHECKING:
    from core.export.place import Exported


class Target(NamedTuple):
    """A format: the module of `core.export` that writes it, the ending of its default name, what it holds, and whether
    it is so slow to write that it says so (`tell`).
    """

    module: str
    ending: str
    of_checkpoint: bool
    holds: str
    slow: bool = False


TARGETS = {
    "tensorboard": Target("tensorboard_log", "-tensorboard", False, "a folder with curves, previews, config and notes"),
    "csv": Target("csv_tables", "-csv", False, "a folder of tables: steps, epochs, events, config"),
    "json": Target("json_document", ".json", False, "the same as one document"),
    "safetensors": Target("safetensors_file", ".safetensors", True, "the averaged weights, with the config"),
    "torchscript": Target("torchscript_file", ".ts", True, "the decoder, from latent to sound or to the next token"),
    "onnx": Target("onnx_file", ".onnx", True, "the same decoder for other runtimes", slow=True),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `export`."""
    parser.add_argument("run", metavar="RUN", help="a run folder, or a run's name; it may be training")
    parser.add_argument("--to", required=True, choices=TARGETS, metavar="FORMAT", help=", ".join(TARGETS))
    parser.add_argument("-o", "--output", metavar="PATH",
                        help="the file or folder to write (default: named after the run, here)")  # fmt: skip
    parser.add_argument("--checkpoint", metavar="CHECKPOINT",
                        help="best, latest, or a checkpoint's file (default: best); not for tables")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="one JSON object that says what was written")
    formats = "\n".join(f"  {name:<11} {target.holds}" for name, target in TARGETS.items())
    parser.epilog = (
        f"formats:\n{formats}\n\n"
        "An earlier export is replaced, and nothing else is. Beside a decoder lies a .json that says what goes in and\n"
        "out and how to draw a latent, with a short Python program that runs it. In a csv table a text that begins\n"
        "with =, +, - or @ has a ' before it, so that no spreadsheet runs it."
    )


def run(args: argparse.Namespace) -> int:
    """Export and say what was written. Returns the exit status."""
    target = TARGETS[args.to]
    if args.checkpoint is not None and not target.of_checkpoint:
        raise CommandError(f"--checkpoint: {args.to} tells the whole run, whatever its checkpoints; leave it out")
    folder = _folder(args)
    path = _path(args, folder, target)
    exported = _exported(args, folder, target, path)
    for note in exported.notes:
        complain(note)
    _tell(exported, as_json=args.json, target=args.to)
    return FINISHED


def _folder(args: argparse.Namespace) -> RunFolder:
    remote = find_remote(args.run)
    if remote is None:
        return find_run(args.run)
    raise CommandError(
        f"{args.run}: lies on another host; export it there and copy the result",
        hint=line_there(remote.host, "export", remote.path, f"--to {args.to}"),
    )


def _path(args: argparse.Namespace, folder: RunFolder, target: Target) -> Path:
    if args.output is None:
        return Path(f"{folder.name}{target.ending}")
    if not args.output:
        raise CommandError("-o: no file or folder is named")
    return Path(args.output).expanduser()


def _exported(args: argparse.Namespace, folder: RunFolder, target: Target, path: Path) -> "Exported":
    checkpoint = (_checkpoint(folder, args.checkpoint or "best"),) if target.of_checkpoint else ()
    telling = {"tell": partial(_say, as_json=args.json)} if target.slow else {}
    module: Any = import_module(f"core.export.{target.module}")
    exported: Exported = module.export(folder, *checkpoint, path, **telling)
    return exported


def _checkpoint(folder: RunFolder, which: str) -> Path:
    if which == "best" and get_best_checkpoint(folder) is None:
        path = find_checkpoint(folder, "latest")
        complain(f"{folder.name}: no best checkpoint yet, it comes with the first validation; {path.name} is taken")
        return path
    return find_checkpoint(folder, which)


def _say(words: str, *, as_json: bool) -> None:
    """To a person who waits; a program that reads JSON hears nothing."""
    if sys.stderr.isatty() or not as_json:
        print(clean(words), file=sys.stderr, flush=True)  # noqa: T201


def _tell(exported: "Exported", *, as_json: bool, target: str) -> None:
    sizes = {path: path.stat().st_size for path in exported.files}
    if as_json:
        files = [{"path": str(path), "bytes": size} for path, size in sizes.items()]
        told = {"to": target, "path": str(exported.path), "files": files, "notes": exported.notes}
        print(json.dumps(told), flush=True)  # noqa: T201
        return
    for path, size in sizes.items():
        print(f"{clean(str(path))}  {_size(size)}", flush=True)  # noqa: T201


def _size(count: int) -> str:
    """Bytes as a person reads them: 812 bytes, 4.2 kB, 26 MB."""
    if count < 1000:
        return f"{count} bytes"
    amount, unit = count / 1e3, "kB"
    for larger in ("MB", "GB"):
        if amount >= 999.5:
            amount, unit = amount / 1e3, larger
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"
