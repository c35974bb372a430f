"""The first frame: from the start of the process to the home screen in a real pty, at three sizes.

    python benchmarks/first_frame.py [--starts 10]

The first start is not counted: it warms the disk's cache.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from pty_app import PtyApp
from report import show

GOAL_SECONDS = 0.35
SIZES = ((80, 24), (120, 40), (200, 60))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=10)
    args = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        seconds_to_first_frame(80, 24, Path(folder))
        for columns, lines in SIZES:
            times = [seconds_to_first_frame(columns, lines, Path(folder)) for _ in range(args.starts)]
            rows.append(
                {
                    "what": f"first frame at {columns}x{lines}, s",
                    "median": round(statistics.median(times), 3),
                    "fastest": round(min(times), 3),
                    "slowest": round(max(times), 3),
                    "goal": f"under {GOAL_SECONDS}",
                }
            )
    show("first frame", rows)


def seconds_to_first_frame(columns: int, lines: int, folder: Path) -> float:
    """Seconds until the home screen stands down to its last line, the keys."""
    command = [str(Path(sys.executable).with_name("distill-tui"))]
    with PtyApp(command, columns, lines, env={"DISTILL_RUNS": str(folder)}, cwd=folder) as app:
        shown = app.wait_for("quit")
        app.send("q")
        return shown - app.started


if __name__ == "__main__":
    main()
