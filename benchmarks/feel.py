"""How the screen feels while a model trains behind it: keys, traffic, the screen's own CPU.

    python benchmarks/feel.py [--keys 60] [--seconds 20]

Keys are typed into a real pty at 120x40 while the same process trains; the time runs from the key to the first byte
of output after it. Traffic is what the pty received while nothing was typed. The screen's CPU is that of `watch` in a
second process on the same live run, which draws the same screen and trains nothing.
"""

import argparse
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

from pty_app import PtyApp
from report import show

GOALS = {"p95": "under 50", "traffic": "under 3", "cpu": "under 5"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--seconds", type=float, default=20)
    args = parser.parse_args()
    from core.audio.demo import write_demo_sounds

    program = str(Path(sys.executable).with_name("distill-tui"))
    with tempfile.TemporaryDirectory() as place:
        sounds, runs = Path(place) / "sounds", Path(place) / "runs"
        write_demo_sounds(sounds)
        argv = [program, "train", str(sounds), "--runs", str(runs), "--epochs", "10000", "--threads", "1",
                "--set=batch_size=8", "--set=preview.every=1000", "--set=checkpoint.every=1000"]  # fmt: skip
        with PtyApp(argv) as app:
            app.wait_for("training", timeout=60)
            time.sleep(15)  # past torch's first steps
            keys = pressed(app, args.keys)
            traffic, _ = app.quietly(args.seconds)
            cpu, watch_traffic = watched(program, next(runs.iterdir()), args.seconds)
            app.send("q")
            time.sleep(1)
    quantiles = statistics.quantiles(keys, n=20)
    show(
        "feel",
        [
            {"what": "key to screen while training, p50 (ms)", "median": statistics.median(keys)},
            {"what": "key to screen while training, p95 (ms)", "median": quantiles[18], "goal": GOALS["p95"]},
            {"what": "terminal traffic while training (kB/s)", "median": traffic, "goal": GOALS["traffic"]},
            {"what": "terminal traffic of watch (kB/s)", "median": watch_traffic, "goal": GOALS["traffic"]},
            {"what": "CPU of watch (% of a core)", "median": cpu, "goal": GOALS["cpu"]},
        ],
        {"keys_ms": [round(key, 1) for key in keys]},
    )


def pressed(app: PtyApp, count: int) -> list[float]:
    """Milliseconds from key to first output; random pauses, so as not to fall in step with the drawing."""
    moments, pauses = [], random.Random(0)
    for index in range(count):
        time.sleep(pauses.uniform(0.2, 0.6))
        sent = app.send("\t" if index % 2 else "\x1b[Z")
        moments.append(1000 * (app.first_output_after(sent) - sent))
    return moments


def watched(program: str, run: Path, seconds: float) -> tuple[float, float]:
    """CPU share (%) and traffic (kB/s) of a second monitor on the live run."""
    with PtyApp([program, "watch", str(run)]) as app:
        app.wait_for("training", timeout=30)
        time.sleep(5)
        traffic, cpu = app.quietly(seconds)
        app.send("q")
    return cpu, traffic


if __name__ == "__main__":
    main()
