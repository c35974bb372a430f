"""`distill-tui runs`: the runs of a folder, newest first, as a table or as JSON."""

import argparse
import json
import math
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from core.run.folder import RunSummary, default_runs_dir, list_runs
from distill_tui.errors import CommandError
from distill_tui.format import clean


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `runs`."""
    parser.add_argument(
        "folder", nargs="?", type=Path, metavar="DIR", help="a folder of runs (default: $DISTILL_RUNS or ./runs)"
    )
    parser.add_argument("--json", action="store_true", help="a JSON list")


def run(args: argparse.Namespace) -> int:
    """Print the runs. A folder that was named must exist; the default one need not."""
    if args.folder is not None and not args.folder.is_dir():
        raise CommandError(f"{args.folder}: no such folder", hint="distill-tui runs --help")
    return show(args.folder or default_runs_dir(), as_json=args.json)


def show(folder: Path, *, as_json: bool) -> int:
    """Print the runs in `folder`."""
    summaries = list_runs(folder)
    if as_json:
        print(json.dumps([_plain(summary) for summary in summaries], indent=1, allow_nan=False))  # noqa: T201
    elif not summaries:
        print(f"no runs in {clean(str(folder))}; start one with: distill-tui train DATA")  # noqa: T201
    else:
        _print_table(summaries)
    return 0


def _plain(summary: RunSummary) -> dict[str, Any]:
    """JSON-ready values; what JSON has no word for (infinity, NaN) is null."""
    return {key: _json_value(value) for key, value in asdict(summary).items()}


def _json_value(value: object) -> object:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int | bool) else str(value)


def _print_table(summaries: list[RunSummary]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("run", "state", "epoch", "step", "best", "at epoch", "updated"):
        table.add_column(heading, justify="right" if heading in ("epoch", "step", "best", "at epoch") else "left")
    for run in summaries:
        table.add_row(*(Text(clean(cell)) for cell in _cells(run)))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = 200
    console.print(table)


def _cells(run: RunSummary) -> tuple[str, ...]:
    if run.error:
        return run.name, run.error, "", "", "", "", ""
    return (
        run.name,
        f"{run.status} (live)" if run.live else run.status,
        f"{run.epoch} / {run.total_epochs}" if run.total_epochs else f"{run.epoch}",
        f"{run.step:,}",
        f"{run.best_val_loss:.4g}" if run.best_val_loss is not None else "",
        f"{run.best_epoch}" if run.best_epoch is not None else "",
        datetime.fromtimestamp(run.updated).strftime("%Y-%m-%d %H:%M") if run.updated else "",
    )
