"""`distill-tui reconstruct RUN FILE... -o DIR`: what a run's model makes of files."""

import argparse
from pathlib import Path

from distill_tui.errors import BAD_USAGE, FINISHED, CommandError
from distill_tui.rendering import Output, add_render_arguments, add_run_argument, missing, voice_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `reconstruct`."""
    add_run_argument(parser)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE",
                        help="sounds of any length, rate and readable format; made mono, as in training")  # fmt: skip
    add_render_arguments(parser)
    parser.epilog = (
        "Each result has its source's name and length, the run's sample rate, and the level that the model gives it."
    )


def run(args: argparse.Namespace) -> int:
    """Reconstruct file by file; those that cannot be read are named, the others done. Returns the exit status."""
    _check_names(args.files)
    voice = voice_of(args.run, args.checkpoint, args.threads)
    output = Output(args.output, voice, args.files, as_json=args.json)
    reasons = [missing(source) for source in args.files]
    paths = [None if why else output.claim(source.stem) for source, why in zip(args.files, reasons, strict=True)]
    from core.training.voice import SourceError

    status = FINISHED
    for source, reason, path in zip(args.files, reasons, paths, strict=True):
        try:
            if path is None:
                raise SourceError(f"{source}: {reason}")
            rendering = voice.reconstruct(source)
        except SourceError as error:
            output.failed(source, error)
            status = BAD_USAGE
        else:
            output.write(path, rendering, source=str(source))
    return status


def _check_names(files: list[Path]) -> None:
    """Raise CommandError where two results would have one name, also on a disk that knows no upper case."""
    seen: dict[str, Path] = {}
    for path in files:
        other = seen.setdefault(path.stem.casefold(), path)
        if other is path:
            continue
        if other == path:
            raise CommandError(f"{path}: given twice")
        if not missing(path) and not missing(other) and path.samefile(other):
            raise CommandError(f"{other} and {path}: one file, given twice")
        raise CommandError(f"{other} and {path}: both would become {path.stem}; give them folders of their own")
