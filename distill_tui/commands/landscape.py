"""`distill-tui landscape RUN`: how flat or sharp the loss is around a run's checkpoint, as numbers and a picture."""

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

from core.insight.landscape_record import (
    FEWEST_POINTS,
    FOLDER,
    JSON_NAME,
    MOST_POINTS,
    PNG_NAME,
    Landscape,
    encode,
    is_ours,
)
from core.insight.landscape_words import UNIT, facts, remarks, verdict
from core.run.atomic import atomic_write
from core.training.checkpoint_files import find_checkpoint, get_best_checkpoint, is_full
from distill_tui.errors import FINISHED, CommandError, complain
from distill_tui.format import clean, duration
from distill_tui.rendering import add_run_argument, at_least
from distill_tui.targets import find_run

if TYPE_CHECKING:
    from core.run.folder import RunFolder

STOPPED = 130  # as a shell says of what ctrl+c ended
NICENESS = 10
TOLD_SECONDS = 0.25  # on a terminal
LOGGED_SECONDS = 10.0  # in a log


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `landscape`."""
    add_run_argument(parser)
    parser.add_argument("--checkpoint", default="best", metavar="CHECKPOINT",
                        help="best, latest, or a checkpoint's file (default: best)")  # fmt: skip
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--to", metavar="CHECKPOINT",
                       help="the straight way from the one to this one, and a quarter beyond")  # fmt: skip
    shape.add_argument(
        "--one-d", action="store_true", help="one random direction instead of two: as many points, not their square"
    )
    parser.add_argument("--points", type=_points, default=21, metavar="N",
                        help="places along a direction, an odd number (default: 21)")  # fmt: skip
    parser.add_argument("--span", type=_span, default=1.0, metavar="SIZE",
                        help="how far to go, in units of the weights' own size (default: 1)")  # fmt: skip
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="N", help="of the directions (default: 0)")
    parser.add_argument("--term", default="total_loss", metavar="NAME",
                        help="one term of the loss rather than the total, e.g. kl_loss")  # fmt: skip
    parser.add_argument("-o", "--output", type=Path, metavar="DIR",
                        help=f"where the files go (default: RUN/{FOLDER}, where the monitor finds them)")  # fmt: skip
    parser.add_argument("--threads", type=at_least(1), default=1, metavar="N", help="torch threads (default: 1)")
    parser.add_argument("--json", action="store_true", help=f"one JSON object: what {JSON_NAME} holds")
    parser.epilog = (
        "Measured on at most 6 held-out chunks, with the averaged weights and no noise, as validation does.\n"
        "A minute or two on one core; tunes take longer.\n"
        "A training that is under way is not disturbed: only checkpoint files are read, at a low priority."
    )


def run(args: argparse.Namespace) -> int:
    """Measure and write landscape.json and landscape.png. Returns the exit status."""
    folder = find_run(args.run)
    path = _checkpoint(folder, args.checkpoint)
    other = find_checkpoint(folder, args.to) if args.to else None
    place = args.output if args.output is not None else folder.path / FOLDER
    _check_replaceable(place)
    try:
        with _considerate():
            landscape = _measured(args, folder, path, other)
            from core.insight.landscape_figure import png

            _write(place, landscape, png(landscape))
    except KeyboardInterrupt:
        complain("stopped; nothing was written")
        return STOPPED
    _tell(landscape, place, as_json=args.json)
    return FINISHED


def _measured(args: argparse.Namespace, folder: "RunFolder", path: Path, other: Path | None) -> Landscape:
    began = time.monotonic()
    progress = Teller()
    from core.training.landscape_measuring import Asked, measure

    asked = Asked(args.term, args.points, args.span, args.one_d, args.seed, args.threads)
    try:
        landscape = measure(path, other, folder.name, asked, progress)
    finally:
        progress.close()
    return replace(landscape, seconds=round(time.monotonic() - began, 1))


class Teller:
    """Tells on stderr how far it is and how long it will take: a line that is rewritten, or in a log a line now and
    then. Nothing where all is done before the first would be due.
    """

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._what, self._began, self._first = "", 0.0, 0
        self._told = time.monotonic()

    def __call__(self, done: int, most: int, what: str) -> None:
        now = time.monotonic()
        if what != self._what:
            self._what, self._began, self._first = what, now, done
        if now - self._told < (TOLD_SECONDS if self._live else LOGGED_SECONDS) or done == self._first:
            return
        self._told = now
        left = duration((now - self._began) / (done - self._first) * (most - done))
        words = f"{done} of {most} {what}, {left} left"
        sys.stderr.write(f"\r\x1b[K{words}" if self._live else f"{words}\n")
        sys.stderr.flush()

    def close(self) -> None:
        """Take the line away."""
        if self._live:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


def _checkpoint(folder: "RunFolder", which: str) -> Path:
    if which == "best" and get_best_checkpoint(folder) is None:
        path = find_checkpoint(folder, "latest")
        complain(f"{folder.name}: no best checkpoint yet, it comes with the first validation; {path.name} is taken")
        return path
    return find_checkpoint(folder, which)


def _check_replaceable(place: Path) -> None:
    """Raise CommandError, before minutes of work, where the files cannot be written or would replace another's."""
    from core.insight.landscape_figure import is_our_png

    try:
        if place.exists() and not place.is_dir():
            raise CommandError(f"{place}: a file is there; name a folder with -o")
        for path, ours in ((place / JSON_NAME, is_ours), (place / PNG_NAME, is_our_png)):
            if path.exists() and not ours(path.read_bytes()):
                raise CommandError(
                    f"{path}: is there already and was not made by this program; name another folder with -o"
                )
        there = next(folder for folder in (place, *place.absolute().parents) if folder.exists())
    except OSError as error:
        raise CommandError(f"{place}: cannot be looked at ({error.strerror}); name another folder with -o") from error
    try:  # only an attempt tells: rights, a medium that is read-only, and root are all different
        with TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise CommandError(f"{place}: cannot be written ({error.strerror}); name another folder with -o") from error


