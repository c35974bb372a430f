"""How old is what a monitor shows: from the making of a step until the terminal has its number, and until the next.

    python benchmarks/age.py [--seconds 30] [--rate 50] [--columns 120] [--rows 40]

A process of its own makes a step every 20 ms and notes when; the project's own writer stores it. A real screen in a pty
watches the run: in the same folder, with a `--notify` command beside it, and through a real ssh server on loopback.
Every number that the status line shows counts twice: "new" is its age when it came, "old" when the next one took its
place; so no moment's age is above "old".
"""

import argparse
import bisect
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

from made_run import begin, log_step, values
from pty_app import PtyApp
from report import show

from core.run.folder import RunFolder

PROGRAM = str(Path(sys.executable).with_name("distill-tui"))
GOAL = "under 0.5"
SETTLE_SECONDS = 4.0
FRAME_SECONDS = 0.003  # a frame comes in chunks; this much silence ends it
STEPS = 1_000_000
TOKENS = re.compile(
    rb"\x1b\[(\d+);(\d+)H|\x1b\[[0-9;:?<>=]*[a-zA-Z]|\x1b[\]P].*?(?:\x07|\x1b\\)|\x1b[^\[\]P]|([^\x1b]+)"
)
STATUS_ROW = 2
SHOWN = re.compile(r"\bstep ([\d,]+)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--rate", type=float, default=50)
    parser.add_argument("--columns", type=int, default=120)
    parser.add_argument("--rows", type=int, default=40)
    parser.add_argument("--train", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.train:
        train(args.train, args.rate)
        return
    rows, details = [], {}
    with tempfile.TemporaryDirectory() as place, trained(Path(place), args.rate) as run:
        for name, words, environ in watchers(run, Path(place)):
            before = os.getloadavg()[0]
            seen = shown([PROGRAM, "watch", *words], environ, args.columns, args.rows, args.seconds)
            new, old = ages(seen, made(run))
            rows += [row(f"{name}: new", new), row(f"{name}: old", old)]
            details[name] = {"numbers": len(new), "load": [round(before, 2), round(os.getloadavg()[0], 2)]}
    show("age", rows, {"watchers": details})


def train(folder: Path, rate: float) -> None:
    """Make steps until ended; the moment of step n is the n-th number in the file `made` of the run folder."""
    run = RunFolder.create(folder, "made")
    with run.lock(), (run.path / "made").open("wb", buffering=0) as moments:
        writer = begin(run, 8, STEPS)
        print(json.dumps(str(run.path)), flush=True)
        began = time.monotonic()
        for step, named in enumerate(values(8), 1):
            time.sleep(max(0.0, began + step / rate - time.monotonic()))
            now = time.monotonic()
            moments.write(array("d", [now]).tobytes())
            log_step(writer, step, STEPS, named, now - began)


@contextmanager
def trained(folder: Path, rate: float) -> Iterator[Path]:
    """The run that another process goes on making."""
    argv = [sys.executable, __file__, "--train", str(folder), "--rate", str(rate)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as trainer:
        try:
            assert trainer.stdout is not None
            yield Path(json.loads(trainer.stdout.readline()))
        finally:
            trainer.kill()


def watchers(run: Path, place: Path) -> Iterator[tuple[str, list[str], dict[str, str]]]:
    """(name, words after `watch`, environment) of each way to look at it; without sshd the last is left out."""
    yield "watch RUN", [str(run)], {}
    yield "watch RUN --notify", [str(run), "--notify", "true"], {}
    import pytest

    from tests.run.sshd import HOST, Sshd

    try:
        server = Sshd.at(place / "sshd")
    except pytest.skip.Exception as missing:
        sys.stderr.write(f"watch HOST:RUN is left out: {missing}\n")
        return
    try:
        yield "watch HOST:RUN", [f"{HOST}:{run}"], server.environ
    finally:
        server.stop()


def shown(argv: list[str], environ: dict[str, str], columns: int, rows: int, seconds: float) -> list[tuple[float, int]]:
    """(moment, step) of every number that the status line came to show, in `seconds` after it has settled."""
    own = {"DISTILL_NOTIFY": "", "DISTILL_ALERT": "", "DISTILL_ASCII": "0", **environ}
    with PtyApp(argv, columns, rows, env=own) as app:
        app.wait_for("steps/s")
        time.sleep(SETTLE_SECONDS + seconds)
        chunks = list(app.chunks)
        app.send("q")
    line, found = Line(), list[tuple[float, int]]()
    for moment, data in frames(chunks):
        line.feed(data)
        number = SHOWN.search(line.text)
        step = int(number[1].replace(",", "")) if number else 0
        if step > (found[-1][1] if found else 0):
            found.append((moment, step))
    return [each for each in found if each[0] > chunks[-1][0] - seconds]


def frames(chunks: list[tuple[float, bytes]]) -> Iterator[tuple[float, bytes]]:
    """Chunks that came together, at the moment of the last."""
    came, data = 0.0, b""
    for moment, more in chunks:
        if data and moment - came > FRAME_SECONDS:
            yield came, data
            data = b""
        came, data = moment, data + more
    if data:
        yield came, data


class Line:
    """What stands in the status line's row after the bytes that were fed: the monitor places every piece of text."""

    def __init__(self) -> None:
        self._cells: dict[int, str] = {}
        self._row = self._column = 1

    def feed(self, data: bytes) -> None:
        """The bytes of whole frames."""
        for token in TOKENS.finditer(data):
            if token[1]:
                self._row, self._column = int(token[1]), int(token[2])
            for character in (token[3] or b"").decode(errors="replace"):
                if self._row == STATUS_ROW:
                    self._cells[self._column] = character
                self._column += 1

    @property
    def text(self) -> str:
        """The row."""
        return "".join(self._cells.get(column, " ") for column in range(1, max(self._cells, default=0) + 1))


def made(run: Path) -> list[float]:
    """When each step was made, from the first."""
    data = (run / "made").read_bytes()
    return array("d", data[: len(data) // 8 * 8]).tolist()


def ages(seen: list[tuple[float, int]], moments: list[float]) -> tuple[list[float], list[float]]:
    """Seconds from each shown step's making until it was shown, and until the next one was."""
    # PtyApp's clock and the trainer's are the same on Linux; a number from the future would tell that they are not.
    assert all(bisect.bisect(moments, moment) >= step for moment, step in seen)
    new = [moment - moments[step - 1] for moment, step in seen]
    old = [after - moments[step - 1] for (_, step), (after, _) in pairwise(seen)]
    return new, old


def row(what: str, found: list[float]) -> dict[str, Any]:
    """A figure of the table, in seconds."""
    ranks = statistics.quantiles(found, n=20)
    return {
        "what": f"{what} (s)", "p50": round(statistics.median(found), 3), "p95": round(ranks[18], 3),
        "worst": round(max(found), 3), "goal": GOAL,
    }  # fmt: skip


if __name__ == "__main__":
    main()
