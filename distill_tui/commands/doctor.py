"""`distill-tui doctor`: what this machine has for a run, and what to do about the rest."""

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from distill_tui.errors import FAILED, FINISHED
from distill_tui.format import clean

if TYPE_CHECKING:
    from distill_tui.doctor import Finding


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `doctor`."""
    parser.add_argument("--json", action="store_true", help="a JSON list")


def run(args: argparse.Namespace) -> int:
    """Print the findings; 1 when one of them keeps a run from training."""
    from core.run.folder import default_runs_dir
    from distill_tui.doctor import examine

    findings = examine(default_runs_dir())
    if args.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))  # noqa: T201
    else:
        for finding in findings:
            _print(finding)
    return FAILED if any(finding.verdict == "fail" for finding in findings) else FINISHED


def _print(finding: "Finding") -> None:
    from rich.console import Console
    from rich.text import Text

    style = {"ok": "green", "warn": "yellow", "fail": "bold red"}[finding.verdict]
    console = Console(highlight=False)
    line = Text.assemble((f"{finding.verdict:<5}", style), f"{finding.subject:<11}{clean(finding.found)}")
    console.print(line, soft_wrap=True)
    if finding.advice:
        console.print(Text(f"     {'':<11}{clean(finding.advice)}"), soft_wrap=True)
