"""`distill-tui generate RUN -n N -o DIR`: new material from a run's model."""

import argparse
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from distill_tui.errors import FINISHED, CommandError
from distill_tui.rendering import Output, add_render_arguments, add_run_argument, at_least, check_sources, voice_of
from distill_tui.traversing import SPAN, Traversal

if TYPE_CHECKING:
    from core.training.voice import Rendering, Voice

COUNT = 4
STEPS = 5
MOST = 9999
HOTTEST = FARTHEST = 10.0  # beyond it nothing is heard of the material, and in the end nothing at all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `generate`."""
    add_run_argument(parser)
    parser.add_argument("-n", "--count", type=at_least(1), metavar="N",
                        help=f"how many (default: {COUNT}; with --traverse {STEPS})")  # fmt: skip
    parser.add_argument("--seed", type=at_least(0), metavar="N",
                        help="another seed, others; the same gives the same bytes (default: 0)")  # fmt: skip
    parser.add_argument("--traverse", metavar="DIM",
                        help="along one dimension of the latent: its number, or top, the one that says most; from the "
                             "middle of the material, with --like from FILE, with --seed from that seed's sample-001. "
                             "list prints the dimensions and makes nothing")  # fmt: skip
    parser.add_argument("--span", type=_span, metavar="S",
                        help="with --traverse: how far to both sides, in standard deviations of the material's latents "
                             f"(default: {SPAN:g})")  # fmt: skip
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
    add_render_arguments(parser, output_required=False)
    parser.epilog = (
        "Files are sample-001 and so on, those of a traversal dimension-12-001 and so on; an earlier render of that\n"
        "name is replaced. Where a run's latent stands for a chunk of a fixed length, the first chunk of FILE, A and\n"
        "B counts; else, of sounds, the first 30 seconds."
    )


def run(args: argparse.Namespace) -> int:
    """Make one after the other. Returns the exit status."""
    _check_combination(args)
    sources = [args.like] if args.like else args.between or []
    check_sources(sources)
    if args.traverse is not None:
        return _traverse(args)
    voice = voice_of(args.run, args.checkpoint, args.threads)
    output = Output(args.output, voice, sources, as_json=args.json)
    count = _bounded((args.steps or STEPS) if args.between else (args.count or COUNT))
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


def _traverse(args: argparse.Namespace) -> int:
    traversal = Traversal.of(args.run, args.checkpoint, args.threads)
    if args.traverse == "list":
        traversal.tell(as_json=args.json)
        return FINISHED
    dimension = traversal.dimension(args.traverse)
    output = Output(args.output, traversal.voice, [args.like] if args.like else [], as_json=args.json)
    count = _bounded(args.count or STEPS)
    paths = [output.claim(traversal.stem(dimension, number)) for number in range(1, count + 1)]
    points = traversal.along(dimension, count, SPAN if args.span is None else args.span, args.like, args.seed)
    for path, (place, rendering) in zip(paths, points, strict=True):
        output.write(path, rendering, dimension=dimension, place=round(place, 6))
    return FINISHED


def _bounded(count: int) -> int:
    if count > MOST:
        raise CommandError(f"{count:,} are more than one command makes ({MOST:,} at most)")
    return count


def _check_combination(args: argparse.Namespace) -> None:
    """Raise CommandError for an option that the others leave without a meaning."""
    if args.output is None and args.traverse != "list":
        raise CommandError("the following arguments are required: -o/--output", hint="distill-tui generate --help")
    if args.traverse is not None:
        _check_traversal(args)
    elif args.span is not None:
        raise CommandError("--span goes with --traverse", hint="distill-tui generate --help")
    if args.steps is not None and not args.between:
        raise CommandError("--steps goes with --between", hint="distill-tui generate --help")
    if args.seconds is not None and (args.like or args.between):
        raise CommandError("--seconds: with --like and --between the files say how long")
    for name in ("count", "seed", "temperature"):
        if getattr(args, name) is not None and args.between:
            option = "-n" if name == "count" else f"--{name}"
            hint = "; --steps says how many" if name == "count" else ""
            raise CommandError(f"{option} does not go with --between, where nothing is drawn{hint}")


def _check_traversal(args: argparse.Namespace) -> None:
    """Raise CommandError for what has no meaning beside --traverse."""
    if args.traverse == "list":
        for name in ("output", "count", "seed", "span", "like", "between", "steps", "seconds", "temperature"):
            if getattr(args, name) is not None:
                option = {"output": "-o", "count": "-n"}.get(name, f"--{name}")
                raise CommandError(f"{option} does not go with --traverse list, which prints and makes nothing")
    if args.between:
        raise CommandError("--between does not go with --traverse: one is a way between files, the other one dimension")
    if args.like and args.seed is not None:
        raise CommandError("--seed does not go with --traverse --like: the file says what the dimension is turned in")
    if args.temperature is not None:
        raise CommandError("--temperature does not go with --traverse, where --span says how far it goes")
    if args.seconds is not None:
        raise CommandError("--seconds does not go with --traverse: a chunk, or the file of --like, says how long")
    if args.count == 1:
        raise CommandError("-n 1 is no traversal: two points or more lead from one end to the other")


def _amount(text: str) -> float:
    """An argparse type: a finite number from 0 on."""
    value = _number(text)
    if not (math.isfinite(value) and value >= 0):
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0 on")
    return value


def _span(text: str) -> float:
    """An argparse type: a number above 0, up to 10."""
    value = _number(text)
    if not 0 < value <= FARTHEST:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0, {FARTHEST:g} at most")
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
