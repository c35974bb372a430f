"""`distill-tui runs`: the runs of a folder, filtered and sorted, as a table or as JSON."""

import argparse
import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from core.run.folder import RunSummary, default_runs_dir, list_runs
from core.run.query import Order, QueryError, keys_of, parse, value_of
from distill_tui.errors import CommandError
from distill_tui.format import clean
from distill_tui.screens.run_view import RunView
from distill_tui.screens.run_words import value_words

RIGHT = ("epoch", "step", "best", "at epoch")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `runs`."""
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="DIR", help="a folder of runs (default: $DISTILL_RUNS or ./runs)"
    )
    parser.add_argument(
        "--filter",
        default="",
        metavar="EXPR",
        help="only runs for which it holds: 'best < 0.4 and not live', 'loss.stft.weight > 0.5', 'bells'",
    )
    parser.add_argument(
        "--sort",
        default="age",
        metavar="KEY",
        help="a result or a setting: age, best, name, epoch, loss.stft.weight ...; --sort=-KEY turns it round",
    )
    parser.add_argument("--all", action="store_true", help="the archived runs too")
    parser.add_argument("--json", action="store_true", help="a JSON list")


def run(args: argparse.Namespace) -> int:
    """Print the runs. A folder that was named must exist; the default one need not."""
    if args.folder is not None and not args.folder.is_dir():
        raise CommandError(f"{args.folder}: no such folder", hint="distill-tui runs --help")
    return show(
        args.folder or default_runs_dir(), as_json=args.json, filter=args.filter, sort=args.sort, everything=args.all
    )


def show(folder: Path, *, as_json: bool, filter: str = "", sort: str = "age", everything: bool = False) -> int:
    """Print the runs in `folder` that `filter` wants, sorted. Raises CommandError for one that is not understood."""
    now = time.time()
    runs = list_runs(folder)
    view = _view(filter, sort, everything, runs)
    shown = view.shown(runs, now)
    if as_json:
        print(json.dumps([_plain(summary) for summary in shown], indent=1, allow_nan=False))  # noqa: T201
    elif not runs:
        print(f"no runs in {clean(str(folder))}; start one with: distill-tui train DATA")  # noqa: T201
    elif not shown:
        print(f"none of the {len(runs)} runs in {clean(str(folder))} is like that; --all lists archived ones too")  # noqa: T201
    else:
        print_table(shown, view.named, now)
    return 0


def _view(filter: str, sort: str, everything: bool, runs: Sequence[RunSummary]) -> RunView:
    known = keys_of(runs)
    option = f"--filter {filter}"
    try:
        query = parse(filter)
        if not runs:  # nothing says which keys there are
            return RunView(query)
        query.check(known)
        option = f"--sort {sort}"
        return RunView(query, Order.parse(sort, known), everything)
    except QueryError as error:
        raise CommandError(f"{option}: {error}", hint="distill-tui runs --help") from error


def _plain(summary: RunSummary) -> dict[str, Any]:
    """JSON-ready values; what JSON has no word for (infinity, NaN) is null."""
    return {key: _json_value(value) for key, value in asdict(summary).items()}


def _json_value(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _json_value(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json_value(item) for item in value]
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def print_table(summaries: Sequence[RunSummary], keys: Sequence[str], now: float) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    keys = [key for key in keys if key not in ("step", "best_epoch")]  # which have columns here
    notes = any(run.note for run in summaries)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    headings = ("run", "state", "epoch", "step", "best", "at epoch", *keys, "updated", *(["note"] if notes else []))
    for heading in headings:
        table.add_column(Text(clean(heading)), justify="right" if heading in (*RIGHT, *keys) else "left")
    for run in summaries:
        table.add_row(*(Text(clean(cell)) for cell in _cells(run, keys, now)))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)


def _cells(run: RunSummary, keys: Sequence[str], now: float) -> tuple[str, ...]:
    if run.error:
        return run.name, run.error, "", "", "", "", *("" for _ in keys), "", run.note
    put = (" (live)" if run.live else "") + (" (archived)" if run.archived else "")
    return (
        f"{run.name} (baseline)" if run.baseline else run.name,
        f"{run.status}{put}",
        f"{run.epoch} / {run.total_epochs}" if run.total_epochs else f"{run.epoch}",
        f"{run.step:,}",
        f"{run.best_val_loss:.4g}" if run.best_val_loss is not None else "",
        f"{run.best_epoch}" if run.best_epoch is not None else "",
        *(value_words(value_of(run, key, now)) for key in keys),
        datetime.fromtimestamp(run.updated).strftime("%Y-%m-%d %H:%M") if run.updated else "",
        run.note,
    )
