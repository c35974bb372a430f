"""`distill-tui generate RUN -n N -o DIR`: new material from a run's model."""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from distill_tui.errors import FINISHED, CommandError
from distill_tui.rendering import Output, add_render_arguments, add_run_argument, at_least, check_sources, voice_of

if TYPE_CHECKING:
    from core.training.voice import Rendering, Voice

COUNT = 4
STEPS = 5
MOST = 9999
HOTTEST = 10.0  # beyond it nothing is heard of the material, and in the end nothing at all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `generate`."""
    add_run_argument(parser)
    parser.add_argument("-n", "--count", type=at_least(1), metavar="N", help=f"how many (default: {COUNT})")
    parser.add_argument("--seed", type=at_least(0), metavar="N",
                        help="another seed, others; the same gives the same bytes (default: 0)")  # fmt: skip
    way = parser.add_mutually_exclusive_group()
    way.add_argument("--like", type=Path, metavar="FILE", help="around this file, rather than from all of the material")
    way.add_argument("--between", type=Path, nargs=2, metavar=("A", "B"),
                     help="on the way from one file to another, both included, each as the model has it")  # fmt: skip
    parser.add_argument("--steps", type=at_least(2), metavar="N",
                        help=f"with --between: how many, the ends counted (default: {STEPS})")  # fmt: skip
    parser.add_argument("--seconds", type=_amount, metavar="S",
                        help="how long, for a run with a sequence latent (default: as its chunks)")  # fmt: skip
    parser.add_argument("--temperature", type=_temperature, metavar="T",
                        help="how far from the middle of the material, or from FILE: 0 to 10 (default: 1)")  # fmt: skip
    add_render_arguments(parser)
    parser.epilog = (
        "Files are sample-001 and so on; an earlier render of that name is replaced. Where a run's latent stands for\n"
        "a chunk of a fixed length, the first chunk of FILE, A and B counts; else, of sounds, the first 30 seconds."
    )


def run(args: argparse.Namespace) -> int:
    """Make one after the other. Returns the exit status."""
    _check_combination(args)
    sources = [args.like] if args.like else args.between or []
    check_sources(sources)
    voice = voice_of(args.run, args.checkpoint, args.threads)
    output = Output(args.output, voice, sources, as_json=args.json)
    count = (args.steps or STEPS) if args.between else (args.count or COUNT)
    if count > MOST:
        raise CommandError(f"{count:,} are more than one command makes ({MOST:,} at most)")
    paths = [output.claim(f"sample-{number:03d}") for number in range(1, count + 1)]
    for path, rendering in zip(paths, _renderings(voice, args, count), strict=True):
        output.write(path, rendering)
    return FINISHED


def _renderings(voice: "Voice", args: argparse.Namespace, count: int) -> "Iterator[Rendering]":
    temperature = 1.0 if args.temperature is None else args.temperature
    if args.between:
        first, last = args.between
        return voice.between(first, last, count)
    if args.like:
        return voice.variations(args.like, count, args.seed or 0, temperature)
    return voice.samples(count, args.seed or 0, temperature, args.seconds)


def _check_combination(args: argparse.Namespace) -> None:
    """Raise CommandError for an option that the others leave without a meaning."""
    if args.steps is not None and not args.between:
        raise CommandError("--steps goes with --between", hint="distill-tui generate --help")
    if args.seconds is not None and (args.like or args.between):
        raise CommandError("--seconds: with --like and --between the files say how long")
    for name in ("count", "seed", "temperature"):
        if getattr(args, name) is not None and args.between:
            option = "-n" if name == "count" else f"--{name}"
            hint = "; --steps says how many" if name == "count" else ""
            raise CommandError(f"{option} does not go with --between, where nothing is drawn{hint}")


def _amount(text: str) -> float:
    """An argparse type: a finite number from 0 on."""
    value = _number(text)
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0 on")
    return value


def _temperature(text: str) -> float:
    """An argparse type: a number from 0 to 10."""
    value = _number(text)
    if not 0 <= value <= HOTTEST:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0 to {HOTTEST:g}")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
