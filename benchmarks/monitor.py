"""Every figure of the monitor: opening a long run, first frame, keys, traffic and CPU; `wandb leet` beside it.

    python benchmarks/monitor.py [--steps 1000000] [--terms 8] [--seconds 20] [--wandb PATH/TO/wandb]

"open" is from exec until the last cell changed, with every chart drawn. Keys while opening are tab and shift+tab,
pressed as fast as a person holds them. The live run is written by another process at 20 steps a second. `feel.py`
has the figures with a model that trains in the same process.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import leet
import made_run
from first_frame import GOAL_SECONDS, SIZES, seconds_to_first_frame
from opening import Opening, opened
from pty_app import PtyApp
from report import show

PROGRAM = str(Path(sys.executable).with_name("distill-tui"))
RATE = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1_000_000)
    parser.add_argument("--terms", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--wandb", type=Path, default=shutil.which("wandb"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        rows = [first_frame(columns, lines, folder, args.rounds) for columns, lines in SIZES]
        run = made_run.make(folder / "long", args.steps, args.terms)
        ours = [opened([PROGRAM, "watch", str(run)], ("\t", "\x1b[Z"), "q") for _ in range(args.rounds)]
        traffic, cpu = live(folder / "live", args.terms, args.seconds)
        theirs = None
        if args.wandb:
            (folder / "leet").mkdir()
            (folder / "leet-live").mkdir()
            theirs = leet.opening(Path(args.wandb), folder / "leet", args.steps, args.terms)
            their_traffic, their_cpu = leet.live(Path(args.wandb), folder / "leet-live", RATE, args.terms, args.seconds)
    what = f"{args.steps:,} steps x {args.terms} terms"
    for name, unit, goal, value in (
        ("all charts drawn", "s", "under 1", lambda o: o.drawn_s),
        ("peak memory", "MiB", "under 150", lambda o: o.peak_mib),
        ("key p50 meanwhile", "ms", "", lambda o: statistics.median(o.keys_ms)),
        ("key p95 meanwhile", "ms", "under 50", p95),
    ):
        row: dict[str, Any] = {"what": f"open {what}: {name} ({unit})", "median": median(ours, value), "goal": goal}
        rows.append(row | ({"wandb leet": round(value(theirs), 1)} if theirs else {}))
    live_rows = [("traffic (kB/s)", traffic, "under 3"), ("CPU (% of a core)", cpu, "under 5")]
    beside = (their_traffic, their_cpu) if theirs else ()
    for index, (name, value_, goal) in enumerate(live_rows):
        row = {"what": f"{args.terms} live panels at 120x40, {RATE:g} steps/s: {name}", "median": value_, "goal": goal}
        rows.append(row | ({"wandb leet": round(beside[index], 2)} if beside else {}))
    show("monitor", rows, {"openings": [vars(each) for each in ours]})


def median(openings: list[Opening], value: Any) -> float:
    return round(statistics.median(value(each) for each in openings), 2)


def p95(opening: Opening) -> float:
    return statistics.quantiles(opening.keys_ms, n=20)[18]


def first_frame(columns: int, lines: int, folder: Path, rounds: int) -> dict[str, Any]:
    seconds_to_first_frame(columns, lines, folder)
    times = [seconds_to_first_frame(columns, lines, folder) for _ in range(rounds)]
    goal = f"under {GOAL_SECONDS}"
    return {"what": f"first frame at {columns}x{lines} (s)", "median": round(statistics.median(times), 3), "goal": goal}


def live(folder: Path, terms: int, seconds: float) -> tuple[float, float]:
    """(kB/s to the terminal, % of a core) of a monitor on a live run of another process."""
    argv = [sys.executable, made_run.__file__, str(folder), "--rate", str(RATE), "--terms", str(terms)]
    writer = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    try:
        assert writer.stdout is not None
        run = json.loads(writer.stdout.readline())
        time.sleep(5)
        with PtyApp([PROGRAM, "watch", run]) as app:
            app.wait_for("training", timeout=30)
            time.sleep(8)
            figures = app.quietly(seconds)
            app.send("q")
    finally:
        writer.terminate()
        writer.wait()
    return figures


if __name__ == "__main__":
    main()
