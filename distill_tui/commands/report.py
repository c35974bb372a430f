"""`distill-tui report TARGET`: a run as one page to look at, listen to, send and keep."""

import argparse
import math
import re
from pathlib import Path
from typing import TYPE_CHECKING

from core.run.atomic import atomic_write
from core.training.checkpoint_files import is_full
from distill_tui.errors import FINISHED, CommandError
from distill_tui.format import clean, plural
from distill_tui.targets import find_remote, find_run

if TYPE_CHECKING:
    from core.run.link import RunLink

MAX_MB = 20.0  # what most mail servers let through
LEAST_MB, MOST_MB = 1.0, 2000.0
HEAD = 2000  # bytes of a file that tell whether it is an earlier report


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `report`."""
    parser.add_argument("target", metavar="TARGET", help="a run folder, a run's name, or HOST:RUN through ssh; it may "
                        "be training")  # fmt: skip
    parser.add_argument("-o", "--output", metavar="FILE", help="the page to write (default: NAME-report.html, here)")
    parser.add_argument("--max-mb", type=_megabytes, default=MAX_MB, metavar="N",
                        help="how large the page may be; sounds that do not fit are left out, the newest and best are "
                        f"kept (default: {MAX_MB:g}, so that it can be mailed)")  # fmt: skip
    parser.add_argument("--private", action="store_true",
                        help="for strangers: without the host's name and without folders; notes stay")  # fmt: skip
    parser.epilog = (
        "Charts, warnings, changes, config and previews are all in the one file: it needs no network and no other "
        "program than a browser.\nAn earlier report is replaced, and nothing else is."
    )


def run(args: argparse.Namespace) -> int:
    """Write the page and say where it is. Returns the exit status."""
    from distill_tui.report.page import report

    link = _link(args.target)
    try:
        path = _path(args.output, link.info().name)
        _check_replaceable(path)
        page = report(link, args.max_mb, private=args.private)
    finally:
        link.close()
    data = page.html.encode("utf-8", "backslashreplace")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write(path, data)
    except OSError as error:
        remedy = f"{'free some space, or ' if is_full(error) else ''}name another file with -o"
        raise CommandError(f"{path}: not written ({error.strerror or error}); {remedy}") from error
    left = f", {page.left_out} left out" if page.left_out else ""
    print(f"{clean(str(path))}  {len(data) / 1e6:.1f} MB, {plural(page.sounds, 'sound')}{left}")  # noqa: T201
    return FINISHED


def _link(target: str) -> "RunLink":
    from core.run.links import FolderLink

    remote = find_remote(target)
    if remote is None:
        return FolderLink(find_run(target))
    from core.run.links.ssh import FolderOfRunsError, SshLink

    try:
        return SshLink(remote.host, remote.path)
    except FolderOfRunsError as error:
        raise CommandError(f"{remote}: a folder of runs; name one of them", hint="distill-tui runs") from error


def _path(output: str | None, name: str) -> Path:
    if output is not None and not output:
        raise CommandError("-o: no file is named")
    if output is not None:
        path = Path(output).expanduser()
        return path / _default(name) if path.is_dir() or output.endswith("/") else path
    return Path(_default(name))


def _default(name: str) -> str:
    """A file name that every system takes, also for a run of another host."""
    return f"{re.sub(r'[^A-Za-z0-9._-]+', '-', name).strip('-.')[:80] or 'run'}-report.html"


def _check_replaceable(path: Path) -> None:
    """Raise CommandError, before any work, where the page could not be written or would replace another's."""
    from distill_tui.report.page import GENERATOR

    try:
        if not path.exists():
            return
        with path.open("rb") as file:
            ours = f'content="{GENERATOR}"'.encode() in file.read(HEAD)
    except OSError as error:
        raise CommandError(f"{path}: cannot be looked at ({error.strerror}); name another file with -o") from error
    if not ours:
        raise CommandError(f"{path}: is there already and is no report; name another file with -o")


def _megabytes(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not LEAST_MB <= value <= MOST_MB:
        raise argparse.ArgumentTypeError(f"{text!r}: expected megabytes, {LEAST_MB:g} to {MOST_MB:g}")
    return value