def _write(place: Path, landscape: Landscape, picture: bytes) -> None:
    """Both files, each whole. The monitor reads the one that comes last."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        atomic_write(place / PNG_NAME, picture)
        atomic_write(place / JSON_NAME, encode(landscape))
    except OSError as error:
        remedy = f"{'free some space, or ' if is_full(error) else ''}name another folder with -o"
        raise CommandError(f"{place}: not written ({error.strerror or error}); {remedy}") from error


def _tell(landscape: Landscape, place: Path, *, as_json: bool) -> None:
    if as_json:
        print(json.dumps(landscape.to_json(), indent=1, allow_nan=False))  # noqa: T201
        return
    word, meaning = verdict(landscape)
    to = f" to {landscape.other}" if landscape.other else ""
    chunks = f"{landscape.items} held-out chunk{'s' if landscape.items != 1 else ''}"
    rows = [("checkpoint", f"{landscape.checkpoint}{to}, step {landscape.step:,}, on {chunks}"), *facts(landscape)]
    lines = [f"{word}: {meaning}", *(f"  {label:<12} {value}" for label, value in rows)]
    lines += [f"  {remark}" for remark in [*remarks(landscape), UNIT]]
    lines += [str(place / name) for name in (PNG_NAME, JSON_NAME)]
    print("\n".join(clean(line) for line in lines))  # noqa: T201


@contextmanager
def _considerate() -> Iterator[None]:
    """At a low priority, so that a training on this machine goes first."""
    former = os.getpriority(os.PRIO_PROCESS, 0)
    os.setpriority(os.PRIO_PROCESS, 0, max(former, NICENESS))
    try:
        yield
    finally:
        with suppress(PermissionError):  # only root may; the process ends now anyway
            os.setpriority(os.PRIO_PROCESS, 0, former)


def _points(text: str) -> int:
    number = at_least(FEWEST_POINTS)(text)
    if number % 2 == 0 or number > MOST_POINTS:
        raise argparse.ArgumentTypeError(
            f"{text!r}: expected an odd number from {FEWEST_POINTS} to {MOST_POINTS}, so that the checkpoint is one"
        )
    return number


def _span(text: str) -> float:
    try:
        size = float(text)
    except ValueError:
        size = 0.0
    if not 0 < size <= 100:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number above 0, at most 100")
    return size
